"""Runs an approved change: changes.apply. Part of the namespace ``changes``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.tasks.common import Touches, estate_root, state_folder, task

if TYPE_CHECKING:
    from collections.abc import Iterable

    from invoke.context import Context

    from drillbook.change.gate.gate import Permission
    from drillbook.change.records.model import ChangeRecord
    from drillbook.ledger.entries import SignedEntry
    from drillbook.tasks.trusting import Trusted


@task(
    touches=Touches.HOSTS,
    help={
        "change": "the change's id, such as CHG-2026-0007, or its end",
        "key": "the file of your SSH key, when it is not the one that is found by itself",
        "lang": "language of titles: en or zh",
        "yes": "do not ask before the first step",
    },
)
def apply(_: Context, change: str, key: str = "", lang: str = "en", yes: bool = False) -> None:
    """Run an approved change, once: verify all of it, tell the remote, lock, run, log."""
    from drillbook.change.records.record import find_change
    from drillbook.execution.launch import begin_change
    from drillbook.tasks.as_base import run_as_base
    from drillbook.tasks.change_checks import look_at_hosts
    from drillbook.tasks.running import Showing, finish, require_yes, show_plan
    from drillbook.tasks.trusting import follow, look, surroundings_of_change
    from drillbook.tasks.wiring import say_whose_lab

    root = estate_root()
    state_folder(root)
    run_as_base(root)
    follow(root)
    run_as_base(root)  # the base may have moved
    trusted = look(root, key=key, online=True)
    record = find_change(root, change)
    permission = _permitted(record, trusted)
    assert record.bound is not None
    plan = record.bound.plan
    assert plan is not None
    show_plan(plan, lang, lines=_about(record, permission, trusted))
    if not yes:
        require_yes(yes=yes)
        # Whoever is asked may take an hour to answer.
        permission = _permitted(record, trusted)
    showing = Showing.of(plan, root, lang)
    around = surroundings_of_change(
        trusted,
        permission,
        plan.environment,
        sealed_from=trusted.base.folder,
        listener=showing.view,
        stopping=showing.stop,
        language=lang,
    )
    say_whose_lab(around.access, root)
    with showing.stop.installed():
        launch = begin_change(plan, permission, around, purpose=f"change {record.id}")
        look_at_hosts(launch, trusted)
        close = f"./inv changes.close {record.id} writes down what came of it"
        finish(launch, launch.engine.run, lang, when_ended=(close,))


def _permitted(record: ChangeRecord, trusted: Trusted) -> Permission:
    from drillbook.change.gate.conditions import runnable
    from drillbook.tasks.change_checks import permitted

    runnable(record)
    require_first(record, trusted.ledger.entries)
    return permitted(record, trusted)


def require_first(record: ChangeRecord, entries: Iterable[SignedEntry]) -> None:
    """Raises Refused when the ledger has a run of the change; of two at one time the remote lets one through."""
    from drillbook.errors import Refused
    from drillbook.text import visible

    ran = [each.entry for each in entries if each.entry.change == record.id]
    if not ran:
        return
    first = ran[0]
    result = next((each.result for each in ran if each.run == first.run and each.result), "")
    ended = f"it ended as {result}" if result else "it has not ended"
    there = f"to go on with that run, there: ./inv runbooks.resume {visible(first.run)}\n" if not result else ""
    raise Refused(
        f"{record.id} was applied before, by {visible(first.executor, limit=64)} on {visible(first.machine, limit=64)} "
        f"at {first.time[:19]}Z, and {visible(ended, limit=80)}: a change is applied once",
        remedy=there + "to do it again: ./inv changes.new, and have that approved",
    )


def _about(record: ChangeRecord, permission: Permission, trusted: Trusted) -> tuple[str, ...]:
    from drillbook.change.records.model import time_text
    from drillbook.change.records.window import on_duty
    from drillbook.text import visible

    request, around = record.request, trusted.around()
    duty = on_duty(trusted.base.cmdb, at=around.at, zone=around.zone, environment=request.subject.environment)
    window = request.window
    approved_by = ", ".join(permission.approved_by) or "policy, beforehand"
    return (
        f"{record.id}: {visible(request.reason)}",
        f"requested by {request.requested_by}; approved by {approved_by}; run by {permission.executor}",
        f"window until {time_text(window.ends)}" if window is not None else "no window",
        f"on duty: {', '.join(duty) or 'nobody is named'}",
    )
