"""What can go wrong with a host in a drill. Only hosts of the lab have faults.

Each fault is made from outside the host (``lab.outside``), says what it does, looks whether it took
effect, and can be healed any number of times. A fault lies in the host's processes, in its network
namespace, or (power control) in a file, so a host that is switched off and on again has none but the
last.
"""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from drillbook.errors import HostIsOff, StepFailed, UsageError
from drillbook.lab import outside
from drillbook.lab.state import POWER_DIR, write_file
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from drillbook.lab.state import LabHost, LabState

_KNOCK_PORT = 22
_KNOCK_SECONDS = 0.2
_STOPPED = ("T", "Z", "")


@dataclass(frozen=True, slots=True)
class Effect:
    """What came of a fault. ``began`` and ``effective`` (from when it was felt): CLOCK_MONOTONIC, ns.

    ``verified``: it was seen to have taken effect; ``detail`` says what was seen.
    """

    began: int
    effective: int
    verified: bool
    detail: Text


class Fault(Protocol):
    """A fault of one host. ``kind`` is its name in KINDS, ``item`` the host's configuration item."""

    @property
    def kind(self) -> str:
        """The fault's name in KINDS."""
        ...

    @property
    def item(self) -> str:
        """The host."""
        ...

    def describe(self) -> Text:
        """Say in a sentence what it does, for the record."""
        ...

    def inject(self) -> Effect:
        """Make it, and look whether it took effect. Raises StepFailed when it cannot be made."""
        ...

    def heal(self) -> None:
        """Take it away. Does nothing when it is not there."""
        ...


@dataclass(frozen=True, slots=True)
class _OfHost:
    host: LabHost

    @property
    def item(self) -> str:
        """See ``Fault``."""
        return self.host.item


@dataclass(frozen=True, slots=True)
class Kill(_OfHost):
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
        began = time.monotonic_ns()
        # First the network: the kernel of a killed process would still say goodbye to its peers.
        lines = "".join(f"link set {name} down\n" for name in outside.interfaces(self.host.container_id))
        outside.in_network(self.host.container_id, ["ip", "-batch", "-"], stdin=lines)
        effective = time.monotonic_ns()
        for pid in outside.processes(self.host.container_id)[:1]:
            outside.send(pid, self.host.container_id, signal.SIGKILL)
        dead = outside.until(lambda: not outside.processes(self.host.container_id))
        seen = Text("no process is left", "已无任何进程") if dead else Text("processes are left", "仍有进程存活")
        return Effect(began, effective, dead, seen)

    def heal(self) -> None:
        """See ``Fault``. The host stays off: to switch it on is a step of a runbook."""


@dataclass(frozen=True, slots=True)
class Freeze(_OfHost):
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
class HungSsh(_OfHost):
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
class ServiceKilled(_OfHost):
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


@dataclass(frozen=True, slots=True)
class Partition(_OfHost):
    """The host is cut off from all others, this machine too, but for those in ``keep``; both ways."""

    keep: tuple[LabHost, ...]
    kind: ClassVar[str] = "partition"

    def describe(self) -> Text:
        """See ``Fault``."""
        names = [each.item for each in self.keep]
        kept = f"all but {', '.join(names)}" if names else "everyone"
        rest = f"除 {'、'.join(names)} 外的所有主机" if names else "所有主机"
        return Text(
            f"the network cuts {self.item} off from {kept}, in both directions",
            f"{self.item} 与{rest}之间的网络双向中断",
        )

    def inject(self) -> Effect:
        """See ``Fault``."""
        began = time.monotonic_ns()
        _Cut("drillbook_partition", self.host).make(drop=None, keep=[each.address for each in self.keep])
        effective = time.monotonic_ns()
        silent = not outside.knock(self.host.address, _KNOCK_PORT, seconds=_KNOCK_SECONDS)
        seen = (
            Text("this machine gets no answer from it", "本机访问它已无应答")
            if silent
            else Text("this machine still gets an answer from it", "本机访问它仍有应答")
        )
        return Effect(began, effective, silent, seen)

    def heal(self) -> None:
        """See ``Fault``."""
        _Cut("drillbook_partition", self.host).remove()


@dataclass(frozen=True, slots=True)
class IsolateReplication(_OfHost):
    """The host and one other cannot reach each other; everyone else reaches both."""

    peer: LabHost
    kind: ClassVar[str] = "isolate_replication"

    def describe(self) -> Text:
        """See ``Fault``."""
        return Text(
            f"the network between {self.item} and {self.peer.item} is cut, and only that",
            f"仅 {self.item} 与 {self.peer.item} 之间的网络中断",
        )

    def inject(self) -> Effect:
        """See ``Fault``."""
        began = time.monotonic_ns()
        _Cut("drillbook_replication", self.host).make(drop=[self.peer.address], keep=[])
        effective = time.monotonic_ns()
        silent = not outside.knock(
            self.peer.address, _KNOCK_PORT, seconds=_KNOCK_SECONDS, inside=self.host.container_id
        )
        seen = Text("gets no answer", "已无应答") if silent else Text("still gets an answer", "仍有应答")
        found = Text(f"{self.item} {seen.en} from {self.peer.item}", f"{self.item} 访问 {self.peer.item} {seen.zh}")
        return Effect(began, effective, silent, found)

    def heal(self) -> None:
        """See ``Fault``."""
        _Cut("drillbook_replication", self.host).remove()


