"""The addresses that a CMDB uses: of hosts, of services, and of what switches hosts off."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.cmdb.model import Cmdb, Entry

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Use:
    """An address as it is used.

    ``what``: ``host``, ``service`` or ``power``. ``path`` below ``entry`` where it stands. ``address``
    is None when ``text`` is no address. ``system`` tells apart what one power controller switches.
    """

    what: str
    entry: Entry
    path: tuple[str, ...]
    environment: str
    text: str
    address: Address | None
    system: str = ""


def uses_of(cmdb: Cmdb) -> Iterator[Use]:
    """Give every address that an item or a protection has, in the order of the files."""
    for item in cmdb.config_items:
        for environment, text in item.fields.get("addresses", {}).items():
            yield Use("host", item, ("addresses", environment), environment, text, address_or_none(text))
        for environment, control in item.fields.get("power", {}).items():
            path = ("power", environment)
            if "url" in control:
                text = _host(control["url"])
                address, system = address_or_none(text), control["system"]
                yield Use("power", item, (*path, "url"), environment, text, address, system)
            elif "address" in control:
                text = control["address"]
                yield Use("power", item, (*path, "address"), environment, text, address_or_none(text))
    for protection in cmdb.protections:
        for environment, text in protection.get("service_address", {}).items():
            path = ("service_address", environment)
            yield Use("service", protection, path, environment, text, address_or_none(text))


def address_or_none(text: str) -> Address | None:
    """Give the address that a text is, or None."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # [::1 and the like
        return url
