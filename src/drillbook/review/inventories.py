"""Which hosts Ansible would see otherwise, in each environment. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drillbook.cmdb.addressing import hosts_of
from drillbook.cmdb.compare.fields import FieldChange, differences

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drillbook.cmdb.model import Cmdb


@dataclass(frozen=True, slots=True)
class InventoryChange:
    """What changed in the inventory of one environment: ids of hosts, and of those that stay what is different."""

    environment: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: Mapping[str, tuple[FieldChange, ...]]


def compare_inventories(base: Cmdb, head: Cmdb) -> list[InventoryChange]:
    """Give the environments whose hosts differ, those of head first, in their order."""
    found = []
    for environment in dict.fromkeys((*head.environments.ids(), *base.environments.ids())):
        before, after = _hosts(base, environment), _hosts(head, environment)
        changed = {
            id_: fields
            for id_, host in after.items()
            if id_ in before and before[id_] != host and (fields := tuple(differences(before[id_], host)))
        }
        change = InventoryChange(
            environment,
            tuple(id_ for id_ in after if id_ not in before),
            tuple(id_ for id_ in before if id_ not in after),
            changed,
        )
        if change.added or change.removed or change.changed:
            found.append(change)
    return found


def _hosts(cmdb: Cmdb, environment: str) -> dict[str, dict[str, Any]]:
    if environment not in cmdb.environments:
        return {}
    source = hosts_of(cmdb, environment)
    found = {}
    for item in cmdb.config_items:
        address = item.get("addresses", {}).get(source)
        if address is not None and item.get("os") is not None:
            ssh = item.get("ssh", {})
            found[item.id] = {"address": address, "port": ssh.get("port", 22), "user": ssh.get("user", "root")}
    return found
