"""Which address, and which power control, an item has in an environment.

An environment with ``addresses_of`` uses the hosts of another one; everything that asks for an
address goes through here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drillbook.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drillbook.cmdb.model import Cmdb


def hosts_of(cmdb: Cmdb, environment: str) -> str:
    """Give the environment whose hosts, addresses and power control ``environment`` uses.

    Raises UsageError when there is no such environment.
    """
    return str(cmdb.environments[environment].get("addresses_of", environment))


def address(cmdb: Cmdb, item: str, environment: str) -> str:
    """Give the address of an item in an environment.

    Raises UsageError when there is no such item or environment, or the item is not part of it.
    """
    found = cmdb.config_items[item].get("addresses", {}).get(hosts_of(cmdb, environment))
    if found is None:
        raise UsageError(
            f"'{item}' has no address in the environment '{environment}'",
            remedy=f"./inv cmdb.list --section config_items --env {environment} shows what has one",
        )
    return str(found)


def service_address(cmdb: Cmdb, protection: str, environment: str) -> str:
    """Give the address that moves with a protection's primary, in an environment.

    Raises UsageError when there is no such protection or environment, or it has no such address.
    """
    found = cmdb.protections[protection].get("service_address", {}).get(hosts_of(cmdb, environment))
    if found is None:
        raise UsageError(
            f"the protection '{protection}' has no service address in the environment '{environment}'",
            remedy=f"add it in protections.{protection}.service_address",
        )
    return str(found)


def power(cmdb: Cmdb, item: str, environment: str) -> Mapping[str, Any]:
    """Give the power control of an item in an environment: ``kind`` and what that kind needs.

    ``{"kind": "none"}`` when the item has none. Raises UsageError as ``address``.
    """
    found = cmdb.config_items[item].get("power", {}).get(hosts_of(cmdb, environment))
    return found if found is not None else {"kind": "none"}
