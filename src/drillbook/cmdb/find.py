"""Finds items by what is known of them: class, place, service, owner, vendor, and when cover ends."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from drillbook.errors import UsageError
from drillbook.schema_words import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from drillbook.cmdb.model import Cmdb, Entry


class Part(StrEnum):
    """What an item is to a service."""

    PROVIDES = "provides"
    """The service names it in ``provided_by``."""
    PROTECTS = "protects"
    """It takes over for an item of the service, or holds the copies: a standby elsewhere, a spare, a library."""
    NEEDED = "needed"
    """What provides the service does not work without it."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for; everything that is not None must be so.

    ``place`` is a site, a room, or a rack as ``room/rack``. The dates are days: ``warranty_before`` finds
    warranties that end on an earlier day, ``warranty_after`` on a later one; so do those of contracts.
    """

    class_: str | None = None
    place: str | None = None
    service: str | None = None
    owner: str | None = None
    vendor: str | None = None
    warranty_before: date | None = None
    warranty_after: date | None = None
    contract_before: date | None = None
    contract_after: date | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """An item that was found.

    ``part`` is None unless a service was asked for; then ``through`` are the ids between the service and
    the item, the nearest to the service first.
    """

    item: Entry
    part: Part | None = None
    through: tuple[str, ...] = ()


def find(cmdb: Cmdb, query: Query) -> tuple[Found, ...]:
    """Find items.

    They stand in the order of the files; those of a service with the nearest first, then what takes over.

    Raises:
        UsageError: there is no such class, place, service, owner or vendor; it names the nearest.
    """
    _known(query.class_, "class", {each.get("class") for each in cmdb.config_items})
    _known(query.service, "service", cmdb.services.ids())
    _known(query.vendor, "vendor", cmdb.vendors.ids())
    _known(query.owner, "owner", {each.get("owner") for each in cmdb.config_items})
    _known(query.place, "site, room or rack", _places(cmdb))
    if query.service is None:
        found: Iterable[Found] = (Found(item) for item in cmdb.config_items)
    else:
        found = _of_service(cmdb, query.service)
    return tuple(each for each in found if _matches(cmdb, each.item, query))


def day(text: str, option: str) -> date:
    """Read a day such as ``2027-06-30``. Raises UsageError, naming the option, for anything else."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{option}: '{text[:40]}' is no day of the calendar", remedy=f"write {option} 2027-06-30"
        ) from None


def contract_end(cmdb: Cmdb, item: Entry) -> str | None:
    """Give the last day of the contract that covers an item, or None when none does."""
    if item.get("contract") is None:
        return None
    return str(cmdb.vendors[item.get("vendor")].get("contracts")[item.get("contract")]["until"])


def as_data(cmdb: Cmdb, found: Found) -> dict[str, Any]:
    """Give a found item for machines: plain values, ``None`` where the CMDB says nothing."""
    item = found.item
    data: dict[str, Any] = {"id": item.id}
    for field in ("class", "title", "site", "room", "rack", "brand", "model", "serial", "grade", "warranty"):
        data[field] = item.get(field)
    for field in ("service_level", "owner", "vendor", "contract"):
        data[field] = item.get(field)
    data["contract_until"] = contract_end(cmdb, item)
    if found.part is not None:
        data |= {"part": found.part.value, "through": list(found.through)}
    return data


def _known(value: str | None, what: str, known: Iterable[str]) -> None:
    if value is None:
        return
    ids = list(known)
    if value not in ids:
        raise UsageError(f"there is no {what} '{value[:80]}'", remedy=nearest(value, sorted(ids)))


def _places(cmdb: Cmdb) -> Iterator[str]:
    for site in cmdb.sites:
        yield site.id
        for room_id, room in site.get("rooms", {}).items():
            yield room_id
            for rack in room.get("racks", {}):
                yield f"{room_id}/{rack}"


def _matches(cmdb: Cmdb, item: Entry, query: Query) -> bool:
    room = item.get("room")
    warranty: Mapping[str, Any] = item.get("warranty", {})
    return (
        query.class_ in (None, item.get("class"))
        and query.owner in (None, item.get("owner"))
        and query.vendor in (None, item.get("vendor"))
        and query.place in (None, item.get("site"), room, f"{room}/{item.get('rack')}")
        and _ends(warranty.get("until"), query.warranty_before, query.warranty_after)
        and _ends(contract_end(cmdb, item), query.contract_before, query.contract_after)
    )


def _ends(until: str | None, before: date | None, after: date | None) -> bool:
    if before is None and after is None:
        return True
    if until is None:
        return False
    end = date.fromisoformat(until)
    return (before is None or end < before) and (after is None or end > after)


def _of_service(cmdb: Cmdb, service: str) -> Iterator[Found]:
    """Give what a service needs, the nearest first, then what takes over; each by its shortest way."""
    seen: dict[str, tuple[str, ...]] = {service: ()}  # with the ids between the service and each
    queue = deque([cmdb.services[service]])
    while queue:
        entry = queue.popleft()
        through = seen[entry.id]
        if entry.section == "config_items":
            direct = entry.id in cmdb.services[service].get("provided_by")
            yield Found(entry, Part.PROVIDES if direct else Part.NEEDED, through)
        below = through if entry.id == service else (*through, entry.id)
        for id_ in (*entry.get("provided_by", ()), *entry.get("depends_on", ())):
            if id_ not in seen:
                seen[id_] = below
                queue.append(cmdb.config_items[id_] if id_ in cmdb.config_items else cmdb.services[id_])
    taken = set(seen)
    # What a spare itself stands on is not what the service stands on: nothing is followed from here.
    for protection in cmdb.protections:
        protected = protection.get("service")
        if protected not in seen:
            continue
        for id_ in protection.get("members").values():
            if id_ not in taken:
                taken.add(id_)
                way = () if protected == service else (*seen[protected], protected)
                yield Found(cmdb.config_items[id_], Part.PROTECTS, way)
