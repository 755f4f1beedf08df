"""The one gate before a packet is sent. It fails closed, and only it makes a Permission.

A Permission names the hosts that may be reached, by item and address, and connections are opened with one alone
(``hosts.access.Access``). Three things get one: the hosts that this machine's lab made; a plan that is the plan of
an approved change; a plan in break-glass.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from drillbook.cmdb.addressing import hosts_of
from drillbook.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from drillbook.cmdb.model import Cmdb
    from drillbook.plan.model import Plan, Target

_NOT_REAL = tuple(
    ip_network(each)
    for each in (
        "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24",  # documentation, RFC 5737
        "198.18.0.0/15",  # benchmarks, RFC 2544
        "2001:db8::/32", "3fff::/20",  # documentation, RFC 3849 and RFC 9637
        "2001:2::/48",  # benchmarks, RFC 5180
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LabHost:
    """A host that this machine's lab made: where it is, and its public key (kind and key)."""

    address: str
    host_key: str


@dataclass(frozen=True, slots=True)
class Permission:
    """That the plan of this digest may run on these hosts.

    ``plan_digest``: "" for the upkeep of the lab's hosts, for which there is no plan. ``change_type``: standard,
    normal or emergency. ``hosts``: addresses by item. ``change``: the change's id, "" in the lab. ``executor``: the
    person's id; ``base`` and ``repository``: commits. ``approved_by``: ids of people. ``deviations``: what is not
    as it should be and was let through, one sentence each. ``reason``: why, in break-glass.
    """

    plan_digest: str
    change_type: str
    hosts: Mapping[str, str]
    change: str = ""
    executor: str = ""
    base: str = ""
    repository: str = ""
    approved_by: tuple[str, ...] = ()
    deviations: tuple[str, ...] = ()
    reason: str = ""

    def require(self, item: str, address: str) -> None:
        """Raises Refused when a host is not among those that may be reached."""
        if self.hosts.get(item) != address:
            raise Refused(
                f"nothing permits a connection to {item} at {address}; no packet was sent",
                remedy="./inv changes.new begins a change that would",
            )


def require_lab(environment: str, kind: str) -> None:
    """Raises Refused when an environment of a kind is not the lab's: there, it takes a change to run anything."""
    if kind != "lab":
        raise Refused(
            f"environment {environment} is {kind}: nothing runs there without an approved change",
            remedy=f"./inv changes.new --runbook … --env {environment} … requests one; what cannot wait: "
            "runbooks.run … --emergency --reason; ./inv runbooks.plan shows what would run",
        )


def permit_lab(plan: Plan, hosts: Mapping[str, LabHost], *, base: Cmdb | None = None) -> Permission:
    """Permit a plan on hosts of the lab: a standard change for which nobody is asked.

    Args:
        plan: what would run.
        hosts: by item, the hosts that this machine's lab made, as its own state has them.
        base: the trusted base's CMDB, where there is one.

    Raises Refused when the environment is not of kind lab, when a target is not one of these hosts to the letter,
    and when the base knows an address or a key as that of another environment.
    """
    require_lab(plan.environment, kind_of(plan))
    require_lab_hosts(plan, hosts)
    if base is not None:
        _require_lab_in(base, plan, hosts)
    return Permission(
        plan_digest=plan.digest,
        change_type="standard",
        hosts=MappingProxyType({item: target.address for item, target in plan.targets.items()}),
    )


def kind_of(plan: Plan) -> str:
    """Give the kind of the environment that a plan was made for, as the CMDB said that it was made from."""
    return str(plan.cmdb_slice["environments"][plan.environment]["kind"])


def permit_lab_hosts(hosts: Mapping[str, LabHost]) -> Permission:
    """Permit to reach the lab's hosts without a plan: to make them, mend them, and measure on them."""
    for item, host in hosts.items():
        require_real(item, host.address)
    return Permission(
        plan_digest="",
        change_type="standard",
        hosts=MappingProxyType({item: host.address for item, host in hosts.items()}),
    )


def require_lab_hosts(plan: Plan, hosts: Mapping[str, LabHost]) -> None:
    """Raises Refused when a target is not a host of this machine's lab, at its address and under its power control.

    The word ``lab`` in a file makes no host a lab's host.
    """
    for item, target in plan.targets.items():
        require_real_target(target)
        made = hosts.get(item)
        if made is None or made.address != target.address:
            at = f"at {made.address}" if made is not None else "under no address"
            raise Refused(
                f"{item} at {target.address} is not a host that this machine's lab made: the lab has {item} {at}",
                remedy="./inv lab.status shows the lab's hosts; ./inv lab.up makes them anew after a change",
            )
        if target.power.kind not in ("lab", "none"):
            raise Refused(
                f"the power control of {item} is {target.power.kind}, and the lab's hosts are switched by the lab alone"
            )


def _require_lab_in(base: Cmdb, plan: Plan, hosts: Mapping[str, LabHost]) -> None:
    if plan.environment in base.environments:
        kind = base.environments[plan.environment].get("kind")
        if kind != "lab":
            raise Refused(f"environment {plan.environment} is {kind} in the trusted base, not lab")
    labs = {each.id for each in base.environments if each.get("kind") == "lab"}
    addresses = {target.address for target in plan.targets.values()}
    keys = {hosts[item].host_key: item for item in plan.targets}
    for known in base.config_items:
        for environment, address in known.get("addresses", {}).items():
            if address in addresses and hosts_of(base, environment) not in labs:
                raise Refused(f"{address} is {known.id} in {environment}, says the trusted base: no host of a lab")
        for environment, public in known.get("host_keys", {}).items():
            shown = {" ".join(key.split()[:2]) for key in public} & keys.keys()
            if shown and hosts_of(base, environment) not in labs:
                raise Refused(
                    f"the host key of {keys[shown.pop()]} is that of {known.id} in {environment}, says the trusted "
                    "base: no host of a lab"
                )


def require_real_target(target: Target) -> None:
    """Raises Refused when a host, or its power control, has an address at which no real host can be."""
    require_real(target.item, target.address)
    settings = target.power.settings
    for each in (settings.get("address"), urlsplit(str(settings.get("url", ""))).hostname):
        if each:
            require_real(f"the power control of {target.item}", str(each))


def require_real(what: str, address: str) -> None:
    """Raises Refused for an address of a documentation or benchmark range. A name is no address, and passes."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return
    if isinstance(found, IPv6Address):
        found = found.ipv4_mapped or found.sixtofour or found
    for network in _NOT_REAL:
        if found in network:
            raise Refused(
                f"{what} has the address {address}, of the documentation or benchmark range {network}: "
                "nothing connects to it",
                remedy="an address like this stands for one that was invented; real hosts need real ones in the CMDB",
            )


