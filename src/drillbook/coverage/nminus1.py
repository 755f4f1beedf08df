"""Every single failure of an estate, and which leave a service without a way back within its RTO. Pure.

A failure is the loss of an item, a rack or a room. What only a rack or a room does is told of it: a service that one
item in it strands alone stands with that item. Items on which nothing depends are left out, and what breaks the same
items is worked out once.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from drillbook.coverage.order import places_of
from drillbook.coverage.recovery import Network, Recovery, network_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from drillbook.cmdb.model import Cmdb
    from drillbook.coverage.needs import Way


class Why(StrEnum):
    """Why something is not done again in time; the first is the worst."""

    NOTHING = "nothing"
    """Nothing protects it."""
    LOST = "lost"
    """What would bring it back is lost with it."""
    CONTESTED = "contested"
    """Its spare is given to something that comes first."""
    SLOW = "slow"
    """What brings it back takes longer."""
    WAITS = "waits"
    """It waits for another service, which has no way back within its own RTO."""


SEVERITY = {why: place for place, why in enumerate(Why)}


@dataclass(frozen=True, slots=True)
class Tried:
    """A protection that does not help, or not in time.

    ``what`` is what it lacks (an item, the first where one of some would do), the protection that has its spare, or
    empty when it is only slow.
    ``seconds`` is how long it takes, None when it cannot at all.
    """

    protection: str
    why: Why
    what: str
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Blocked:
    """Something that a service needs and that is not done again within its RTO.

    ``need`` is an item that provides it, or a service. ``through`` leads from what is broken to the need (ids, both
    ends included; only the need for a service). ``tried``: what protects it.
    """

    need: str
    why: Why
    through: tuple[str, ...]
    tried: tuple[Tried, ...]


@dataclass(frozen=True, slots=True)
class Stranded:
    """A service that has no way back within its RTO (seconds); ``back``: when it is back at best, None for never."""

    service: str
    tier: int
    rto: float
    back: float | None
    blocked: tuple[Blocked, ...]

    @property
    def why(self) -> Why:
        """The worst reason."""
        return min((each.why for each in self.blocked), key=SEVERITY.__getitem__)


@dataclass(frozen=True, slots=True)
class Failure:
    """A single failure that strands services.

    ``kind`` is ``item``, ``rack`` or ``room``; ``id`` an item, ``room/rack`` or a room, and ``same`` are others that
    break the same. ``services`` are all that it strands; ``own`` those of them that no part of it strands alone.
    """

    id: str
    kind: str
    same: tuple[str, ...]
    services: tuple[Stranded, ...]
    own: tuple[Stranded, ...]

    @property
    def roots(self) -> tuple[Stranded, ...]:
        """Those of its own that do not only wait for another of them."""
        return tuple(each for each in self.own if each.why is not Why.WAITS)

    def waiting(self, services: Iterable[str]) -> tuple[str, ...]:
        """Give those of its own that wait for some of these services, also through others."""
        late = set(services)
        waits = [each for each in self.own if each.why is Why.WAITS]
        while more := {
            each.service for each in waits if any(one.need in late for one in each.blocked)
        } - late:  # fmt: skip
            late |= more
        return tuple(each.service for each in waits if each.service in late)

    @property
    def badness(self) -> tuple[int, int, int, str]:
        """What sorts the worst first: the most important service, how many are lost themselves, how many in all."""
        return min(each.tier for each in self.own), -len(self.roots), -len(self.own), self.id


@dataclass(frozen=True, slots=True)
class Single:
    """All of it: the failures that strand something of their own, the worst first; how many were looked at.

    ``all`` has what every failure strands, by each of its names: also a room that does no more than its racks.
    """

    failures: tuple[Failure, ...]
    all: Mapping[str, tuple[Stranded, ...]]
    items: int
    racks: int
    rooms: int
    computed: int


Causes = tuple[str, ...]
"""The items that a failure breaks, in the order of the files."""


def nminus1(cmdb: Cmdb) -> Single:
    """Try every single failure of a validated CMDB."""
    network = network_of(cmdb)
    racks, rooms = _places(network)
    names: dict[Causes, list[tuple[str, str]]] = {}
    for item in filter(network.matters, cmdb.config_items.by_id):
        names.setdefault((item,), []).append(("item", item))
    for kind, places in (("rack", racks), ("room", rooms)):
        for place, inside in places.items():
            if inside:
                names.setdefault(tuple(inside), []).append((kind, place))
    known = {causes: stranded(network, causes) for causes in names}
    rack_of: dict[str, Causes] = {item: tuple(inside) for inside in racks.values() for item in inside}
    failures = []
    for causes, ((kind, id_), *others) in names.items():
        found = known[causes]
        parts = {(item,) for item in causes} | {rack_of[item] for item in causes if kind == "room" and item in rack_of}
        own = tuple(each for each in found if not _told(each, parts - {causes}, known))
        if own:
            failures.append(Failure(id_, kind, tuple(other for _, other in others), found, own))
    failures.sort(key=lambda each: each.badness)
    everything = {id_: known[causes] for causes, called in names.items() for _, id_ in called if known[causes]}
    return Single(tuple(failures), everything, len(cmdb.config_items), len(racks), len(rooms), len(known))


def stranded(network: Network, causes: Iterable[str]) -> tuple[Stranded, ...]:
    """Give the services that have no way back within their RTO when items fail together, the important first."""
    recovery = Recovery(network, causes)
    late = {id_ for id_ in recovery.reached if id_ in network.rto and _late(recovery, id_, network.rto[id_])}
    found = []
    for id_ in late:
        tier = network.cmdb.services[id_].fields["tier"]
        blocked = tuple(_blocked(recovery, id_, late))
        found.append(Stranded(id_, tier, network.rto[id_], recovery.back(id_), blocked))
    return tuple(sorted(found, key=lambda each: (each.tier, SEVERITY[each.why], each.service)))


def _late(recovery: Recovery, id_: str, rto: float) -> bool:
    back = recovery.back(id_)
    return back is None or back > rto


def _places(network: Network) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Give the racks and the rooms, each with the items in it on which something depends; some have none."""
    racks: dict[str, list[str]] = {}
    rooms: dict[str, list[str]] = {}
    for item in network.cmdb.config_items:
        *narrow, _site = places_of(item)
        for place in narrow:
            inside = (racks if "/" in place else rooms).setdefault(place, [])
            if network.matters(item.id):
                inside.append(item.id)
    return racks, rooms


