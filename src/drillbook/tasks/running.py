"""What all tasks that run a plan share: show it, ask, run to the end, sum up."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drillbook.console.output import console
from drillbook.console.run_view import RunView, summary, words
from drillbook.errors import StoppedByPerson
from drillbook.execution.by_hand import by_hand_line
from drillbook.execution.stop import StopRequest
from drillbook.execution.usual import remember, usual_seconds
from drillbook.journal.record import read_journal
from drillbook.plan.model import FenceRun
from drillbook.runbook.words import Words
from drillbook.tasks.common import estate_root, state_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from drillbook.execution.engine import Outcome
    from drillbook.execution.launch import Launch
    from drillbook.execution.protection import Degraded
    from drillbook.plan.model import Plan

_SERVICES_SHOWN = 8


@dataclass(slots=True)
class Showing:
    """How a run is shown and stopped. ``language``: en or zh."""

    language: str
    view: RunView
    stop: StopRequest = field(default_factory=lambda: StopRequest(console.print))

    @classmethod
    def of(cls, plan: Plan, root: Path, language: str) -> Showing:
        """Show the run of a plan."""
        view = RunView(usual_seconds(state_folder(root), plan.runbook), language=language)
        view.plan = plan
        return cls(language, view)


def show_plan(plan: Plan, language: str, *, lines: tuple[str, ...] = ()) -> None:
    """Print what a person must know before they say yes; ``lines`` stand below the title."""
    console.print(f"{plan.runbook}  {words(plan.title, language)}")
    for line in lines:
        console.print(f"  {line}")
    hosts = [f"{role} {item}" for role, item in plan.roles.items()] or plan.locks
    console.print(f"  in {plan.environment}, on {', '.join(hosts)}")
    off = dict.fromkeys(step.action.item for step in plan.steps if isinstance(step.action, FenceRun))
    if off:
        console.print(f"  switches off: {', '.join(off)}", style="bold")
    if plan.parts:
        said = Words(language)("parts")
        console.print(f"  {said}: {', '.join(part.id for part in plan.parts)}")
    named = ", ".join(plan.services[:_SERVICES_SHOWN]) or "no service"
    more = len(plan.services) - _SERVICES_SHOWN
    console.print(f"  can interrupt: {named}{f' and {more} more (./inv runbooks.plan names all)' if more > 0 else ''}")
    console.print(f"  plan {plan.digest}", style="dim")


def require_yes(*, yes: bool) -> None:
    """Ask the person at the terminal, unless ``--yes`` said it. Raises StoppedByPerson."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise StoppedByPerson(
            "nobody is at a terminal to say yes; nothing was run", remedy="add --yes, and it begins unasked"
        )
    if not _asked("  Run it? Type yes: "):
        raise StoppedByPerson("nobody said yes; nothing was run")


def _asked(question: str) -> bool:
    try:
        return input(question).strip() == "yes"
    except EOFError:
        return False


def finish(
    launch: Launch,
    go: Callable[[], Outcome],
    language: str,
    *,
    left: tuple[str, ...] = (),
    when_ended: tuple[str, ...] = (),
) -> None:
    """Run to the end, sum up, and exit with the outcome's code.

    ``left``: what is to be done afterwards. ``when_ended``: the same, once the run is closed.
    """
    root = estate_root()
    later: list[str] = []
    try:
        outcome = go()
    finally:
        later = launch.close()
    summary(launch, outcome, language=language)
    records = read_journal(launch.folder.journal)
    for line in filter(None, map(by_hand_line, records)):
        console.print(f"  ! {line}", style="bold", markup=False)
    for line in (*later, *left, *(when_ended if launch.engine.state.closed is not None else ())):
        console.print(f"  ! {line}", style="yellow", markup=False)
    if outcome.result == "succeeded":
        remember(state_folder(root), launch.plan.runbook, records)
    remind(root)
    sys.exit(outcome.exit_code)


def remind(root: Path) -> None:
    """Say which protections have no second copy now, and which runbook brings it back."""
    from drillbook.clock import timestamp
    from drillbook.console.run_view import warn_degraded
    from drillbook.execution.protection import degraded, unfinished
    from drillbook.lab.state import made_at

    made = made_at()
    since = timestamp(made) if made else ""
    found = [each for each in degraded(state_folder(root)) if each.since > since]
    if not found:
        return
    # A run in its middle holds its hosts: whoever began another one would only be refused.
    busy = {(run.environment, id_) for run in unfinished(state_folder(root), since) for id_ in run.protections}
    warn_degraded([
        (each, [] if (each.environment, each.protection) in busy else ways_back(root, each)) for each in found
    ])  # fmt: skip


def ways_back(root: Path, lost: Degraded) -> list[str]:
    """Give the commands of the failbacks that can be planned for a protection: those of other kinds cannot."""
    from drillbook.cmdb.load import load
    from drillbook.errors import DrillbookError
    from drillbook.runbook.load import load_sound
    from drillbook.runbook.model import Kind
    from drillbook.tasks.wiring import Estate, plan_of

    try:
        estate = Estate(root, load(root), load_sound(root)[0])
    except DrillbookError:
        return []  # cmdb.check says what is wrong
    values = {"protection": lost.protection, "item": lost.survivor}
    commands = []
    for runbook in estate.runbooks.values():
        given = {p.name: values[p.type] for p in runbook.parameters.values() if p.type in values}
        try:
            if runbook.kind is Kind.FAILBACK and runbook.protection is not None:
                plan_of(estate, runbook.id, environment=lost.environment, parameters=given)
                told = [f"--param {name}={value}" for name, value in given.items()]
                commands.append(" ".join(["./inv runbooks.run", runbook.id, *told]))
        except DrillbookError:
            continue  # it is not for this kind of protection
    return commands
