"""Samples files and rows: read as they are, refused when they are something else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.errors import JournalError
from drillbook.evidence.samples import (
    ClockOffset,
    Outcome,
    Rows,
    Sample,
    combined_clock,
    parse_series,
    rows_from_json,
)
from tests.evidence_values import compact, samples_file

SAMPLES = (
    Sample(1, 100, 110, Outcome.ACK, ""),
    Sample(2, 115, 265, Outcome.UNKNOWN, "no_answer"),
    Sample(3, 270, 271, Outcome.REFUSED, "25006"),
)


def parse(data: bytes):
    return parse_series(data, writer="users", source="mon-1", target="db-1")


def test_a_file_is_read_whole():
    found = parse(samples_file("users", SAMPLES))
    assert found.samples == SAMPLES
    assert found.complete
    assert [each.seq for each in found.acks()] == [1]


def test_a_file_without_its_end_is_read_and_not_complete():
    assert not parse(samples_file("users", SAMPLES, end=False)).complete


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_torn_last_line_is_left_out(cut):
    whole = samples_file("users", SAMPLES)
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    found = parse(whole[: min(len(whole) - 1, last + cut)])
    assert found.samples == SAMPLES
    assert not found.complete


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda data: data.replace(b'"writer": "users"', b'"writer": "other"'), "of other"),
        (lambda data: data.replace(b'"seq": 2', b'"seq": 4'), "missing or out of order"),
        (lambda data: data.replace(b'"seq": 1', b'"seq": 2'), "missing or out of order"),
        (lambda data: data.replace(b'"sent": 115', b'"sent": 105'), "missing or out of order"),
        (lambda data: data.replace(b'"done": 110', b'"done": 99'), "missing or out of order"),
        (lambda data: data.replace(b'"out": "ack"', b'"out": "fine"'), "line 2: this is not a sample"),
        (lambda data: data.replace(b'"hello"', b'"goodbye"'), "line 1: this is not a sample"),
        (lambda data: data.replace(b'"err": "25006"}', b'"err": "25006"'), "line 4: this is not a sample"),
        (lambda _: b"", "not the samples of users"),
        (lambda _: b"[" * 100_000 + b"\n", "line 1: this is not a sample"),
    ],
)
def test_what_is_not_a_samples_file_is_refused(change, says):
    with pytest.raises(JournalError, match=says):
        parse(change(samples_file("users", SAMPLES)))


def test_an_end_that_counts_otherwise_is_not_complete():
    assert not parse(samples_file("users", SAMPLES).replace(b'"attempts": 3', b'"attempts": 4')).complete


def test_times_move_to_this_machines_clock():
    moved = parse(samples_file("users", SAMPLES)).on_clock(ClockOffset(40, 7, "measured"))
    assert [(each.sent, each.done) for each in moved.samples] == [(60, 70), (75, 225), (230, 231)]
    assert moved.uncertainty == 7


@given(st.sets(st.integers(1, 60)), st.integers(0, 61))
def test_rows_know_what_they_have(numbers, asked):
    rows = Rows({"users": compact(sorted(numbers))}, "", 0, 1)
    assert rows.has("users", asked) == (asked in numbers)
    assert not rows.has("other", asked)
    assert rows.count() == len(numbers)


@pytest.mark.parametrize("ranges", [[[2, 1]], [[1, 5], [5, 6]], [[4, 5], [1, 2]], [["a", 2]], [[1]], [[1, 2, 3]], 7])
def test_ranges_out_of_order_are_refused(ranges):
    with pytest.raises((ValueError, TypeError)):
        rows_from_json({"writers": {"users": ranges}, "duplicates": 0, "timeline": 1}, read_from="")


@given(
    st.integers(-(10**12), 10**12),
    st.lists(st.tuples(st.integers(0, 10**8), st.integers(0, 10**8)), min_size=1, max_size=10),
)
def test_the_true_clock_offset_lies_within_what_is_said(truth, delays):
    # A reading is made `there` ns after the question left and `back` ns before the answer came.
    bounds = [(truth - back, truth + there) for there, back in delays]
    offset, uncertainty = combined_clock(bounds)
    assert abs(offset - truth) <= uncertainty
    assert uncertainty <= min(there + back for there, back in delays) // 2 + 1


@pytest.mark.parametrize("bounds", [[], [(1, 2), (3, 4)]])
def test_readings_that_contradict_each_other_are_refused(bounds):
    with pytest.raises(ValueError, match="exchange"):
        combined_clock(bounds)
