"""Changes: request, plan, approve, close, and how they stand. Part of the namespace ``changes``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from drillbook.tasks.common import Touches, estate_root, state_folder, task

if TYPE_CHECKING:
    from invoke.context import Context

_KEY = "your private SSH key, or the public one of a key in the agent; else $DRILLBOOK_KEY, git's, or ~/.ssh"


@task(
    touches=Touches.FILES,
    iterable=["param"],
    help={
        "runbook": "the runbook that is to run, see runbooks.list",
        "configuration": "instead of a runbook: the commits since the trusted base",
        "env": "the environment that the runbook runs in",
        "param": "name=value, once for each parameter of the runbook",
        "window": "when: FROM/UNTIL, such as 2026-11-23T20:00/22:00 or 2026-11-23T20:00/2h; local time, or with a zone",
        "type_": "normal, or standard (approved beforehand by policy)",
        "risk": "low, medium or high; computed when left out",
        "reason": "why, in a sentence",
        "key": _KEY,
    },
)
def new(
    _: Context,
    param: list[str],
    *,
    runbook: str = "",
    configuration: bool = False,
    env: str = "",
    window: str = "",
    type_: str = "normal",
    risk: str = "",
    reason: str = "",
    key: str = "",
) -> None:
    """Request a change: a runbook's run, or what was committed since the trusted base."""
    from drillbook.change.gate.propose import propose
    from drillbook.change.records.model import REQUEST_NAMESPACE
    from drillbook.change.records.record import next_id
    from drillbook.change.records.write import create
    from drillbook.clock import SystemClock
    from drillbook.console.change_view import show_requested
    from drillbook.tasks.change_wiring import draft_of, here, signer_of, used
    from drillbook.zone import local_zone

    root = estate_root()
    at = here(root)
    now = SystemClock().now()
    draft = draft_of(
        runbook, param, configuration=configuration, env=env, window=window, type_=type_, risk=risk, reason=reason
    )
    signer = signer_of(at.base, root, key)
    id_ = next_id(now.year, used(at))
    proposed = propose(draft, change=id_, person=signer.person, repo=at.repo, base=at.base, now=now)
    signature = signer.sign(proposed.raw, namespace=REQUEST_NAMESPACE)
    create(root, id_, {"request.json": proposed.raw, "request.sig": signature})
    show_requested(proposed.record.request, proposed.risk_why, zone=local_zone())


@task(
    touches=Touches.FILES,
    help={
        "change": "the change's id, or its end",
        "lang": "language of plan.md and of what is shown: en or zh",
    },
)
def plan(_: Context, change: str, lang: str = "en") -> None:
    """Plan a change from the commit that is checked out: exact commands, hosts, undo, assumptions, services."""
    from drillbook.change.gate.propose import apart_from_base, plan_again, require_committed
    from drillbook.change.records.lifecycle import require_plannable
    from drillbook.change.records.reading import read_bound
    from drillbook.change.records.record import PLAN, PLAN_PAGE, find_change
    from drillbook.change.records.render import change_page, plan_file
    from drillbook.change.records.write import add
    from drillbook.console.change_view import show_planned
    from drillbook.console.output import console
    from drillbook.console.page import print_page
    from drillbook.execution.of_change import runs_of_changes
    from drillbook.tasks.as_base import run_as_base
    from drillbook.tasks.change_wiring import duty_of, here, standing

    root = estate_root()
    run_as_base(root)
    record = find_change(root, change)
    runs = [run.seen for run in runs_of_changes(root / ".drillbook", record.id).get(record.id, ())]
    require_plannable(record, runs)
    at = here(root)
    require_committed(at.repo)
    head = at.repo.head()
    raw = plan_again(record, repo=at.repo, base=at.base, head=head)
    bound = read_bound(raw)
    page = plan_file(record.request, bound, lang)
    add(root, record.id, {PLAN_PAGE: page, PLAN: raw}, instead=True)
    print_page(console, change_page(record.request, bound, lang))
    stands = standing(find_change(root, record.id), at.base, root)
    apart = apart_from_base(at.repo, at.base, head) if bound.plan is not None else []
    show_planned(stands, apart, duty_of(stands.record, at.base), at.base.cmdb, language=lang)


