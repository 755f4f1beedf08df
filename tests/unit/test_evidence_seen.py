"""What the probes saw, made small: held against every single sample."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.evidence.measure import NOTABLE_NS, felt
from drillbook.evidence.samples import Outcome, Sample, Series
from drillbook.evidence.seen import BINS, MOST_SPANS, between, look
from tests.evidence_values import DIGEST, MS, STEADY, S, observed

OUTCOMES = {Outcome.ACK: "acknowledged", Outcome.REFUSED: "refused", Outcome.UNKNOWN: "unanswered"}


def seen_of(seen):
    return look(seen.series, users=seen.users, timeline=seen.timeline)


def made_of(attempts):
    """A series of (pause before in ms, duration in ms, outcome), from the steady state on."""
    samples, at = [], STEADY
    for seq, (pause, lasts, outcome) in enumerate(attempts, start=1):
        at += pause * MS
        samples.append(Sample(seq, at, at + lasts * MS, outcome, ""))
        at += lasts * MS
    return Series("users", "mon-1", "x", tuple(samples), 0, complete=True, digest=DIGEST)


ATTEMPTS = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 50), st.sampled_from(list(Outcome))), max_size=60)


@given(ATTEMPTS)
def test_every_sample_lies_in_a_span_of_its_outcome_and_every_span_ends_at_samples(attempts):
    series = made_of(attempts)
    timeline = replace(observed().timeline, end=STEADY + 30 * S)
    (writer,) = look([series], users="users", timeline=timeline).writers
    for outcome, name in OUTCOMES.items():
        spans = getattr(writer, name)
        mine = [sample for sample in series.samples if sample.outcome is outcome]
        for sample in mine:
            begin = sample.done if outcome is Outcome.ACK else sample.sent
            assert any(a <= begin and sample.done <= b for a, b in spans)
        edges = {sample.done for sample in mine} | {sample.sent for sample in mine}
        assert {each for span in spans for each in span} <= edges
        assert all(left[1] + NOTABLE_NS < right[0] for left, right in pairwise(spans))


def test_the_gap_between_acknowledged_spans_is_the_outage_that_was_measured():
    seen = observed()
    users = seen_of(seen).writers[0]
    outage = felt(seen.series[0], seen.timeline).outage
    assert [(a[1], b[0]) for a, b in pairwise(users.acknowledged)] == [(outage.start, outage.end)]


def test_a_service_that_flaps_for_an_hour_stays_small():
    flapping = made_of([(110, 1, outcome) for _ in range(20_000) for outcome in Outcome])
    timeline = replace(observed().timeline, end=flapping.samples[-1].done)
    found = look([flapping], users="users", timeline=timeline)
    (writer,) = found.writers
    assert max(len(writer.acknowledged), len(writer.refused), len(writer.unanswered)) <= MOST_SPANS
    assert writer.apart > NOTABLE_NS
    assert len(json.dumps(found.to_json(timeline))) < 30_000


def test_latency_is_in_bins_and_a_bin_without_an_answer_is_empty():
    seen = observed()
    late = seen_of(seen).latency
    assert late is not None
    assert (late.writer, late.begin, len(late.median), len(late.longest)) == ("users", STEADY, BINS, BINS)
    assert {each for each in late.median if each is not None} == {MS}
    empty = [late.begin + number * late.width for number, each in enumerate(late.median) if each is None]
    assert empty
    assert all(seen.timeline.fault <= at + late.width and at <= STEADY + 5 * S + 10 * MS for at in empty)


def test_without_the_users_samples_there_is_no_latency():
    seen = observed()
    found = look(seen.series[1:], users="users", timeline=seen.timeline)
    assert found.latency is None
    assert found.to_json(seen.timeline)["latency"] is None
    assert [each.writer for each in found.writers] == ["at-db-1", "at-db-2"]


@pytest.mark.parametrize(
    ("spans", "gaps"),
    [
        ([], [(0, 10)]),
        ([(0, 10)], []),
        ([(-5, 3), (4, 20)], [(3, 4)]),
        ([(2, 3), (5, 5)], [(0, 2), (3, 5), (5, 10)]),
        ([(-5, -1), (12, 13)], [(0, 10)]),
    ],
)
def test_what_lies_between_spans(spans, gaps):
    assert between(spans, 0, 10) == gaps
