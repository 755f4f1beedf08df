"""Where the parts are put together: the one place that knows the lab and the engine both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import drillbook
from drillbook.artifacts.seal import digest_of
from drillbook.change.gate.gate import kind_of, permit_lab, require_lab
from drillbook.clock import SystemClock
from drillbook.cmdb.load import load
from drillbook.console.output import console
from drillbook.console.person import TerminalPerson
from drillbook.errors import UsageError
from drillbook.execution.launch import Surroundings
from drillbook.hosts.power_drivers import driver_for
from drillbook.plan.planner import make_plan
from drillbook.runbook.load import load_all, load_called
from drillbook.tasks.common import state_folder
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from drillbook.change.gate.gate import Permission
    from drillbook.cmdb.model import Cmdb
    from drillbook.hosts.access import Access
    from drillbook.hosts.power import PowerDriver
    from drillbook.journal.record import Record
    from drillbook.plan.model import Plan, Target
    from drillbook.runbook.model import Runbook


@dataclass(frozen=True, slots=True)
class Estate:
    """What a checkout holds, loaded and valid."""

    root: Path
    cmdb: Cmdb
    runbooks: Mapping[str, Runbook]


def load_estate(root: Path, runbook: str | None = None) -> Estate:
    """Load the CMDB, and all runbooks or only one with those that it calls.

    Whoever needs only one is not held up by a mistake in another. Raises InvalidInput with every finding,
    UsageError for a runbook that does not exist.
    """
    return Estate(root, load(root), load_all(root) if runbook is None else load_called(root, runbook))


def parse_parameters(given: Sequence[str]) -> dict[str, str]:
    """Give ``name=value`` texts as a map. Raises UsageError for another form, or a name given twice."""
    parameters: dict[str, str] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or not name:
            raise UsageError(f"--param {each[:60]}: it must be name=value, for example --param pair=my-pair")
        if name in parameters:
            raise UsageError(f"--param {name} is given twice")
        parameters[name] = value
    return parameters


def plan_of(estate: Estate, runbook: str, *, environment: str, parameters: Mapping[str, str]) -> Plan:
    """Make the plan of a runbook. Raises UsageError for an unknown runbook or environment."""
    if runbook not in estate.runbooks:
        raise UsageError(f"there is no runbook '{runbook[:60]}'", remedy="./inv runbooks.list shows them")
    return make_plan(
        cmdb=estate.cmdb,
        runbook=estate.runbooks[runbook],
        runbooks=estate.runbooks,
        environment=environment,
        parameters=parameters,
        artifacts_digest=digest_of(estate.root),
        engine=drillbook.__version__,
    )


def plan_and_permit(
    estate: Estate, runbook: str, *, environment: str, parameters: Mapping[str, str]
) -> tuple[Plan, Permission]:
    """Make a plan for the lab and pass the gate. Raises Refused, and then no packet was sent."""
    plan = plan_of(estate, runbook, environment=environment, parameters=parameters)
    return plan, permit_in_lab(plan, estate.root)


def permit_in_lab(plan: Plan, root: Path) -> Permission:
    """Pass the gate with a plan for the lab's hosts. Raises Refused, MissingPrerequisite when there is no lab."""
    from drillbook.lab.access import made_hosts
    from drillbook.tasks.pinned import base_if_pinned

    require_lab(plan.environment, kind_of(plan))
    base = base_if_pinned(root)
    return permit_lab(plan, made_hosts(), base=base.cmdb if base is not None else None)


def say_whose_lab(access: Access, root: Path) -> None:
    """Say it in a line when the lab that is about to be used was made by another checkout."""
    from drillbook.lab.access import lab_of_another

    other = lab_of_another(access, root)
    if other is not None:
        console.print(f"  ! the lab of this machine was made by another checkout: {visible(str(other))}", markup=False)


def make_surroundings(
    root: Path,
    access: Access,
    *,
    listener: Callable[[Record], None],
    stopping: Callable[[], bool],
    language: str = "en",
) -> Surroundings:
    """Give what every run of this command needs. Power control is asked only of hosts that may be reached."""

    def power(target: Target) -> PowerDriver:
        from drillbook.lab.power import LabPower

        access.permission.require(target.item, target.address)
        return driver_for(target, lab=lambda of: LabPower(of.item))

    return Surroundings(
        root=root,
        state=state_folder(root),
        access=access,
        power=power,
        person=TerminalPerson(),
        clock=SystemClock(),
        stopping=stopping,
        listener=listener,
        language=language,
    )
