"""Ids that must stand somewhere, and what hangs on them: references, places, cycles, people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drillbook.cmdb.model import SECTIONS
from drillbook.cmdb.rules.base import Problem, quoted, similar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.cmdb.model import Entry
    from drillbook.cmdb.rules.base import Draft, Path

# section, path ('*': each value of a mapping, '<keys>': its keys; a list stands for its entries), targets
_REFERENCES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("networks", ("site",), ("sites",)),
    ("environments", ("network",), ("networks",)),
    ("environments", ("other_networks",), ("networks",)),
    ("environments", ("addresses_of",), ("environments",)),
    ("config_items", ("site",), ("sites",)),
    ("config_items", ("owner",), ("people",)),
    ("config_items", ("vendor",), ("vendors",)),
    ("config_items", ("depends_on",), ("config_items", "services")),
    ("config_items", ("addresses", "<keys>"), ("environments",)),
    ("config_items", ("host_keys", "<keys>"), ("environments",)),
    ("config_items", ("power", "<keys>"), ("environments",)),
    ("services", ("depends_on",), ("services",)),
    ("services", ("provided_by",), ("config_items",)),
    ("services", ("owner",), ("people",)),
    ("services", ("notify",), ("people",)),
    ("services", ("vendor",), ("vendors",)),
    ("protections", ("service",), ("services",)),
    ("protections", ("members", "*"), ("config_items",)),
    ("protections", ("service_address", "<keys>"), ("environments",)),
    ("protections", ("media",), ("media",)),
    ("protections", ("snapshot", "host"), ("config_items",)),
    ("protections", ("snapshot", "password_on"), ("config_items",)),
    ("protections", ("settings", "witness"), ("config_items",)),
    ("media", ("site",), ("sites",)),
    ("media", ("library",), ("config_items",)),
    ("spares", ("item",), ("config_items",)),
    ("spares", ("covers",), ("config_items",)),
    ("people", ("vendor",), ("vendors",)),
    ("vendors", ("contacts",), ("people",)),
    ("policies", ("rules", "*", "environments"), ("environments",)),
    ("policies", ("changes", "*", "environment"), ("environments",)),
    ("policies", ("by_service", "<keys>"), ("services",)),
    ("policies", ("periods", "*", "environments"), ("environments",)),
    ("policies", ("periods", "*", "on_duty"), ("people",)),
    ("policies", ("accepted", "*", "by"), ("people",)),
    ("policies", ("accepted", "*", "services"), ("services",)),
)


def references(entry: Entry, path: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    """Give each id that an entry names at a path of the table, with the place it stands at."""
    yield from _below(entry.get(path[0]), path[1:], path[:1])


def _below(value: Any, rest: tuple[str, ...], at: Path) -> Iterator[tuple[Path, str]]:
    if value is None:
        return
    if not rest:
        if isinstance(value, list):
            for index, each in enumerate(value):
                yield (*at, index), each
        else:
            yield at, value
    elif rest[0] == "<keys>":
        for key in value:
            yield (*at, key), key
    elif rest[0] == "*":
        for key, each in value.items():
            yield from _below(each, rest[1:], (*at, key))
    else:
        yield from _below(value.get(rest[0]), rest[1:], (*at, rest[0]))


def dangling(draft: Draft) -> Iterator[Problem]:
    """Find ids that do not exist, or exist in another section than is meant."""
    known = draft.known
    for section, path, targets in _REFERENCES:
        first = path[0]
        for entry in draft.cmdb.section(section):
            value = entry.fields.get(first)
            if value is None or (type(value) is str and known.get(value) in targets):
                continue
            for at, id_ in _below(value, path[1:], (first,)):
                found = known.get(id_)
                if found in targets or not isinstance(id_, str):  # what is no text is another rule's to say
                    continue
                wanted = " or ".join(targets)
                if found is not None:
                    message = f"names {quoted(id_)}, which stands in {found}; name an id of {wanted}"
                elif draft.complete:
                    ids = [each for each, its in known.items() if its in targets]
                    message = f"names {quoted(id_)}, which is not in {wanted}; {similar(id_, ids)}"
                else:
                    continue
                yield Problem(entry, at, message)


def rooms(draft: Draft) -> Iterator[Problem]:
    """Find rooms whose id is that of another room or of an entry: a person names rooms by id alone."""
    taken: dict[str, str] = {}
    for site in draft.cmdb.sites:
        for room in site.get("rooms", {}):
            other = taken.setdefault(room, f"a room of sites.{site.id}")
            if room in draft.known:
                other = f"{draft.known[room]}.{room}"
            if other != f"a room of sites.{site.id}":
                yield Problem(site, ("rooms", room), f"has the id of {other}; give the room an id of its own")


def places(draft: Draft) -> Iterator[Problem]:
    """Find rooms that a site has not, racks that a room has not, contracts that a vendor has not."""
    for item in draft.cmdb.config_items:
        room = item.fields.get("room")
        if room is not None:
            site = draft.entry("sites", item.get("site"))
            if site is not None:
                yield from _place(item, site, room)
    for section in (draft.cmdb.config_items, draft.cmdb.services):
        for entry in section:
            contract = entry.fields.get("contract")
            if contract is None:
                continue
            vendor = draft.entry("vendors", entry.get("vendor"))
            if vendor is not None and contract not in (contracts := vendor.get("contracts", {})):
                yield Problem(
                    entry, ("contract",),
                    f"names {quoted(contract)}, which vendors.{vendor.id} has not; "
                    f"{similar(contract, list(contracts))}",
                )  # fmt: skip


def _place(item: Entry, site: Entry, room: str) -> Iterator[Problem]:
    rooms = site.get("rooms", {})
    if room not in rooms:
        yield Problem(
            item, ("room",),
            f"names {quoted(room)}, which sites.{site.id} has not; {similar(room, list(rooms))}",
        )  # fmt: skip
        return
    rack = item.get("rack")
    racks = rooms[room].get("racks", {})
    if rack is not None and rack not in racks:
        yield Problem(
            item, ("rack",),
            f"names {quoted(rack)}, which room {quoted(room)} has not; {similar(rack, list(racks))}",
        )  # fmt: skip


def cycles(draft: Draft) -> Iterator[Problem]:
    """Find what depends on itself, through any number of services, items and environments."""
    edges: dict[str, list[str]] = {}  # what has none is in no cycle
    for service in draft.cmdb.services:
        edges[service.id] = [*service.get("depends_on", ()), *service.get("provided_by", ())]
    for item in draft.cmdb.config_items:
        needed = item.get("depends_on")
        if needed:
            edges[item.id] = list(needed)
    done: set[str] = set()
    for start, first in edges.items():
        if start in done:
            continue
        path, on_path = [start], {start}
        stack = [(start, iter(first))]
        while stack:  # not recursive: a chain may have thousands of links
            node, rest = stack[-1]
            follow = next(rest, None)
            if follow is None:
                stack.pop()
                path.pop()
                on_path.discard(node)
                done.add(node)
            elif follow in on_path:
                yield _cycle(draft, [*path[path.index(follow) :], follow])
            elif follow in edges and follow not in done:
                stack.append((follow, iter(edges[follow])))
                path.append(follow)
                on_path.add(follow)


_SHOWN = 8  # ids of a longer cycle that are written out


def _cycle(draft: Draft, ids: list[str]) -> Problem:
    last = draft.cmdb.section(draft.known[ids[-2]])[ids[-2]]
    field = "provided_by" if ids[-1] in last.get("provided_by", ()) else "depends_on"
    shown = ids if len(ids) <= _SHOWN else [*ids[: _SHOWN - 2], "…", *ids[-2:]]
    return Problem(
        last, (field, last.get(field).index(ids[-1])),
        f"closes a cycle: {' → '.join(shown)}; nothing may depend on itself, so leave one of these out",
    )  # fmt: skip


def reachable_people(draft: Draft) -> Iterator[Problem]:
    """Find people whom others name, and who have no contact or no role."""
    named: dict[str, str] = {}
    for section, path, targets in _REFERENCES:
        if targets == ("people",):
            for entry in draft.cmdb.section(section):
                for _, id_ in references(entry, path):
                    named.setdefault(id_, f"{section}.{entry.id}")
    for id_, by in named.items():
        person = draft.entry("people", id_)
        if person is None:
            continue
        for field in ("contact", "roles"):
            if not person.get(field):
                yield Problem(person, (), f"is named by {by} and has no {field}; add '{field}' or name someone else")


assert {section for section, _, _ in _REFERENCES} <= set(SECTIONS)
