"""Tasks that execute: runbooks.run, resume, rollback, abandon, status. Part of the namespace ``runbooks``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.tasks.common import Touches, estate_root, state_folder, task

if TYPE_CHECKING:
    from invoke.context import Context

_BY_HAND = "this host was switched off by hand, should it not be proved; break-glass only (docs/fencing.md)"
_WITNESS = "with --fenced-by-hand: the file of the SSH key of the second person who saw it"
_KEY = "the file of your SSH key, when it is not the one that is found by itself"


@task(
    touches=Touches.HOSTS,
    iterable=["param"],
    help={
        "runbook": "the runbook's id, see runbooks.list",
        "param": "name=value, once for each parameter",
        "env": "environment of the CMDB; the lab's unless told",
        "emergency": "break-glass: run it unread, outside the lab; its review is owed (docs/break-glass.md)",
        "reason": "why that cannot wait, in a sentence",
        "fenced_by_hand": _BY_HAND,
        "witness": _WITNESS,
        "key": _KEY,
        "lang": "language of titles: en or zh",
        "yes": "do not ask before the first step; without a terminal it is needed, as in a script",
    },
)
def run(
    _: Context,
    runbook: str,
    param: list[str],
    *,
    env: str = "",
    emergency: bool = False,
    reason: str = "",
    fenced_by_hand: str = "",
    witness: str = "",
    key: str = "",
    lang: str = "en",
    yes: bool = False,
) -> None:
    """Run a runbook now, in the lab: plan, ask, connect, lock, go. Elsewhere it takes a change."""
    from drillbook.errors import UsageError
    from drillbook.execution.launch import begin, connect
    from drillbook.lab.access import lab_access
    from drillbook.tasks.lab import lab_environment
    from drillbook.tasks.running import Showing, finish, require_yes, show_plan
    from drillbook.tasks.wiring import (
        load_estate,
        make_surroundings,
        parse_parameters,
        plan_and_permit,
        say_whose_lab,
    )

    root = estate_root()
    state_folder(root)
    parameters = parse_parameters(param)
    if emergency:
        from drillbook.tasks.break_glass import Broken, break_glass
        from drillbook.tasks.by_hand import Asked

        if not env:
            raise UsageError("break-glass needs the environment", remedy=f"--env production, say; {runbook} as before")
        by_hand = Asked(fenced_by_hand, witness)
        break_glass(Broken(root, runbook, env, parameters, reason, key, by_hand), language=lang, yes=yes)
        return
    if reason or key or fenced_by_hand or witness:
        raise UsageError(
            "--reason, --key, --fenced-by-hand and --witness belong to --emergency",
            remedy="add --emergency, or leave them out",
        )
    estate = load_estate(root, runbook)
    env = env or lab_environment(estate.cmdb)
    plan, permission = plan_and_permit(estate, runbook, environment=env, parameters=parameters)
    showing = Showing.of(plan, root, lang)
    access = lab_access(permission)
    around = make_surroundings(root, access, listener=showing.view, stopping=showing.stop, language=lang)
    show_plan(plan, lang)
    say_whose_lab(access, root)
    require_yes(yes=yes)
    with showing.stop.installed():
        launch = begin(plan, permission, connect(plan, around), around, purpose="by hand")
        finish(launch, launch.engine.run, lang)


@task(
    touches=Touches.HOSTS,
    help={
        "name": "the run's id, its beginning or end, or 'last'",
        "fenced_by_hand": _BY_HAND,
        "witness": _WITNESS,
        "key": _KEY,
        "lang": "language of titles: en or zh",
    },
)
def resume(
    _: Context, name: str, *, fenced_by_hand: str = "", witness: str = "", key: str = "", lang: str = "en"
) -> None:
    """Go on with a run that stopped or was killed, unasked; before its first effect, all is checked again."""
    from drillbook.tasks.by_hand import Asked
    from drillbook.tasks.going_on import go_on

    by_hand = Asked(fenced_by_hand, witness)
    go_on(name, lang, lambda engine: engine.run(), key=key, forward=True, by_hand=by_hand)


@task(
    touches=Touches.HOSTS,
    help={"name": "the run's id, its beginning or end, or 'last'", "key": _KEY, "lang": "language of titles: en or zh"},
)
def rollback(_: Context, name: str, key: str = "", lang: str = "en") -> None:
    """Undo the steps of a run that stopped, last first; it begins unasked."""
    from drillbook.tasks.going_on import go_on

    go_on(name, lang, lambda engine: engine.rollback(), key=key)


@task(
    touches=Touches.HOSTS,
    help={
        "name": "the run's id, its beginning or end; with --lost the whole id",
        "lost": "its machine, with its journal, is gone for good",
        "reason": "why it is given up, with --lost",
        "key": _KEY,
    },
)
def abandon(_: Context, name: str, *, lost: bool = False, reason: str = "", key: str = "") -> None:
    """Close a run that nobody will go on with, and give its locks back."""
    if lost:
        from drillbook.tasks.lost_machine import give_up_lost

        give_up_lost(name, reason=reason, key=key)
        return
    from drillbook.tasks.going_on import go_on

    go_on(name, "en", lambda engine: engine.abandon(), key=key, announce=False)


@task(touches=Touches.NOTHING, help={"count": "how many runs to list"})
def status(_: Context, count: int = 10) -> None:
    """List the latest runs, emergencies that are owed their review, and protections without a second copy."""
    from rich.table import Table

    from drillbook.console.output import console
    from drillbook.console.run_now import how_it_stands
    from drillbook.execution.runs import broken_runs, runs
    from drillbook.tasks.running import remind
    from drillbook.tasks.trusting import say_owed

    root = estate_root()
    state = state_folder(root)
    table = Table("run", "runbook", "in", "how it stands", box=None)
    for folder, run, plan in runs(state, last=count):
        table.add_row(folder.id, plan.runbook, plan.environment, "\n".join(how_it_stands(plan, run)))
    console.print(table if table.row_count else "No run yet.")
    for folder, why in broken_runs(state, last=count):
        console.print(f"  ✗ {folder.id}: {why}")
    say_owed(root)
    remind(root)
