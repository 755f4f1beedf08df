"""Small plans for real hosts, run through the real engine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from drillbook.clock import SystemClock
from drillbook.execution.launch import Launch, Surroundings, again, begin, connect
from drillbook.hosts.connection import HostConnection
from drillbook.journal.record import read_journal
from drillbook.lab.access import lab_access
from drillbook.lab.power import LabPower
from drillbook.plan.model import Action, CheckRun, Command, ManualStep, PlannedStep, PlannedUndo, WaitRun
from drillbook.plan.targets import target_of
from drillbook.runbook.model import Repeat, Text, Verb
from drillbook.tasks.wiring import load_estate, permit_in_lab, plan_of
from tests.lab.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from drillbook.execution.engine import Outcome
    from drillbook.execution.runs import RunFolder
    from drillbook.journal.record import Record
    from drillbook.plan.model import Plan
    from drillbook.tasks.wiring import Estate

HOST = "core-app-1"
OTHER = "mon-1"
OWN = "10.213.0.21"


class NoPerson:
    """Nobody is there."""

    def confirm(self, instruction: str) -> tuple[str, bool]:
        raise AssertionError(instruction)


class Confirming:
    """Somebody who says yes, or no."""

    def __init__(self, name: str, answer: bool) -> None:
        self.name, self.answer = name, answer
        self.asked: list[str] = []

    def confirm(self, instruction: str) -> tuple[str, bool]:
        self.asked.append(instruction)
        return self.name, self.answer


def step(
    id_: str,
    action: Action,
    *,
    item: str | None = HOST,
    verify: tuple[CheckRun, ...] = (),
    undo: Command | str | None = None,
    timeout: float = 10,
    repeat: Repeat = Repeat.SAFE,
) -> PlannedStep:
    """A step; ``undo`` as text makes it irreversible."""
    return PlannedStep(
        id=id_,
        title=Text(id_, id_),
        verb=Verb.ENSURE,
        item=None if isinstance(action, ManualStep | WaitRun) else item,
        action=action,
        verify=verify,
        undo=PlannedUndo(
            undo if isinstance(undo, Command) else None, Text(undo, undo) if isinstance(undo, str) else None
        ),
        timeout=timeout,
        repeat=repeat,
        by_hand=(),
    )


def sh(script: str, *values: str, user: str = "root") -> Command:
    return Command(("/bin/sh", "-eu", "-c", script, "test", *values), "", user)


def holds(address: str) -> CheckRun:
    """Give the check that a host has an address."""
    return CheckRun("checks/network.py", "holds_address", HOST, {"address": address, "interface": "eth0"})


@cache
def _estate_and_base() -> tuple[Estate, Plan]:
    """Give this checkout's estate, and a plan without steps for two of its hosts."""
    estate = load_estate(ROOT)
    base = plan_of(estate, "RB-DB-SWITCHOVER", environment="lab", parameters={"pair": "core-db"})
    targets = {item: target_of(estate.cmdb, item, "lab") for item in (HOST, OTHER)}
    return estate, replace(
        base, runbook="RB-TEST", assumptions=(), targets=targets, reachable=(HOST,), locks=(HOST,), services=()
    )


@dataclass
class Runner:
    """Runs plans of steps on the lab's hosts, below a scratch folder."""

    state: Path
    person: Any = None
    stopping: Callable[[], bool] = lambda: False
    listener: Callable[[Record], None] = lambda _: None
    root: Path = ROOT  # what is sealed: playbooks/ below it

    def __post_init__(self) -> None:
        self.estate, self.base = _estate_and_base()

    def around(self) -> Surroundings:
        return Surroundings(
            root=self.root,
            state=self.state,
            access=lab_access(),
            power=lambda target: LabPower(target.item),
            person=self.person or NoPerson(),
            clock=SystemClock(),
            stopping=self.stopping,
            listener=self.listener,
        )

    def plan(self, *steps: PlannedStep, **changes: Any) -> Plan:
        return replace(self.base, steps=steps, **changes)

    def launch(self, plan: Plan) -> Launch:
        around = self.around()
        return begin(plan, permit_in_lab(plan, ROOT), connect(plan, around), around, purpose="test")

    def run(self, *steps: PlannedStep, **changes: Any) -> tuple[Outcome, Launch]:
        launch = self.launch(self.plan(*steps, **changes))
        try:
            return launch.engine.run(), launch
        finally:
            launch.close()

    def on_host(self, item: str, script: str) -> str:
        """Run a shell script on a host, beside the engine, and give what it printed."""
        connection = HostConnection(self.base.targets[item], self.around().access)
        try:
            return connection.run(["/bin/sh", "-c", script], timeout=20).stdout
        finally:
            connection.close()

    def again(self, folder: RunFolder, what: str = "run") -> Outcome:
        launch = again(folder, self.around(), event="run.resumed")
        try:
            outcome: Outcome = getattr(launch.engine, what)()
            return outcome
        finally:
            launch.close()


def kinds(folder: RunFolder) -> list[str]:
    return [record.kind for record in read_journal(folder.journal)]
