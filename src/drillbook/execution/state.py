"""Where a run stands, read from its journal and from nothing else. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from drillbook.journal.record import Record


# Actions that look and change nothing.
_LOOKS = ("check", "wait")
# Effects that were ended before their time (``hosts.agent.Ended``): whether they took effect, nobody knows.
_CUT_SHORT = ("timed out", "stopped")


class Stage(StrEnum):
    """How far one step is."""

    PENDING = "pending"
    STARTED = "started"  # its effect was announced, and no end is on record
    ACTED = "acted"  # its effect succeeded; it is not verified yet
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    UNDONE = "undone"


@dataclass(slots=True)
class StepState:
    """One step: its stage, how often it was begun, and the times of its records in monotonic seconds.

    ``looks``: it is a check, which changes nothing.
    """

    stage: Stage = Stage.PENDING
    attempts: int = 0
    undo_attempts: int = 0
    undo_open: bool = False
    looks: bool = False
    detail: str = ""
    began: float | None = None
    ended: float | None = None

    @property
    def touched(self) -> bool:
        """Whether the step may have changed something that is not undone."""
        return not self.looks and self.stage not in (Stage.PENDING, Stage.UNDONE)


@dataclass(slots=True)
class RunState:
    """A run: its steps by id, the fencing tokens by item, and how it was closed, when it was.

    ``slots``: the values that were chosen, by slot. ``notes``: what its commands told a person, as (step, line).
    ``left``: why a part could not be done when it was last tried, by part; it may be done by now.
    ``change``: the id of its change, "" in the lab. ``entered``: whether the git remote has it, and its claim.
    """

    run: str = ""
    change: str = ""
    entered: bool = False
    steps: dict[str, StepState] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    slots: dict[str, str | list[str]] = field(default_factory=dict)
    notes: list[tuple[str, str]] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    rolling_back: bool = False
    closed: str | None = None
    stopped: str | None = None

    @property
    def touched(self) -> bool:
        """Whether a step may have changed something that is not undone."""
        return any(step.touched for step in self.steps.values())

    def step(self, id_: str) -> StepState:
        """Give a step's state; a step without records is pending."""
        return self.steps.setdefault(id_, StepState())

    def apply(self, record: Record) -> None:
        """Take one record in. Kinds that say nothing about the state are passed over."""
        data = record.data
        self.notes += [(data["step"], each) for each in notes_of(record)]
        match record.kind:
            case "run.opened":
                self.run, self.change = data["run"], data.get("change_id", "")
            case "ledger.entered":
                self.entered = True
            case "lock.taken":
                self.tokens[data["item"]] = data["token"]
            case "lock.given_back":
                self.tokens.pop(data["item"], None)
            case "slot.bound":
                self.slots[data["slot"]] = data["value"]
            case "step.started":
                step = self.step(data["step"])
                step.stage, step.attempts = Stage.STARTED, data["attempt"]
                step.looks = data.get("action") in _LOOKS
                if step.began is None:
                    step.began = record.mono
            case "step.ended":
                step = self.step(data["step"])
                step.stage = {"succeeded": Stage.ACTED, "failed": Stage.FAILED}.get(data["outcome"], Stage.UNKNOWN)
                if data.get("evidence", {}).get("ended") in _CUT_SHORT:
                    step.stage = Stage.UNKNOWN
                step.detail = data["detail"]
                step.ended = record.mono
            case "verify.failed":
                step = self.step(data["step"])
                # The effect is there, only its proof is not: a resume looks again, and does not act again.
                step.stage, step.detail = Stage.ACTED, data["detail"]
            case "step.done":
                step = self.step(data["step"])
                step.stage, step.ended = Stage.DONE, record.mono
            case "undo.started":
                step = self.step(data["step"])
                step.undo_attempts, step.undo_open = data["attempt"], True
            case "undo.ended":
                step = self.step(data["step"])
                step.undo_open = False
                if data["outcome"] == "succeeded":
                    step.stage = Stage.UNDONE
            case "part.failed" | "part.skipped":
                self.left[data["part"]] = data["message"]
            case "rollback.started":
                self.rolling_back = True
            case "run.stopped":
                self.stopped = data["reason"]
            case "run.resumed":
                self.stopped = None
            case "run.closed":
                self.closed = data["outcome"]
            case _:
                pass


def notes_of(record: Record) -> list[str]:
    """Give what a command told a person: the ``note:`` lines of a step's end or an undo's, of any record."""
    match record.kind:
        case "step.ended":
            found = (record.data.get("evidence") or {}).get("notes", [])
        case "undo.ended":
            found = record.data.get("notes", [])
        case _:
            found = []
    return list(found)


def state_from_records(records: Iterable[Record]) -> RunState:
    """Replay a journal."""
    state = RunState()
    for record in records:
        state.apply(record)
    return state
