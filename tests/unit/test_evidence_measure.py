"""Figures from samples: against an oracle that is slow and obvious."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drillbook.evidence.measure import baseline, felt, gaps, kept_writes, lost_writes, silences, spread
from drillbook.evidence.samples import Outcome, Rows, Sample, Series
from drillbook.evidence.timeline import Timeline
from tests.evidence_values import DIGEST, MS, STEADY, S, compact, observed, rows_of, series


def made_of(outcomes: list[tuple[int, int, Outcome]], writer: str = "users") -> Series:
    """A series of (pause before, duration, outcome)."""
    samples, at = [], 0
    for seq, (pause, lasts, outcome) in enumerate(outcomes, start=1):
        at += pause
        samples.append(Sample(seq, at, at + lasts, outcome, ""))
        at += lasts
    return Series(writer, "mon-1", "x", tuple(samples), 0, complete=True, digest=DIGEST)


ATTEMPTS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 10), st.sampled_from(list(Outcome))), max_size=30)


@given(ATTEMPTS, st.integers(0, 200), st.integers(0, 400))
def test_gaps_cover_the_window_and_nothing_is_acknowledged_inside_one(attempts, begin, length):
    end = begin + length
    found = gaps(made_of(attempts), begin, end)
    acks = [each.done for each in made_of(attempts).acks()]
    for gap in found:
        assert not any(gap.start < done < (end if gap.end is None else gap.end) for done in acks)
        assert gap.start <= end
        assert gap.end is None or gap.end in acks
    # Every moment of the window lies in a gap (at a bound of it, when it is an acknowledgement).
    for moment in range(begin, end):
        assert any(gap.start <= moment <= (end if gap.end is None else gap.end) for gap in found)
    assert [each.end for each in found if each.end is not None] == [done for done in acks if begin < done <= end]


@given(ATTEMPTS, st.sets(st.integers(1, 30)))
def test_lost_writes_are_the_acknowledged_ones_that_are_not_there(attempts, there):
    series = made_of(attempts)
    sent = {each.seq for each in series.samples}
    rows = Rows({"users": compact(sorted(there))}, "", 0, 1)
    lost = lost_writes([series], rows)
    missing = [each for each in series.acks() if each.seq not in there]
    assert lost.count == len(missing)
    assert lost.by_writer == ({"users": len(missing)} if missing else {})
    assert lost.seconds * 1e9 == pytest.approx(missing[-1].done - missing[0].done if missing else 0, abs=500)
    kept = kept_writes([series], rows)
    of = {outcome: {s.seq for s in series.samples if s.outcome is outcome} for outcome in Outcome}
    assert kept.acknowledged == len(of[Outcome.ACK])
    assert kept.unknown_survived == len(of[Outcome.UNKNOWN] & there)
    assert kept.refused_survived == len(of[Outcome.REFUSED] & there)
    assert kept.unheard_of == len(there - sent)


def test_rows_of_a_writer_that_does_not_exist_are_unheard_of():
    rows = Rows({"users": ((1, 1),), "ghost": ((1, 3),)}, "", 0, 1)
    assert kept_writes([made_of([(0, 1, Outcome.ACK)])], rows).unheard_of == 3


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=300))
def test_a_spread_is_of_values_that_were_measured(values):
    found = spread(values)
    ranked = sorted(values)
    assert found.count == len(values)
    assert found.max == round(ranked[-1] / 1e9, 6)
    for share, value in ((0.5, found.p50), (0.99, found.p99)):
        below = sum(round(each / 1e9, 6) <= value for each in ranked)
        assert below >= share * len(ranked)


def test_no_values_have_a_spread_of_nothing():
    assert spread(()).to_json() == {"count": 0, "p50": 0.0, "p99": 0.0, "max": 0.0}


def test_a_failover_is_split_where_the_journal_says():
    seen = observed()
    users = seen.series[0]
    found = felt(users, seen.timeline)
    assert found.outage is not None
    # The last write before the fault was answered 9 ms before it, the first one after at 5.001 s.
    assert found.outage.seconds == pytest.approx(2.01)
    assert found.detection == pytest.approx(1.0)
    assert found.execution == pytest.approx(1.001)
    assert found.from_record == pytest.approx(0.991)
    assert (found.interruptions, found.interrupted) == (1, pytest.approx(2.01))


def test_the_outage_is_the_longest_of_several_and_the_others_are_counted():
    seen = observed()
    users = seen.series[0]
    gone = (seen.timeline.recovered - S, seen.timeline.recovered - S + 300 * MS)
    samples = tuple(
        each._replace(outcome=Outcome.UNKNOWN) if gone[0] <= each.sent < gone[1] else each for each in users.samples
    )
    found = felt(replace(users, samples=samples), seen.timeline)
    assert found.outage is not None
    assert found.outage.seconds == pytest.approx(2.01)
    assert (found.interruptions, found.interrupted) == (2, pytest.approx(2.01 + 0.31))


def test_a_service_that_never_comes_back_has_an_open_outage():
    seen = observed()
    users = seen.series[0]
    samples = tuple(each for each in users.samples if each.sent < STEADY + 3 * S)
    found = felt(replace(users, samples=samples), seen.timeline)
    assert found.outage is not None
    assert found.outage.end is None
    assert found.outage.seconds == pytest.approx(5.009)
    assert found.execution is None


def test_a_planned_run_is_counted_from_its_own_start():
    seen = observed()
    planned = replace(seen.timeline, fault=None, trigger=None, run=STEADY + 3 * S)
    found = felt(seen.series[0], planned)
    assert found.detection is None
    assert found.execution is None
    assert found.from_record == pytest.approx(2.001)


@pytest.mark.parametrize("every", [10 * MS, 200 * MS])
@pytest.mark.parametrize(("late", "count"), [(95 * MS, 1), (105 * MS, 2)])
def test_an_answer_that_is_late_by_over_a_tenth_of_a_second_is_an_interruption(every, late, count):
    seen, moment = observed(), STEADY + 6 * S
    users = series("slow", "service", until=seen.timeline.recovered, down=(STEADY + 3 * S, STEADY + 5 * S), every=every)
    later = tuple(
        each._replace(sent=each.sent + late, done=each.done + late) if each.sent >= moment else each
        for each in users.samples
    )
    found = felt(replace(users, samples=later), seen.timeline)
    assert found.interruptions == count
    assert found.notable == pytest.approx(every / S + 0.1)


def test_a_quiet_end_of_the_window_is_no_outage():
    seen = observed()
    quiet = replace(seen.timeline, fault=STEADY + 10 * S, recovered=STEADY + 12 * S + 3 * MS)
    found = felt(seen.series[0], quiet)
    assert found.outage is not None
    assert found.outage.end is not None
    assert found.interruptions == 0


def test_the_baseline_is_of_the_undisturbed_time_alone():
    seen = observed()
    found = baseline(seen.series[0], seen.timeline)
    assert found.latency.to_json() == {"count": 300, "p50": 0.001, "p99": 0.001, "max": 0.001}
    assert found.gap.max == pytest.approx(0.01)


@settings(max_examples=50)
@given(st.integers(0, 1900), st.integers(0, 1500))
def test_a_writer_that_stands_still_is_found_out(at, lasts):
    """A writer that makes no attempt for ``lasts`` ms, from ``at`` ms after the window's begin."""
    end = STEADY + 5 * S
    pause = (STEADY + at * MS, STEADY + (at + lasts) * MS)
    users = observed().series[0]
    samples = tuple(s for s in users.samples if not pause[0] <= s.sent < pause[1] and s.sent < end)
    kept = replace(users, samples=samples)
    longest = max((after.sent - before.done) for before, after in pairwise(samples))
    assert bool(silences(kept, STEADY, end)) == (longest > 500 * MS)


def test_a_writer_that_ends_early_was_not_watching():
    users = observed().series[0]
    short = replace(users, samples=users.samples[:200])
    (found,) = silences(short, STEADY, STEADY + 5 * S)
    assert found.end is None
    assert silences(replace(users, samples=()), STEADY, STEADY + S)[0].seconds == 1.0


def test_nothing_is_lost_when_everything_is_there():
    seen = observed()
    assert lost_writes(seen.series, rows_of(*seen.series)).count == 0


def test_the_disturbance_begins_at_the_fault_else_at_the_run():
    moments = Timeline(1, None, None, None, None, 9, 10)
    assert moments.disturbed == 9
    assert replace(moments, run=5).disturbed == 5
    assert replace(moments, run=5, fault=3).disturbed == 3
