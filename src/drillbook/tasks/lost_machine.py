"""Gives up a run whose machine is gone for good, from another one: recorded first, then its locks are given back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from drillbook.change.gate.gate import permit_again
from drillbook.change.records.record import find_change
from drillbook.clock import SystemClock, timestamp
from drillbook.console.output import console
from drillbook.errors import DrillbookError, Refused, UsageError
from drillbook.hosts.agent import Agent, Mark
from drillbook.hosts.connection import Hosts
from drillbook.ledger.claims import give_up
from drillbook.tasks.as_base import run_as_base
from drillbook.tasks.common import estate_root, state_folder
from drillbook.tasks.trusting import access_for, look, saw
from drillbook.text import visible

if TYPE_CHECKING:
    from drillbook.ledger.entries import Entry
    from drillbook.tasks.trusting import Trusted


def give_up_lost(run: str, *, reason: str, key: str) -> None:
    """End a run in the ledger as lost, by name and with a reason, and give its locks back, the hosts' too.

    Who may run its change may give it up. Raises UsageError when its journal is here, when no reason is given or the
    ledger has no such run that is open; Refused as the gate.
    """
    root = estate_root()
    if not reason.strip():
        raise UsageError("a run is given up for a reason", remedy="--reason 'desk-1 burnt', say")
    if (state_folder(root) / "runs" / run / "journal.jsonl").exists():
        raise UsageError("the journal of this run is here: it is not lost", remedy=f"./inv runbooks.abandon {run}")
    run_as_base(root)
    trusted = look(root, key=key, online=True)
    opened = next((each.entry for each in trusted.ledger.open_runs() if each.entry.run == run), None)
    if opened is None or trusted.remote is None:
        raise UsageError(
            f"the ledger has no open run '{visible(run, limit=60)}'", remedy="./inv journal.verify shows what is open"
        )
    hosts = _hosts(opened, trusted)
    try:
        person, now = trusted.signer.person, timestamp(SystemClock().now())
        machine = os.uname().nodename
        seen = trusted.ledger.tip
        tip = give_up(
            trusted.remote, run, signer=trusted.signer, machine=machine, time=now, reason=reason, seen=seen
        )  # fmt: skip
        saw(trusted.base, tip)
        console.print(f"{run} is given up: the ledger has it, and the remote's locks are free")
        _unlock(hosts, opened, person)
    finally:
        hosts.close()


def _hosts(opened: Entry, trusted: Trusted) -> Hosts:
    """Pass the gate as who goes on with the run would; give its hosts, not connected yet."""
    record = find_change(trusted.root, opened.change)
    plan = record.bound.plan if record.bound is not None else None
    if plan is None or plan.digest != opened.plan:
        raise Refused(
            f"the record of {opened.change} here has another plan than that run", remedy="git pull brings its record"
        )
    permission = permit_again(record, trusted.signer.person, trusted.around(), plan=plan, began=opened.moment)
    return Hosts(plan.targets, access_for(trusted, plan.environment, permission))


def _unlock(hosts: Hosts, opened: Entry, person: str) -> None:
    mark = Mark(opened.head, opened.type, person)
    for item in opened.items:
        try:
            Agent(hosts[item]).unlock(opened.run, mark)
        except DrillbookError as error:
            console.print(f"  ! {item} may keep that run's lock ({error.message}); as root there:", style="yellow")
            console.print("    rm /var/lib/drillbook/lock, when it names that run", style="yellow")
