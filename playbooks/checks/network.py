"""Checks of addresses: each takes a testinfra host and asserts one thing about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from testinfra.host import Host


class CannotTell(Exception):
    """The host could not be asked, so nothing is known."""


def _addresses(host: Host, interface: str) -> str:
    """Give what ``ip`` shows of an interface."""
    done = host.run("ip -o address show dev %s", interface)
    if done.rc != 0:
        raise CannotTell(f"{interface} cannot be looked at: {done.stderr.strip()}")
    return str(done.stdout)


def holds_address(host: Host, address: str, interface: str) -> None:
    """The interface has the address."""
    shown = _addresses(host, interface)
    assert f" {address}/" in shown, f"{interface} does not have {address}"


def lacks_address(host: Host, address: str, interface: str) -> None:
    """The interface does not have the address."""
    shown = _addresses(host, interface)
    assert f" {address}/" not in shown, f"{interface} still has {address}"
