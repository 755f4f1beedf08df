"""The network of a host, cut at its interfaces."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from drillbook.errors import HostIsOff, StepFailed
from drillbook.lab import outside
from drillbook.lab.faults.base import Effect, OfHost
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from drillbook.lab.state import LabHost

Direction = Literal["in", "out", "both"]

PARTITION = "drillbook_partition"
REPLICATION = "drillbook_replication"

_KNOCK_PORT = 22
_KNOCK_SECONDS = 0.2
_HOOKS = {
    "in": (("ingress", "saddr"),),
    "out": (("egress", "daddr"),),
    "both": (("ingress", "saddr"), ("egress", "daddr")),
}
_WAYS = {
    "in": Text(
        "what others send does not arrive, what it sends does", "单向中断：收不到他人发来的数据，发出的仍可到达"
    ),
    "out": Text(
        "what it sends does not arrive, what others send does", "单向中断：发出的数据无法到达，仍能收到他人的数据"
    ),
    "both": Text("in both directions", "双向中断"),
}


@dataclass(frozen=True, slots=True)
class Partition(OfHost):
    """The host is cut off from all others, this machine too, but for those in ``keep``.

    ``direction``: whether packets ``in`` to it are lost, or those ``out`` of it, or both.
    """

    keep: tuple[LabHost, ...]
    direction: Direction = "both"
    kind: ClassVar[str] = "partition"

    def describe(self) -> Text:
        """See ``Fault``."""
        names = [each.item for each in self.keep]
        kept = f"all but {', '.join(names)}" if names else "everyone"
        rest = f"除 {'、'.join(names)} 外的所有主机" if names else "所有主机"
        return Text(
            f"the network cuts {self.item} off from {kept}, {_WAYS[self.direction].en}",
            f"{self.item} 与{rest}之间的网络{_WAYS[self.direction].zh}",
        )

    def inject(self) -> Effect:
        """See ``Fault``."""
        began = time.monotonic_ns()
        Cut(PARTITION, self.host).make(drop=None, keep=[each.address for each in self.keep], direction=self.direction)
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
        Cut(PARTITION, self.host).remove()


@dataclass(frozen=True, slots=True)
class IsolateReplication(OfHost):
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
        Cut(REPLICATION, self.host).make(drop=[self.peer.address], keep=[])
        effective = time.monotonic_ns()
        silent = not outside.knock(
            self.peer.address, _KNOCK_PORT, seconds=_KNOCK_SECONDS, inside=self.host.container_id
        )
        seen = Text("gets no answer", "已无应答") if silent else Text("still gets an answer", "仍有应答")
        found = Text(f"{self.item} {seen.en} from {self.peer.item}", f"{self.item} 访问 {self.peer.item} {seen.zh}")
        return Effect(began, effective, silent, found)

    def heal(self) -> None:
        """See ``Fault``."""
        Cut(REPLICATION, self.host).remove()


@dataclass(frozen=True, slots=True)
class Cut:
    """Rules that drop packets at a host's interfaces, under a table name of their own."""

    table: str
    host: LabHost

    def make(self, *, drop: list[str] | None, keep: list[str], direction: Direction = "both") -> None:
        """Drop what comes from and goes to (or one of both) ``drop`` (None: everyone) but for ``keep``; IPv4.

        At the interfaces themselves, so that ARP is cut like all else: a host behind a broken cable does
        not answer when its addresses are asked for.
        """
        chains = []
        for number, name in enumerate(outside.interfaces(self.host.container_id)):
            for hook, side in _HOOKS[direction]:
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
