"""How one drill went over its runs: outage, steps, what is best, what is slowest, and whether it gets faster."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from drillbook.clock import timestamp
from drillbook.evidence.history.trend import Trend, trend
from drillbook.evidence.result import MAIN
from drillbook.evidence.verdict import Result

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from drillbook.evidence.archive import Archive, Distrusted, Kept, StepRun

WINDOW = 20
"""How many of the newest runs a trend is over: what was changed years ago says nothing about now."""


@dataclass(frozen=True, slots=True)
class StepHistory:
    """A step over the runs. ``seconds`` are aligned with ``History.counted``; None: not run, or not to its end."""

    part: str
    runbook: str
    step: str
    seconds: tuple[float | None, ...]
    trend: Trend

    @property
    def known(self) -> list[float]:
        """The durations that are known, oldest first."""
        return [each for each in self.seconds if each is not None]

    @property
    def usual(self) -> float | None:
        """The median over the last ``WINDOW`` runs."""
        known = [each for each in self.seconds[-WINDOW:] if each is not None]
        return median(known) if known else None


@dataclass(frozen=True, slots=True)
class History:
    """The runs of a drill.

    ``counted``: those that ran as described, oldest first. ``void``: those whose verdict is *invalid*.
    ``future``: those that say that they were made later than now. ``distrusted``: records that are not as
    they were written. ``steps``: in the order of the newest run, those that it has no more at the end.
    ``changed``: the counted runs (by place) whose drill file differs from the one of the run before.
    """

    drill: str
    counted: tuple[Kept, ...]
    void: tuple[Kept, ...]
    future: tuple[Kept, ...]
    distrusted: tuple[Distrusted, ...]
    steps: tuple[StepHistory, ...]
    outage: Trend
    changed: tuple[int, ...]

    @property
    def runs(self) -> list[Kept]:
        """Every record that can be read, oldest first."""
        return sorted((*self.counted, *self.void, *self.future), key=lambda each: (each.started, each.folder))

    @property
    def newest(self) -> Kept | None:
        """The newest run that counts."""
        return self.counted[-1] if self.counted else None

    @property
    def best(self) -> Kept | None:
        """The run with the shortest outage; of equal ones the first."""
        felt = [each for each in self.counted if each.outage is not None]
        return min(felt, key=lambda each: each.outage or 0.0) if felt else None

    @property
    def slowest(self) -> StepHistory | None:
        """The step of the drill's own run that usually takes longest, of those that the newest run still has."""
        main = [each for each in self.steps if each.part == MAIN and each.usual is not None and each.seconds[-1]]
        return max(main, key=lambda each: each.usual or 0.0) if main else None


def history(archive: Archive, drill: str, *, now: datetime) -> History:
    """Give the history of a drill from the estate's records."""
    part = archive.of(drill)
    future = tuple(each for each in part.kept if each.is_future(now))
    past = [each for each in part.kept if not each.is_future(now)]
    counted = tuple(each for each in past if each.result is not Result.INVALID)
    return History(
        drill=drill,
        counted=counted,
        void=tuple(each for each in past if each.result is Result.INVALID),
        future=future,
        distrusted=part.distrusted,
        steps=_steps(counted),
        outage=trend([each.outage for each in counted if each.outage is not None][-WINDOW:]),
        changed=tuple(at for at in range(1, len(counted)) if counted[at].digest != counted[at - 1].digest),
    )


def main_steps(run: Kept) -> list[StepRun]:
    """Give the steps of the run that a drill is about."""
    return [each for each in run.steps if each.part == MAIN]


def _steps(counted: Sequence[Kept]) -> tuple[StepHistory, ...]:
    # A part may run a runbook twice, and a step may be begun again: what counts is the sum.
    times: dict[tuple[str, str, str], list[float | None]] = defaultdict(lambda: [None] * len(counted))
    order: dict[tuple[str, str, str], None] = {}
    for place in reversed(range(len(counted))):
        for step in counted[place].steps:
            key = (step.part, step.runbook, step.step)
            order[key] = None
            if step.seconds is not None:
                times[key][place] = (times[key][place] or 0.0) + step.seconds
    return tuple(
        StepHistory(*key, tuple(times[key]), trend([each for each in times[key][-WINDOW:] if each is not None]))
        for key in order
    )


def to_json(found: History) -> dict[str, Any]:
    """Give a history as a JSON value: seconds, and times in UTC."""
    counted, future = {each.folder for each in found.counted}, {each.folder for each in found.future}

    def run(each: Kept) -> dict[str, Any]:
        return {
            "record": each.folder,
            "started": timestamp(each.started),
            "ended": timestamp(each.ended),
            "result": str(each.result),
            "counted": each.folder in counted,
            "future": each.folder in future,
            "outage": each.outage,
            "came_back": not each.not_back,
            "meant_to_refuse": each.refusal,
            "lost_writes": each.lost,
            "rto": each.rto,
            "rpo": each.rpo,
            "drill_digest": each.digest,
            "steps": [
                {"part": step.part, "runbook": step.runbook, "step": step.step, "item": step.item,
                 "began": step.began, "seconds": step.seconds}
                for step in each.steps
            ],
        }  # fmt: skip

    newest, best, slowest = found.newest, found.best, found.slowest
    return {
        "drill": found.drill,
        "runs": [run(each) for each in found.runs],
        "distrusted": [{"record": each.folder, "reason": each.reason} for each in found.distrusted],
        "newest": newest.folder if newest else None,
        "best": best.folder if best else None,
        "slowest_step": {"runbook": slowest.runbook, "step": slowest.step, "usual": slowest.usual} if slowest else None,
        "outage_trend": _trend(found.outage),
        "steps": [
            {"part": each.part, "runbook": each.runbook, "step": each.step, "usual": each.usual,
             "trend": _trend(each.trend)}
            for each in found.steps
        ],
    }  # fmt: skip


def _trend(value: Trend) -> dict[str, Any]:
    return {"direction": str(value.direction), "slope": value.slope, "p": value.p, "runs": value.runs}
