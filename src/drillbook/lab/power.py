"""Power control of the lab's hosts.

To cut the power is to take the cable down, so that a dying host sends no farewell, and to have the
kernel kill the host's processes. It takes a few milliseconds; `podman kill` takes over 100 and says no
more. On or off is read from the kernel each time: a host is off when none of its processes can act.

A file ``power/<item>`` in the lab's state makes the power control misbehave, as real ones do:
``fails`` (it does not answer) or ``lies`` (it says off, and does nothing).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.errors import HostUnreachable, StepFailed
from drillbook.hosts.power import PowerState
from drillbook.lab import network, vitals
from drillbook.lab.podman import podman
from drillbook.lab.state import LAB, POWER_DIR, read_state

if TYPE_CHECKING:
    from drillbook.lab.state import LabHost

FAILS = "fails"
LIES = "lies"

_KILL_TIMEOUT = 10.0
_START_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class LabPower:
    """The power of one host of the lab. See ``hosts.power.PowerDriver``."""

    item: str

    def state(self) -> PowerState:
        """Ask the kernel whether the host has processes."""
        if self._fault() == LIES:
            return PowerState.OFF
        return PowerState.ON if vitals.processes(self._host().container_id) else PowerState.OFF

    def off(self) -> None:
        """Cut cable and power; return when none of the host's processes can act any more."""
        if self._fault() == LIES:
            return
        host = self._host()
        network.unplug(host.address)
        vitals.kill(host.container_id, timeout=_KILL_TIMEOUT)

    def on(self) -> None:
        """Start the host with the disk that it had, and plug its cable in; what it runs does not start."""
        if self._fault() != LIES:
            push_button(self.item)

    def _host(self) -> LabHost:
        return _find(self.item)

    def _fault(self) -> str:
        try:
            fault = (POWER_DIR / self.item).read_text().strip()
        except FileNotFoundError:
            return ""
        if fault == FAILS:
            raise HostUnreachable(f"{self.item}: its power control does not answer ({LAB} simulates that)")
        return fault


def push_button(item: str) -> None:
    """Switch a host on where it stands, whatever its power control does: a person can. Raises StepFailed."""
    host = _find(item)
    if vitals.processes(host.container_id):
        return
    vitals.wait_gone(host.container_id, timeout=_KILL_TIMEOUT)
    podman("start", host.container_id, timeout=_START_TIMEOUT, what=f"switch {item} on")
    network.plug(host.address, read_state().subnet, vitals.init_pid(host.container_id))


def _find(item: str) -> LabHost:
    hosts = read_state().hosts
    if item not in hosts:
        raise StepFailed(f"the lab has no host {item}", remedy=f"it has: {', '.join(hosts)}")
    return hosts[item]
