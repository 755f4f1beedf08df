"""Checks of addresses: each takes a testinfra host and asserts one thing about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from testinfra.host import Host


def holds_address(host: Host, address: str, interface: str) -> None:
    """The interface has the address."""
    shown = host.run("ip -o address show dev %s", interface).stdout
    assert f" {address}/" in shown, f"{interface} does not have {address}"


def lacks_address(host: Host, address: str, interface: str) -> None:
    """The interface does not have the address."""
    shown = host.run("ip -o address show dev %s", interface).stdout
    assert f" {address}/" not in shown, f"{interface} still has {address}"
