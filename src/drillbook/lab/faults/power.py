"""Power: hosts that lose it, one or many at the same moment, and power control that does not do what it says."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from drillbook.lab import outside
from drillbook.lab.faults.base import Effect, OfHost
from drillbook.lab.state import POWER_DIR, write_file
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drillbook.lab.state import LabHost


@dataclass(frozen=True, slots=True)
class Kill(OfHost):
    """Sudden loss of power: nothing is said to anybody."""

    kind: ClassVar[str] = "kill"

    def describe(self) -> Text:
        """See ``Fault``."""
        return Text(
            f"{self.item} loses power: its network goes silent, then all its processes are killed at once",
            f"{self.item} 断电：网络先中断，随后全部进程同时被杀",
        )

    def inject(self) -> Effect:
        """See ``Fault``."""
        return kill_together([self.host])[0]

    def heal(self) -> None:
        """See ``Fault``. The host stays off: to switch it on is a step of a runbook."""


def kill_together(hosts: Sequence[LabHost]) -> list[Effect]:
    """Take the power of several hosts, as of a whole room, and give what came of it, in their order.

    The networks of all go first, so that none of them sees another die or says goodbye; then their
    processes. Raises StepFailed when one cannot be found; those before it are silent then.
    """
    began = time.monotonic_ns()
    silent = []
    for host in hosts:
        # First the network: the kernel of a killed process would still say goodbye to its peers.
        lines = "".join(f"link set {name} down\n" for name in outside.interfaces(host.container_id))
        outside.in_network(host.container_id, ["ip", "-batch", "-"], stdin=lines)
        silent.append(time.monotonic_ns())
    for host in hosts:
        for pid in outside.processes(host.container_id)[:1]:
            outside.send(pid, host.container_id, signal.SIGKILL)
    effects = []
    for host, effective in zip(hosts, silent, strict=True):
        dead = outside.until(lambda: not outside.processes(host.container_id))  # noqa: B023 - called at once
        seen = Text("no process is left", "已无任何进程") if dead else Text("processes are left", "仍有进程存活")
        effects.append(Effect(began, effective, dead, seen))
    return effects


@dataclass(frozen=True, slots=True)
class PowerControl(OfHost):
    """The host's power control fails, or says that it did what it did not do."""

    mode: str
    kind: ClassVar[str] = "power_control"

    def describe(self) -> Text:
        """See ``Fault``."""
        if self.mode == "fails":
            return Text(f"the power control of {self.item} does not answer", f"{self.item} 的电源控制无应答")
        return Text(
            f"the power control of {self.item} says that the host is off, and does nothing",
            f"{self.item} 的电源控制谎报主机已断电，实际未执行",
        )

    def inject(self) -> Effect:
        """See ``Fault``."""
        began = time.monotonic_ns()
        write_file(POWER_DIR / self.item, self.mode + "\n")
        does = "无应答" if self.mode == "fails" else "谎报"
        found = Text(f"it {self.mode} from now on", f"自此{does}")
        return Effect(began, time.monotonic_ns(), verified=True, detail=found)

    def heal(self) -> None:
        """See ``Fault``."""
        (POWER_DIR / self.item).unlink(missing_ok=True)
