"""From everything that a drill observed to its measures and its verdict. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from drillbook.evidence.judge import judge_services
from drillbook.evidence.measure import (
    NOTABLE_NS,
    Baseline,
    Felt,
    Gap,
    Kept,
    Lost,
    baseline,
    felt,
    kept_writes,
    later,
    lost_writes,
    silences,
)
from drillbook.evidence.primaries import (
    Overlap,
    Reign,
    Violation,
    acks_of,
    answers_of,
    overlaps_of,
    reigns,
    violations,
)
from drillbook.evidence.repeats import ROWS, Repeated, Repeats
from drillbook.evidence.samples import Does
from drillbook.evidence.verdict import Findings, Verdict
from drillbook.evidence.wording import NOTHING
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from drillbook.errors import ExitCode
    from drillbook.evidence.primaries import Ack, Promotion
    from drillbook.evidence.samples import Rows, Series
    from drillbook.evidence.timeline import Timeline
    from drillbook.evidence.verdict import Expectation, FaultNote, Objectives, SteadyCheck

SERVICE_ADDRESS = "service_address"
"""What stands as the target of a probe that uses, or watches, the address of the service."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What a drill saw of one of its services. Times in ns of the engine's clock.

    ``users``: the id of the probe that stands for the users. ``hosts``: the members of the protection, the one that
    held the role first. ``series``: of the probes that are about the service. ``promotions``: of all runs of the drill,
    in the order of time. ``rows``: which writes were there in the end, or None when that could not be read; ``keeps``
    False: nothing is kept for users. ``by_address``: a second primary is seen at the service's address, by watchers,
    and not by writes straight to the members. ``repeats``: what it means that something is there more than once.
    ``name``: the service's. The rest as in ``verdict.Findings``.
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
    name: Text = NOTHING
    not_back: Text | None = None
    keeps: bool = True
    by_address: bool = False
    repeats: Repeats = ROWS


@dataclass(frozen=True, slots=True)
class Measures:
    """What was measured. ``afterwards``: the longest gap between the recovery and the drill's end.

    ``restored``: of a service that was away when the recovery was measured, how long it was away until the way back
    brought it back; None for others. ``keeps``: something is kept for users, so that it could be lost.
    ``answers``: by host, how often it answered for the service's address; ``overlaps``: the questions that several
    answered. ``attempts``: by probe, how many. ``unwatched``: hosts whose own writer has no samples, or the address
    whose watcher has none; when there is one, a second primary could have been missed. None where there was nothing
    to measure from.
    """

    felt: Felt
    baseline: Baseline
    lost: Lost | None
    kept: Kept | None
    repeated: Repeated | None
    violations: tuple[Violation, ...]
    reigns: tuple[Reign, ...]
    overlaps: tuple[Overlap, ...]
    by_address: bool
    answers: dict[str, int]
    afterwards: Gap | None
    restored: float | None
    keeps: bool
    attempts: dict[str, int]
    unwatched: tuple[str, ...]

    @property
    def one_primary(self) -> bool | None:
        """Whether at most one host served users at any time; None when nobody can say."""
        if self.violations or self.overlaps:
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
            "notable": felt.notable,
            "longest_gap_afterwards": gap(self.afterwards),
            "restored": self.restored,
            "keeps": self.keeps,
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
            "repeated": None if self.repeated is None else self.repeated.to_json(),
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
            "by_address": self.by_address,
            "answers": self.answers,
            "overlaps": [
                {"hosts": list(each.hosts), "question": f"{each.writer}:{each.seq}", "at": moment(each.at)}
                for each in self.overlaps[:100]
            ],
            "overlaps_proved": len(self.overlaps),
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


def assess_services(services: Sequence[Observed]) -> tuple[list[tuple[Measures, Verdict]], Verdict]:
    """Measure and judge each service of a drill, and the drill as a whole."""
    measured = [_measure(each) for each in services]
    whole, alone = judge_services([(each.name, found) for each, (_, found) in zip(services, measured, strict=True)])
    return [(measures, verdict) for (measures, _), verdict in zip(measured, alone, strict=True)], whole


