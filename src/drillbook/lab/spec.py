"""Which hosts the lab is to make, from the CMDB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.errors import InvalidInput

if TYPE_CHECKING:
    from drillbook.cmdb.model import Cmdb


@dataclass(frozen=True, slots=True)
class HostSpec:
    """A host that the lab is to make: its CMDB id and how it is reached."""

    item: str
    address: str
    ssh_port: int


def specs_from(cmdb: Cmdb, environment: str) -> tuple[HostSpec, ...]:
    """Give the hosts that the lab makes, in the CMDB's order. Raises InvalidInput when there are none."""
    entry = cmdb.environments[environment]
    named = entry.get("addresses_of", environment)
    specs = tuple(
        HostSpec(item.id, item.get("addresses", {})[named], int(item.get("ssh", {}).get("port", 22)))
        for item in cmdb.config_items
        if item.get("in_lab") and named in item.get("addresses", {})
    )
    if not specs:
        raise InvalidInput.at(
            entry.file,
            entry.line,
            "lab-hosts",
            f"no configuration item has in_lab: true and an address of '{named}'; the lab would be empty",
        )
    return specs
