"""When what happened: the moments of a drill, and what a run's journal says of its steps.

All times are nanoseconds of this machine's CLOCK_MONOTONIC, on which journals, faults and (through
``Series.on_clock``) samples meet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drillbook.evidence.primaries import Promotion
from drillbook.execution.parts import done_parts
from drillbook.execution.state import Stage, notes_of, state_from_records
from drillbook.runbook.model import Verb

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from drillbook.journal.record import Record
    from drillbook.plan.model import Plan
    from drillbook.runbook.model import Text


@dataclass(frozen=True, slots=True)
class Timeline:
    """The moments of a drill (ns), each after the one before it.

    ``steady``: the probes ran and the steady state held. ``fault``: the fault that users feel took
    effect; None when the drill has none. ``trigger``: the engine knew that it should act. ``run``: the
    first journal record of the runbook's run, and ``run_ended`` its last; None when it never began.
    ``recovered``: the end of what the objectives are measured in (the service was watched until then).
    ``end``: the probes were stopped, after all that the drill does afterwards.
    """

    steady: int
    fault: int | None
    trigger: int | None
    run: int | None
    run_ended: int | None
    recovered: int
    end: int

    @property
    def disturbed(self) -> int:
        """When the undisturbed service ended, as far as is known: at the fault, else at the run."""
        return next(each for each in (self.fault, self.run, self.recovered) if each is not None)


@dataclass(frozen=True, slots=True)
class StepTime:
    """One step of a run that was begun, and how far it came (``stage``).

    ``began`` in seconds after the run's first record; ``seconds`` until it was done, None when it was not;
    ``lasted`` until the last record of it, however it ended. ``notes``: what its commands told the person who ran it.
    """

    run: str
    step: str
    title: Text
    item: str | None
    stage: Stage
    began: float
    seconds: float | None
    lasted: float
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give it as a JSON value."""
        return {
            "run": self.run,
            "step": self.step,
            "title": {"en": self.title.en, "zh": self.title.zh},
            "item": self.item,
            "stage": str(self.stage),
            "began": round(self.began, 6),
            "seconds": None if self.seconds is None else round(self.seconds, 6),
            "lasted": round(self.lasted, 6),
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class PartNote:
    """What came of an independent part of a run. ``why``: what kept it from being done, "" where it is done."""

    part: str
    title: Text
    protection: str | None
    done: bool
    why: str

    def to_json(self) -> dict[str, Any]:
        """Give it as a JSON value."""
        return {
            "part": self.part,
            "title": {"en": self.title.en, "zh": self.title.zh},
            "protection": self.protection,
            "done": self.done,
            "why": self.why,
        }


def part_notes(plan: Plan, records: Iterable[Record]) -> list[PartNote]:
    """Give what came of each part, in the order of the plan; of a plan without parts nothing."""
    state = state_from_records(records)
    done = done_parts(plan, state)
    return [
        PartNote(
            part.id,
            part.title,
            part.protection,
            part.id in done,
            "" if part.id in done else state.left.get(part.id, "the run ended before it"),
        )
        for part in plan.parts
    ]


def nanoseconds(mono: float) -> int:
    """Give a journal record's time as nanoseconds."""
    return round(mono * 1e9)


def step_times(plan: Plan, records: Sequence[Record]) -> list[StepTime]:
    """Give the steps that were begun, in the order of the plan; ``records`` are of that plan's run."""
    opened, state = records[0], state_from_records(records)
    found: list[StepTime] = []
    for step in plan.steps:
        began = _first(records, "step.started", step.id)
        if began is not None:
            done = _last(records, "step.done", step.id)
            own = [each for each in records if each.data.get("step") == step.id]
            found.append(
                StepTime(
                    run=str(opened.data["run"]),
                    step=step.id,
                    title=step.title,
                    item=step.item,
                    stage=state.step(step.id).stage,
                    began=began.mono - opened.mono,
                    seconds=None if done is None else done.mono - began.mono,
                    lasted=own[-1].mono - began.mono,
                    notes=tuple(note for each in own for note in notes_of(each)),
                )
            )
    return found


def promotions(plan: Plan, records: Sequence[Record]) -> list[Promotion]:
    """Give the promotions of a run: each begins at its durable intent, and ends at its recorded success."""
    found: list[Promotion] = []
    for step in plan.steps:
        began = _first(records, "step.started", step.id)
        if step.verb is Verb.PROMOTE and step.item is not None and began is not None:
            ended = next(
                (
                    record
                    for record in records
                    if record.kind in ("step.ended", "step.done")
                    and record.data["step"] == step.id
                    and record.data.get("outcome", "succeeded") == "succeeded"
                ),
                None,
            )
            found.append(
                Promotion(
                    step.item,
                    nanoseconds(began.mono) - 1000,  # records round to a microsecond
                    None if ended is None else nanoseconds(ended.mono) + 1000,
                )
            )
    return sorted(found, key=lambda each: each.started)


def _first(records: Iterable[Record], kind: str, step: str) -> Record | None:
    return next((each for each in records if each.kind == kind and each.data["step"] == step), None)


def _last(records: Sequence[Record], kind: str, step: str) -> Record | None:
    return _first(reversed(records), kind, step)
