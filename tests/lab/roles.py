"""Who has which service address in the lab."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from drillbook.errors import HostIsOff
from drillbook.lab import outside
from drillbook.tasks.lab import lab_environment

if TYPE_CHECKING:
    from drillbook.cmdb.model import Cmdb
    from drillbook.lab.state import LabState


def strayed(lab: LabState, cmdb: Cmdb) -> dict[str, list[str]]:
    """Give by protection which hosts have its service address, where that is not its primary alone.

    Protections that the lab has no primary of are left out.
    """
    environment = lab_environment(cmdb)
    held = {item: _addresses(host.container_id) for item, host in lab.hosts.items()}
    found = {}
    for protection in cmdb.protections:
        address = protection.get("service_address", {}).get(environment)
        primary = protection.get("members", {}).get("primary")
        holders = sorted(item for item, addresses in held.items() if address in addresses)
        if address is not None and primary in lab.hosts and holders != [primary]:
            found[protection.id] = holders
    return found


def _addresses(container: str) -> set[str]:
    """Give the addresses that a host has now; none when it is off."""
    try:
        said = outside.in_network(container, ["ip", "-json", "address", "show", "dev", "eth0"])
    except HostIsOff:
        return set()
    return {each["local"] for link in json.loads(said) for each in link.get("addr_info", ())}
