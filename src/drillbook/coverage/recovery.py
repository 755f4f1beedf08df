"""How soon each item and service is back after a failure, at best. Pure.

What is broken itself stays so. An item is back when all that it depends on is; a service when the services that it
depends on are, and what each of its items does is done again: by the item, or by a protection whose other half (and
the host of its snapshots) works, in the time that policy says its kind takes. Things are brought back side by side, so
that the longest counts. A spare stands in for one item; it goes to the first in ``drillbook.coverage.order``.

Nothing counts as back by what needs it itself: a spare on the virtual machines that it is to bring back is none.
The times are least solutions of an and-or graph, found from the shortest up (D. E. Knuth, A generalization of
Dijkstra's algorithm, 1977), over what the failure reaches alone.
"""

from __future__ import annotations

import functools
import heapq
import itertools
from collections import defaultdict
from typing import TYPE_CHECKING

from drillbook.cmdb.durations import seconds
from drillbook.cmdb.impact.spread import graph_of
from drillbook.coverage.needs import Way, limits, needs_of
from drillbook.coverage.order import rank

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from drillbook.cmdb.model import Cmdb, Entry


class Network:
    """What waits for what in a whole CMDB; made once for all failures.

    ``ways`` of a service and an item are what brings back what the item does there, ``idle`` the pairs of service and
    item of which the item is only the waiting half. ``sharing`` are the ways that share a spare, by its item, and
    ``spares`` the shared spares that can stand in for an item.
    """

    def __init__(self, cmdb: Cmdb) -> None:
        """Look at every entry once."""
        self.cmdb = cmdb
        self.graph = graph_of(cmdb)
        self.ways: defaultdict[tuple[str, str], list[Way]] = defaultdict(list)
        self.idle: set[tuple[str, str]] = set()
        self.sharing: dict[str, list[Way]] = {}
        self.spares: defaultdict[str, list[str]] = defaultdict(list)
        self.rto = {each.id: seconds(each.fields["rto"]) for each in cmdb.services}
        self._also: defaultdict[str, list[Entry]] = defaultdict(list)
        self._followers: dict[str, tuple[Entry, ...]] = {}
        self._stopped: dict[str, tuple[Entry, ...]] = {}
        self._ranks: dict[str, tuple[float, float, float, float, str]] = {}
        shortest = {kind: seconds(text) for kind, text in limits(cmdb).items()}
        for protection in cmdb.protections:
            self._add(protection, shortest)
        self.idle -= set(self.ways)

    def _add(self, protection: Entry, shortest: Mapping[str, float]) -> None:
        fields = protection.fields
        service, members = fields["service"], fields["members"]
        spare = members.get("spare")
        primaries = {each.fields["members"]["primary"] for each in self.graph.by_spare.get(spare, ())}
        way = Way(
            protection.id,
            members["primary"],
            shortest.get(fields.get("kind", ""), 0.0),
            needs_of(protection),
            spare if len(primaries) > 1 else None,
        )
        self.ways[service, way.primary].append(way)
        if "standby" in members:
            self.idle.add((service, members["standby"]))
        if way.spare is not None:
            self.sharing.setdefault(way.spare, []).append(way)
            if way.spare not in self.spares[way.primary]:
                self.spares[way.primary].append(way.spare)
        for need in itertools.chain.from_iterable(way.needs):
            if need not in members.values():
                self._also[need].append(self.cmdb.services[service])

    def followers(self, id_: str) -> tuple[Entry, ...]:
        """Give what may change when an id does, each once."""
        found = self._followers.get(id_)
        if found is None:
            entries = (*self.graph.followers.get(id_, ()), *self._also.get(id_, ()))
            found = self._followers[id_] = tuple({each.id: each for each in entries}.values())
        return found

    def matters(self, item: str) -> bool:
        """Tell whether anything hangs on an item."""
        return bool(self.followers(item))

    def stopped_by(self, id_: str) -> tuple[Entry, ...]:
        """Give what does not work without an item or a service while nothing takes over."""
        found = self._stopped.get(id_)
        if found is None:
            found = self._stopped[id_] = tuple(each for each in self.followers(id_) if self._needs(each, id_))
        return found

    def _needs(self, entry: Entry, id_: str) -> bool:
        fields = entry.fields
        if id_ in fields.get("depends_on", ()):
            return True
        return id_ in fields.get("provided_by", ()) and (entry.id, id_) not in self.idle

    def rank(self, protection: str) -> tuple[float, float, float, float, str]:
        """Give a protection's place among others; see ``drillbook.coverage.order``."""
        found = self._ranks.get(protection)
        if found is None:
            found = self._ranks[protection] = rank(self.cmdb, self.cmdb.protections[protection])
        return found


@functools.lru_cache(maxsize=2)
def network_of(cmdb: Cmdb) -> Network:
    """Give the network of a CMDB, which the next question about it needs too."""
    return Network(cmdb)


