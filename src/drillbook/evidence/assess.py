"""From everything that a drill observed to its measures and its verdict. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drillbook.evidence.judge import judge
from drillbook.evidence.measure import (
    Baseline,
    Felt,
    Gap,
    Kept,
    Lost,
    baseline,
    felt,
    gaps,
    kept_writes,
    lost_writes,
    silences,
)
from drillbook.evidence.primaries import Reign, Violation, acks_of, reigns, violations
from drillbook.evidence.verdict import Findings, Verdict
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from drillbook.errors import ExitCode
    from drillbook.evidence.primaries import Promotion
    from drillbook.evidence.samples import Rows, Series
    from drillbook.evidence.timeline import Timeline
    from drillbook.evidence.verdict import Expectation, FaultNote, Objectives, SteadyCheck


@dataclass(frozen=True, slots=True)
class Observed:
    """What a drill saw. Times in ns of the engine's clock.

    ``users``: the id of the writer that stands for the users. ``hosts``: the members of the pair, the first
    primary first. ``promotions``: of all runs of the drill, in the order of time. ``rows``: what was in the
    database in the end, or None when it could not be read. The rest as in ``verdict.Findings``.
    """

    timeline: Timeline
    users: str
    hosts: tuple[str, ...]
    series: tuple[Series, ...]
    rows: Rows | None
    promotions: tuple[Promotion, ...]
    objectives: Objectives
    expectation: Expectation
    steady_before: tuple[SteadyCheck, ...]
    steady_after: tuple[SteadyCheck, ...]
    faults: tuple[FaultNote, ...]
    triggered: bool
    must_be_felt: bool
    run: ExitCode | None
    run_message: Text
    afterwards: tuple[tuple[str, ExitCode], ...]
    trouble: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Measures:
    """What was measured. ``afterwards``: the longest gap between the recovery and the drill's end.

    ``attempts``: by writer, how many. ``unwatched``: hosts of the pair whose own writer has no samples; when
    there is one, a second primary could have been missed. None where there was nothing to measure from.
    """

    felt: Felt
    baseline: Baseline
    lost: Lost | None
    kept: Kept | None
    violations: tuple[Violation, ...]
    reigns: tuple[Reign, ...]
    afterwards: Gap | None
    attempts: dict[str, int]
    unwatched: tuple[str, ...]

    @property
    def one_primary(self) -> bool | None:
        """Whether at most one host acknowledged writes at any time; None when nobody can say."""
        if self.violations:
            return False
        return None if self.unwatched else True

    def to_json(self, timeline: Timeline) -> dict[str, Any]:
        """Give the JSON value; moments become seconds after the steady state was reached."""
        felt, lost, kept = self.felt, self.lost, self.kept

        def moment(at: int | None) -> float | None:
            return None if at is None else round((at - timeline.steady) / 1e9, 6)

        def gap(each: Gap | None) -> dict[str, Any] | None:
            if each is None:
                return None
            return {"start": moment(each.start), "end": moment(each.end), "seconds": each.seconds}

        return {
            "rto_actual": None if felt.outage is None or felt.outage.end is None else felt.outage.seconds,
            "outage": gap(felt.outage),
            "detection": felt.detection,
            "execution": felt.execution,
            "first_record_to_first_write": felt.from_record,
            "interruptions": felt.interruptions,
            "interrupted": felt.interrupted,
            "longest_gap_afterwards": gap(self.afterwards),
            "baseline": {
                "latency": self.baseline.latency.to_json(),
                "gap": self.baseline.gap.to_json(),
            },
            "rpo_actual": None
            if lost is None
            else {
                "writes": lost.count,
                "seconds": lost.seconds,
                "by_writer": lost.by_writer,
                "examples": list(lost.examples),
            },
            "rows": None
            if kept is None
            else {
                "acknowledged": kept.acknowledged,
                "unknown_survived": kept.unknown_survived,
                "refused_survived": kept.refused_survived,
                "unheard_of": kept.unheard_of,
            },
            "at_most_one_primary": self.one_primary,
            "violations": [
                {
                    "host": each.ack.host,
                    "write": f"{each.ack.writer}:{each.ack.seq}",
                    "sent": moment(each.ack.sent),
                    "answered": moment(each.ack.done),
                    "primary": each.primary,
                    "since": moment(each.since),
                }
                for each in self.violations[:100]
            ],
            "violations_proved": len(self.violations),
            "reigns": [
                {
                    "host": each.host,
                    "begin": moment(max(each.begin, timeline.steady)),
                    "end": moment(min(each.end, timeline.end)),
                }
                for each in self.reigns
            ],
            "attempts": self.attempts,
        }


def assess(observed: Observed) -> tuple[Measures, Verdict]:
    """Measure and judge."""
    timeline = observed.timeline
    users = next((each for each in observed.series if each.writer == observed.users), None)
    acks = acks_of(observed.series, observed.hosts)
    first = observed.hosts[0]
    targets = {each.target for each in observed.series}
    unwatched = tuple(host for host in observed.hosts if host not in targets)
    rows = observed.rows if users is not None and not unwatched else None
    measures = Measures(
        felt=felt(users, timeline) if users else Felt(None, None, None, None, 0, 0.0),
        baseline=baseline(users, timeline) if users else Baseline.nothing(),
        lost=None if rows is None else lost_writes(observed.series, rows),
        kept=None if rows is None else kept_writes(observed.series, rows),
        violations=tuple(violations(first, observed.promotions, acks)),
        reigns=tuple(reigns(first, observed.promotions, acks)),
        afterwards=_longest(users, timeline),
        attempts={each.writer: len(each.samples) for each in observed.series},
        unwatched=unwatched,
    )
    trouble = list(observed.trouble)
    if users is None:
        trouble.append(
            Text(
                f"there are no samples of the probe '{observed.users}': the outage was not measured",
                f"缺少探针“{observed.users}”的样本：业务中断没有测到",
            )
        )
    trouble += [
        Text(
            f"there are no samples of a probe straight to {host}: a second primary could have been missed",
            f"缺少直连 {host} 的探针样本：可能漏掉第二个主库",
        )
        for host in unwatched
    ]
    began = all(check.held for check in observed.steady_before)
    verdict = judge(
        Findings(
            objectives=observed.objectives,
            expectation=observed.expectation,
            steady_before=observed.steady_before,
            steady_after=observed.steady_after,
            faults=observed.faults,
            triggered=observed.triggered,
            must_be_felt=observed.must_be_felt and users is not None,
            run=observed.run,
            run_message=observed.run_message,
            felt=measures.felt,
            lost=measures.lost,
            kept=measures.kept,
            duplicates=observed.rows.duplicates if observed.rows else 0,
            silences={each.writer: silences(each, timeline.steady, timeline.end) for each in observed.series},
            incomplete=tuple(each.writer for each in observed.series if not each.complete),
            violations=measures.violations,
            promoted=tuple(each.item for each in observed.promotions if each.started <= timeline.recovered),
            elsewhere=[ack for ack in acks if ack.host != first and ack.done <= timeline.recovered],
            afterwards=observed.afterwards,
            back=measures.afterwards,
            trouble=tuple(trouble) if began else observed.trouble,
        )
    )
    return measures, verdict


def _longest(users: Series | None, timeline: Timeline) -> Gap | None:
    if users is None or timeline.end <= timeline.recovered:
        return None
    closed = [each for each in gaps(users, timeline.recovered, timeline.end) if each.end is not None]
    return max(closed, key=lambda each: each.seconds, default=None)
