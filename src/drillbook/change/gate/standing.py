"""How a change stands, for people: its state, whose approvals count, what is missing, and what to do next."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from drillbook.change.gate.emergency import reviewers
from drillbook.change.records.difference import difference
from drillbook.change.records.lifecycle import State, state_of
from drillbook.change.trust.approval import Approved, valid_approvals, verify_result
from drillbook.change.trust.authority import missing_approvals
from drillbook.change.trust.bound import bind_from
from drillbook.change.trust.case import case_of
from drillbook.change.trust.rules import emergencies
from drillbook.errors import DrillbookError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drillbook.change.records.lifecycle import RunSeen
    from drillbook.change.records.model import ChangeRecord
    from drillbook.change.trust.authority import Missing
    from drillbook.change.trust.base import Base
    from drillbook.cmdb.model import Cmdb


@dataclass(frozen=True, slots=True)
class Standing:
    """How a change stands.

    ``judged``: there was a trusted base to hold its signatures against. ``problem``: why its approvals cannot be
    judged ("" when they can). ``missing``: what rules still want. ``could``: who could review an emergency.
    ``review_due``: until when an emergency is to be reviewed, None when nothing is owed. ``differs``: how what the
    trusted base would run now is not what was approved, "" when it is that, or when it is not to run now.
    """

    record: ChangeRecord
    state: State
    approved: Approved
    missing: tuple[Missing, ...]
    runs: tuple[RunSeen, ...]
    judged: bool
    problem: str = ""
    could: tuple[str, ...] = ()
    review_due: datetime | None = None
    differs: str = ""

    @property
    def need(self) -> int:
        """How many approvals it takes at least, with those that there are."""
        return len(self.approved.by) + max((each.wanted - len(each.have) for each in self.missing), default=0)

    def is_overdue(self, now: datetime) -> bool:
        """Tell whether its review is owed for longer than policy allows."""
        return self.review_due is not None and now > self.review_due

    @property
    def next_command(self) -> str:
        """What is to be done next; "" when nothing is."""
        id_ = self.record.id
        configuration = self.record.request.subject.kind == "configuration"
        if self.differs:
            return "./inv trust.advance, when the base is behind; else ask for it anew: ./inv changes.new"
        return {
            State.REQUESTED: f"./inv changes.plan {id_}",
            State.PLANNED: f"./inv changes.approve {id_}",
            State.APPROVED: "merge it, then ./inv trust.advance" if configuration else f"./inv changes.apply {id_}",
            State.RUNNING: "./inv runbooks.status",
            State.DEBT: f'./inv changes.approve {id_} --verdict accepted --reason "…"',
            State.REVIEWED: f"./inv changes.close {id_}",
            State.ENDED: f"./inv changes.close {id_}",
            State.CLOSED: "",
        }[self.state]


def standing_of(
    record: ChangeRecord,
    base: Base | None,
    *,
    runs: Sequence[RunSeen],
    now: datetime,
    proposed: Cmdb | None = None,
) -> Standing:
    """Tell how a change stands at a moment.

    Args:
        record: the change.
        base: the trusted base; None when there is none, and then no signature is judged.
        runs: its runs, as far as they are known here.
        now: the moment.
        proposed: the CMDB that a configuration moves to, as in ``case.case_of``.
    """
    nothing = Approved({}, {})
    seen = tuple(runs)
    emergency = record.request.type == "emergency"
    if base is None:
        state = state_of(record, approved=False, reviewed=record.result is not None, runs=seen)
        return Standing(record, state, nothing, (), seen, judged=False)
    approved, problem, reviewed = nothing, "", False
    missing: tuple[Missing, ...] = ()
    could: tuple[str, ...] = ()
    try:
        if record.bound is not None:
            what: Literal["approval", "review"] = "review" if emergency else "approval"
            approved = valid_approvals(record, base, at=_judged_at(record, seen, now), what=what)
        if emergency:
            could = reviewers(base.cmdb, record.request.requested_by)
            # People leave and keys end: a review counts as of its own day.
            reviewed = any(
                each.approver in could
                and each.approver in valid_approvals(record, base, at=each.approved_at, what="review").by
                for each in record.approvals
                if each.approved_at <= now
            )
        elif record.bound is not None:
            case = case_of(record, base.cmdb, proposed=proposed)
            missing = tuple(missing_approvals(case, approved.by, base.cmdb, besides=[record.request.requested_by]))
    except DrillbookError as error:
        problem = error.message
    unproved = _unproved(record, base)
    state = state_of(record, approved=not missing and not problem, reviewed=reviewed, runs=seen)
    due = record.request.requested_at + emergencies(base.cmdb).review_within if state is State.DEBT else None
    return Standing(
        record, state, approved, missing, seen, judged=True, problem=problem or unproved, could=could, review_due=due,
        differs=_differs(record, base, now) if state is State.APPROVED else "",
    )  # fmt: skip


def _differs(record: ChangeRecord, base: Base, now: datetime) -> str:
    """Say how the base's plan differs from the approved one; it is what ``changes.apply`` compares too."""
    bound, window = record.bound, record.request.window
    if bound is None or bound.plan is None or (window is not None and now >= window.ends):
        return ""
    try:
        raw = bind_from(record.request, base.folder, base.engine)
    except DrillbookError as error:
        return error.message
    if raw == bound.raw:
        return ""
    lines = [str(line) for line in difference(bound.value, json.loads(raw))]
    return lines[0] + (f" (and {len(lines) - 1} more)" if len(lines) > 1 else "")


def _unproved(record: ChangeRecord, base: Base) -> str:
    """Say that nobody knows who closed a change; "" when its result is signed as it must be, or there is none."""
    if record.result is None:
        return ""
    try:
        verify_result(record, base)
    except DrillbookError as error:
        return f"its result does not count: {error.message}"
    return ""


def _judged_at(record: ChangeRecord, runs: Sequence[RunSeen], now: datetime) -> datetime:
    """Give the moment at which approvals had to count: the first run's beginning (its id says it), the end, or now."""
    if runs:
        try:
            return datetime.strptime(runs[0].run[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        except ValueError:  # what a file calls a run need not be one
            return now
    return record.result.closed_at if record.result is not None else now
