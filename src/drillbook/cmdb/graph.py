"""What follows when something fails: which services stop, what brings them back, who must be told.

The graph: an item depends on items and services, a service on services and on the items that
provide it. Each of them works, is interrupted (``RECOVERS``) or is down (``STOPS``). An item takes
the worst state of what it depends on. So does a service, but for two things: the idle half of a hot
standby does not stop it, and an item that is down only interrupts it when a protection can take over.
A spare takes over for one item; when several need it, people must choose, and none is counted on.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

from drillbook.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from drillbook.cmdb.model import Cmdb, Entry


class Effect(IntEnum):
    """What happens to an item or a service; the worse is the greater."""

    RECOVERS = 1
    """It is interrupted until a protection has taken over."""
    STOPS = 2
    """It is down until somebody repairs something."""


class Loss(StrEnum):
    """What happens to a protection."""

    TAKES_OVER = "takes_over"
    """Its primary is down and it brings the service back; afterwards there is no second copy."""
    CONTESTED = "contested"
    """Its primary is down, and others need its spare too."""
    GONE = "gone"
    """Its primary is down, and so is what would take over."""
    EXPOSED = "exposed"
    """Its primary works, and what would take over is down or taken."""


@dataclass(frozen=True, slots=True)
class FailedItem:
    """An item that does not work; ``because`` is what it depends on, or None when it is a cause."""

    id: str
    effect: Effect
    because: str | None


@dataclass(frozen=True, slots=True)
class FailedService:
    """A service that users lose.

    ``via`` leads from a cause to the service (ids; both ends included). ``back_by`` are the
    protections that take over for it, ``not_back`` its items and services that nothing brings back.
    """

    id: str
    tier: int
    effect: Effect
    via: tuple[str, ...]
    back_by: tuple[str, ...]
    not_back: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FailedProtection:
    """A protection that must act or has lost its other half; ``other`` is that half's item, or None."""

    id: str
    service: str
    loss: Loss
    other: str | None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a person is told: ``desk``, ``looks_after``, ``owns`` or ``named``, and for which ids."""

    kind: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ToTell:
    """A person to be told; ``line`` of support, or None."""

    id: str
    line: int | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class ToCall:
    """A vendor to be called by ``phone``; ``about`` are items and services, ``contract`` may be None."""

    vendor: str
    contract: str | None
    phone: str
    contacts: tuple[str, ...]
    about: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Impact:
    """All that follows when ``id`` fails.

    ``causes`` are what is broken itself. ``services`` stand with the most important first, ``people``
    with line 1 first, then line 2, then the others.
    """

    id: str
    causes: tuple[str, ...]
    items: tuple[FailedItem, ...]
    services: tuple[FailedService, ...]
    protections: tuple[FailedProtection, ...]
    people: tuple[ToTell, ...]
    vendors: tuple[ToCall, ...]


def impact(cmdb: Cmdb, id_: str) -> Impact:
    """Tell what follows when something fails.

    Args:
        cmdb: a validated CMDB.
        id_: an item or a service; or a site, a room or a rack (``room/rack``), which stands for all
            items in it.

    Raises:
        UsageError: there is no such thing, or it is none that fails.
    """
    causes = tuple(_causes(cmdb, id_))
    walk = _Walk(cmdb, causes)
    walk.spread()
    protections = tuple(walk.protections())
    items = tuple(
        FailedItem(item.id, walk.state[item.id], walk.because[item.id])
        for item in cmdb.config_items
        if item.id in walk.state
    )
    services = tuple(
        sorted(
            (walk.service(each) for each in cmdb.services if each.id in walk.state),
            key=lambda each: (each.tier, -each.effect, len(each.via), each.id),
        )
    )
    broken = [each for each in causes if each in cmdb.config_items]
    for each in causes:
        if each in cmdb.services:
            broken.extend(cmdb.services[each].get("provided_by"))
    hit = [each.id for each in services if any(map(walk.down, cmdb.services[each.id].get("provided_by")))]
    return Impact(
        id=id_,
        causes=causes,
        items=items,
        services=services,
        protections=protections,
        people=tuple(_people(cmdb, [each.id for each in items] or broken, services)),
        vendors=tuple(_vendors(cmdb, broken, hit)),
    )


def _causes(cmdb: Cmdb, id_: str) -> Iterator[str]:
    room, _, rack = id_.partition("/")
    rooms = {name: site for site in cmdb.sites for name in site.get("rooms", {})}
    if room in rooms:
        if rack and rack not in rooms[room].get("rooms")[room].get("racks", {}):
            raise UsageError(
                f"the room '{room}' has no rack '{rack[:80]}'",
                remedy=f"./inv cmdb.show {rooms[room].id} shows its racks",
            )
        for item in cmdb.config_items:
            if item.get("room") == room and rack in ("", item.get("rack")):
                yield item.id
        return
    entry = cmdb.find(id_)
    if entry.section == "sites":
        yield from (item.id for item in cmdb.config_items if item.get("site") == id_)
    elif entry.section in ("config_items", "services"):
        yield id_
    else:
        raise UsageError(
            f"'{id_}' stands in {entry.section}, of which nothing fails",
            remedy="name an item, a service, a site, a room, or a rack as room/rack",
        )


class _Walk:
    """The spread of a failure; states only get worse, so that it ends."""

    def __init__(self, cmdb: Cmdb, causes: tuple[str, ...]) -> None:
        self.cmdb = cmdb
        self.causes = causes
        self.state: dict[str, Effect] = {}
        self.because: dict[str, str | None] = {}
        self.by_service: dict[str, list[Entry]] = {}
        self.by_spare: dict[str, list[Entry]] = {}
        self.followers: dict[str, list[Entry]] = {}
        for section in (cmdb.config_items, cmdb.services):
            for entry in section:
                for need in (*entry.get("depends_on", ()), *entry.get("provided_by", ())):
                    self.followers.setdefault(need, []).append(entry)
        for protection in cmdb.protections:
            self.by_service.setdefault(protection.get("service"), []).append(protection)
            if spare := protection.get("members").get("spare"):
                self.by_spare.setdefault(spare, []).append(protection)
        for protection in cmdb.protections:
            # What would take over, and what competes for it, changes what a service can count on.
            service = cmdb.services[protection.get("service")]
            for member in protection.get("members").values():
                self.followers.setdefault(member, []).append(service)
            for rival in self.by_spare.get(protection.get("members").get("spare", ""), ()):
                self.followers.setdefault(rival.get("members")["primary"], []).append(service)

    def spread(self) -> None:
        """Let the failure reach everything that it reaches."""
        queue = deque(self.causes)
        for cause in self.causes:
            self.state[cause] = Effect.STOPS
            self.because[cause] = None
        while queue:
            for entry in self.followers.get(queue.popleft(), ()):
                worst = max(self._needs(entry), key=lambda need: need[0], default=None)
                if worst is not None and worst[0] > self.state.get(entry.id, 0):
                    self.state[entry.id], self.because[entry.id] = worst
                    queue.append(entry.id)

    def _needs(self, entry: Entry) -> Iterator[tuple[Effect, str]]:
        for need in entry.get("depends_on", ()):
            if need in self.state:
                yield self.state[need], need
        for item in entry.get("provided_by", ()):
            effect = self._effect_of_item(entry.id, item)
            if effect is not None:
                yield effect, item

    def _effect_of_item(self, service: str, item: str) -> Effect | None:
        state = self.state.get(item)
        if state is None:
            return None
        mine = [each for each in self.by_service.get(service, ()) if each.get("members")["primary"] == item]
        if not mine and any(each.get("members").get("standby") == item for each in self.by_service.get(service, ())):
            return None
        if state is Effect.STOPS and any(self.loss(each) is Loss.TAKES_OVER for each in mine):
            return Effect.RECOVERS
        return state

    def down(self, item: str | None) -> bool:
        """Tell whether an item does not work and is not only interrupted."""
        return item is not None and self.state.get(item) is Effect.STOPS

    def loss(self, protection: Entry) -> Loss | None:
        """Give what happens to a protection, or None when it is whole."""
        members = protection.get("members")
        rivals = [
            each for each in self.by_spare.get(members.get("spare", ""), ())
            if each is not protection and self.down(each.get("members")["primary"])
        ]  # fmt: skip
        if self.down(members["primary"]):
            if self.down(_other(protection)):
                return Loss.GONE
            return Loss.CONTESTED if rivals else Loss.TAKES_OVER
        return Loss.EXPOSED if rivals or self.down(_other(protection)) else None

    def protections(self) -> Iterator[FailedProtection]:
        """Give the protections that are not whole."""
        for protection in self.cmdb.protections:
            loss = self.loss(protection)
            if loss is not None:
                yield FailedProtection(protection.id, protection.get("service"), loss, _other(protection))

    def service(self, service: Entry) -> FailedService:
        """Give what is to be said of a service that fails."""
        via: list[str] = []
        at: str | None = service.id
        while at is not None:
            via.append(at)
            at = self.because[at]
        effects = {item: self._effect_of_item(service.id, item) for item in service.get("provided_by")}
        below = [each for each in service.get("depends_on", ()) if self.state.get(each) is Effect.STOPS]
        return FailedService(
            id=service.id,
            tier=service.get("tier"),
            effect=self.state[service.id],
            via=tuple(reversed(via)),
            back_by=tuple(
                each.id for each in self.by_service.get(service.id, ()) if self.loss(each) is Loss.TAKES_OVER
            ),
            not_back=(*(item for item, effect in effects.items() if effect is Effect.STOPS), *below),
        )


def _other(protection: Entry) -> str | None:
    members: dict[str, str] = protection.get("members")
    return members.get("standby") or members.get("spare") or members.get("library")


def _people(cmdb: Cmdb, items: list[str], services: Iterable[FailedService]) -> list[ToTell]:
    reasons: dict[str, dict[str, dict[str, None]]] = {}

    def tell(person: str, kind: str, about: str) -> None:
        reasons.setdefault(person, {}).setdefault(kind, {})[about] = None

    affected = [each.id for each in services]
    for person in cmdb.people:
        if person.get("line") == 1:
            for service in affected:
                tell(person.id, "desk", service)
    specialists = [(each.id, set(each.get("looks_after", ()))) for each in cmdb.people]
    for id_ in items:
        item = cmdb.config_items[id_]
        marks = {item.get("class"), *item.get("functions", ())}
        for person_id, looks_after in specialists:
            if marks & looks_after:
                tell(person_id, "looks_after", id_)
        if not marks & next((after for each, after in specialists if each == item.get("owner")), set()):
            tell(item.get("owner"), "owns", id_)
    for service in affected:
        entry = cmdb.services[service]
        tell(entry.get("owner"), "owns", service)
        for person_id in entry.get("notify", ()):
            if person_id != entry.get("owner"):
                tell(person_id, "named", service)
    told = [
        ToTell(
            id=id_,
            line=cmdb.people[id_].get("line"),
            reasons=tuple(Reason(kind, tuple(about)) for kind, about in kinds.items()),
        )
        for id_, kinds in reasons.items()
    ]
    return sorted(told, key=lambda each: (each.line or 9, each.id))


def _vendors(cmdb: Cmdb, items: Iterable[str], services: Iterable[str]) -> Iterator[ToCall]:
    calls: dict[tuple[str, str | None], list[str]] = {}
    for entry in (*(cmdb.config_items[each] for each in items), *(cmdb.services[each] for each in services)):
        if entry.get("vendor") is not None:
            calls.setdefault((entry.get("vendor"), entry.get("contract")), []).append(entry.id)
    for (vendor_id, contract), about in calls.items():
        vendor = cmdb.vendors[vendor_id]
        terms = vendor.get("contracts", {}).get(contract, {})
        yield ToCall(
            vendor=vendor_id,
            contract=contract,
            phone=terms.get("phone", vendor.get("phone")),
            contacts=tuple(vendor.get("contacts", ())),
            about=tuple(about),
        )
