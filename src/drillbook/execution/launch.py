"""Ties a run together: its folder and journal, the git remote, the connections, the engine.

In the lab, connections are opened before the journal because they change nothing and take longest; what is
journalled first is the first thing that could matter. A run of a change is journalled and announced in the git
remote before the first packet goes to a host.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.errors import DrillbookError, HostUnreachable, RemoteUnreachable
from drillbook.execution.actions import Person, World, operator
from drillbook.execution.announce import Announcer, settle
from drillbook.execution.ending import ways_on
from drillbook.execution.engine import Engine, Outcome
from drillbook.execution.runs import RunFolder, new_run, reopen_run
from drillbook.facts.checks import Checks
from drillbook.hosts.connection import Hosts
from drillbook.plan.model import FenceRun
from drillbook.plan.parts import own_hosts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from drillbook.change.gate.gate import Permission
    from drillbook.clock import Clock
    from drillbook.execution.by_hand import FencedByHand
    from drillbook.hosts.access import Access
    from drillbook.hosts.power import PowerDriver
    from drillbook.journal.record import Record
    from drillbook.journal.writer import Journal
    from drillbook.plan.model import Plan, Target
    from drillbook.signing.sign import Signer


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a run is given from outside, the same for all runs of one command.

    ``root``: what is sealed from. ``signer`` signs the journal's end; None in a lab where nobody has a key on
    record. ``announcer`` tells the git remote; None in the lab. ``by_hand``: only of break-glass.
    """

    root: Path
    state: Path
    access: Access
    power: Callable[[Target], PowerDriver]
    person: Person
    clock: Clock
    stopping: Callable[[], bool]
    listener: Callable[[Record], None]
    language: str = "en"
    signer: Signer | None = None
    announcer: Announcer | None = None
    by_hand: FencedByHand | None = None


@dataclass(slots=True)
class Launch:
    """A run that is ready to go. Close it in the end."""

    folder: RunFolder
    plan: Plan
    engine: Engine
    journal: Journal
    hosts: Hosts
    around: Surroundings

    def close(self) -> list[str]:
        """Close connections and journal; when the run has ended, sign the journal and tell the remote.

        Gives a sentence for each of these that could not be done, with the command that does it later.
        """
        self.hosts.close()
        self.journal.close()
        return settle(self.folder, self.plan, signer=self.around.signer, announcer=self.around.announcer)


def connect(plan: Plan, around: Surroundings) -> Hosts:
    """Open the connections that the plan needs, all at once; its witnesses' too, as far as they answer.

    Raises HostUnreachable of the first host (by id) that cannot be reached; then nothing was begun. A host that only
    independent parts need may be away: they are told when they begin.
    """
    hosts = Hosts(plan.targets, around.access)
    _open(plan, hosts)
    return hosts


def _open(plan: Plan, hosts: Hosts) -> None:
    witnesses = {item for step in plan.steps if isinstance(step.action, FenceRun) for item in step.action.witnesses}
    needed = own_hosts(plan)
    failed = hosts.open(needed, perhaps={*plan.reachable, *witnesses})
    missing = sorted(failed.keys() & needed)
    if missing:
        hosts.close()
        raise failed[missing[0]]


def begin(plan: Plan, permission: Permission, hosts: Hosts, around: Surroundings, *, purpose: str) -> Launch:
    """Begin a run of a permitted plan over open connections."""
    folder, journal, opened = _new(plan, permission, around, purpose)
    return _launch(folder, plan, journal, records=[opened], hosts=hosts, around=around)


def begin_change(plan: Plan, permission: Permission, around: Surroundings, *, purpose: str) -> Launch:
    """Begin a run of a change: folder and journal, then the git remote, then connections. Nothing is changed yet.

    What runs is sealed from ``around.root``, which is the trusted base's export. Raises Refused or Locked when the
    remote says no, since another run has the change or an item: then the run is closed as refused, and no packet went
    to a host. Raises RemoteUnreachable when the remote cannot be asked, and HostUnreachable: then the run is stopped,
    and can be resumed or abandoned.
    """
    folder, journal, opened = _new(plan, permission, around, purpose)
    hosts = Hosts(plan.targets, around.access)
    launch = _launch(folder, plan, journal, records=[opened], hosts=hosts, around=around)
    return _announced(launch, opened, connecting=True)


def again(folder: RunFolder, around: Surroundings, *, event: str, announce: bool = True) -> Launch:
    """Open a run again. Hosts are connected when they are first needed.

    A run that has not ended is announced again, so that it holds what it must hold in the remote, unless
    ``announce`` is False (who abandons a run only gives things back). Raises as ``begin_change``.
    """
    executor = around.signer.person if around.signer else ""
    plan, journal, records = reopen_run(folder, around.clock, event=event, executor=executor, listener=around.listener)
    hosts = Hosts(plan.targets, around.access)
    launch = _launch(folder, plan, journal, records=records, hosts=hosts, around=around)
    if not announce or launch.engine.state.closed is not None:
        return launch
    return _announced(launch, records[0], connecting=False)


def _new(plan: Plan, permission: Permission, around: Surroundings, purpose: str) -> tuple[RunFolder, Journal, Record]:
    return new_run(
        plan,
        permission,
        root=around.root,
        state=around.state,
        clock=around.clock,
        purpose=purpose,
        listener=around.listener,
    )


def _announced(launch: Launch, opened: Record, *, connecting: bool) -> Launch:
    """Tell the remote, then connect. What stops it is on record, and raised."""
    journal, announcer = launch.journal, launch.around.announcer
    try:
        if announcer is not None:
            try:
                journal.append("ledger.entered", commit=announcer.opened(launch.plan, opened))
            except RemoteUnreachable as error:
                if announcer.needed:
                    raise
                journal.append("ledger.unreachable", message=error.message)
        if connecting:
            _open(launch.plan, launch.hosts)
    except (HostUnreachable, RemoteUnreachable) as error:
        # The remote may have heard it all the same: so the run stays, and whoever abandons it gives things back.
        remedy = "\n".join(ways_on(launch.engine.state))
        journal.append("run.stopped", reason="unreachable", message=error.message, remedy=remedy, step=None)
        error.remedy = remedy
        launch.close()
        raise
    except DrillbookError as error:
        forbid(launch, error)
        raise
    return launch


def forbid(launch: Launch, error: DrillbookError) -> None:
    """End a run by what forbids it, and close it; ``error`` then says how it goes on, where it can."""
    error.remedy = launch.engine.refuse(error).remedy
    launch.close()


def _launch(
    folder: RunFolder,
    plan: Plan,
    journal: Journal,
    *,
    records: list[Record],
    hosts: Hosts,
    around: Surroundings,
) -> Launch:
    world = World(
        plan=plan,
        run=folder.id,
        folder=folder.path,
        sealed=folder.sealed(plan),
        hosts=hosts,
        checks=Checks(folder.sealed(plan), hosts),
        access=around.access,
        power=around.power,
        person=around.person,
        clock=around.clock,
        stopping=around.stopping,
        change_type=records[0].data["change"],
        executor=around.signer.person if around.signer else operator(),
        language=around.language,
        by_hand=around.by_hand,
    )
    return Launch(folder, plan, Engine(world, journal, records), journal, hosts, around)


__all__ = ["Launch", "Outcome", "Surroundings", "again", "begin", "begin_change", "connect", "forbid"]
