"""Goes on with a run that stopped: in the lab as it began, elsewhere through the gate of its change again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from drillbook.change.gate import permit_again
from drillbook.change.model import moment
from drillbook.change.record import find_change
from drillbook.console.output import console
from drillbook.execution.launch import again
from drillbook.execution.runs import find_run, load_plan
from drillbook.journal.record import read_journal
from drillbook.lab.access import lab_access
from drillbook.tasks.as_base import run_as_base
from drillbook.tasks.break_glass import telling_beside
from drillbook.tasks.common import estate_root, state_folder
from drillbook.tasks.running import Showing, finish
from drillbook.tasks.trusting import look, surroundings_of_change
from drillbook.tasks.wiring import make_surroundings, permit_in_lab

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from drillbook.execution.engine import Engine, Outcome
    from drillbook.execution.launch import Surroundings
    from drillbook.journal.record import Record
    from drillbook.plan.model import Plan


def go_on(
    name: str, language: str, action: Callable[[Engine], Outcome], *, key: str = "", announce: bool = True
) -> None:
    """Open a run again, do the action, and end with its exit code.

    ``announce``: see ``execution.launch.again``. Raises Refused, and then no packet was sent.
    """
    root = estate_root()
    folder = find_run(state_folder(root), name)
    plan = load_plan(folder)
    opened = read_journal(folder.journal)[0]
    showing = Showing.of(plan, root, language)
    deviations: tuple[str, ...] = ()
    if opened.data.get("change_id"):
        around, deviations = _of_change(root, plan, opened, showing, key)
    else:
        access = lab_access(permit_in_lab(plan, root))
        around = make_surroundings(root, access, listener=showing.view, stopping=showing.stop, language=language)
    for line in deviations:
        console.print(f"  ! {line}", style="yellow")
    beside = around.announcer if around.announcer is not None and not around.announcer.needed else None
    if beside is not None:
        around = replace(around, announcer=None)
    with showing.stop.installed():
        launch = again(folder, around, event="run.resumed", announce=announce)
        if launch.engine.state.closed is None:
            for line in deviations:
                launch.journal.append("run.deviation", text=line)
        finish(launch, telling_beside(launch, beside, lambda: action(launch.engine)), language)


def _of_change(
    root: Path, plan: Plan, opened: Record, showing: Showing, key: str
) -> tuple[Surroundings, tuple[str, ...]]:
    """Pass the gate again. An emergency goes on without the remote, and with the engine that is here."""
    emergency = opened.data["change"] == "emergency"
    if not emergency:
        run_as_base(root)
    trusted = look(root, key=key, online=not emergency)
    record = find_change(root, opened.data["change_id"])
    permission = permit_again(record, trusted.signer.person, trusted.around(), plan=plan, began=moment(opened.time))
    around = surroundings_of_change(
        trusted,
        permission,
        plan.environment,
        sealed_from=trusted.base.folder,
        listener=showing.view,
        stopping=showing.stop,
        language=showing.language,
    )
    return around, permission.deviations