@task(
    touches=Touches.FILES,
    help={
        "change": "the change's id, or its end",
        "key": _KEY,
        "expires": "how long the approval counts, such as 7d; at most what policy says",
        "head": "the commit to plan it from again, and to read it from when it is not here, such as origin/BRANCH",
        "yes": "do not ask",
        "verdict": "of an emergency that ran: accepted or rejected",
        "reason": "of the verdict",
        "lang": "language: en or zh",
    },
)
def approve(
    _: Context,
    change: str,
    *,
    key: str = "",
    expires: str = "",
    head: str = "",
    yes: bool = False,
    verdict: str = "",
    reason: str = "",
    lang: str = "en",
) -> None:
    """Show exactly what would run, ask, and sign it with your SSH key; or review an emergency."""
    from drillbook.change.gate.committed import branch_of, find_at
    from drillbook.change.gate.consent import expiry, require_consentable, would_differ
    from drillbook.change.gate.proposed import proposed_cmdb
    from drillbook.change.records.model import APPROVAL_NAMESPACE
    from drillbook.change.records.render import change_page
    from drillbook.change.records.when import parse_length
    from drillbook.change.records.write import add
    from drillbook.change.trust.approval import approval_bytes
    from drillbook.clock import SystemClock
    from drillbook.console.change_view import show_difference, show_signed
    from drillbook.console.consent import read_page
    from drillbook.errors import Refused
    from drillbook.tasks.as_base import run_as_base
    from drillbook.tasks.change_meaning import show_meaning
    from drillbook.tasks.change_wiring import here, require_verdict, signer_of, standing

    root = estate_root()
    run_as_base(root)
    at = here(root)
    commit = at.repo.resolve(head or "HEAD")
    found = find_at(at.repo, change, commit if head else "")
    record = found.record
    now = SystemClock().now()
    require_verdict(verdict, reason)
    signer = signer_of(at.base, root, key)
    proposed = proposed_cmdb(record, repo=at.repo, base=at.base, head=commit)
    require_consentable(record, base=at.base, person=signer.person, review=bool(verdict), now=now, proposed=proposed)
    assert record.bound is not None
    if not verdict:
        differs = would_differ(record, repo=at.repo, base=at.base, head=commit)
        if differs:
            show_difference(differs)
            raise Refused(
                f"{record.id} is not what would run now ({len(differs)} differences, above); nothing was signed",
                remedy="look at the commit that was planned: --head COMMIT; or the requester plans it again: "
                f"./inv changes.plan {record.id}",
            )
    wanted = parse_length(expires) if expires else None
    ends = now if verdict else expiry(record, at.base.cmdb, now=now, wanted=wanted, proposed=proposed)
    if record.bound.configuration is not None:
        show_meaning(record.bound.configuration, at, commit, language=lang)
    read_page(change_page(record.request, record.bound, lang), word=record.id, yes=yes)
    # A person has read for a while; the time of signing is now.
    signed_at = SystemClock().now()
    ends = ends + (signed_at - now) if wanted is None else ends
    raw = approval_bytes(record, signer.person, at=signed_at, expires=ends, verdict=verdict, reason=reason.strip())
    signature = signer.sign(raw, namespace=APPROVAL_NAMESPACE)
    name = f"approvals/{signer.person}"
    files = {f"{name}.sig": signature, f"{name}.json": raw}
    add(root, record.id, files)
    stands = standing(found.signed(root, files), at.base, root, commit)
    elsewhere = None if found.files is None else branch_of(at.repo, head) or "BRANCH"
    show_signed(stands, signer.person, elsewhere=elsewhere, language=lang)