def _told(each: Stranded, parts: Iterable[Causes], known: Mapping[Causes, tuple[Stranded, ...]]) -> bool:
    """Tell whether a part of what fails strands a service as badly alone."""
    return any(
        other.service == each.service and (other.back is None or each.back is not None)
        for part in parts
        for other in known[part]
    )


def _blocked(recovery: Recovery, id_: str, late: AbstractSet[str]) -> Iterator[Blocked]:
    """Give what holds a service up; ``late``: the services that have no way back within their own RTO."""
    network = recovery.network
    rto, fields = network.rto[id_], network.cmdb.services[id_].fields
    for item in fields["provided_by"]:
        back = recovery.done_again(id_, item)
        if back is not None and back <= rto:
            continue
        through = _through(recovery, item, rto)
        tried = tuple(_tried(recovery, way) for way in network.ways.get((id_, item), ()))
        if through[0] in network.rto and (not tried or back == recovery.back(item)):
            yield Blocked(through[0], Why.WAITS if through[0] in late else Why.SLOW, through, tried)
        elif back is not None:
            yield Blocked(item, Why.SLOW, through, tried)
        else:
            reasons = {one.why for one in tried}
            why = next((each for each in (Why.CONTESTED, Why.LOST) if each in reasons), Why.NOTHING)
            yield Blocked(item, why, through, tried)
    for need in fields.get("depends_on", ()):
        if _late(recovery, need, rto):
            yield Blocked(need, Why.WAITS if need in late else Why.SLOW, (need,), ())


def _tried(recovery: Recovery, way: Way) -> Tried:
    for any_of in way.needs:
        if all(recovery.back(each) is None for each in any_of):
            return Tried(way.protection, Why.LOST, any_of[0], None)
    if way.spare is not None and (has := recovery.given.get(way.spare, way.primary)) != way.primary:
        rivals = [each for each in recovery.network.sharing[way.spare] if each.primary == has]
        return Tried(
            way.protection,
            Why.CONTESTED,
            min(rivals, key=lambda each: recovery.network.rank(each.protection)).protection,
            None,
        )
    return Tried(way.protection, Why.SLOW, "", recovery.could(way))


def _through(recovery: Recovery, item: str, rto: float) -> tuple[str, ...]:
    """Give the way from what is broken, or from the service that it waits for, to an item."""
    entries = recovery.network.cmdb.config_items.by_id
    way = [item]
    while way[-1] in entries and way[-1] not in recovery.causes:
        needs = entries[way[-1]].fields.get("depends_on", ())
        late = [need for need in needs if need not in way and _late(recovery, need, rto)]
        gone = [need for need in late if recovery.back(need) is None]
        if not late:
            break
        way.append((gone or late)[0])
    return tuple(reversed(way))