class Recovery:
    """What comes back after a failure, and when.

    ``given`` are the items that each shared spare stands in for. Ask for the rest after it is made.
    """

    def __init__(self, network: Network, causes: Iterable[str]) -> None:
        """Take what is broken itself, and work out what follows."""
        self.network = network
        self.causes = frozenset(causes)
        self.reached = self._reach()
        self.given: dict[str, str] = {}
        self._times: dict[str, float] = {}
        self._settle()
        while fresh := self._claims():
            self.given |= fresh
            self._settle()

    def back(self, id_: str) -> float | None:
        """Give the seconds after which an item or a service is back, 0 when nothing happens to it, None for never."""
        return self._times.get(id_) if id_ in self.reached else 0.0

    def done_again(self, service: str, item: str) -> float | None:
        """Give the seconds after which what an item does for a service is done again; None for never."""
        if (service, item) in self.network.idle:
            return 0.0
        best = self.back(item)
        if best == 0:
            return best
        for way in self.network.ways.get((service, item), ()):
            time = self.by(way)
            if time is not None and (best is None or time < best):
                best = time
        return best

    def by(self, way: Way) -> float | None:
        """Give the seconds after which a protection has brought its primary's work back; None when it cannot."""
        if way.spare is not None and self.given.get(way.spare) != way.primary:
            return None
        return self.could(way)

    def could(self, way: Way) -> float | None:
        """Give the seconds that a protection would take, had it its spare; None when it cannot."""
        time = way.limit
        for any_of in way.needs:
            back = [each for each in map(self.back, any_of) if each is not None]
            if not back:
                return None
            time = max(time, min(back))
        return time

    def _reach(self) -> dict[str, Entry | None]:
        """Give everything that works no more, or not at once, with its entry; causes have none."""
        stopped_by = self.network.stopped_by
        found: dict[str, Entry | None] = dict.fromkeys(self.causes)
        queue = list(self.causes)
        while queue:
            for entry in stopped_by(queue.pop()):
                if entry.id not in found:
                    found[entry.id] = entry
                    queue.append(entry.id)
        return found

    def _settle(self) -> None:
        """Find the times of what is reached, the shortest first."""
        self._times = times = {}
        reached = self.reached
        best: dict[str, float] = {}
        heap: list[tuple[float, str]] = []

        def look(entry: Entry) -> None:
            time = self._time(entry)
            if time is not None and time < best.get(entry.id, float("inf")):
                best[entry.id] = time
                heapq.heappush(heap, (time, entry.id))

        for entry in reached.values():
            if entry is not None:
                look(entry)
        while heap:
            time, id_ = heapq.heappop(heap)
            if id_ in times:
                continue
            times[id_] = time
            for entry in self.network.followers(id_):
                if entry.id not in times and entry.id in reached and entry.id not in self.causes:
                    look(entry)

    def _time(self, entry: Entry) -> float | None:
        """Give the time of an entry by what is known so far; None when that is not enough."""
        fields, reached, times = entry.fields, self.reached, self._times
        longest = 0.0
        # This is asked a hundred thousand times of a large estate: ``back``, without the calls.
        for need in fields.get("depends_on", ()):
            if need in reached:
                time = times.get(need)
                if time is None:
                    return None
                longest = max(longest, time)
        for item in fields.get("provided_by", ()):
            time = self.done_again(entry.id, item)
            if time is None:
                return None
            longest = max(longest, time)
        return longest

    def _claims(self) -> dict[str, str]:
        """Give the item that each spare is given to next.

        A primary that only waits for something else claims a spare when nothing else is left to be given: what it
        waits for may be back by another spare.
        """
        network = self.network
        firsts: dict[str, Way] = {}
        for spare in dict.fromkeys(each for id_ in self.reached for each in network.spares.get(id_, ())):
            if spare in self.given:
                continue
            wanting = [way for way in network.sharing[spare] if self._wants(way)]
            if wanting:
                firsts[spare] = min(wanting, key=lambda way: network.rank(way.protection))
        claimed = {spare: way.primary for spare, way in firsts.items()}
        return {spare: item for spare, item in claimed.items() if self._dead(item)} or claimed

    def _wants(self, way: Way) -> bool:
        """Tell whether a service is too late without the spare, and less so with it."""
        if way.primary not in self.reached or (could := self.could(way)) is None:
            return False
        service = self.network.cmdb.protections[way.protection].fields["service"]
        time = self.done_again(service, way.primary)
        return time is None or (time > self.network.rto[service] and could < time)

    def _dead(self, item: str) -> bool:
        """Tell whether an item is broken, or stands on an item that is."""
        stack, seen = [item], {item}
        entries = self.network.cmdb.config_items.by_id
        while stack:
            at = stack.pop()
            if at in self.causes:
                return True
            for need in entries[at].fields.get("depends_on", ()):
                if need in entries and need not in seen:
                    seen.add(need)
                    stack.append(need)
        return False
