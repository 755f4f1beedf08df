"""Which drills prove nothing any more once a pull request is merged: their plans on both sides, compared.

Evidence is of the plan that ran. When that plan would be another one now, the drill is stale; why is told by what
the plan was made from: the drill's file, runbooks, the sealed playbooks, entries of the CMDB.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from drillbook.cmdb.compare.fields import same
from drillbook.errors import DrillbookError
from drillbook.evidence.verdict import Result
from drillbook.review.procedures import called_by
from drillbook.review.sides import planned

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from drillbook.drill.model import Drill
    from drillbook.evidence.archive import Kept
    from drillbook.plan.model import Plan
    from drillbook.review.sides import Side
    from drillbook.runbook.model import Text


class Fate(StrEnum):
    """What becomes of a drill."""

    BROKEN = "broken"
    """No plan can be made of it any more."""
    STALE = "stale"
    GONE = "gone"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the plan is another one. ``kind``: drill, runbook, sealed, cmdb, plan; ``about``: ids, or an error's text."""

    kind: str
    about: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DrillChange:
    """What becomes of one drill. ``last``: the newest record that counts; ``proved``: it is of head's plan already."""

    name: str
    title: Text
    service: str
    fate: Fate
    reasons: tuple[Reason, ...]
    last: Kept | None
    proved: bool = False


def compare_drills(base: Side, head: Side) -> list[DrillChange]:
    """Give the drills that change, by name; ``last`` is not known yet. Both sides must be valid."""
    found = []
    for name in sorted({*base.drills, *head.drills}):
        before, after = base.drills.get(name), head.drills.get(name)
        if after is None and before is not None:
            found.append(DrillChange(name, before.title, before.service, Fate.GONE, (), None))
        elif after is not None:
            fate, reasons = _fate(base, head, before, after)
            if fate is not None:
                found.append(DrillChange(name, after.title, after.service, fate, reasons, None))
    return found


def _fate(base: Side, head: Side, before: Drill | None, after: Drill) -> tuple[Fate | None, tuple[Reason, ...]]:
    new, trouble = planned(head, after)
    old, old_trouble = planned(base, before) if before is not None else ({}, "")
    if trouble:
        if before is not None and old_trouble:
            return None, ()  # it could not be planned before either
        return Fate.BROKEN, (Reason("plan", (trouble,)),)
    if before is None:
        return Fate.NEW, ()
    reasons = tuple(_reasons(base, head, (before, after), (old, new)))
    return (Fate.STALE, reasons) if reasons else (None, ())


def _reasons(
    base: Side,
    head: Side,
    drills: tuple[Drill, Drill],
    plans: tuple[Mapping[tuple[str, int], Plan], Mapping[tuple[str, int], Plan]],
) -> Iterator[Reason]:
    before, after = drills
    if before.digest != after.digest:
        yield Reason("drill")
    names = {call.runbook for drill in drills for call in (drill.call, *drill.before, *drill.afterwards)}
    books = {each for side in (base, head) for name in names for each in (name, *called_by(name, side.runbooks))}
    changed = sorted(each for each in books if _digest(base, each) != _digest(head, each))
    if changed:
        yield Reason("runbook", tuple(changed))
    if base.sealed != head.sealed:
        yield Reason("sealed")
    slices = [_slice(each.values()) for each in plans]
    for drill, side, part in zip(drills, (base, head), slices, strict=True):
        for probe in drill.probes:
            if probe.source in side.cmdb.config_items:
                part["config_items", probe.source] = side.cmdb.config_items[probe.source].fields
    entries = sorted(key for key in {*slices[0], *slices[1]} if not same(slices[0].get(key), slices[1].get(key)))
    if entries:
        yield Reason("cmdb", tuple(id_ for _, id_ in entries))
    if not (changed or entries or base.sealed != head.sealed or before.digest != after.digest):
        old, new = plans
        if {key: plan.digest for key, plan in old.items()} != {key: plan.digest for key, plan in new.items()}:
            yield Reason("plan")


def _digest(side: Side, runbook: str) -> str:
    return side.runbooks[runbook].digest if runbook in side.runbooks else ""


def _slice(plans: Iterable[Plan]) -> dict[tuple[str, str], Any]:
    return {
        (section, id_): fields
        for plan in plans
        for section, entries in plan.cmdb_slice.items()
        for id_, fields in entries.items()
    }


def with_evidence(changes: Iterable[DrillChange], head: Side, records: Path) -> list[DrillChange]:
    """Add when each drill was last proved.

    Args:
        changes: what becomes of the drills.
        head: the side after.
        records: a folder like an estate's, with the records of these drills below ``drills/records``.
    """
    from drillbook.evidence.archive import read_archive

    archive = read_archive(records)
    found = []
    for change in changes:
        counted = [each for each in archive.of(change.name).kept if each.result is not Result.INVALID]
        last = counted[-1] if counted else None
        proved = last is not None and change.fate is not Fate.GONE and _is_of_head(last, change, head, records)
        found.append(replace(change, last=last, proved=proved))
    return found


def _is_of_head(last: Kept, change: DrillChange, head: Side, records: Path) -> bool:
    """Tell whether a record is of the drill and the plan that head has: then it was made for this pull request."""
    drill = head.drills[change.name]
    if last.digest != drill.digest:
        return False
    try:
        wanted = {("main", head.plan(drill.call, drill.environment).digest)}
    except DrillbookError:
        return False
    from drillbook.evidence.record import FOLDER, read_record

    runs = read_record(records / FOLDER / last.folder, root=records).value["runs"]
    return {(run["part"], run["plan"]) for run in runs if run["part"] == "main"} == wanted
