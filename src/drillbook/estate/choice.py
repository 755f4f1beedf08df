"""What a person chooses about a new estate, and what follows from it: names and addresses."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any

import drillbook
from drillbook.errors import UsageError
from drillbook.text import NAME, forbidden_character, visible

ORGANISATION = "Example Organisation"
PAIR = "main-db"
SUBNET = "10.214.0.0/24"

_LONGEST_NAME = 200  # as in the CMDB's schema
_LONGEST_PAIR = 40  # with room for what is derived: "-switchover", "-service"
_PREFIXES = range(16, 29)  # 14 hosts of a /28 are enough
_PRIMARY, _STANDBY, _PROBE, _SERVICE = 11, 12, 13, 10  # places in the subnet; 1 is this machine


@dataclass(frozen=True, slots=True)
class Choice:
    """A new estate as it was asked for; every value is valid.

    ``organisation`` is one line of at most 200 characters, ``pair`` an id of the CMDB, ``subnet`` the IPv4
    network of the lab.
    """

    organisation: str
    pair: str
    subnet: ipaddress.IPv4Network

    @classmethod
    def of(cls, *, organisation: str = ORGANISATION, pair: str = PAIR, subnet: str = SUBNET) -> Choice:
        """Take what a person typed. Raises UsageError that says what would be right."""
        return cls(organisation=_organisation(organisation), pair=_pair(pair), subnet=_subnet(subnet))

    def values(self) -> dict[str, Any]:
        """Give what the templates may use; texts are plain, and become YAML where they are written."""
        pair, network = self.pair, self.subnet
        return {
            "organisation": self.organisation,
            "version": drillbook.__version__,
            "pair": pair,
            "service": f"{pair}-service",
            "unit": f"postgresql-{pair}.service",
            "data_directory": f"/var/lib/postgresql/15/{pair}",
            "subnet": str(network),
            "gateway": str(network[1]),
            "prefix": network.prefixlen,
            "service_address": str(network[_SERVICE]),
            "primary": f"{pair}-1",
            "standby": f"{pair}-2",
            "members": [
                {
                    "id": f"{pair}-1", "en": "Database, normally the primary", "zh": "数据库主机",
                    "room": "room-a", "rack": "a01", "serial": "UNKNOWN-1", "address": str(network[_PRIMARY]),
                },
                {
                    "id": f"{pair}-2", "en": "Database, normally the standby", "zh": "数据库备机",
                    "room": "room-b", "rack": "b01", "serial": "UNKNOWN-2", "address": str(network[_STANDBY]),
                },
            ],
            "probe": {"id": f"{pair}-probe", "serial": "UNKNOWN-3", "address": str(network[_PROBE])},
        }  # fmt: skip


def _organisation(text: str) -> str:
    name = text.strip()
    if not 0 < len(name) <= _LONGEST_NAME:
        raise UsageError(f"--name has {len(name)} characters; 1 to {_LONGEST_NAME} are a name")
    character = forbidden_character(name)
    if character:
        raise UsageError(
            f"--name '{visible(name, limit=60)}' holds {character}, which cannot be seen or breaks the line",
            remedy="write the name as one line of ordinary characters",
        )
    return name


def _pair(text: str) -> str:
    if NAME.fullmatch(text) and len(text) <= _LONGEST_PAIR:
        return text
    raise UsageError(
        f"--pair '{visible(text, limit=60)}' is no id",
        remedy=f"lower-case letters, digits, dots and dashes, at most {_LONGEST_PAIR} characters, such as orders-db",
    )


def _subnet(text: str) -> ipaddress.IPv4Network:
    remedy = f"a private network of 14 hosts or more that this machine does not use, such as {SUBNET}"
    try:
        network = ipaddress.IPv4Network(text)
    except ValueError as error:
        raise UsageError(f"--subnet '{visible(text, limit=60)}' is no IPv4 network: {error}", remedy=remedy) from None
    usable = network.is_private and not (network.is_loopback or network.is_link_local or network.is_reserved)
    if not usable or network.prefixlen not in _PREFIXES:
        raise UsageError(f"--subnet {network} does not suit a lab", remedy=remedy)
    return network
