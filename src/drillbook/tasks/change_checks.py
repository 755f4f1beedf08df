"""What is asked before the first effect of a change, when it is applied and when its run goes on that changed nothing.

The gate, of the trusted base; then, over the connections of the run, its hosts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.artifacts.lint import lint
from drillbook.artifacts.seal import FOLDER
from drillbook.change.gate.gate import permit_change
from drillbook.change.gate.propose import require_as_planned, require_committed
from drillbook.change.records.record import read_changes
from drillbook.change.trust.bound import bind_from
from drillbook.change.trust.rules import emergencies
from drillbook.clock import SystemClock
from drillbook.errors import DrillbookError, Refused
from drillbook.execution.launch import forbid
from drillbook.facts.clocks import require_same_time
from drillbook.hosts.anchors import ask_hosts, unknown_emergencies
from drillbook.journal.verify import Standing, verify_run
from drillbook.repo.git import Repository
from drillbook.tasks.common import state_folder

if TYPE_CHECKING:
    from pathlib import Path

    from drillbook.change.gate.gate import Permission
    from drillbook.change.records.model import ChangeRecord
    from drillbook.execution.launch import Launch
    from drillbook.tasks.trusting import Trusted

_SHOWN = 5  # findings


def permitted(record: ChangeRecord, trusted: Trusted) -> Permission:
    """Make the plan anew from the base's export, and pass the gate. The work tree has no part in it.

    Raises Refused, and then no packet was sent.
    """
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


def look_at_hosts(launch: Launch, trusted: Trusted) -> None:
    """Compare clocks, and ask hosts for break-glass that nobody has on record, before the first effect.

    Raises Refused and HostUnreachable; then the run is stopped, and can be resumed or abandoned.
    """
    try:
        require_same_time(launch.hosts, launch.plan.reachable, SystemClock())
        _require_told(launch, trusted)
    except DrillbookError as error:
        forbid(launch, error)
        raise


def _require_told(launch: Launch, trusted: Trusted) -> None:
    told = ask_hosts(launch.hosts, launch.plan.reachable)
    if told.silent:
        raise Refused(
            f"what hosts know of earlier runs cannot be read: {'; '.join(told.silent.values())}",
            remedy="mend that first; what cannot wait: runbooks.run … --emergency --reason",
        )
    known = {signed.entry.run for signed in trusted.ledger.entries} | _runs_here(trusted.root)
    known |= _kept(trusted)
    known |= emergencies(trusted.base.cmdb).settled
    unknown = unknown_emergencies(told, known)
    if unknown:
        first = unknown[0]
        raise Refused(
            f"{first.item} knows of break-glass that nobody has on record: run {first.run} by {first.executor}, "
            f"{first.time}; nothing was run",
            remedy="whoever ran it pushes its record and tells the remote: ./inv runbooks.resume RUN; when it is lost "
            "for good, a change of policies.emergencies.settled names the run",
        )


def _kept(trusted: Trusted) -> set[str]:
    """Give the runs that changes keep with a signature that holds: a file alone would silence what hosts tell."""
    keys, repository = trusted.base.signers, trusted.base.repository
    found = (
        verify_run(record.folder / "runs" / run.run, keys=keys, repository=repository)
        for record in read_changes(trusted.root).records
        for run in record.runs
    )
    return {run.run for run in found if run.standing is Standing.SIGNED and run.opened("run") == run.run}


def _runs_here(root: Path) -> set[str]:
    folder = state_folder(root) / "runs"
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()
