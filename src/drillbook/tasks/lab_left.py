"""What runs have left of the lab's hosts: roles that another host holds now, and runs that have not ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.clock import timestamp
from drillbook.cmdb.addressing import hosts_of
from drillbook.execution.protection import degraded, unfinished
from drillbook.lab.state import made_at
from drillbook.tasks.running import ways_back

if TYPE_CHECKING:
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
    for run in unfinished(state, since):
        if _same_hosts(cmdb, run.environment, environment):
            busy |= run.protections
            found.append((f"run {run.run} of {run.runbook} has changed hosts and has not ended", (
                f"./inv runbooks.resume {run.run} goes on with it", f"./inv runbooks.rollback {run.run} undoes it",
            )))  # fmt: skip
    for each in degraded(state):
        if each.since > since and each.protection not in busy and _same_hosts(cmdb, each.environment, environment):
            at = each.since[:19].replace("T", " ")
            who = each.survivor or "nobody knows who"
            sentence = f"{each.protection}: {who} has its role since {at} UTC, and there is no second copy"
            found.append((sentence, tuple(ways_back(root, each))))
    return found


def _same_hosts(cmdb: Cmdb, one: str, other: str) -> bool:
    return one in cmdb.environments and hosts_of(cmdb, one) == hosts_of(cmdb, other)
