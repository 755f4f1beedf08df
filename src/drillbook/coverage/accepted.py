"""Single failures that the organisation has decided to live with, until a day; and what a change makes worse. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drillbook.coverage.cover import LEVELS, STANDBY
from drillbook.coverage.order import places_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from drillbook.cmdb.model import Cmdb
    from drillbook.coverage.cover import Coverage
    from drillbook.coverage.nminus1 import Failure, Single, Stranded

POLICY = "accepted-single-failures"


@dataclass(frozen=True, slots=True)
class Weakness:
    """A service that a failure strands, other than by waiting for another one.

    ``accepted``: the id of the decision that covers it, or None. ``expired``: one that did, until a day that is over.
    """

    failure: Failure
    stranded: Stranded
    accepted: str | None
    expired: str | None

    @property
    def counts(self) -> bool:
        """Tell whether nobody has accepted it, or not any more."""
        return self.accepted is None


@dataclass(frozen=True, slots=True)
class Judged:
    """All weaknesses, and the ids of decisions that nothing needs any more."""

    weaknesses: tuple[Weakness, ...]
    unneeded: tuple[str, ...]

    @property
    def counting(self) -> tuple[Weakness, ...]:
        """Those that count."""
        return tuple(each for each in self.weaknesses if each.counts)


def judge(cmdb: Cmdb, single: Single, *, today: date) -> Judged:
    """Hold what was found against ``policies.accepted-single-failures``; on its last day a decision still holds."""
    decisions = decisions_of(cmdb)
    day = today.isoformat()
    needed: set[str] = set()
    found = []
    for failure in single.failures:
        called = (failure.id, *failure.same)
        names = {*called, *(place for each in called for place in _in(cmdb, each))}
        for each in failure.roots:
            fitting = [id_ for id_, decision in decisions.items() if _fits(decision, names, each)]
            needed.update(fitting)
            holding = [id_ for id_ in fitting if decisions[id_]["until"] >= day]
            expired = [id_ for id_ in fitting if decisions[id_]["until"] < day]
            found.append(Weakness(failure, each, next(iter(holding), None), next(iter(expired), None)))
    return Judged(tuple(found), tuple(id_ for id_ in decisions if id_ not in needed))


def decisions_of(cmdb: Cmdb) -> Mapping[str, Mapping[str, Any]]:
    """Give the decisions of the policy by id, as the schema has them."""
    if POLICY not in cmdb.policies:
        return {}
    decisions: Mapping[str, Mapping[str, Any]] = cmdb.policies[POLICY].get("accepted")
    return decisions


def _in(cmdb: Cmdb, id_: str) -> tuple[str, ...]:
    """Give the wider places that an item, a rack or a room stands in."""
    if id_ in cmdb.config_items:
        return places_of(cmdb.config_items[id_])
    room = id_.partition("/")[0]
    return room, cmdb.rooms()[room].id


def _fits(decision: Mapping[str, Any], names: set[str], each: Stranded) -> bool:
    facts: dict[str, set[Any]] = {
        "failures": names,
        "services": {each.service},
        "tiers": {each.tier},
        "reasons": {str(each.why)},
    }
    return all(fact.intersection(decision.get(field, fact)) for field, fact in facts.items())


def worse(base: Single, head: Single) -> set[tuple[str, str]]:
    """Give the (failure, service) that head strands and base does not, or brings back there and here never."""
    known = {(name, each.service): each.back for name, its in base.all.items() for each in its}
    found = set()
    for failure in head.failures:
        for each in failure.roots:
            keys = [(name, each.service) for name in (failure.id, *failure.same)]
            if all(key not in known or (known[key] is not None and each.back is None) for key in keys):
                found.add((failure.id, each.service))
    return found


def lost_cover(base: Coverage, head: Coverage) -> tuple[tuple[str, str, str, str], ...]:
    """Give what head covers worse than base, as (service, item, cover before, cover now); of what both have."""
    before = {(each.service, one.item): one.cover for each in base.services for one in each.items}
    found = []
    for each in head.services:
        for one in each.items:
            old = before.get((each.service, one.item))
            if old is not None and _level(one.cover) < _level(old):
                found.append((each.service, one.item, old, one.cover))
    return tuple(found)


def _level(cover: str) -> int:
    return len(LEVELS) if cover == STANDBY else LEVELS.index(cover)
