"""What a primary shares with what protects it, so that one failure takes both. Pure.

Told are the narrowest place that both stand in (a rack, a room, a building, a site) and what both depend on: items
such as an uninterruptible power supply, through other items too, and services that both name.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from drillbook.cmdb.impact.spread import parts_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.cmdb.impact.effects import Part
    from drillbook.cmdb.model import Cmdb, Entry


class Common(StrEnum):
    """What is shared."""

    RACK = "rack"
    ROOM = "room"
    BUILDING = "building"
    SITE = "site"
    ITEM = "item"
    SERVICE = "service"


NEAR = frozenset({Common.RACK, Common.ROOM, Common.ITEM})
"""What one failure takes that ``standby.nminus1`` tries."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A protection's primary and ``others`` (items) share ``what``, whose id is ``id``; a building's is its name."""

    protection: str
    primary: str
    role: Part
    others: tuple[str, ...]
    what: Common
    id: str


def shared(cmdb: Cmdb, protection: Entry) -> Iterator[Shared]:
    """Give what the primary of a protection shares with what the protection needs."""
    primary = cmdb.config_items[protection.get("members")["primary"]]
    mine = dict(_fates(cmdb, primary))
    for role, others in parts_of(protection):
        theirs = [dict(_fates(cmdb, cmdb.config_items[each])) for each in others]
        placed = False
        for key in mine:
            place = key[0] not in (Common.ITEM, Common.SERVICE)
            if (place and placed) or not all(key in each for each in theirs):
                continue
            placed = placed or place
            yield Shared(protection.id, primary.id, role, others, *key)


def _fates(cmdb: Cmdb, item: Entry) -> Iterator[tuple[tuple[Common, str], None]]:
    """Give what takes an item with it: its places, the narrowest first, then what it depends on."""
    fields = item.fields
    site, room, rack = fields["site"], fields.get("room"), fields.get("rack")
    if room is not None:
        if rack is not None:
            yield (Common.RACK, f"{room}/{rack}"), None
        yield (Common.ROOM, room), None
        building = cmdb.sites[site].get("rooms", {}).get(room, {}).get("building")
        if building is not None:
            yield (Common.BUILDING, str(building["en"])), None
    yield (Common.SITE, site), None
    entries = cmdb.config_items.by_id
    stack, seen = [item.id], {item.id}
    while stack:
        for need in entries[stack.pop()].fields.get("depends_on", ()):
            if need in seen:
                continue
            seen.add(need)
            if need in entries:
                yield (Common.ITEM, need), None
                stack.append(need)
            else:
                yield (Common.SERVICE, need), None
