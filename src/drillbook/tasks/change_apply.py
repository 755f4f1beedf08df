"""Runs an approved change: changes.apply. Part of the namespace ``changes``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.tasks.common import Touches, estate_root, state_folder, task

if TYPE_CHECKING:
    from pathlib import Path

    from invoke.context import Context

    from drillbook.change.gate import Permission
    from drillbook.change.model import ChangeRecord
    from drillbook.execution.launch import Launch
    from drillbook.tasks.trusting import Trusted

_SHOWN = 5  # findings


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
    from drillbook.change.record import find_change
    from drillbook.execution.launch import begin_change
    from drillbook.tasks.as_base import run_as_base
    from drillbook.tasks.running import Showing, finish, require_yes, show_plan
    from drillbook.tasks.trusting import follow, look, surroundings_of_change

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
    with showing.stop.installed():
        launch = begin_change(plan, permission, around, purpose=f"change {record.id}")
        _look_at_hosts(launch, record, trusted)
        finish(launch, launch.engine.run, lang, left=(f"./inv changes.close {record.id} writes down what came of it",))


def _permitted(record: ChangeRecord, trusted: Trusted) -> Permission:
    """Make the plan anew from the base's export, and pass the gate. The work tree has no part in it."""
    from drillbook.artifacts.lint import lint
    from drillbook.artifacts.seal import FOLDER
    from drillbook.change.bound import bind_from
    from drillbook.change.conditions import runnable
    from drillbook.change.gate import permit_change
    from drillbook.change.propose import require_as_planned, require_committed
    from drillbook.errors import Refused
    from drillbook.repo.git import Repository

    runnable(record)
    _require_first(record, trusted)
    # Not that it would run: that nobody believes it would.
    repo = Repository(trusted.root)
    require_committed(repo)
    require_as_planned(record, repo, trusted.base)
    findings = lint(trusted.base.folder / FOLDER)
    if findings:
        shown = "".join(f"\n  {each}" for each in findings[:_SHOWN])
        raise Refused(
            f"the trusted playbooks could do what nobody has approved ({len(findings)} findings):{shown}",
            remedy="./inv runbooks.lint shows all; mend them by a change of the configuration",
        )
    would_run = bind_from(record.request, trusted.base.folder, trusted.base.engine)
    return permit_change(record, trusted.signer.person, trusted.around(), would_run=would_run)


def _require_first(record: ChangeRecord, trusted: Trusted) -> None:
    """Raises Refused when the ledger has a run of the change; of two at one time the remote lets one through."""
    from drillbook.errors import Refused
    from drillbook.text import visible

    ran = [each.entry for each in trusted.ledger.entries if each.entry.change == record.id]
    if not ran:
        return
    first = ran[0]
    ended = next((f"it ended as {each.result}" for each in ran if each.run == first.run and each.result), "it stopped")
    raise Refused(
        f"{record.id} was applied before, by {visible(first.executor, limit=64)} on {visible(first.machine, limit=64)} "
        f"at {first.time[:19]}Z, and {visible(ended, limit=80)}: a change is applied once",
        remedy=f"to go on with that run, there: ./inv runbooks.resume {first.run}\n"
        "to do it again: ./inv changes.new, and have that approved",
    )


def _about(record: ChangeRecord, permission: Permission, trusted: Trusted) -> tuple[str, ...]:
    from drillbook.change.model import time_text
    from drillbook.change.window import on_duty
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


def _look_at_hosts(launch: Launch, record: ChangeRecord, trusted: Trusted) -> None:
    """Compare clocks, and ask hosts for break-glass that nobody has on record, before the first effect.

    Raises Refused, and then the run is closed.
    """
    from drillbook.clock import SystemClock
    from drillbook.errors import DrillbookError
    from drillbook.facts.clocks import require_same_time

    try:
        require_same_time(launch.hosts, launch.plan.reachable, SystemClock())
        _require_told(launch, record, trusted)
    except DrillbookError as error:
        launch.engine.refuse(error)
        launch.close()
        raise


def _require_told(launch: Launch, record: ChangeRecord, trusted: Trusted) -> None:
    from drillbook.change.record import read_changes
    from drillbook.change.rules import emergencies
    from drillbook.errors import Refused
    from drillbook.hosts.anchors import ask_hosts, unknown_emergencies

    told = ask_hosts(launch.hosts, launch.plan.reachable)
    if told.silent:
        raise Refused(
            f"what hosts know of earlier runs cannot be read: {'; '.join(told.silent.values())}",
            remedy="mend that first; what cannot wait: runbooks.run … --emergency --reason",
        )
    known = {signed.entry.run for signed in trusted.ledger.entries} | _runs_here(trusted.root)
    known |= {run.run for each in read_changes(trusted.root).records for run in each.runs}
    known |= emergencies(trusted.base.cmdb).settled
    unknown = unknown_emergencies(told, known)
    if unknown:
        first = unknown[0]
        raise Refused(
            f"{first.item} knows of break-glass that nobody has on record: run {first.run} by {first.executor}, "
            f"{first.time}; {record.id} was not run",
            remedy="whoever ran it pushes its record and tells the remote: ./inv runbooks.resume RUN; when it is lost "
            "for good, a change of policies.emergencies.settled names the run",
        )


def _runs_here(root: Path) -> set[str]:
    folder = state_folder(root) / "runs"
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()
