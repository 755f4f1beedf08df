"""Each service against what protects it, and each spare against what it covers. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.cmdb.durations import seconds
from drillbook.cmdb.impact.spread import graph_of, other_half
from drillbook.coverage.needs import COVERS, NONE, limit_of, limits, rpo_of
from drillbook.coverage.order import Place, order
from drillbook.coverage.shared import Shared, shared
from drillbook.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from drillbook.cmdb.model import Cmdb, Entry

STANDBY = "standby"
"""An item that is only the waiting half of a pair: the service does not stop when it does."""
PART = "part"
"""A service of which some items are protected and others are not."""
LEVELS = (NONE, PART, "tape", "cold", "hot")
"""From the weakest cover to the strongest."""


@dataclass(frozen=True, slots=True)
class Cover:
    """A protection of an item.

    ``kind``: hot, cold or tape. ``other``: the item that takes over or holds the copies, or None. ``rto`` and ``rpo``:
    what it can keep at best, as durations; empty where nobody has said. ``taken_by``: the protection that its spare is
    in use by.
    """

    protection: str
    kind: str
    other: str | None
    rto: str
    rpo: str
    keeps_rto: bool
    keeps_rpo: bool
    taken_by: str | None


@dataclass(frozen=True, slots=True)
class ItemCover:
    """An item that provides a service, and what protects what it does there; the best first."""

    item: str
    standby: bool
    by: tuple[Cover, ...]

    @property
    def free(self) -> tuple[Cover, ...]:
        """The covers that are not taken."""
        return tuple(each for each in self.by if each.taken_by is None)

    @property
    def cover(self) -> str:
        """hot, cold, tape or none, of what is free; standby for the waiting half of a pair."""
        if self.standby:
            return STANDBY
        return max((each.kind for each in self.free), key=LEVELS.index, default=NONE)


@dataclass(frozen=True, slots=True)
class ServiceCover:
    """A service and its items."""

    service: str
    tier: int
    hours: str
    rto: str
    rpo: str
    items: tuple[ItemCover, ...]

    @property
    def cover(self) -> str:
        """The weakest cover of its items: what is promised of the whole; part when some have one and others none."""
        found = {each.cover for each in self.items if not each.standby}
        return PART if NONE in found and len(found) > 1 else min(found, key=LEVELS.index, default=NONE)

    @property
    def keeps_rto(self) -> bool:
        """Tell whether each of its items has a cover that keeps the RTO."""
        return all(any(one.keeps_rto for one in each.free) for each in self.items if not each.standby)

    @property
    def keeps_rpo(self) -> bool:
        """Tell whether each of its items has a cover that keeps the RPO."""
        return all(any(one.keeps_rpo for one in each.free) for each in self.items if not each.standby)


@dataclass(frozen=True, slots=True)
class Wanting:
    """A protection of a spare: its place among them, and what is left when another has the spare (the best first)."""

    place: Place
    primary: str
    fallback: tuple[Cover, ...]


@dataclass(frozen=True, slots=True)
class SpareCover:
    """A spare's item with the protections that count on it, in the order in which they get it.

    ``taken_by``: the protection that it is in use by. ``unused``: items that it may stand in for by the section
    spares, and for which no protection counts on it.
    """

    item: str
    wanting: tuple[Wanting, ...]
    taken_by: str | None
    unused: tuple[str, ...]

    @property
    def contested(self) -> bool:
        """Tell whether two items count on it."""
        return len({each.primary for each in self.wanting}) > 1

    @property
    def losing(self) -> tuple[Wanting, ...]:
        """Who loses cover while it is in use."""
        has = next((each.primary for each in self.wanting if each.place.protection == self.taken_by), None)
        return tuple(each for each in self.wanting if has is not None and each.primary != has)


@dataclass(frozen=True, slots=True)
class Coverage:
    """All of it; services with the most important first, spares in the order of the files."""

    in_use: tuple[str, ...]
    services: tuple[ServiceCover, ...]
    spares: tuple[SpareCover, ...]
    shared: tuple[Shared, ...]


def coverage(cmdb: Cmdb, *, in_use: Sequence[str] = ()) -> Coverage:
    """Hold each service against what protects it.

    Args:
        cmdb: a validated CMDB.
        in_use: what if: the protections that have their spare already (ids).

    Raises:
        UsageError: such a protection does not exist or has no spare, or two of them have the same one.
    """
    taken = _taken(cmdb, in_use)
    by_service = graph_of(cmdb).by_service
    services = [_service(cmdb, each, by_service.get(each.id, ()), taken) for each in cmdb.services]
    return Coverage(
        in_use=tuple(in_use),
        services=tuple(sorted(services, key=lambda each: (each.tier, seconds(each.rto), each.service))),
        spares=tuple(_spares(cmdb, taken)),
        shared=tuple(found for protection in cmdb.protections for found in shared(cmdb, protection)),
    )


def _taken(cmdb: Cmdb, in_use: Iterable[str]) -> dict[str, str]:
    taken: dict[str, str] = {}
    for id_ in in_use:
        spare = cmdb.protections[id_].get("members").get("spare")
        if spare is None:
            raise UsageError(
                f"'{id_}' is {cmdb.protections[id_].get('kind')}, which has no spare to be in use",
                remedy="name a protection of the kind cold_standby: ./inv cmdb.list --section protections",
            )
        if taken.setdefault(spare, id_) != id_:
            raise UsageError(
                f"'{id_}' and '{taken[spare]}' share the spare {spare}, which can be in use by one of them only",
                remedy="leave one of them out",
            )
    return taken


def _service(cmdb: Cmdb, service: Entry, protections: Iterable[Entry], taken: Mapping[str, str]) -> ServiceCover:
    by_item: dict[str, list[Cover]] = {}
    waiting = set()
    for each in protections:
        members = each.get("members")
        by_item.setdefault(members["primary"], []).append(_cover(cmdb, each, taken))
        if "standby" in members:
            waiting.add(members["standby"])
    items = [
        ItemCover(item, item in waiting and item not in by_item, tuple(sorted(by_item.get(item, ()), key=_strength)))
        for item in service.get("provided_by")
    ]
    fields = service.fields
    return ServiceCover(service.id, fields["tier"], fields.get("hours", ""), fields["rto"], fields["rpo"], tuple(items))


def _strength(cover: Cover) -> tuple[int, str]:
    return -LEVELS.index(cover.kind), cover.protection


def _cover(cmdb: Cmdb, protection: Entry, taken: Mapping[str, str]) -> Cover:
    service = cmdb.services[protection.get("service")]
    members = protection.get("members")
    user = taken.get(members.get("spare", ""))
    mine = user is not None and cmdb.protections[user].get("members")["primary"] == members["primary"]
    rpo = rpo_of(cmdb, protection)
    return Cover(
        protection=protection.id,
        kind=COVERS[protection.get("kind")],
        other=other_half(protection),
        rto=limits(cmdb).get(protection.get("kind"), ""),
        rpo=rpo,
        keeps_rto=limit_of(cmdb, protection) <= seconds(service.get("rto")),
        keeps_rpo=not rpo or seconds(rpo) <= seconds(service.get("rpo")),
        taken_by=None if mine else user,
    )


def _spares(cmdb: Cmdb, taken: Mapping[str, str]) -> list[SpareCover]:
    graph = graph_of(cmdb)
    covers: dict[str, list[str]] = {}
    for spare in cmdb.spares:
        covers.setdefault(spare.get("item"), []).extend(spare.get("covers"))
    for item in graph.by_spare:
        covers.setdefault(item, [])
    found = []
    for item, covered in covers.items():
        protections = {each.id: each for each in graph.by_spare.get(item, ())}
        primaries = {id_: each.get("members")["primary"] for id_, each in protections.items()}
        wanting = [
            Wanting(place, primaries[place.protection], _fallback(cmdb, protections[place.protection], taken))
            for place in order(cmdb, protections)
        ]
        unused = tuple(each for each in dict.fromkeys(covered) if each not in primaries.values())
        found.append(SpareCover(item, tuple(wanting), taken.get(item), unused))
    return found


def _fallback(cmdb: Cmdb, protection: Entry, taken: Mapping[str, str]) -> tuple[Cover, ...]:
    """Give what else protects the same item for the same service, on another spare or none."""
    members = protection.get("members")
    others = [
        _cover(cmdb, each, taken)
        for each in graph_of(cmdb).by_service.get(protection.get("service"), ())
        if each.get("members")["primary"] == members["primary"]
        and each.get("members").get("spare") != members.get("spare")
    ]
    return tuple(sorted((each for each in others if each.taken_by is None), key=_strength))
