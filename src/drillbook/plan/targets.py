"""A host of the CMDB as it is reached in one environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.cmdb import addressing
from drillbook.plan.model import PowerControl, Target
from drillbook.source import plain

if TYPE_CHECKING:
    from drillbook.cmdb.model import Cmdb


def target_of(cmdb: Cmdb, item: str, environment: str) -> Target:
    """Give where a host is reached and how it is switched off.

    Raises UsageError when there is no such item, or it has no address there.
    """
    ssh = cmdb.config_items[item].get("ssh", {})
    power = plain(addressing.power(cmdb, item, environment))
    return Target(
        item=item,
        address=addressing.address(cmdb, item, environment),
        ssh_port=int(ssh.get("port", 22)),
        ssh_user=str(ssh.get("user", "root")),
        power=PowerControl(
            kind=power["kind"],
            settings={name: value for name, value in sorted(power.items()) if name != "kind"},
        ),
    )