def _measure(observed: Observed) -> tuple[Measures, Findings]:
    timeline = observed.timeline
    users = next((each for each in observed.series if each.writer == observed.users), None)
    answers = answers_of(observed.series)
    acks = answers if observed.by_address else acks_of(observed.series, observed.hosts)
    first = observed.hosts[0]
    unwatched = _unwatched(observed)
    writers = [each for each in observed.series if each.does is Does.WRITES]
    rows = observed.rows if users is not None and not unwatched else None
    number = 0 if observed.rows is None else observed.rows.duplicates
    promotions = list(_promotions(observed, answers))
    afterwards = later(users, timeline)
    seen = felt(users, timeline) if users else Felt(None, None, None, None, NOTABLE_NS / 1e9, 0, 0.0)
    # The outage itself, when the recovery did not end it, is no outage of the way back.
    left = seen.outage if seen.outage is not None and seen.outage.end is None else None
    way_back = [each for each in afterwards if left is None or each.start != left.start]
    measures = Measures(
        felt=seen,
        baseline=baseline(users, timeline) if users else Baseline.nothing(),
        lost=None if rows is None else lost_writes(writers, rows),
        kept=None if rows is None else kept_writes(writers, rows),
        repeated=Repeated(number, observed.repeats) if number else None,
        violations=tuple(violations(first, promotions, acks)),
        reigns=tuple(reigns(first, promotions, acks)),
        overlaps=tuple(overlaps_of(observed.series)),
        by_address=observed.by_address,
        answers=dict(sorted(Counter(each.host for each in answers).items())),
        afterwards=max(way_back, key=lambda each: each.seconds, default=None),
        restored=next((each.seconds for each in afterwards if left is not None and each.start == left.start), None),
        keeps=observed.keeps,
        attempts={each.writer: len(each.samples) for each in observed.series},
        unwatched=unwatched,
    )  # fmt: skip
    began = all(check.held for check in observed.steady_before)
    return measures, Findings(
        objectives=observed.objectives,
        expectation=observed.expectation,
        steady_before=observed.steady_before,
        steady_after=observed.steady_after,
        faults=observed.faults,
        triggered=observed.triggered,
        must_be_felt=observed.must_be_felt and users is not None,
        run=observed.run,
        run_message=observed.run_message,
        not_back=observed.not_back,
        keeps=observed.keeps,
        felt=measures.felt,
        lost=measures.lost,
        kept=measures.kept,
        repeated=measures.repeated,
        silences={each.writer: silences(each, timeline.steady, timeline.end) for each in observed.series},
        incomplete=tuple(each.writer for each in observed.series if not each.complete),
        violations=measures.violations,
        overlaps=measures.overlaps,
        by_address=observed.by_address,
        promoted=tuple(each.item for each in observed.promotions if each.started <= timeline.recovered),
        elsewhere=[ack for ack in acks if ack.host != first and ack.done <= timeline.recovered],
        afterwards=observed.afterwards,
        back=measures.afterwards,
        trouble=observed.trouble,
        own_trouble=tuple(_own_trouble(observed, users, unwatched)) if began else (),
    )


def _promotions(observed: Observed, answers: Sequence[Ack]) -> Iterator[Promotion]:
    """Give the promotions of this service's hosts.

    A spare is promoted for one of the services that it covers: for the others, and until it answers for the address,
    nothing has changed.
    """
    for each in observed.promotions:
        if not observed.by_address:
            if each.item in observed.hosts:
                yield each
        elif any(answer.host == each.item and answer.done >= each.started for answer in answers):
            yield replace(each, finished=None)


def _unwatched(observed: Observed) -> tuple[str, ...]:
    if observed.by_address:
        return () if any(each.does is Does.WATCHES for each in observed.series) else (SERVICE_ADDRESS,)
    targets = {each.target for each in observed.series}
    return tuple(host for host in observed.hosts if host not in targets)


def _own_trouble(observed: Observed, users: Series | None, unwatched: Sequence[str]) -> Iterator[Text]:
    if users is None:
        yield Text(
            f"there are no samples of the probe '{observed.users}': the outage was not measured",
            f"缺少探针“{observed.users}”的样本：业务中断没有测到",
        )
    for host in unwatched:
        if host == SERVICE_ADDRESS:
            yield Text(
                "there are no samples of a watcher of the address: a second host on it could have been missed",
                "缺少服务地址监视探针的样本：可能漏掉第二台应答的主机",
            )
        else:
            yield Text(
                f"there are no samples of a probe straight to {host}: a second primary could have been missed",
                f"缺少直连 {host} 的探针样本：可能漏掉第二个主库",
            )