@task(touches=Touches.FILES, help={"change": "the change's id, or its end", "key": _KEY, "lang": "language: en or zh"})
def close(_: Context, change: str, key: str = "", lang: str = "en") -> None:
    """Close a change: what came of it, what went otherwise than planned, and the journals, signed."""
    from drillbook.change.gate.close import require_closer, result_bytes, result_of_configuration
    from drillbook.change.records.lifecycle import require_closable
    from drillbook.change.records.model import RESULT_NAMESPACE
    from drillbook.change.records.record import RESULT, RESULT_SIG, find_change
    from drillbook.change.records.write import add
    from drillbook.clock import SystemClock
    from drillbook.console.change_view import show_change
    from drillbook.console.output import console
    from drillbook.execution.of_change import kept_files, outcome_of, runs_of_changes, sign_what_is_not
    from drillbook.tasks.as_base import run_as_base
    from drillbook.tasks.change_wiring import here, runs_elsewhere, signer_of, standing
    from drillbook.zone import local_zone

    root = estate_root()
    run_as_base(root)
    at = here(root)
    record = find_change(root, change)
    signer = signer_of(at.base, root, key)
    runs = runs_of_changes(state_folder(root), record.id).get(record.id, [])
    lost = runs_elsewhere(at, record, [run.run for run in runs])
    stands = standing(record, at.base, root)
    require_closable(record, stands.state)
    require_closer(record, signer.person, at.base.cmdb)
    runs = sign_what_is_not(runs, state_folder(root), signer)
    result, told, deviated = outcome_of(runs, lost)
    if record.request.subject.kind == "configuration":
        result = result_of_configuration(record, at.repo, at.base)
    now = SystemClock().now()
    raw = result_bytes(record, result=result, runs=told, deviations=deviated, person=signer.person, at=now)
    signature = signer.sign(raw, namespace=RESULT_NAMESPACE)
    add(root, record.id, {**kept_files(runs), RESULT_SIG: signature, RESULT: raw})
    closed = standing(find_change(root, record.id), at.base, root)
    show_change(closed, now=now, zone=local_zone(), duty=(), language=lang)
    console.print(f"\n  git add changes/{record.id} && git commit", style="dim")


@task(touches=Touches.NOTHING, help={"lang": "language: en or zh"})
def status(_: Context, lang: str = "en") -> None:
    """Show how all changes stand; exit code 20 when the review of an emergency is overdue, 3 when one is broken."""
    from drillbook.change.records.record import read_changes
    from drillbook.clock import SystemClock
    from drillbook.console.change_view import show_changes
    from drillbook.errors import ExitCode
    from drillbook.tasks.change_wiring import base_or_none, is_late, known, unrecorded

    root = estate_root()
    now = SystemClock().now()
    base = base_or_none(root)
    found = read_changes(root)
    here = known(base, root)
    stands = [here.standing(record) for record in found.records]
    unknown = unrecorded(found.records, here, now)
    show_changes(stands, found.broken, unknown, now=now, language=lang)
    if any(each.is_overdue(now) for each in stands) or (base is not None and is_late(unknown, base, now)):
        sys.exit(ExitCode.MISSED)
    sys.exit(ExitCode.INVALID if found.broken else ExitCode.OK)


@task(
    touches=Touches.NOTHING,
    help={"change": "the change's id, or its end", "plan": "its plan too", "lang": "language: en or zh"},
)
def show(_: Context, change: str, plan: bool = False, lang: str = "en") -> None:
    """Show one change: whose approvals count and why others do not, its runs, its result, what is to be done next."""
    from drillbook.change.records.record import find_change
    from drillbook.change.records.render import change_page
    from drillbook.clock import SystemClock
    from drillbook.console.change_view import show_change
    from drillbook.console.output import console
    from drillbook.console.page import print_page
    from drillbook.errors import ExitCode
    from drillbook.tasks.change_wiring import base_or_none, duty_of, standing
    from drillbook.zone import local_zone

    root = estate_root()
    now = SystemClock().now()
    base = base_or_none(root)
    stands = standing(find_change(root, change), base, root)
    duty = duty_of(stands.record, base) if base is not None else ()
    show_change(stands, now=now, zone=local_zone(), duty=duty, language=lang)
    if plan and stands.record.bound is not None:
        console.print()
        print_page(console, change_page(stands.record.request, stands.record.bound, lang))
    sys.exit(ExitCode.MISSED if stands.is_overdue(now) else ExitCode.OK)
