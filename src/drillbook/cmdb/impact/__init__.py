"""What follows when something fails: which services stop, what brings them back, who must be told.

How a failure spreads is told in ``drillbook.cmdb.impact.spread``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.cmdb.impact.calling import people_to_tell, vendors_to_call
from drillbook.cmdb.impact.effects import (
    Effect,
    FailedItem,
    FailedProtection,
    FailedService,
    Impact,
    Loss,
    Reason,
    ToCall,
    ToTell,
)
from drillbook.cmdb.impact.spread import Walk, graph_of
from drillbook.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.cmdb.model import Cmdb

__all__ = [
    "Effect",
    "FailedItem",
    "FailedProtection",
    "FailedService",
    "Impact",
    "Loss",
    "Reason",
    "ToCall",
    "ToTell",
    "impact",
]


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
    walk = Walk(graph_of(cmdb), causes)
    walk.spread()
    items = tuple(FailedItem(each, walk.state[each], walk.because[each]) for each in walk.items)
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
    entries = cmdb.services.by_id
    hit = [
        each.id
        for each in services
        if each.id in walk.near and any(map(walk.down, entries[each.id].fields["provided_by"]))
    ]
    return Impact(
        id=id_,
        causes=causes,
        items=items,
        services=services,
        protections=tuple(walk.protections()),
        people=tuple(people_to_tell(cmdb, [each.id for each in items] or broken, [each.id for each in services])),
        vendors=tuple(vendors_to_call(cmdb, broken, hit)),
    )


def _causes(cmdb: Cmdb, id_: str) -> Iterator[str]:
    room, _, rack = id_.partition("/")
    rooms = cmdb.rooms()
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
    entry = cmdb.find(id_, also=rooms)
    if entry.section == "sites":
        yield from (item.id for item in cmdb.config_items if item.get("site") == id_)
    elif entry.section in ("config_items", "services"):
        yield id_
    else:
        raise UsageError(
            f"'{id_}' stands in {entry.section}, of which nothing fails",
            remedy="name an item, a service, a site, a room, or a rack as room/rack",
        )
