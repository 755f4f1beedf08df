"""How the lab's hosts are reached: by the lab's own keys, and only the hosts that it made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.change.gate.gate import LabHost, permit_lab_hosts
from drillbook.errors import MissingPrerequisite
from drillbook.hosts.access import Access
from drillbook.lab.keys import host_key
from drillbook.lab.state import IDENTITY, KNOWN_HOSTS, read_state

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from drillbook.change.gate.gate import Permission
    from drillbook.lab.spec import HostSpec


def made_hosts() -> Mapping[str, LabHost]:
    """Give the hosts of this machine's lab by item, as the gate wants to know them.

    Raises MissingPrerequisite when there is no lab.
    """
    return {item: LabHost(host.address, _public_key(item)) for item, host in read_state().hosts.items()}


def lab_access(permission: Permission | None = None) -> Access:
    """Give the access to the lab's hosts: all of them, or those of a permission.

    Raises MissingPrerequisite when there is no lab.
    """
    return Access(KNOWN_HOSTS, IDENTITY, permission or permit_lab_hosts(made_hosts()))


def lab_of_another(access: Access, root: Path) -> Path | None:
    """Give the checkout that made the lab's hosts, when these are reached from another one; else None.

    None without a lab too: what needs its hosts says so, and what gives a run up does not need them.
    """
    if access.known_hosts != KNOWN_HOSTS:
        return None
    try:
        made_by = read_state().checkout
    except MissingPrerequisite:
        return None
    return made_by if made_by != root.resolve() else None


def access_while_making(specs: Iterable[HostSpec]) -> Access:
    """Give the access to hosts that the lab has just made, before it is complete."""
    made = {spec.item: LabHost(spec.address, _public_key(spec.item)) for spec in specs}
    return Access(KNOWN_HOSTS, IDENTITY, permit_lab_hosts(made))


def _public_key(item: str) -> str:
    try:
        return " ".join(host_key(item).with_suffix(".pub").read_text().split()[:2])
    except OSError:
        return ""  # a host without a key on record is reached by nobody
