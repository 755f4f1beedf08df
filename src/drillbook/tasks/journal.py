"""The task that looks back: journal.verify."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from drillbook.tasks.common import Touches, estate_root, task

if TYPE_CHECKING:
    from pathlib import Path

    from invoke.context import Context

    from drillbook.change.trust.base import Base
    from drillbook.hosts.anchors import HostsTold
    from drillbook.ledger.entries import Ledger

_SHOWN = 20


@task(
    touches=Touches.HOSTS,
    auto_shortflags=False,  # -h is invoke's own
    help={
        "only": "a run (its id, its beginning or end, or 'last') or a change; all of them unless told",
        "hosts": "ask the lab's hosts too what they wrote down of runs; nothing is changed there",
        "all": f"show every run; the {_SHOWN} newest and all that is wrong unless told",
    },
)
def verify(_: Context, only: str = "", hosts: bool = False, all: bool = False) -> None:  # noqa: A002 - the option's name
    """Find what was changed, removed or added in the journals of runs; exit code 40 when something was."""
    from drillbook.change.records.record import read_changes
    from drillbook.console.journal_view import show
    from drillbook.errors import ExitCode
    from drillbook.journal.compare import against_changes, against_hosts, against_ledger
    from drillbook.journal.found import chosen, find_runs
    from drillbook.journal.verify import verify_run
    from drillbook.tasks.pinned import base_if_pinned

    root = estate_root()
    base = base_if_pinned(root)
    keys = base.signers if base else None
    repository = base.repository if base else ""
    changes = read_changes(root)
    ledger, notes = _ledger(root, base)
    told = _hosts(root) if hosts else None
    labs = {each.id for each in base.cmdb.environments if each.get("kind") == "lab"} if base else None
    runs = [verify_run(folder, keys=keys, repository=repository, labs=labs) for folder in find_runs(root)]
    runs = against_changes(runs, changes)
    flaws = [f"changes/{each.name} cannot be read: {each.error.findings[0]}" for each in changes.broken]
    if ledger is not None:
        closed = {each.request.change for each in changes.records if each.result is not None}
        runs, wrong = against_ledger(runs, ledger, keys=keys, closed_changes=closed, folder=root / ".drillbook/runs")
        flaws += wrong
    if told is not None:
        runs, missing = against_hosts(runs, told, known={each.entry.run for each in ledger.entries} if ledger else ())
        flaws += missing
        notes.append(f"hosts told of {len(told.anchors)} times that a run took or gave back their lock")
        notes += [f"{item} could not be asked: {why}" for item, why in told.silent.items()]
    if only:
        runs, flaws = chosen(runs, only), []
    if base is None:
        notes.append("no trusted base is pinned here (./inv trust.pin): nobody could say whose signature it is")
    show(runs, flaws, notes, ledger=ledger, newest=None if all or only else _SHOWN)
    sys.exit(ExitCode.JOURNAL if flaws or any(run.flaws for run in runs) else ExitCode.OK)


def _ledger(root: Path, base: Base | None) -> tuple[Ledger | None, list[str]]:
    """Give the remote's ledger, as it is now or as it was fetched last; and what is to be said of that."""
    from drillbook.change.trust.pin import remember
    from drillbook.clock import SystemClock
    from drillbook.errors import RemoteUnreachable
    from drillbook.ledger.entries import entries, fetched
    from drillbook.ledger.remote import Remote

    if base is None:
        return None, []
    if not base.remote:
        return None, ["no remote is pinned: there is no ledger to hold the runs against"]
    remote = Remote(root, base.remote)
    try:
        ledger = entries(remote, seen=base.ledger)
    except RemoteUnreachable as error:
        return fetched(remote, seen=base.ledger), [f"{error.message}; held against the ledger as it was fetched last"]
    if not ledger.flaws and ledger.tip not in ("", base.ledger):
        remember(base.place, SystemClock().now(), ledger=ledger.tip)
    return ledger, []


def _hosts(root: Path) -> HostsTold:
    """Ask the lab's hosts, through the gate. Raises MissingPrerequisite when there is no lab."""
    from drillbook.cmdb.load import load
    from drillbook.hosts.anchors import ask_hosts
    from drillbook.hosts.connection import Hosts
    from drillbook.lab.access import lab_access, made_hosts
    from drillbook.plan.targets import target_of
    from drillbook.tasks.lab import lab_environment

    made, access = made_hosts(), lab_access()
    cmdb = load(root)
    hosts = Hosts({item: target_of(cmdb, item, lab_environment(cmdb)) for item in made}, access)
    try:
        return ask_hosts(hosts, made)
    finally:
        hosts.close()
