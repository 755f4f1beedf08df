"""A probe with everything looked up: where it goes, and what its programs are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drillbook.cmdb.addressing import address, service_address
from drillbook.drill.about import protection_of_probe
from drillbook.drill.kinds import KINDS, PASSFILE, SECRETS
from drillbook.drill.model import SERVICE_ADDRESS
from drillbook.errors import UsageError
from drillbook.evidence.samples import Does

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from drillbook.cmdb.model import Cmdb, Entry
    from drillbook.drill.kinds import ProbeKind
    from drillbook.drill.model import Drill, ProbeSpec

_POSTGRESQL = {"user": "probe", "passfile": PASSFILE}


@dataclass(frozen=True, slots=True)
class BoundProbe:
    """A probe, its kind, the IPv4 or IPv6 address that it goes to, and the further options of its programs."""

    spec: ProbeSpec
    kind: ProbeKind
    address: str
    options: Mapping[str, Any]


def bind_probes(drill: Drill, cmdb: Cmdb) -> tuple[BoundProbe, ...]:
    """Look up what a drill's probes need, in its environment.

    The drill must have passed ``check_drill``. Raises UsageError when the CMDB has no address for one.
    """
    return tuple(bind_probe(drill, cmdb, probe) for probe in drill.probes)


def bind_probe(drill: Drill, cmdb: Cmdb, probe: ProbeSpec) -> BoundProbe:
    """Do the same for one of them."""
    protection = protection_of_probe(drill, cmdb, probe)
    assert protection is not None, "check_drill comes first"
    kind = KINDS[probe.kind]
    if probe.target == SERVICE_ADDRESS:
        at = service_address(cmdb, protection.id, drill.environment)
    else:
        at = address(cmdb, probe.target, drill.environment)
    settings = protection.get("settings", {})
    options: dict[str, Any] = {each.name: each.type(settings[each.name]) for each in kind.settings}
    if kind.name == "postgresql_writer":
        options |= _POSTGRESQL
    if kind.secret:
        options |= {"secrets": SECRETS, "secret": str(settings["kind"])}
    if kind.does is Does.WATCHES:
        options["members"] = dict(_members(cmdb, protection, drill))
    return BoundProbe(probe, kind, at, options)


def _members(cmdb: Cmdb, protection: Entry, drill: Drill) -> Iterator[tuple[str, str]]:
    """Give the members' own addresses, by which a watcher learns who is who."""
    for item in dict.fromkeys(protection.get("members", {}).values()):
        try:
            yield item, address(cmdb, item, drill.environment)
        except UsageError:
            continue  # it is not part of this environment, so it cannot answer there
