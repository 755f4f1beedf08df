"""The verdict: met only when everything held, invalid when the drill proves nothing, missed otherwise."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from drillbook.drill.kinds import KINDS
from drillbook.errors import ExitCode
from drillbook.evidence.measure import Gap
from drillbook.evidence.samples import Outcome
from drillbook.evidence.verdict import Expectation, Objectives, Result, SteadyCheck
from drillbook.evidence.wording import same
from drillbook.runbook.model import Text
from tests.evidence_values import MS, STEADY, S, assess, observed, rows_of, series

NOT_HELD = (SteadyCheck(Text("db-1 is the primary", "db-1 为主库"), held=False, detail=same("it is a standby")),)


CHINESE = re.compile("[\u4e00-\u9fff]")


def english(verdict):
    return [reason.en for reason in verdict.reasons]


def numbers(text):
    """The numbers in a sentence, whatever their order; RTO and RPO, host names and examples among them."""
    return sorted(re.findall(r"[a-z0-9-]*[0-9][0-9.]*", text))


def with_series(seen, index, **changes):
    """Change one of the writers: 0 users, 1 at the old primary, 2 at the new one."""
    all_ = list(seen.series)
    all_[index] = replace(all_[index], **changes)
    return replace(seen, series=tuple(all_))


def without_row(seen, count):
    """Take the last ``count`` rows that users had acknowledged before the fault out of the database."""
    users = seen.series[0]
    gone = {s.seq for s in [s for s in users.acks() if s.done < seen.timeline.fault][-count:]}
    kept = replace(users, samples=tuple(s for s in users.samples if s.seq not in gone))
    return replace(seen, rows=rows_of(kept, *seen.series[1:]))


def with_extra_row(seen, seq):
    rows = seen.rows
    ranges = {**rows.ranges, "users": tuple(sorted((*rows.ranges["users"], (seq, seq))))}
    return replace(seen, rows=replace(rows, ranges=ranges))


def at_both(seen):
    """The old primary goes on acknowledging writes until the end."""
    old = series("at-db-1", "db-1", until=STEADY + 20 * S)
    changed = (seen.series[0], old, seen.series[2])
    return replace(seen, series=changed, rows=rows_of(*changed))


def paused(seen, index):
    """A writer that stands still for a second, long after the recovery."""
    pause = (STEADY + 10 * S, STEADY + 11 * S)
    one = seen.series[index]
    samples = tuple(s for s in one.samples if not pause[0] <= s.sent < pause[1])
    seen = with_series(seen, index, samples=samples)
    return replace(seen, rows=rows_of(*seen.series))


CASES = {
    "all is well": (lambda seen: seen, Result.MET, []),
    "the objective is one that was not reached": (
        lambda seen: replace(seen, objectives=Objectives(rto=2, rpo=0)),
        Result.MISSED,
        ["the service was away for 2.010 s; the objective (RTO) is 2 s"],
    ),
    "two interruptions that are too long together": (
        lambda seen: replace(
            with_series(
                seen,
                0,
                samples=tuple(
                    s._replace(outcome=Outcome.UNKNOWN) if STEADY + 6 * S <= s.sent < STEADY + 7 * S else s
                    for s in seen.series[0].samples
                ),
            ),
            objectives=Objectives(rto=2.5, rpo=0),
            rows=None,
        ),
        Result.INVALID,
        ["rows and acknowledgements could not be compared, so nothing is known about lost writes"],
    ),
    "one acknowledged write is lost": (
        lambda seen: without_row(seen, 1),
        Result.MISSED,
        ["acknowledged writes are lost: 1, over 0.000 s (users:400); the objective (RPO) is 0 s"],
    ),
    "writes are lost, within the objective": (
        lambda seen: replace(without_row(seen, 50), objectives=Objectives(rto=60, rpo=0.5)),
        Result.MET,
        [],
    ),
    "more is lost than the objective allows": (
        lambda seen: replace(without_row(seen, 52), objectives=Objectives(rto=60, rpo=0.5)),
        Result.MISSED,
        [
            (
                "acknowledged writes are lost: 52, over 0.510 s (users:349, users:350, users:351, …); "
                "the objective (RPO) is 0.5 s"
            )
        ],
    ),
    "the steady state was not there": (
        lambda seen: replace(seen, steady_before=NOT_HELD, triggered=False, run=None),
        Result.INVALID,
        ["the steady state was not there to begin with: db-1 is the primary: it is a standby"],
    ),
    "the steady state did not come back": (
        lambda seen: replace(seen, steady_after=NOT_HELD),
        Result.MISSED,
        ["the steady state did not hold again afterwards: db-1 is the primary: it is a standby"],
    ),
    "the fault was not seen to work": (
        lambda seen: replace(
            seen, faults=(replace(seen.faults[0], verified=False, detail=same("processes are left")),)
        ),
        Result.INVALID,
        ["the fault 'kill' on db-1 did not take effect: processes are left"],
    ),
    "the trigger never came": (
        lambda seen: replace(seen, triggered=False, run=None),
        Result.INVALID,
        ["the trigger never came, so the runbook was not run"],
    ),
    "users noticed nothing": (
        lambda seen: with_series(
            replace(seen, rows=rows_of(series("users", "x", until=STEADY + 20 * S), *seen.series[1:])),
            0,
            samples=series("users", "x", until=STEADY + 20 * S).samples,
        ),
        Result.INVALID,
        ["users noticed nothing: they were served all the time, so the fault proved nothing"],
    ),
    "the users' probe stood still": (
        lambda seen: paused(seen, 0),
        Result.INVALID,
        ["the probe 'users' made no attempt 1 time, for up to 1.01 s: what happened then was not measured"],
    ),
    "a probe that looks for a second primary stood still": (
        lambda seen: paused(seen, 1),
        Result.INVALID,
        ["the probe 'at-db-1' made no attempt 1 time, for up to 1.01 s: what happened then was not measured"],
    ),
    "samples end too early": (
        lambda seen: with_series(seen, 2, complete=False),
        Result.INVALID,
        ["the probe 'at-db-2' did not end in order: samples are missing"],
    ),
    "a row that was refused is there": (
        lambda seen: with_extra_row(seen, 500),
        Result.INVALID,
        ["rows are there that the server had refused: 1"],
    ),
    "a row that nobody sent is there": (
        lambda seen: with_extra_row(seen, 5000),
        Result.INVALID,
        ["rows are there that no probe ever sent: 1"],
    ),
    "rows stand there twice": (
        lambda seen: replace(seen, rows=replace(seen.rows, duplicates=2)),
        Result.MISSED,
        ["2 rows are there more than once"],
    ),
    "messages arrived twice": (
        lambda seen: replace(seen, rows=replace(seen.rows, duplicates=2), repeats=KINDS["mail_writer"].repeats),
        Result.MET,
        [],
    ),
    "the run failed": (
        lambda seen: replace(seen, run=ExitCode.FAILED, run_message=same("step promote: no")),
        Result.MISSED,
        ["the runbook did not succeed (exit code 8): step promote: no"],
    ),
    "a person stopped the run": (
        lambda seen: replace(seen, run=ExitCode.STOPPED, run_message=same("stopped by a person")),
        Result.INVALID,
        ["the runbook was not run to an end of its own: stopped by a person"],
    ),
    "the way back failed": (
        lambda seen: replace(seen, afterwards=(("RB-BACK", ExitCode.UNREACHABLE),)),
        Result.MISSED,
        [f"RB-BACK, run afterwards, ended with exit code 7 ({ExitCode.UNREACHABLE.meaning})"],
    ),
    "the runner had trouble": (
        lambda seen: replace(seen, trouble=(same("the probe host went away"),)),
        Result.INVALID,
        ["the probe host went away"],
    ),
}


@pytest.mark.parametrize(("change", "result", "reasons"), CASES.values(), ids=CASES.keys())
def test_the_verdict_and_its_reasons(change, result, reasons):
    _, verdict = assess(change(observed()))
    assert (verdict.result, english(verdict)) == (result, reasons)
    assert all(CHINESE.search(reason.zh) for reason in verdict.reasons if reason.zh != reason.en)
    assert [numbers(reason.en) for reason in verdict.reasons] == [numbers(reason.zh) for reason in verdict.reasons]


def test_each_result_has_its_own_exit_code():
    assert [int(assess(CASES[name][0](observed()))[1].exit_code) for name in (
        "all is well", "the run failed", "the trigger never came",
    )] == [0, 20, 21]  # fmt: skip


def test_a_service_that_stays_away_is_missed():
    seen = observed()
    users = seen.series[0]
    gone = tuple(s._replace(outcome=Outcome.REFUSED) if s.sent > STEADY + 3 * S else s for s in users.samples)
    seen = with_series(seen, 0, samples=gone)
    _, verdict = assess(replace(seen, rows=rows_of(*seen.series)))
    assert verdict.result is Result.MISSED
    assert tuple(english(verdict)) == ("the service did not come back in the 5.0 s that it was watched",)


def test_interruptions_count_together():
    seen = observed()
    users = tuple(
        s._replace(outcome=Outcome.UNKNOWN) if STEADY + 6 * S <= s.sent < STEADY + 7 * S else s
        for s in seen.series[0].samples
    )
    seen = replace(with_series(seen, 0, samples=users), objectives=Objectives(rto=2.5, rpo=0))
    _, verdict = assess(replace(seen, rows=rows_of(*seen.series)))
    assert tuple(english(verdict)) == (
        "the service was interrupted 2 times, 3.020 s together; the objective (RTO) is 2.5 s",
    )


def test_two_primaries_are_missed_and_never_filed_as_invalid():
    measures, verdict = assess(at_both(observed()))
    assert verdict.result is Result.MISSED
    assert "two primaries acknowledged writes at once" in verdict.reasons[0].en
    assert all(each.ack.host == "db-1" and each.primary == "db-2" for each in measures.violations)
    _, worse = assess(replace(at_both(observed()), trouble=(same("a probe host went away"),)))
    assert worse.result is Result.MISSED
    assert len(worse.reasons) == 2


class TestRefusal:
    """A drill whose success is that the runbook refuses."""

    def seen(self):
        """The old primary froze for two seconds and woke up; nothing was promoted."""
        end = STEADY + 20 * S
        frozen = (STEADY + 3 * S, STEADY + 6 * S)
        users = series("users", "service_address", until=end, down=frozen)
        old = series("at-db-1", "db-1", until=end, down=frozen)
        new = series("at-db-2", "db-2", until=end, down=(STEADY - S, end))
        seen = replace(
            observed(),
            series=(users, old, new),
            promotions=(),
            expectation=Expectation(ExitCode.NOT_FENCED),
            run=ExitCode.NOT_FENCED,
            run_message=same("power control does not answer"),
            afterwards=(),
            objectives=Objectives(rto=1, rpo=0),
        )
        return replace(seen, rows=rows_of(*seen.series))

    def test_it_is_met_however_long_users_were_without_the_service(self):
        _, verdict = assess(self.seen())
        assert (verdict.result, verdict.reasons) == (Result.MET, ())

    def test_another_end_is_missed(self):
        _, verdict = assess(replace(self.seen(), run=ExitCode.OK))
        assert verdict.result is Result.MISSED
        assert tuple(english(verdict)) == (
            (
                "the runbook ended with exit code 0; the drill expects it to refuse with 10 "
                f"({ExitCode.NOT_FENCED.meaning})"
            ),
        )

    def test_a_promotion_is_missed(self):
        seen = replace(self.seen(), promotions=observed().promotions)
        _, verdict = assess(seen)
        assert "db-2 was promoted; the drill expects that nothing is" in english(verdict)

    def test_a_write_elsewhere_is_a_second_primary(self):
        seen = self.seen()
        new = series("at-db-2", "db-2", until=STEADY + 20 * S, down=(STEADY - S, STEADY + 5 * S))
        seen = replace(seen, series=(*seen.series[:2], new))
        _, verdict = assess(replace(seen, rows=rows_of(*seen.series)))
        assert verdict.result is Result.MISSED
        assert "two primaries acknowledged writes at once" in verdict.reasons[0].en

    def test_lost_writes_are_missed(self):
        _, verdict = assess(without_row(self.seen(), 3))
        assert verdict.result is Result.MISSED

    def test_a_fault_that_nobody_felt_proves_nothing(self):
        seen = replace(self.seen(), series=(
            series("users", "service_address", until=STEADY + 20 * S), *self.seen().series[1:],
        ))  # fmt: skip
        _, verdict = assess(replace(seen, rows=rows_of(*seen.series)))
        assert verdict.result is Result.INVALID


def test_missing_users_samples_are_named():
    seen = replace(observed(), series=observed().series[1:])
    measures, verdict = assess(seen)
    assert verdict.result is Result.INVALID
    assert "there are no samples of the probe 'users': the outage was not measured" in english(verdict)
    assert not any("users noticed nothing" in reason for reason in english(verdict))
    assert measures.felt.outage is None
    assert measures.lost is None
    assert measures.one_primary is True


def test_without_samples_of_a_host_nobody_can_say_that_there_was_one_primary():
    seen = replace(observed(), series=observed().series[:2])
    measures, verdict = assess(seen)
    assert verdict.result is Result.INVALID
    assert any("straight to db-2: a second primary could have been missed" in each for each in english(verdict))
    assert measures.one_primary is None


def test_a_drill_that_never_began_has_one_kind_of_reason():
    seen = replace(observed(), steady_before=NOT_HELD, series=(), rows=None, triggered=False, run=None)
    _, verdict = assess(seen)
    assert tuple(english(verdict)) == (
        "the steady state was not there to begin with: db-1 is the primary: it is a standby",
    )


def test_the_longest_gap_afterwards_is_kept_apart():
    seen = observed()
    away = (STEADY + 12 * S, STEADY + 12 * S + 400 * MS)
    users = tuple(
        s._replace(outcome=Outcome.REFUSED) if away[0] <= s.sent < away[1] else s for s in seen.series[0].samples
    )
    seen = with_series(seen, 0, samples=users)
    measures, verdict = assess(replace(seen, rows=rows_of(*seen.series)))
    assert verdict.result is Result.MET
    assert measures.felt.interruptions == 1
    assert isinstance(measures.afterwards, Gap)
    assert measures.afterwards.seconds == pytest.approx(0.41)
    _, strict = assess(replace(seen, rows=rows_of(*seen.series), objectives=Objectives(rto=0.4, rpo=0)))
    assert strict.result is Result.MISSED
    assert english(strict)[-1] == "on the way back the service was away for 0.410 s; the objective (RTO) is 0.4 s"
