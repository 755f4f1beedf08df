"""Which hosts these are: told by address, key and power control, never by the name of an environment. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from drillbook.cmdb.addressing import hosts_of
from drillbook.errors import Refused, UsageError
from drillbook.plan.targets import target_of

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def kind_of(plan: Plan) -> str:
    """Give the kind of the environment that a plan was made for, as the CMDB said that it was made from."""
    return str(plan.cmdb_slice["environments"][plan.environment]["kind"])


def require_known_hosts(plan: Plan, cmdb: Cmdb, lab: Mapping[str, LabHost]) -> None:
    """Raises Refused when a host of a plan is not, to the letter, the one that the trusted base's CMDB has.

    ``lab``: the hosts of this machine's lab, for environments that use them.
    """
    for item, target in plan.targets.items():
        require_real_target(target)
        try:
            known = target_of(cmdb, item, plan.environment)
        except UsageError as error:
            raise Refused(f"the trusted base does not know this host: {error.message}", remedy=_ADVANCE) from None
        if known != target:
            raise Refused(
                f"the plan reaches {item} {_place(target)}, and the trusted base has it {_place(known)}",
                remedy=_ADVANCE,
            )
    if cmdb.environments[hosts_of(cmdb, plan.environment)].get("kind") == "lab":
        require_lab_hosts(plan, lab)


_ADVANCE = "a host moves by a change of the configuration: approved, merged, and then ./inv trust.advance"


def _place(target: Target) -> str:
    return f"as {target.ssh_user} at {target.address} port {target.ssh_port}, with power control {target.power.kind}"


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


def require_lab_in(base: Cmdb, plan: Plan, hosts: Mapping[str, LabHost]) -> None:
    """Raises Refused when the trusted base has an address or a host key of a plan's host in another environment."""
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
