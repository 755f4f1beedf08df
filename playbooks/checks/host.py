"""Checks of a host as such: each takes a testinfra host and asserts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from testinfra.host import Host


def is_up(host: Host) -> None:
    """The host has started, and nothing that starts with it has failed."""
    said = host.run("systemctl is-system-running --wait").stdout.strip()
    assert said == "running", f"the host is {said}: see systemctl --failed there"
