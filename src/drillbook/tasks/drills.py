"""Drills: rehearse a recovery on real hosts, and measure it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from drillbook.tasks.common import estate_root, state_folder, task

if TYPE_CHECKING:
    from invoke.context import Context


@task(name="list")
def list_(_: Context) -> None:
    """List the drills and how each last came out."""
    from rich.table import Table

    from drillbook.console.output import console
    from drillbook.drill.load import list_drills
    from drillbook.tasks.drill_checks import last_results, require_valid
    from drillbook.tasks.wiring import load_estate

    root = estate_root()
    estate = load_estate(root)
    last = last_results(root)
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("drill", "last result"):
        table.add_column(column, no_wrap=True)
    table.add_column("what happens")
    for drill in list_drills(root):
        require_valid(drill, estate)
        table.add_row(drill.name, last.get(drill.name, "never run"), drill.title.en)
    console.print(table)


@task(help={"drill": "the drill's name, see drills.list", "lang": "language of titles: en or zh"})
def run(_: Context, drill: str, lang: str = "en") -> None:
    """Run a drill now, on the lab's hosts, and write its record."""
    from drillbook.console.drill_view import DrillView, show_result
    from drillbook.console.output import console
    from drillbook.console.progress import progress_for
    from drillbook.drill.load import find_drill
    from drillbook.drill.runner import Setting, run_drill
    from drillbook.evidence.record import write_record
    from drillbook.execution.stop import StopRequest
    from drillbook.lab import lifecycle
    from drillbook.tasks.drill_checks import refuse_second, require_valid, settle_unfinished
    from drillbook.tasks.runs import remind
    from drillbook.tasks.wiring import access_of, load_estate, make_surroundings, plan_and_permit

    root = estate_root()
    state = state_folder(root)
    estate = load_estate(root)
    found = find_drill(root, drill)
    require_valid(found, estate)
    progress = progress_for()
    refuse_second(state)
    lab = lifecycle.up(estate.cmdb, environment=found.environment, root=root, progress=progress)
    settle_unfinished(state, lab)
    view = DrillView(state, language=lang)
    stop = StopRequest(console.print)
    access = access_of(estate, found.environment)
    around = make_surroundings(root, access, listener=lambda _: None, stopping=stop, language=lang)
    console.print(f"{found.name}  {view.words(found.title)}")
    setting = Setting(
        cmdb=estate.cmdb,
        around=around,
        lab=lab,
        plan_for=lambda call: plan_and_permit(
            estate, call.runbook, environment=found.environment, parameters=call.parameters
        ),
        show=view,
        progress=progress,
    )
    with stop.installed():
        result, journals = run_drill(found, setting)
    folder = write_record(result, root=root, journals=journals)
    show_result(result, folder, language=lang)
    remind(root)
    sys.exit(result.verdict.exit_code)
