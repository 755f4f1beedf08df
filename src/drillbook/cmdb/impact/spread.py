"""How a failure spreads: what hangs on what, and the walk along it.

An item depends on items and services, a service on services and on the items that provide it. Each of
them works, is interrupted (``RECOVERS``) or is down (``STOPS``). An item takes the worst state of what
it depends on. So does a service, but for two things: the idle half of a hot standby does not stop it,
and an item that is down only interrupts it when a protection can take over: one whose every part works,
such as the host of the snapshots and the witness of a cold spare. A spare takes over for one item; when
several need it, people must choose, and none is counted on.
"""

from __future__ import annotations

import functools
from collections import defaultdict, deque
from typing import TYPE_CHECKING

from drillbook.cmdb.impact.effects import Effect, FailedProtection, FailedService, Loss, Part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.cmdb.model import Cmdb, Entry

_STOPS, _RECOVERS = Effect.STOPS, Effect.RECOVERS


class Graph:
    """Which entries hang on which, of a whole CMDB; made once for all walks.

    ``followers`` of an id are the items and services that may change when it does. ``by_service`` and
    ``by_spare`` are the protections of a service and those that share a spare, ``parts`` what each cannot
    act without. ``touched`` are the places of the protections that an item's failure touches, and ``order``
    is the place of each item, in the order of the files.
    """

    __slots__ = ("by_service", "by_spare", "cmdb", "followers", "order", "parts", "touched")

    def __init__(self, cmdb: Cmdb) -> None:
        """Look at every entry once."""
        self.cmdb = cmdb
        self.by_service: defaultdict[str, list[Entry]] = defaultdict(list)
        self.by_spare: defaultdict[str, list[Entry]] = defaultdict(list)
        self.followers: defaultdict[str, list[Entry]] = defaultdict(list)
        self.touched: defaultdict[str, list[int]] = defaultdict(list)
        self.parts = {each.id: parts_of(each) for each in cmdb.protections}
        self.order = {id_: place for place, id_ in enumerate(cmdb.config_items.by_id)}
        followers = self.followers
        for section in (cmdb.config_items, cmdb.services):
            for entry in section:
                fields = entry.fields
                for need in fields.get("depends_on", ()):
                    followers[need].append(entry)
                for need in fields.get("provided_by", ()):
                    followers[need].append(entry)
        for protection in cmdb.protections:
            self.by_service[protection.fields["service"]].append(protection)
            if spare := protection.fields["members"].get("spare"):
                self.by_spare[spare].append(protection)
        for place, protection in enumerate(cmdb.protections):
            # What would take over, and what competes for it, changes what a service can count on.
            service = cmdb.services[protection.fields["service"]]
            members = protection.fields["members"].values()
            needed = (item for _, items in self.parts[protection.id] for item in items)
            for item in dict.fromkeys((*members, *needed)):
                followers[item].append(service)
                self.touched[item].append(place)
            for rival in self.rivals(protection):
                followers[rival.fields["members"]["primary"]].append(service)
                self.touched[rival.fields["members"]["primary"]].append(place)

    def rivals(self, protection: Entry) -> list[Entry]:
        """Give the protections that share a protection's spare, itself among them."""
        spare = protection.fields["members"].get("spare")
        return self.by_spare[spare] if spare else []


@functools.lru_cache(maxsize=1)
def graph_of(cmdb: Cmdb) -> Graph:
    """Give the graph of a CMDB, which the next question about it needs too."""
    return Graph(cmdb)


