"""Who comes first when several need one spare. Pure.

The criteria, in this order: the service's tier, its RTO, its hours (the longer first), how many services stop with
it, the protection's id. The first that differs is the reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.cmdb.durations import seconds
from drillbook.cmdb.impact.spread import Walk, graph_of
from drillbook.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from drillbook.cmdb.model import Cmdb, Entry

CRITERIA = ("tier", "rto", "hours", "dependents", "id")
"""What is compared, the first thing first."""

_HOURS = re.compile(r"([0-9]{1,2})x([0-9]{1,2})")  # days a week, hours a day


@dataclass(frozen=True, slots=True)
class Place:
    """A protection's place in the order.

    ``criterion`` is one of CRITERIA, the first in which it differs from the one before it; empty for the first.
    ``mine`` and ``theirs`` are this one's value there and that of the one before, as a person reads them.
    """

    protection: str
    service: str
    criterion: str
    mine: str
    theirs: str


def order(cmdb: Cmdb, protections: Iterable[str]) -> tuple[Place, ...]:
    """Put protections in order: which of them is to have what they share.

    Args:
        cmdb: a validated CMDB.
        protections: ids of protections, each once; usually those of one spare.

    Raises:
        UsageError: there is no such protection.
    """
    ranked = sorted((rank(cmdb, cmdb.protections[each]), each) for each in dict.fromkeys(protections))
    places: list[Place] = []
    for index, (mine, id_) in enumerate(ranked):
        service = str(cmdb.protections[id_].get("service"))
        if index == 0:
            places.append(Place(id_, service, "", "", ""))
            continue
        theirs, other = ranked[index - 1]
        at = next(place for place, (one, two) in enumerate(zip(mine, theirs, strict=True)) if one != two)
        shown = (_shown(cmdb, id_, mine)[at], _shown(cmdb, other, theirs)[at])
        places.append(Place(id_, service, CRITERIA[at], *shown))
    return tuple(places)


def first(cmdb: Cmdb, protections: Iterable[str]) -> str:
    """Give the protection that comes first among them. Raises UsageError for none, or for one that does not exist."""
    ids = list(protections)
    if not ids:
        raise UsageError("nothing stands to choose from", remedy="name at least one protection")
    return order(cmdb, ids)[0].protection


def first_in(cmdb: Cmdb, spare: str, place: str) -> str | None:
    """Give which protection of a spare comes first when a place is lost; None when none of its primaries is there.

    Args:
        cmdb: a validated CMDB.
        spare: the spare's item.
        place: a site, a room, or a rack as ``room/rack``.
    """
    cmdb.config_items[spare]
    items = cmdb.config_items
    hit = [
        each.id
        for each in graph_of(cmdb).by_spare.get(spare, ())
        if place in places_of(items[each.get("members")["primary"]])
    ]
    return first(cmdb, hit) if hit else None


def places_of(item: Entry) -> tuple[str, ...]:
    """Give the places that an item stands in, the narrowest first: rack (``room/rack``), room, site."""
    fields = item.fields
    room, rack = fields.get("room"), fields.get("rack")
    found = [f"{room}/{rack}"] if room and rack else []
    return (*found, *([room] if room else []), fields["site"])


def rank(cmdb: Cmdb, protection: Entry) -> tuple[float, float, float, float, str]:
    """Give a protection's values by CRITERIA, as what sorts: the least comes first."""
    service = cmdb.services[protection.get("service")]
    tier, rto = float(service.get("tier")), seconds(service.get("rto"))
    return tier, rto, -weekly_hours(service.get("hours")), -float(dependents(cmdb, service.id)), protection.id


def weekly_hours(hours: str | None) -> float:
    """Give the hours a week of a text such as ``7x24``; 0 for none, and for one that says it otherwise."""
    found = _HOURS.fullmatch(hours or "")
    return float(int(found[1]) * int(found[2])) if found else 0.0


def dependents(cmdb: Cmdb, service: str) -> int:
    """Count the other services that stop or are interrupted when a service does."""
    walk = Walk(graph_of(cmdb), (service,))
    walk.spread()
    return sum(id_ in cmdb.services for id_ in walk.state) - 1


def _shown(cmdb: Cmdb, id_: str, values: tuple[float, float, float, float, str]) -> tuple[str, ...]:
    service = cmdb.services[cmdb.protections[id_].get("service")]
    return str(service.get("tier")), service.get("rto"), service.get("hours", ""), f"{-values[3]:.0f}", id_
