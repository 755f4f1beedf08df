"""Break-glass: run now what nobody has read, as the work tree has it, and owe the review."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Thread
from typing import TYPE_CHECKING

from drillbook.artifacts.seal import listing
from drillbook.change.gate.emergency import reviewers
from drillbook.change.gate.gate import permit_emergency
from drillbook.change.gate.propose import claimed_ids, used_ids
from drillbook.change.records.model import FORMAT, REQUEST_NAMESPACE, time_text
from drillbook.change.records.reading import read_bound, read_request
from drillbook.change.records.record import FOLDER, PLAN, PLAN_PAGE, REQUEST, REQUEST_SIG, change_ids, next_id
from drillbook.change.records.render import plan_file
from drillbook.change.records.strict import encoded
from drillbook.change.records.write import create
from drillbook.change.trust.bound import bind_runbook
from drillbook.change.trust.engine import running_engine_digest
from drillbook.change.trust.rules import emergencies
from drillbook.clock import SystemClock
from drillbook.console.output import console
from drillbook.errors import DrillbookError
from drillbook.execution.launch import begin_change
from drillbook.journal.record import read_journal
from drillbook.repo.git import Repository
from drillbook.tasks.by_hand import fenced_by_hand
from drillbook.tasks.running import Showing, finish, require_yes, show_plan
from drillbook.tasks.trusting import look, surroundings_of_change
from drillbook.tasks.wiring import load_estate, plan_of, say_whose_lab

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from drillbook.change.gate.gate import Permission
    from drillbook.execution.announce import Announcer
    from drillbook.execution.engine import Outcome
    from drillbook.execution.launch import Launch
    from drillbook.plan.model import Plan
    from drillbook.tasks.by_hand import Asked
    from drillbook.tasks.trusting import Trusted

_LAST_TRY = 15.0  # seconds that the end of a run waits for the remote to have heard of its beginning


@dataclass(frozen=True, slots=True)
class Broken:
    """What is to be run in break-glass, as it was typed."""

    root: Path
    runbook: str
    environment: str
    parameters: Mapping[str, str]
    reason: str
    key: str
    by_hand: Asked


def break_glass(asked: Broken, *, language: str, yes: bool) -> None:
    """Run it: record first, signed; then the hosts; the remote beside that, as soon as it answers.

    Raises Refused, and then no packet was sent and nothing was written.
    """
    root = asked.root
    trusted = look(root, key=asked.key, online=False)
    estate = load_estate(root, asked.runbook)
    plan = plan_of(estate, asked.runbook, environment=asked.environment, parameters=asked.parameters)
    by_hand = fenced_by_hand(asked.by_hand, plan, trusted, emergency=True)
    change = _next_id(trusted)
    permission = permit_emergency(plan, change, trusted.signer.person, trusted.around(), reason=asked.reason)
    policy = emergencies(trusted.base.cmdb)
    within = f"{policy.review_within.total_seconds() / 86400:g} days"
    console.print(
        f"  ! BREAK-GLASS by {trusted.signer.person}: {change}; nobody has read this; review owed in {within}",
        style="bold",
    )
    stated = (f"if it cannot be proved: {by_hand.words}",) if by_hand is not None else ()
    show_plan(plan, language, lines=tuple(f"! {line}" for line in (*permission.deviations, *stated)))
    require_yes(yes=yes)
    _record(trusted, asked, plan, permission)
    showing = Showing.of(plan, root, language)
    around = surroundings_of_change(
        trusted,
        permission,
        plan.environment,
        sealed_from=root,
        listener=showing.view,
        stopping=showing.stop,
        language=language,
    )
    say_whose_lab(around.access, root)
    could = ", ".join(reviewers(trusted.base.cmdb, trusted.signer.person)) or "nobody"
    left = (
        f"git add {FOLDER}/{change} && git commit && git push, so that others see it",
        f'one of {could} reviews it: ./inv changes.approve {change} --verdict accepted --reason "…"',
    )
    with showing.stop.installed():
        launch = begin_change(plan, permission, replace(around, announcer=None, by_hand=by_hand), purpose="break-glass")
        for line in permission.deviations:
            launch.journal.append("run.deviation", text=line)
        finish(launch, telling_beside(launch, around.announcer, launch.engine.run), language, left=left)


def _next_id(trusted: Trusted) -> str:
    """Give the next id that nothing known here has; two people without the remote may take the same one."""
    used = {*change_ids(trusted.root), *used_ids(Repository(trusted.root), trusted.base.commit)}
    used |= {signed.entry.change for signed in trusted.ledger.entries}
    if trusted.remote is not None and trusted.remote.store.folder.is_dir():
        refs = trusted.remote.store.git("for-each-ref", "--format=%(refname)", "refs/drillbook/claims/")
        used |= claimed_ids(refs.out.decode().splitlines())
    return next_id(SystemClock().now().year, used)


def _record(trusted: Trusted, asked: Broken, plan: Plan, permission: Permission) -> None:
    """Write the change, signed, before anything is sent."""
    raw = encoded(
        {
            "format": FORMAT,
            "change": permission.change,
            "repository": trusted.base.repository,
            "type": "emergency",
            "risk": "high",
            "reason": permission.reason,
            "window": None,
            "subject": {
                "kind": "runbook",
                "runbook": asked.runbook,
                "environment": asked.environment,
                "parameters": dict(asked.parameters),
            },
            "requested_by": permission.executor,
            "requested_at": time_text(SystemClock().now()),
        }
    )
    request = read_request(raw)
    bound = read_bound(bind_runbook(request, plan, running_engine_digest(), listing(asked.root)))
    files = {
        REQUEST_SIG: trusted.signer.sign(raw, namespace=REQUEST_NAMESPACE),
        PLAN: bound.raw,
        PLAN_PAGE: plan_file(request, bound),
        REQUEST: raw,
    }
    create(trusted.root, permission.change, files)


def telling_beside(launch: Launch, announcer: Announcer | None, go: Callable[[], Outcome]) -> Callable[[], Outcome]:
    """Give ``go`` with the remote told while it goes on, since that may be as dead as what is being mended.

    The run's end is told too, in its own time.
    """
    if announcer is None:
        return go
    opened = read_journal(launch.folder.journal)[0]

    def tell() -> None:
        with suppress(DrillbookError):  # the end of the run tries again, and says so
            announcer.opened(launch.plan, opened)

    def run() -> Outcome:
        beside = Thread(target=tell, daemon=True)
        beside.start()
        try:
            return go()
        finally:
            beside.join(_LAST_TRY)
            launch.around = replace(launch.around, announcer=announcer)

    return run
