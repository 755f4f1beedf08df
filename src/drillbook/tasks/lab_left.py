"""What runs have left of the lab's hosts: roles that another host holds now, and runs that have not ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.clock import timestamp
from drillbook.cmdb.addressing import hosts_of
from drillbook.errors import DrillbookError
from drillbook.execution.protection import degraded
from drillbook.execution.runs import load_plan, newest_first
from drillbook.execution.state import state_from_records
from drillbook.journal.record import read_journal
from drillbook.lab.state import made_at
from drillbook.tasks.running import ways_back

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from drillbook.cmdb.model import Cmdb

Left = tuple[str, tuple[str, ...]]
"""A sentence, and the commands that put right what it says."""


def left_by_runs(root: Path, state: Path, cmdb: Cmdb, environment: str) -> list[Left]:
    """Give what runs since the lab was made have left otherwise than the CMDB has it; nothing is asked of a host.

    ``root`` is the estate's folder, ``state`` its ``.drillbook``, ``environment`` the lab's.
    """
    made = made_at()
    since = timestamp(made) if made else ""
    found: list[Left] = []
    busy: set[str] = set()
    for id_, runbook, protections in _open(state, cmdb, environment, since):
        busy |= protections
        found.append((f"run {id_} of {runbook} has changed hosts and has not ended", (
            f"./inv runbooks.resume {id_} goes on with it", f"./inv runbooks.rollback {id_} undoes it",
        )))  # fmt: skip
    for each in degraded(state):
        if each.since > since and _same_hosts(cmdb, each.environment, environment):
            at = each.since[:19].replace("T", " ")
            who = each.survivor or "nobody knows who"
            ways = () if each.protection in busy else tuple(ways_back(root, each))
            found.append((f"{each.protection}: {who} has its role since {at} UTC, and there is no second copy", ways))
    return found


def _open(state: Path, cmdb: Cmdb, environment: str, since: str) -> Iterator[tuple[str, str, set[str]]]:
    """Give each run that has changed something and was not ended: its id, its runbook, its protections."""
    for folder, opened in newest_first(state):
        if not _same_hosts(cmdb, str(opened.get("environment")), environment):
            continue
        try:
            records = read_journal(folder.journal)
            if records[-1].time <= since:
                return  # it and all before it are of hosts that are gone
            run = state_from_records(records)
            if run.closed is None and run.touched:
                plan = load_plan(folder)
                yield folder.id, plan.runbook, set(plan.cmdb_slice["protections"])
        except DrillbookError:
            continue  # runbooks.status says what is wrong with it


def _same_hosts(cmdb: Cmdb, one: str, other: str) -> bool:
    return one in cmdb.environments and hosts_of(cmdb, one) == hosts_of(cmdb, other)
