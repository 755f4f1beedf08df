"""Addresses: valid, in the environment's networks, one for each thing, and only where they may lie."""

from __future__ import annotations

import functools
import ipaddress
from typing import TYPE_CHECKING, NamedTuple

from drillbook.cmdb.rules.base import Problem, quoted
from drillbook.cmdb.rules.in_use import packed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.cmdb.model import Entry
    from drillbook.cmdb.rules.base import Draft

Subnet = ipaddress.IPv4Network | ipaddress.IPv6Network

# RFC 2544's benchmarking range and RFC 3849's documentation range: nothing answers there.
NOWHERE = ("198.18.0.0/15", "2001:db8::/32")


@functools.lru_cache(maxsize=1024)
def _subnet(text: str) -> Subnet | None:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


def valid(draft: Draft) -> Iterator[Problem]:
    """Find what has the look of an address or a subnet and is none."""
    for use in draft.uses:
        if use.packed is None:
            yield Problem(
                use.entry, use.path,
                f"is {quoted(use.text)}, which is no address; write one such as 192.0.2.11",
            )  # fmt: skip
    for network in draft.cmdb.networks:
        subnet = _subnet(network.get("subnet"))
        if subnet is None:
            yield Problem(
                network, ("subnet",),
                f"is {quoted(network.get('subnet'))}, which is no subnet; "
                "write its first address and its length, such as 192.0.2.0/24",
            )  # fmt: skip
        gateway = network.get("gateway")
        if gateway is not None:
            address = packed(gateway)
            if address is None or (subnet is not None and Subnets([subnet]).home(address) is None):
                yield Problem(
                    network, ("gateway",),
                    f"is {quoted(gateway)}, which is no address of {quoted(network.get('subnet'))}",
                )  # fmt: skip
    policy = draft.entry("policies", "production-addresses")
    for index, text in enumerate(policy.get("only_in") if policy else ()):
        if policy is not None and _subnet(text) is None:
            yield Problem(policy, ("only_in", index), f"is {quoted(text)}, which is no subnet")


def unique(draft: Draft) -> Iterator[Problem]:
    """Find addresses that two things have in one environment; also gateways."""
    yield from _doubles(draft, service_against_host=False)


def service_apart(draft: Draft) -> Iterator[Problem]:
    """Find service addresses that are a host's own."""
    yield from _doubles(draft, service_against_host=True)


def _doubles(draft: Draft, *, service_against_host: bool) -> Iterator[Problem]:
    taken: dict[tuple[str, bytes, str], tuple[str, str]] = {}
    for environment, subnets in _networks(draft).items():
        for network, _ in subnets:
            gateway = packed(network.get("gateway", ""))
            if gateway is not None:
                taken[environment, gateway, ""] = ("gateway", f"the gateway of networks.{network.id}")
    used = [(use.environment, use.packed, use.system) for use in draft.uses]
    if len(taken.keys() | set(used)) == len(taken) + len(used):
        return  # the usual case, at a small part of the time
    for use in draft.uses:
        if use.packed is None:
            continue
        key = (use.environment, use.packed, use.system)
        label = f"{use.entry.section}.{use.entry.id}"
        what, by = taken.setdefault(key, (use.what, label))
        if by == label and what == use.what:
            continue
        if ({what, use.what} == {"host", "service"}) != service_against_host:
            continue
        if service_against_host:
            yield Problem(
                use.entry, use.path,
                f"is {use.address}, which {by} has too; a service address moves between hosts, "
                "so it must be no host's own",
            )  # fmt: skip
        else:
            yield Problem(
                use.entry, use.path,
                f"is {use.address}, which {by} has already in {quoted(use.environment)}; give each its own",
            )  # fmt: skip


def _networks(draft: Draft) -> dict[str, list[tuple[Entry, Subnet]]]:
    """Give the networks of each environment; none where one of them is wrong, which other rules find."""
    result: dict[str, list[tuple[Entry, Subnet]]] = {}
    for environment in draft.cmdb.environments:
        named = [environment.get("network"), *environment.get("other_networks", ())]
        networks = [network for id_ in named if (network := draft.entry("networks", id_)) is not None]
        pairs = [(each, subnet) for each in networks if (subnet := _subnet(each.get("subnet"))) is not None]
        result[environment.id] = pairs if len(pairs) == len(named) else []
    return result


