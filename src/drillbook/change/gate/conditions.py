"""The conditions of an approved change, one by one: that it can run, is the same, is approved, and when. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.change.records.difference import difference
from drillbook.change.records.model import time_text
from drillbook.change.records.window import day_of, why_not_in_window
from drillbook.change.trust.approval import valid_approvals
from drillbook.change.trust.authority import life_of_approval, missing_approvals, runners
from drillbook.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, tzinfo

    from drillbook.change.gate.emergency import Emergency
    from drillbook.change.records.model import Bound, ChangeRecord
    from drillbook.change.trust.base import Base
    from drillbook.change.trust.case import Case
    from drillbook.change.trust.identity import LabHost
    from drillbook.plan.model import Plan

_LINES_SHOWN = 40
_PEOPLE_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Around:
    """What the gate is told of the world.

    ``base``: the trusted base. ``at``: now. ``zone``: where days begin. ``known``: emergencies that are known.
    ``lab``: by item, the hosts that this machine's lab made.
    """

    base: Base
    at: datetime
    zone: tzinfo
    known: tuple[Emergency, ...]
    lab: Mapping[str, LabHost]


def runnable(record: ChangeRecord) -> tuple[Plan, Bound]:
    """Give the plan of a change that can be applied at all. Raises Refused."""
    new = "to do it again: ./inv changes.new"
    if record.result is not None:
        raise Refused(f"{record.id} is closed ({record.result.result}): a change is applied once", remedy=new)
    if record.request.type == "emergency":
        raise Refused(f"{record.id} is an emergency: it ran already, and is reviewed, not applied", remedy=new)
    if record.bound is None:
        raise Refused(f"{record.id} is not planned yet", remedy=f"./inv changes.plan {record.id}")
    if record.bound.plan is None:
        raise Refused(
            f"{record.id} changes the configuration: there is nothing to run",
            remedy="merge it; ./inv trust.advance then moves the trusted base to it",
        )
    return record.bound.plan, record.bound


def require_same(
    record: ChangeRecord,
    bound: Bound,
    would_run: bytes,
    *,
    what: str = "what would run",
    remedy: str = "request it anew (./inv changes.new), or bring the files back to what was approved",
) -> None:
    """Raises Refused when what would run is not, to the byte, what was approved; shows the difference."""
    if would_run == bound.raw:
        return
    lines = [str(line) for line in difference(bound.value, json.loads(would_run))]
    more = f"\n  and {len(lines) - _LINES_SHOWN} more" if len(lines) > _LINES_SHOWN else ""
    shown = "".join(f"\n  {line}" for line in lines[:_LINES_SHOWN]) or "\n  (only in how the file is written)"
    raise Refused(
        f"{what} is not what was approved of {record.id}, so nothing was run:{shown}{more}",
        remedy=remedy,
    )


def counting_approvals(record: ChangeRecord, base: Base, case: Case, executor: str, at: datetime) -> tuple[str, ...]:
    """Give who has approved. Raises Refused when a rule wants more, with every approval that does not count."""
    approved = valid_approvals(record, base, at=at)
    why = dict(approved.refused)
    life = life_of_approval(case, base.cmdb)
    counting = []
    if executor in approved.by:
        others = [each for each in runners(case, base.cmdb) if each not in approved.by]
        raise Refused(
            f"{executor} has approved {record.id}, and who approves a change does not run it",
            remedy=f"somebody else runs it; who may: {', '.join(others[:_PEOPLE_SHOWN]) or 'nobody else'}",
        )
    for person, approval in approved.by.items():
        if life is not None and at >= approval.approved_at + life:
            why[person] = f"it expired at {time_text(approval.approved_at + life)}, by policy"
        else:
            counting.append(person)
    besides = (record.request.requested_by, executor)
    missing = missing_approvals(case, counting, base.cmdb, besides=besides)
    if missing:
        reasons = "".join(f"\n  the approval of {person} does not count: {text}" for person, text in why.items())
        raise Refused(
            f"{record.id} is not approved: {'; '.join(str(each) for each in missing)}{reasons}",
            remedy=f"one of them, at their own checkout: ./inv changes.approve {record.id}",
        )
    return tuple(counting)


def why_not_now(record: ChangeRecord, case: Case, around: Around) -> Refused | None:
    """Give why it is not the time for a change: its window, or the days of a standard change; None: it is."""
    standard, day = case.standard, day_of(around.at, around.zone)
    if standard is not None and not standard.first <= day <= standard.last:
        return Refused(
            f"the standard change {standard.name} is approved from {standard.first} until {standard.last}, "
            f"and it is {day}",
            remedy="policy pre-approves it anew, by a change of its own; or request it as a normal change",
        )
    if standard is not None and record.request.window is None:
        return None
    return why_not_in_window(record.request.window, at=around.at, zone=around.zone)
