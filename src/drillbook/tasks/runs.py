"""Tasks that execute: runbooks.run, resume, rollback, abandon, status. Part of the namespace ``runbooks``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from drillbook.tasks.common import estate_root, state_folder, task

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from invoke.context import Context

    from drillbook.execution.engine import Engine, Outcome
    from drillbook.execution.launch import Launch

_SERVICES_SHOWN = 8


@task(
    iterable=["param"],
    help={
        "runbook": "the runbook's id, see runbooks.list",
        "param": "name=value, once for each parameter",
        "env": "environment of the CMDB; the lab's unless told",
        "lang": "language of titles: en or zh",
        "yes": "do not ask before the first step",
    },
)
def run(_: Context, runbook: str, param: list[str], env: str = "", lang: str = "en", yes: bool = False) -> None:
    """Run a runbook now: plan, ask, connect, lock, go."""
    from drillbook.console.output import console
    from drillbook.console.run_view import RunView, words
    from drillbook.errors import StoppedByPerson
    from drillbook.execution.launch import begin, connect
    from drillbook.execution.stop import StopRequest
    from drillbook.execution.usual import usual_seconds
    from drillbook.lab.access import lab_access
    from drillbook.tasks.lab import lab_environment
    from drillbook.tasks.wiring import load_estate, make_surroundings, parse_parameters, plan_and_permit

    root = estate_root()
    state = state_folder(root)
    estate = load_estate(root, runbook)
    env = env or lab_environment(estate.cmdb)
    plan, permission = plan_and_permit(estate, runbook, environment=env, parameters=parse_parameters(param))
    view = RunView(usual_seconds(state, runbook), language=lang)
    stop = StopRequest(console.print)
    around = make_surroundings(root, lab_access(permission), listener=view, stopping=stop, language=lang)
    view.plan = plan
    console.print(f"{plan.runbook}  {words(plan.title, lang)}")
    console.print(f"  in {env}, on {', '.join(f'{role} {item}' for role, item in plan.roles.items())}")
    named = ", ".join(plan.services[:_SERVICES_SHOWN]) or "no service"
    more = len(plan.services) - _SERVICES_SHOWN
    console.print(f"  can interrupt: {named}{f' and {more} more (./inv runbooks.plan names all)' if more > 0 else ''}")
    console.print(f"  plan {plan.digest}", style="dim")
    if not yes:
        if not sys.stdin.isatty():
            raise StoppedByPerson("nobody is at a terminal to say yes; nothing was run", remedy="add --yes")
        if not _asked("  Run it? Type yes: "):
            raise StoppedByPerson("nobody said yes; nothing was run")
    with stop.installed():
        launch = begin(plan, permission, connect(plan, around), around, purpose="by hand")
        _finish(launch, launch.engine.run, lang)


def _asked(question: str) -> bool:
    try:
        return input(question).strip() == "yes"
    except EOFError:
        return False


def _again(name: str, lang: str, event: str, action: Callable[[Engine], Outcome]) -> None:
    from drillbook.console.output import console
    from drillbook.console.run_view import RunView
    from drillbook.execution.launch import again
    from drillbook.execution.runs import find_run, load_plan
    from drillbook.execution.stop import StopRequest
    from drillbook.execution.usual import usual_seconds
    from drillbook.lab.access import lab_access
    from drillbook.tasks.wiring import make_surroundings, permit_in_lab

    root = estate_root()
    state = state_folder(root)
    folder = find_run(state, name)
    plan = load_plan(folder)
    view = RunView(usual_seconds(state, plan.runbook), language=lang)
    view.plan = plan
    stop = StopRequest(console.print)
    around = make_surroundings(root, lab_access(permit_in_lab(plan, root)), listener=view, stopping=stop, language=lang)
    with stop.installed():
        launch = again(folder, around, event=event)
        _finish(launch, lambda: action(launch.engine), lang)


def _finish(launch: Launch, go: Callable[[], Outcome], lang: str) -> None:
    """Run to the end, sum up, and exit with the outcome's code."""
    from drillbook.console.run_view import summary
    from drillbook.execution.usual import remember
    from drillbook.journal.record import read_journal

    root = estate_root()
    try:
        outcome = go()
    finally:
        launch.close()
    summary(launch, outcome, language=lang)
    if outcome.result == "succeeded":
        remember(state_folder(root), launch.plan.runbook, read_journal(launch.folder.journal))
    remind(root)
    sys.exit(outcome.exit_code)


def remind(root: Path) -> None:
    """Say which protections have no second copy now, and which runbook brings it back."""
    from drillbook.clock import timestamp
    from drillbook.console.run_view import warn_degraded
    from drillbook.errors import InvalidInput
    from drillbook.execution.protection import degraded
    from drillbook.lab.state import made_at
    from drillbook.runbook.load import load_called, runbook_files
    from drillbook.runbook.model import Kind

    made = made_at()
    since = timestamp(made) if made else ""
    found = [each for each in degraded(state_folder(root)) if each.since > since]
    if not found:
        return
    failbacks = []
    for id_ in runbook_files(root):
        try:
            book = load_called(root, id_)[id_]
        except InvalidInput:
            continue  # runbooks.list says what is wrong with it
        if book.kind is Kind.FAILBACK:
            failbacks.append(book)
    warn_degraded(found, failbacks)


@task(help={"name": "the run's id, its beginning or end, or 'last'", "lang": "language of titles: en or zh"})
def resume(_: Context, name: str, lang: str = "en") -> None:
    """Go on with a run that stopped or was killed."""
    _again(name, lang, "run.resumed", lambda engine: engine.run())


@task(help={"name": "the run's id, its beginning or end, or 'last'", "lang": "language of titles: en or zh"})
def rollback(_: Context, name: str, lang: str = "en") -> None:
    """Undo the steps of a run that stopped, last first."""
    _again(name, lang, "run.resumed", lambda engine: engine.rollback())


@task(help={"name": "the run's id, its beginning or end"})
def abandon(_: Context, name: str) -> None:
    """Close a run that nobody will go on with, and give its locks back."""
    _again(name, "en", "run.resumed", lambda engine: engine.abandon())


@task(help={"count": "how many runs to list"})
def status(_: Context, count: int = 10) -> None:
    """List the latest runs, and protections without a second copy."""
    from rich.table import Table

    from drillbook.console.output import console
    from drillbook.execution.runs import broken_runs, runs

    root = estate_root()
    state = state_folder(root)
    table = Table("run", "runbook", "in", "how it stands", box=None)
    for folder, run, plan in runs(state, last=count):
        stands = run.closed or (f"stopped: {run.stopped}" if run.stopped else "open (running, or its process died)")
        table.add_row(folder.id, plan.runbook, plan.environment, stands)
    console.print(table if table.row_count else "No run yet.")
    for folder, why in broken_runs(state, last=count):
        console.print(f"  ✗ {folder.id}: {why}")
    remind(root)