class Subnets:
    """Subnets in which an address is looked up by its first bits, however many they are."""

    __slots__ = ("_by_length", "_subnets")

    def __init__(self, subnets: list[Subnet]) -> None:
        """Take the subnets, in the order in which they count."""
        self._subnets = subnets
        # By bytes of an address and bits after the prefix: the place of the first subnet with each prefix.
        self._by_length: dict[tuple[int, int], dict[int, int]] = {}
        for place, subnet in enumerate(subnets):
            rest = subnet.max_prefixlen - subnet.prefixlen
            prefixes = self._by_length.setdefault((subnet.max_prefixlen // 8, rest), {})
            prefixes.setdefault(int(subnet.network_address) >> rest, place)

    def home(self, address: bytes) -> Subnet | None:
        """Give the first subnet that an address lies in."""
        number, size = int.from_bytes(address), len(address)
        places = [
            place
            for (length, rest), prefixes in self._by_length.items()
            if length == size and (place := prefixes.get(number >> rest)) is not None
        ]
        return self._subnets[min(places)] if places else None


class _Around(NamedTuple):
    """What an environment says of its addresses: whose it borrows, and its networks."""

    borrowed: str | None
    networks: list[Subnet]
    subnets: Subnets


def in_network(draft: Draft) -> Iterator[Problem]:
    """Find addresses outside the networks of their environment, and those that a subnet reserves."""
    around = {}
    for id_, pairs in _networks(draft).items():
        networks = [subnet for _, subnet in pairs]
        around[id_] = _Around(draft.cmdb.environments[id_].get("addresses_of"), networks, Subnets(networks))
    for use in draft.uses:
        here = around.get(use.environment)
        if here is None or use.packed is None:
            continue
        if here.borrowed is not None:
            yield Problem(
                use.entry, use.path,
                f"is given for {quoted(use.environment)}, which uses the addresses of {quoted(here.borrowed)}; "
                "leave it out",
            )  # fmt: skip
            continue
        home = here.subnets.home(use.packed)
        if home is None and here.networks:
            yield Problem(
                use.entry, use.path,
                f"is {use.address}, in no network of {quoted(use.environment)}; "
                f"it must lie in {_either(here.networks)}",
            )  # fmt: skip
        elif home is not None and _reserved(use.packed, home):
            yield Problem(
                use.entry, use.path,
                f"is {use.address}, the first or last address of {home}, which no host can have",
            )  # fmt: skip


_LISTED = 12  # subnets of more that are written out


def _either(subnets: list[Subnet]) -> str:
    names = [str(subnet) for subnet in subnets[:_LISTED]]
    return " or ".join(names) + (f" or one of {len(subnets) - _LISTED} more" if len(subnets) > _LISTED else "")


_POINT_TO_POINT = 2  # subnets with one bit left have no reserved addresses (RFC 3021)


def _reserved(address: bytes, subnet: Subnet) -> bool:
    return (
        subnet.version == 4  # noqa: PLR2004 - IPv6 reserves none of the two
        and subnet.max_prefixlen - subnet.prefixlen >= _POINT_TO_POINT
        and address in (subnet.network_address.packed, subnet.broadcast_address.packed)
    )


def production_range(draft: Draft) -> Iterator[Problem]:
    """Find addresses of production outside the ranges that policy allows."""
    policy = draft.entry("policies", "production-addresses")
    allowed = list(policy.get("only_in")) if policy is not None else list(NOWHERE)
    subnets = Subnets([subnet for text in allowed if (subnet := _subnet(text)) is not None])
    production = {each.id for each in draft.cmdb.environments if each.get("kind") == "production"}
    for use in draft.uses:
        if use.environment in production and use.packed is not None and subnets.home(use.packed) is None:
            yield Problem(
                use.entry, use.path,
                f"is {use.address}; addresses of production lie only in {', '.join(allowed)} "
                "(policies.production-addresses)",
            )  # fmt: skip
