"""What the parts of a drill are about: its protections, their members, the hosts that a fault strikes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.drill.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from drillbook.cmdb.model import Cmdb, Entry
    from drillbook.drill.model import Drill, FaultSpec, ProbeSpec, ServiceSpec


def protection_of(drill: Drill, cmdb: Cmdb, service: ServiceSpec | None = None) -> Entry | None:
    """Give the protection that one of the drill's services (without one: the first) is brought back by.

    It is the one that the service names, else the one that the drill's parameters name; None when there is none.
    """
    named = (service or drill.services[0]).protection
    if named is not None:
        return cmdb.protections.by_id.get(named)
    found = [cmdb.protections[each] for each in drill.call.parameters.values() if each in cmdb.protections]
    return found[0] if len(found) == 1 else None


def protection_of_probe(drill: Drill, cmdb: Cmdb, probe: ProbeSpec) -> Entry | None:
    """Give the protection that a probe is about: the one that it names, else the drill's."""
    return protection_of(drill, cmdb) if probe.protection is None else cmdb.protections.by_id.get(probe.protection)


def members_of(drill: Drill, protection: Entry) -> tuple[str, ...]:
    """Give the members of a protection, the one that holds the role at the start first."""
    members = protection.get("members", {})
    ids = list(dict.fromkeys(members.values()))
    named = [value for value in drill.call.parameters.values() if value in ids]
    first = named[0] if named else ids[0]
    return (first, *(item for item in ids if item != first))


def watched_by_address(probes: Iterable[ProbeSpec]) -> bool:
    """Tell how a second primary of a service would be seen: at its address; False: by its members' own answers."""
    return not any(KINDS[probe.kind].tells_primary for probe in probes)


def struck(fault: FaultSpec, cmdb: Cmdb) -> tuple[str, ...]:
    """Give the items that a fault strikes, sorted when it strikes a room: the hosts of the lab that stand in it."""
    if fault.room is None:
        return fault.on
    return tuple(sorted(item.id for item in cmdb.config_items if item.get("in_lab") and item.get("room") == fault.room))
