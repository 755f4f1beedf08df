"""What a plan touches beyond its hosts: the services that it can interrupt, the entries that it was bound from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drillbook.cmdb import addressing
from drillbook.source import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from drillbook.cmdb.model import Cmdb, Entry


def interrupted(cmdb: Cmdb, protections: Iterable[str], changed: set[str]) -> tuple[str, ...]:
    """Give the services that can be interrupted: first those meant, then all that depend on them.

    Args:
        cmdb: the estate.
        protections: the protections that the plan works on; their services are meant.
        changed: the items that it changes; what they provide is meant when it works on no protection.
    """
    first = [cmdb.protections[id_].get("service") for id_ in dict.fromkeys(protections)]
    if not first:
        first = [service.id for service in cmdb.services if changed & set(service.get("provided_by", ()))]
    found = list(dict.fromkeys(first))
    for id_ in found:  # grows while it is walked: what depends on a dependant depends too
        found += sorted(
            service.id for service in cmdb.services if id_ in service.get("depends_on", ()) and service.id not in found
        )
    return tuple(found)


def slice_of(
    cmdb: Cmdb, environment: str, *, items: Iterable[str], protections: Iterable[str], services: Iterable[str]
) -> dict[str, Any]:
    """Give the entries that a plan was bound from, by section and id."""
    here = cmdb.environments[environment]
    hosts = cmdb.environments[addressing.hosts_of(cmdb, environment)]
    used: dict[str, list[Entry]] = {
        "config_items": [cmdb.config_items[id_] for id_ in items],
        "environments": [here, hosts],
        "protections": [cmdb.protections[id_] for id_ in set(protections)],
        "services": [cmdb.services[id_] for id_ in services],
    }
    return {
        section: {entry.id: plain(entry.fields) for entry in sorted(entries, key=lambda each: each.id)}
        for section, entries in used.items()
    }
