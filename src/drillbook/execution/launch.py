"""Ties a run together: connections first, then the folder and its journal, then the engine.

Connections are opened before the journal because they change nothing and take longest; what is
journalled first is the first thing that could matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.execution.actions import Person, World
from drillbook.execution.engine import Engine, Outcome
from drillbook.execution.runs import RunFolder, new_run, reopen_run
from drillbook.facts.checks import Checks
from drillbook.hosts.connection import Hosts
from drillbook.plan.model import FenceRun

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from drillbook.change.gate import Permission
    from drillbook.clock import Clock
    from drillbook.hosts.access import Access
    from drillbook.hosts.power import PowerDriver
    from drillbook.journal.record import Record
    from drillbook.journal.writer import Journal
    from drillbook.plan.model import Plan, Target


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a run is given from outside, the same for all runs of one command."""

    root: Path
    state: Path
    access: Access
    power: Callable[[Target], PowerDriver]
    person: Person
    clock: Clock
    stopping: Callable[[], bool]
    listener: Callable[[Record], None]
    language: str = "en"


@dataclass(slots=True)
class Launch:
    """A run that is ready to go. Close it in the end."""

    folder: RunFolder
    plan: Plan
    engine: Engine
    journal: Journal
    hosts: Hosts

    def close(self) -> None:
        """Close connections and journal."""
        self.hosts.close()
        self.journal.close()


def connect(plan: Plan, around: Surroundings) -> Hosts:
    """Open the connections that the plan needs, all at once; its witnesses' too, as far as they answer.

    Raises HostUnreachable of the first host (by id) that cannot be reached; then nothing was begun.
    """
    hosts = Hosts(plan.targets, around.access)
    witnesses = {item for step in plan.steps if isinstance(step.action, FenceRun) for item in step.action.witnesses}
    failed = hosts.open({*plan.reachable, *witnesses})
    needed = sorted(failed.keys() & set(plan.reachable))
    if needed:
        hosts.close()
        raise failed[needed[0]]
    return hosts


def begin(plan: Plan, permission: Permission, hosts: Hosts, around: Surroundings, *, purpose: str) -> Launch:
    """Begin a run of a permitted plan over open connections."""
    folder, journal = new_run(
        plan,
        permission,
        root=around.root,
        state=around.state,
        clock=around.clock,
        purpose=purpose,
        listener=around.listener,
    )
    return Launch(folder, plan, Engine(_world(folder, plan, hosts, around), journal), journal, hosts)


def again(folder: RunFolder, around: Surroundings, *, event: str) -> Launch:
    """Open a run again. Hosts are connected when they are first needed."""
    plan, journal, records = reopen_run(folder, around.clock, event=event, listener=around.listener)
    hosts = Hosts(plan.targets, around.access)
    return Launch(folder, plan, Engine(_world(folder, plan, hosts, around), journal, records), journal, hosts)


def _world(folder: RunFolder, plan: Plan, hosts: Hosts, around: Surroundings) -> World:
    return World(
        plan=plan,
        run=folder.id,
        folder=folder.path,
        artifacts=folder.artifacts,
        hosts=hosts,
        checks=Checks(folder.artifacts, hosts),
        access=around.access,
        power=around.power,
        person=around.person,
        clock=around.clock,
        stopping=around.stopping,
        language=around.language,
    )


__all__ = ["Launch", "Outcome", "Surroundings", "again", "begin", "connect"]