class Walk:
    """The spread of a failure; states only get worse, so that it ends.

    ``state`` of what does not work, and ``because`` of what, None for a cause. Everything else is to be
    asked for after ``spread``.
    """

    def __init__(self, graph: Graph, causes: tuple[str, ...]) -> None:
        """Take what is broken itself; nothing has spread yet."""
        self.graph = graph
        self.causes = causes
        self.state: dict[str, Effect] = dict.fromkeys(causes, _STOPS)
        self.because: dict[str, str | None] = dict.fromkeys(causes)
        self._ways: dict[str, tuple[str, ...]] = {}

    def spread(self) -> None:
        """Let the failure reach everything that it reaches."""
        state, followers = self.state, self.graph.followers
        queue = deque(self.causes)
        while queue:
            for entry in followers.get(queue.popleft(), ()):
                id_ = entry.id
                known = state.get(id_)
                if known is _STOPS:
                    continue
                effect, need = self.worst(entry)
                if effect is not None and effect is not known:
                    state[id_] = effect
                    self.because[id_] = need
                    if id_ in followers:
                        queue.append(id_)

    def worst(self, entry: Entry) -> tuple[Effect | None, str | None]:
        """Give the worst state of what an entry needs, and the first need that has it; (None, None) when all work."""
        state, fields = self.state, entry.fields
        worst: Effect | None = None
        because = None
        for need in fields.get("depends_on", ()):
            effect = state.get(need)
            if effect is not None and effect is not worst:
                worst, because = effect, need
                if effect is _STOPS:
                    return worst, because
        for item in fields.get("provided_by", ()):
            if item in state:
                effect = self.effect_of_item(entry.id, item)
                if effect is not None and effect is not worst:
                    worst, because = effect, item
                    if effect is _STOPS:
                        break
        return worst, because

    def effect_of_item(self, service: str, item: str) -> Effect | None:
        """Give what the state of one of its items does to a service; None for nothing."""
        state = self.state.get(item)
        if state is None:
            return None
        protections = self.graph.by_service.get(service, ())
        mine = [each for each in protections if each.fields["members"]["primary"] == item]
        if not mine and any(each.fields["members"].get("standby") == item for each in protections):
            return None
        if state is _STOPS and any(self.loss(each) is Loss.TAKES_OVER for each in mine):
            return _RECOVERS
        return state

    def down(self, item: str | None) -> bool:
        """Tell whether an item does not work and is not only interrupted."""
        return item is not None and self.state.get(item) is _STOPS

    def loss(self, protection: Entry) -> Loss | None:
        """Give what happens to a protection, or None when it is whole."""
        primary = protection.fields["members"]["primary"]
        rivals = any(
            each is not protection and self.down(each.fields["members"]["primary"])
            for each in self.graph.rivals(protection)
        )
        if self.down(primary):
            if self.without(protection):
                return Loss.GONE
            return Loss.CONTESTED if rivals else Loss.TAKES_OVER
        if rivals or self.without(protection):
            return Loss.EXPOSED
        return Loss.WEAKER if self.fewer_places(protection) else None

    def without(self, protection: Entry) -> tuple[tuple[Part, tuple[str, ...]], ...]:
        """Give the parts of a protection that are down, so that it cannot act."""
        return tuple(each for each in self.graph.parts[protection.id] if all(map(self.down, each[1])))

    def fewer_places(self, protection: Entry) -> tuple[str, ...]:
        """Give the places of its snapshots' password that are down."""
        return tuple(filter(self.down, protection.fields.get("snapshot", {}).get("password_on", ())))

    @functools.cached_property
    def items(self) -> list[str]:
        """The items that do not work, in the order of the files."""
        order = self.graph.order
        return sorted(filter(order.__contains__, self.state), key=order.__getitem__)

    def protections(self) -> Iterator[FailedProtection]:
        """Give the protections that are not whole, in the order of the files."""
        touched = self.graph.touched
        places = {place for id_ in self.state if id_ in touched for place in touched[id_]}
        if not places:
            return
        all_of_them = list(self.graph.cmdb.protections)
        for place in sorted(places):
            protection = all_of_them[place]
            loss = self.loss(protection)
            if loss is not None:
                without = self.without(protection)
                if loss is Loss.WEAKER:
                    without = ((Part.PASSWORD, self.fewer_places(protection)),)
                service, other = protection.fields["service"], other_half(protection)
                yield FailedProtection(protection.id, service, loss, other, without)

    @functools.cached_property
    def near(self) -> set[str]:
        """The services of which an item does not work, or an item of what protects them."""
        followers = self.graph.followers
        return {
            entry.id
            for item in self.items
            if item in followers
            for entry in followers[item]
            if entry.section == "services"
        }

    def way_to(self, id_: str) -> tuple[str, ...]:
        """Give the ids that lead from a cause to what fails, both ends included."""
        steps = []
        at: str | None = id_
        while at is not None and at not in self._ways:
            steps.append(at)
            at = self.because[at]
        # Only what is asked for is kept: a way of each link of a long chain would be large.
        way = self._ways[id_] = (*(self._ways[at] if at is not None else ()), *reversed(steps))
        return way

    def service(self, service: Entry) -> FailedService:
        """Give what is to be said of a service that fails."""
        state, fields = self.state, service.fields
        back_by: tuple[str, ...] = ()
        not_back: list[str] = []
        if service.id in self.near:
            protections = self.graph.by_service.get(service.id, ())
            back_by = tuple(each.id for each in protections if self.loss(each) is Loss.TAKES_OVER)
            not_back = [item for item in fields["provided_by"] if self.effect_of_item(service.id, item) is _STOPS]
        not_back.extend(each for each in fields.get("depends_on", ()) if state.get(each) is _STOPS)
        return FailedService(
            service.id, fields["tier"], state[service.id], self.way_to(service.id), back_by, tuple(not_back)
        )


def other_half(protection: Entry) -> str | None:
    """Give the item that takes over, or that holds the copies; None when there is none."""
    members: dict[str, str] = protection.fields["members"]
    return members.get("standby") or members.get("spare") or members.get("library")


def witness_of(protection: Entry) -> str | None:
    """Give the item that says who holds a cold standby's role: without its word no spare takes it up; None for none."""
    witness: str | None = protection.fields.get("settings", {}).get("witness")
    return witness if protection.fields.get("kind") == "cold_standby" else None


def parts_of(protection: Entry) -> tuple[tuple[Part, tuple[str, ...]], ...]:
    """Give what a protection cannot act without: each part, and the items of which one is enough."""
    other, witness = other_half(protection), witness_of(protection)
    snapshot = protection.fields.get("snapshot", {})
    host, places = snapshot.get("host"), tuple(snapshot.get("password_on", ()))
    named = (
        (Part.OTHER, (other,) if other is not None else ()),
        (Part.SNAPSHOTS, (host,) if host is not None else ()),
        (Part.WITNESS, (witness,) if witness is not None else ()),
        (Part.PASSWORD, places),
    )
    return tuple(each for each in named if each[1])
