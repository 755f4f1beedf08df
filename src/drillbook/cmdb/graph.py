"""What follows when something fails: which services stop, what brings them back, who must be told.

The graph: items depend on items and services, services on services and on the items that provide
them. An item fails with anything that it depends on. A service stops when an item that provides it
fails, unless that item is the idle half of a protection; it comes back by itself, or by a runbook,
when every failed item that it needs is the primary of a protection whose other half still works.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from drillbook.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from drillbook.cmdb.model import Cmdb, Entry


class Effect(StrEnum):
    """What happens to a service."""

    STOPS = "stops"
    RECOVERS = "recovers"
    """It stops until its protections have brought it back."""


class Loss(StrEnum):
    """What happens to a protection."""

    TAKES_OVER = "takes_over"
    """Its primary fails, and it brings the service back; then there is no second copy."""
    EXPOSED = "exposed"
    """Its primary works, and what would take over has failed or is taken by another."""
    GONE = "gone"
    """Its primary fails, and what would take over has failed too."""


@dataclass(frozen=True, slots=True)
class FailedItem:
    """An item that does not work; ``because`` is what it depends on, or None for the cause itself."""

    id: str
    because: str | None


@dataclass(frozen=True, slots=True)
class FailedService:
    """A service that stops.

    ``via`` leads from what failed first to the service (ids, the service last). ``unprotected`` are
    the failed items of it, and the stopped services below it, that nothing brings back.
    """

    id: str
    tier: int
    effect: Effect
    via: tuple[str, ...]
    protections: tuple[str, ...]
    unprotected: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FailedProtection:
    """A protection that has to act, or that lost its second half."""

    id: str
    service: str
    loss: Loss
    failed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ToTell:
    """A person to be told; ``why`` in short phrases, ``line`` of support or None."""

    id: str
    line: int | None
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ToCall:
    """A vendor to be called: its contract (or None), the phone of it, and for which items."""

    vendor: str
    contract: str | None
    phone: str
    contacts: tuple[str, ...]
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Impact:
    """All that follows when ``id`` fails. ``people`` begin with line 1."""

    id: str
    items: tuple[FailedItem, ...]
    services: tuple[FailedService, ...]
    protections: tuple[FailedProtection, ...]
    people: tuple[ToTell, ...]
    vendors: tuple[ToCall, ...]


def impact(cmdb: Cmdb, id_: str) -> Impact:
    """Tell what follows when something fails.

    Args:
        cmdb: a validated CMDB.
        id_: an item, a service, a site, a network's or vendor's id is refused; a room as
            ``<room>`` and a rack as ``<room>/<rack>`` stand for all items in them.

    Raises:
        UsageError: there is no such thing, or it is none that can fail.
    """
    walk = _Walk(cmdb)
    walk.start(id_)
    walk.spread()
    protections = walk.protections()
    services = walk.services()
    return Impact(
        id=id_,
        items=tuple(FailedItem(each, because) for each, because in walk.items.items()),
        services=services,
        protections=protections,
        people=_people(cmdb, walk.items, services),
        vendors=_vendors(cmdb, walk.items),
    )


def dependents(cmdb: Cmdb, id_: str) -> tuple[list[str], list[str]]:
    """Give the ids of the services that an item or a service provides directly, and of what needs it."""
    provides = [each.id for each in cmdb.services if id_ in each.get("provided_by")]
    needs = [
        each.id
        for section in (cmdb.services, cmdb.config_items)
        for each in section
        if id_ in each.get("depends_on", ())
    ]
    return provides, needs