@dataclass(frozen=True, slots=True)
class PowerControl(_OfHost):
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


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault: which options it takes, whether ``heal`` ends it, and how it is made."""

    options: frozenset[str]
    heals: bool
    build: Callable[[LabHost, Mapping[str, Any], Callable[[str], LabHost]], Fault]


KINDS: Mapping[str, Kind] = {
    "freeze": Kind(frozenset(), heals=True, build=lambda host, _, __: Freeze(host)),
    "hung_ssh": Kind(frozenset(), heals=True, build=lambda host, _, __: HungSsh(host)),
    "isolate_replication": Kind(
        frozenset({"peer"}),
        heals=True,
        build=lambda host, options, find: IsolateReplication(host, find(options["peer"])),
    ),
    "kill": Kind(frozenset(), heals=False, build=lambda host, _, __: Kill(host)),
    "partition": Kind(
        frozenset({"keep"}),
        heals=True,
        build=lambda host, options, find: Partition(host, tuple(find(each) for each in options.get("keep", ()))),
    ),
    "power_control": Kind(
        frozenset({"mode"}), heals=True, build=lambda host, options, _: PowerControl(host, options["mode"])
    ),
    "service_killed": Kind(
        frozenset({"process"}),
        heals=False,
        build=lambda host, options, _: ServiceKilled(host, options["process"]),
    ),
}
"""The kinds of fault by name."""


def make_fault(kind: str, item: str, options: Mapping[str, Any], *, lab: LabState) -> Fault:
    """Give the fault of a host; nothing happens to it yet.

    ``kind`` is one of KINDS and ``options`` are of that kind. Raises UsageError for a host that the lab
    does not have.
    """

    def find(name: str) -> LabHost:
        if name not in lab.hosts:
            raise UsageError(f"the lab has no host '{name[:60]}'", remedy=f"it has: {', '.join(lab.hosts)}")
        return lab.hosts[name]

    return KINDS[kind].build(find(item), options, find)


def heal_all(lab: LabState) -> None:
    """Take every fault away that a drill may have left behind when it was killed.

    Raises StepFailed when one cannot be taken away; all others are, first.
    """
    trouble: list[StepFailed] = []
    for host in lab.hosts.values():
        PowerControl(host, "fails").heal()
        Freeze(host).heal()
        for name in ("drillbook_partition", "drillbook_replication"):
            try:
                _Cut(name, host).remove()
            except StepFailed as error:
                trouble.append(error)
    if trouble:
        raise trouble[0]


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


@dataclass(frozen=True, slots=True)
class _Cut:
    """Rules that drop packets at a host's interfaces, under a table name of their own."""

    table: str
    host: LabHost

    def make(self, *, drop: list[str] | None, keep: list[str]) -> None:
        """Drop what comes from and goes to ``drop`` (None: everyone) but for ``keep``; IPv4 addresses.

        At the interfaces themselves, so that ARP is cut like all else: a host behind a broken cable does
        not answer when its addresses are asked for.
        """
        chains = []
        for number, name in enumerate(outside.interfaces(self.host.container_id)):
            for hook, side in (("ingress", "saddr"), ("egress", "daddr")):
                head = f'chain {hook}{number} {{ type filter hook {hook} device "{name}" priority -500; policy'
                rules = [*_matches(side, keep, "accept"), "drop"] if drop is None else _matches(side, drop, "drop")
                chains.append(f"{head} accept;\n" + "\n".join(rules) + "\n}")
        body = "\n".join(chains)
        self._nft(f"add table netdev {self.table}\ndelete table netdev {self.table}\n"
                  f"table netdev {self.table} {{\n{body}\n}}\n")  # fmt: skip

    def remove(self) -> None:
        """Take the rules away; a host that is off has none."""
        with suppress(HostIsOff):
            self._nft(f"add table netdev {self.table}\ndelete table netdev {self.table}\n")

    def _nft(self, text: str) -> None:
        try:
            outside.in_network(self.host.container_id, ["nft", "-f", "-"], stdin=text)
        except HostIsOff:
            raise
        except StepFailed as error:
            raise StepFailed(f"the rules of {self.table} on {self.host.item}: {error.message}") from None


def _matches(side: str, addresses: list[str], verdict: str) -> list[str]:
    if not addresses:
        return []
    listed = "{ " + ", ".join(addresses) + " }"
    return [f"ip {side} {listed} {verdict}", f"arp {side} ip {listed} {verdict}"]
