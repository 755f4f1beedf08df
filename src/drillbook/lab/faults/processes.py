"""Processes of a host: stopped, or killed."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from drillbook.lab import outside
from drillbook.lab.faults.base import Effect, OfHost
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from collections.abc import Callable

    from drillbook.lab.state import LabHost

_STOPPED = ("T", "Z", "")


@dataclass(frozen=True, slots=True)
class Freeze(OfHost):
    """Everything on the host stands still, as when a machine hangs. Its kernel still answers SYN packets."""

    kind: ClassVar[str] = "freeze"

    def describe(self) -> Text:
        """See ``Fault``."""
        return Text(
            f"{self.item} freezes: every process of it is stopped (SIGSTOP) and none is ended",
            f"{self.item} 僵死：全部进程被暂停（SIGSTOP），均未结束",
        )

    def inject(self) -> Effect:
        """See ``Fault``."""
        return _stop(self.host, lambda: outside.processes(self.host.container_id))

    def heal(self) -> None:
        """See ``Fault``."""
        _continue(self.host, lambda: outside.processes(self.host.container_id))


@dataclass(frozen=True, slots=True)
class HungSsh(OfHost):
    """SSH takes connections and says nothing; sessions that are open stand still."""

    kind: ClassVar[str] = "hung_ssh"

    def describe(self) -> Text:
        """See ``Fault``."""
        return Text(
            f"SSH of {self.item} hangs: its listener and its sessions are stopped (SIGSTOP)",
            f"{self.item} 的 SSH 无响应：监听进程与会话均被暂停（SIGSTOP）",
        )

    def inject(self) -> Effect:
        """See ``Fault``."""
        return _stop(self.host, lambda: outside.named(self.host.container_id, "sshd"))

    def heal(self) -> None:
        """See ``Fault``."""
        _continue(self.host, lambda: outside.named(self.host.container_id, "sshd"))


@dataclass(frozen=True, slots=True)
class ServiceKilled(OfHost):
    """All processes of one name die, as when memory runs out."""

    process: str
    kind: ClassVar[str] = "service_killed"

    def describe(self) -> Text:
        """See ``Fault``."""
        return Text(
            f"all processes '{self.process}' of {self.item} are killed (SIGKILL)",
            f"{self.item} 上名为“{self.process}”的进程全部被杀（SIGKILL）",
        )

    def inject(self) -> Effect:
        """See ``Fault``."""
        began = time.monotonic_ns()
        victims = outside.named(self.host.container_id, self.process)
        for pid in victims:  # the oldest, their parent, first: it could start others
            outside.send(pid, self.host.container_id, signal.SIGKILL)
        effective = time.monotonic_ns()
        dead = outside.until(lambda: all(outside.state(pid) in ("", "Z") for pid in victims))
        some = Text("", "") if dead else Text(", some live on", "，仍有存活")
        found = Text(f"{len(victims)} processes were killed{some.en}", f"已杀 {len(victims)} 个进程{some.zh}")
        return Effect(began, effective, dead and bool(victims), found)

    def heal(self) -> None:
        """See ``Fault``. To start the service again is a step of a runbook."""


def _stop(host: LabHost, find: Callable[[], list[int]]) -> Effect:
    """Stop processes until none runs: one that was being started while we looked is found the next time."""
    began = effective = time.monotonic_ns()

    def stopped() -> bool:
        nonlocal effective
        running = [pid for pid in find() if outside.state(pid) not in _STOPPED]
        for pid in running:
            outside.send(pid, host.container_id, signal.SIGSTOP)
            effective = time.monotonic_ns()
        return not running

    done = outside.until(stopped)
    count = len(find())
    seen = (
        Text(f"{count} processes are stopped", f"{count} 个进程已暂停")
        if done
        else Text("some processes still run", "仍有进程在运行")
    )
    return Effect(began, effective, done and count > 0, seen)


def _continue(host: LabHost, find: Callable[[], list[int]]) -> None:
    def running() -> bool:
        stopped = [pid for pid in find() if outside.state(pid) == "T"]
        for pid in stopped:
            outside.send(pid, host.container_id, signal.SIGCONT)
        return not stopped

    outside.until(running)
