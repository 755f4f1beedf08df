"""Where a change stands: computed from its files and its runs, never stored. It cannot go backwards.

requested → planned → approved → running → ended → closed; an emergency, which runs first: debt → reviewed → closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from drillbook.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drillbook.change.records.model import ChangeRecord


class State(StrEnum):
    """How far a change is."""

    REQUESTED = "requested"
    PLANNED = "planned"
    APPROVED = "approved"
    RUNNING = "running"
    DEBT = "debt"
    REVIEWED = "reviewed"
    ENDED = "ended"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class RunSeen:
    """A run of a change: its id, and how it ended: None while it has not (it runs, or it stopped and can go on)."""

    run: str
    result: str | None


def state_of(record: ChangeRecord, *, approved: bool, reviewed: bool, runs: Sequence[RunSeen]) -> State:
    """Give the state of a change.

    Args:
        record: its files.
        approved: whether valid approvals satisfy every rule (or no rule wants any).
        reviewed: whether a valid review settles it, for an emergency.
        runs: its runs, as far as they are known.
    """
    emergency = record.request.type == "emergency"
    # Anybody can put a result beside an emergency; it is owed its review all the same.
    if record.result is not None and (reviewed or not emergency):
        return State.CLOSED
    if any(run.result is None for run in runs):
        return State.RUNNING
    if emergency:
        return State.REVIEWED if reviewed else State.DEBT
    if runs or record.runs:
        return State.ENDED
    if record.bound is None:
        return State.REQUESTED
    return State.APPROVED if approved else State.PLANNED


def require_plannable(record: ChangeRecord, runs: Sequence[RunSeen]) -> None:
    """Refuse to plan a change whose plan somebody has signed, run or closed: a plan that is signed stays."""
    new = f"{record.id} stays as it is; make a new change: ./inv changes.new"
    _not_closed(record, new)
    if record.approvals:
        people = ", ".join(each.approver for each in record.approvals)
        raise Refused(f"{record.id} has been approved by {people}: its plan does not change any more", remedy=new)
    if runs or record.runs:
        raise Refused(f"{record.id} has been run: its plan does not change any more", remedy=new)
    if record.request.type == "emergency":
        raise Refused(f"{record.id} is an emergency: its plan is what ran", remedy="changes.approve reviews it")


def require_approvable(record: ChangeRecord, *, review: bool) -> None:
    """Refuse an approval of a change that is closed or not planned, or of the wrong kind.

    An emergency is reviewed even when it is closed, or who ran it could close it and have it owed for good.
    """
    if record.request.type != "emergency":
        _not_closed(record, "what is closed is not approved any more")
    if record.bound is None:
        raise Refused(f"{record.id} is not planned yet", remedy=f"./inv changes.plan {record.id}")
    emergency = record.request.type == "emergency"
    if emergency and not review:
        raise Refused(
            f"{record.id} is an emergency: it ran already, and is reviewed",
            remedy=f'./inv changes.approve {record.id} --verdict accepted --reason "…" (or rejected)',
        )
    if review and not emergency:
        raise Refused(
            f"{record.id} is a {record.request.type} change: it is approved, not reviewed",
            remedy="leave --verdict out",
        )


def require_closable(record: ChangeRecord, state: State) -> None:
    """Refuse to close a change that is closed, runs, or owes its review."""
    _not_closed(record, f"./inv changes.show {record.id} shows its result")
    if state is State.RUNNING:
        raise Refused(
            f"{record.id} has a run that has not ended",
            remedy="./inv runbooks.resume goes on with it; runbooks.rollback or runbooks.abandon ends it",
        )
    if state is State.DEBT:
        raise Refused(
            f"{record.id} is an emergency, and nobody has reviewed it",
            remedy=f'./inv changes.approve {record.id} --verdict accepted --reason "…", by somebody who may approve',
        )


def _not_closed(record: ChangeRecord, remedy: str) -> None:
    if record.result is not None:
        raise Refused(f"{record.id} is closed ({record.result.result}), and closed is final", remedy=remedy)
