"""Goes on with a run that stopped: in the lab as it began, elsewhere through the gate of its change again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from drillbook.change.gate.gate import permit_again
from drillbook.change.records.model import moment
from drillbook.change.records.record import find_change
from drillbook.console.output import console
from drillbook.errors import Refused
from drillbook.execution.launch import again
from drillbook.execution.runs import find_run, load_plan
from drillbook.execution.state import state_from_records
from drillbook.journal.record import read_journal
from drillbook.lab.access import lab_access
from drillbook.tasks.as_base import run_as_base
from drillbook.tasks.break_glass import telling_beside
from drillbook.tasks.by_hand import Asked, fenced_by_hand
from drillbook.tasks.change_checks import look_at_hosts, permitted
from drillbook.tasks.common import estate_root, state_folder
from drillbook.tasks.running import Showing, finish
from drillbook.tasks.trusting import follow, look, surroundings_of_change
from drillbook.tasks.wiring import make_surroundings, permit_in_lab, say_whose_lab

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from drillbook.change.gate.gate import Permission
    from drillbook.change.records.model import ChangeRecord
    from drillbook.execution.engine import Engine, Outcome
    from drillbook.execution.launch import Surroundings
    from drillbook.journal.record import Record
    from drillbook.plan.model import Plan
    from drillbook.tasks.trusting import Trusted


def go_on(
    name: str,
    language: str,
    action: Callable[[Engine], Outcome],
    *,
    key: str = "",
    announce: bool = True,
    forward: bool = False,
    by_hand: Asked | None = None,
) -> None:
    """Open a run again, do the action, and end with its exit code.

    ``announce``: see ``execution.launch.again``. ``forward``: the action goes on with the plan; what is half done is
    let through then, and a run of a change that has changed nothing must pass all that it must to be applied.
    ``by_hand``: the host that two people switched off, in break-glass.
    Raises Refused, and then no packet was sent; Refused and HostUnreachable as ``look_at_hosts``.
    """
    root = estate_root()
    folder = find_run(state_folder(root), name)
    plan = load_plan(folder)
    records = read_journal(folder.journal)
    opened, state = records[0], state_from_records(records)
    showing = Showing.of(plan, root, language)
    deviations: tuple[str, ...] = ()
    trusted: Trusted | None = None
    begins = forward and state.closed is None and not state.touched and opened.data["change"] != "emergency"
    if opened.data.get("change_id"):
        around, deviations, trusted = _of_change(root, plan, opened, showing, key, begins=begins, touched=state.touched)
        if by_hand is not None:
            emergency = opened.data["change"] == "emergency"
            around = replace(around, by_hand=fenced_by_hand(by_hand, plan, trusted, emergency=emergency))
    else:
        if by_hand != Asked() and by_hand is not None:
            raise Refused("fencing by hand is for break-glass alone; the lab's power control can be mended")
        access = lab_access(permit_in_lab(plan, root))
        around = make_surroundings(root, access, listener=showing.view, stopping=showing.stop, language=language)
    if not announce:
        deviations = ()  # who gives a run up does nothing late
    for line in deviations:
        console.print(f"  ! {line}", style="yellow")
    say_whose_lab(around.access, root)
    beside = around.announcer if around.announcer is not None and not around.announcer.needed else None
    if beside is not None:
        around = replace(around, announcer=None)
    change = opened.data.get("change_id")
    when_ended = (f"./inv changes.close {change} writes down what came of it",) if change else ()
    with showing.stop.installed():
        launch = again(folder, around, event="run.resumed", announce=announce)
        if launch.engine.state.closed is None:
            for line in deviations:
                launch.journal.append("run.deviation", text=line)
        if begins and trusted is not None:
            look_at_hosts(launch, trusted)
        finish(launch, telling_beside(launch, beside, lambda: action(launch.engine)), language, when_ended=when_ended)


def _of_change(
    root: Path, plan: Plan, opened: Record, showing: Showing, key: str, *, begins: bool, touched: bool
) -> tuple[Surroundings, tuple[str, ...], Trusted]:
    """Pass the gate again. An emergency goes on without the remote, and with the engine that is here.

    ``begins``: nothing was changed, so it is the gate of what is applied: window, approvals, freeze and debts of now.
    """
    emergency = opened.data["change"] == "emergency"
    if not emergency:
        run_as_base(root)
    if begins:
        follow(root)
        run_as_base(root)  # the base may have moved
    trusted = look(root, key=key, online=not emergency)
    if touched and not emergency:
        _require_entered(opened, trusted)
    record = find_change(root, opened.data["change_id"])
    began = moment(opened.time)
    permission = (
        _applied(record, trusted, opened)
        if begins
        else permit_again(record, trusted.signer.person, trusted.around(), plan=plan, began=began)
    )
    around = surroundings_of_change(
        trusted,
        permission,
        plan.environment,
        sealed_from=trusted.base.folder,
        listener=showing.view,
        stopping=showing.stop,
        language=showing.language,
    )
    return around, permission.deviations, trusted


def _require_entered(opened: Record, trusted: Trusted) -> None:
    """Raises Refused for a run of which the remote does not know: a folder alone is no run that was permitted once."""
    run, change = opened.data["run"], opened.data["change_id"]
    if not any((each.entry.run, each.entry.change) == (run, change) for each in trusted.ledger.entries):
        raise Refused(
            f"the ledger has no run {run} of {change}, which says that it changed something: nothing goes on from it",
            remedy="./inv journal.verify tells what is wrong; ./inv changes.new begins anew",
        )


def _applied(record: ChangeRecord, trusted: Trusted, opened: Record) -> Permission:
    try:
        permission = permitted(record, trusted)
    except Refused as error:
        up = f"nothing was changed; to give it up: ./inv runbooks.abandon {opened.data['run']}"
        error.remedy = "\n".join(filter(None, (error.remedy, up)))
        raise
    if permission.plan_digest != opened.data["plan"]:
        raise Refused(f"the plan of this run is not the plan of {record.id}; nothing was run")
    return permission
