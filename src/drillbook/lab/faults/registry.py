"""The kinds of fault by name, how each is made of a drill's options, and how all of them are taken away."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drillbook.cmdb.durations import seconds
from drillbook.errors import DrillbookError, StepFailed, UsageError
from drillbook.lab.faults.clock import WrongClock, offset
from drillbook.lab.faults.disk import DiskFull, relieve, size
from drillbook.lab.faults.files import COUNT, CorruptFile, mend_all
from drillbook.lab.faults.link import SlowLink, rate
from drillbook.lab.faults.network import PARTITION, REPLICATION, Cut, IsolateReplication, Partition
from drillbook.lab.faults.power import Kill, PowerControl, kill_together
from drillbook.lab.faults.processes import Freeze, HungSsh, ServiceKilled
from drillbook.lab.faults.returning import Returns, call_off

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from drillbook.lab.faults.base import Effect, Fault
    from drillbook.lab.state import LabHost, LabState

    Find = Callable[[str], LabHost]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault: which options it takes, whether ``heal`` ends it, and how it is made."""

    options: frozenset[str]
    heals: bool
    build: Callable[[LabHost, Mapping[str, Any], Find], Fault]


KINDS: Mapping[str, Kind] = {
    "corrupt_file": Kind(
        frozenset({"path", "bytes", "seed"}),
        heals=True,
        build=lambda host, options, _: CorruptFile(
            host, options["path"], int(options.get("bytes", COUNT)), int(options.get("seed", 1))
        ),
    ),
    "disk_full": Kind(
        frozenset({"path", "leave"}),
        heals=True,
        build=lambda host, options, _: DiskFull(host, options["path"], size(options.get("leave", "0 KiB"))),
    ),
    "freeze": Kind(frozenset(), heals=True, build=lambda host, _, __: Freeze(host)),
    "hung_ssh": Kind(frozenset(), heals=True, build=lambda host, _, __: HungSsh(host)),
    "isolate_replication": Kind(
        frozenset({"peer"}),
        heals=True,
        build=lambda host, options, find: IsolateReplication(host, find(options["peer"])),
    ),
    "kill": Kind(frozenset(), heals=False, build=lambda host, _, __: Kill(host)),
    "partition": Kind(
        frozenset({"keep", "direction"}),
        heals=True,
        build=lambda host, options, find: Partition(
            host, tuple(find(each) for each in options.get("keep", ())), options.get("direction", "both")
        ),
    ),
    "power_control": Kind(
        frozenset({"mode"}), heals=True, build=lambda host, options, _: PowerControl(host, options["mode"])
    ),
    "returns": Kind(
        frozenset({"in"}), heals=True, build=lambda host, options, _: Returns(host, seconds(options["in"]))
    ),
    "service_killed": Kind(
        frozenset({"process"}),
        heals=False,
        build=lambda host, options, _: ServiceKilled(host, options["process"]),
    ),
    "slow_link": Kind(
        frozenset({"rate"}), heals=True, build=lambda host, options, _: SlowLink(host, rate(options["rate"]))
    ),
    "wrong_clock": Kind(
        frozenset({"by"}), heals=True, build=lambda host, options, _: WrongClock(host, offset(options["by"]))
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


def inject_together(faults: Sequence[Fault]) -> list[Effect]:
    """Make several faults at the same moment, and give what came of each, in their order.

    Of hosts that lose power none sees another die: the networks of all go before a process of any. Raises StepFailed
    as ``inject`` does; others may have been made then.
    """
    killed = [fault.host for fault in faults if isinstance(fault, Kill)]
    together = dict(zip((host.item for host in killed), kill_together(killed), strict=True))
    others = [fault for fault in faults if not isinstance(fault, Kill)]
    with ThreadPoolExecutor(max(1, len(others))) as pool:
        made = pool.map(lambda each: each.inject(), others)
        return [together[fault.item] if isinstance(fault, Kill) else next(made) for fault in faults]


def heal_all(lab: LabState) -> None:
    """Take every fault away that a drill may have left behind when it was killed.

    Raises StepFailed when one cannot be taken away; all others are, first.
    """
    trouble: list[str] = []
    for host in lab.hosts.values():
        # A full disk before a bad file: it may cover the file.
        for heal in (
            lambda host: call_off(host.item),
            lambda host: PowerControl(host, "fails").heal(),
            lambda host: Freeze(host).heal(),
            lambda host: Cut(PARTITION, host).remove(),
            lambda host: Cut(REPLICATION, host).remove(),
            lambda host: SlowLink(host, 0).heal(),
            lambda host: WrongClock(host, 0).heal(),
            relieve,
            mend_all,
        ):
            try:
                heal(host)
            except DrillbookError as error:
                trouble.append(error.message)
    if trouble:
        raise StepFailed("; ".join(trouble))
