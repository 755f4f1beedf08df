"""What the tasks of drills do around a drill: hold it against the estate, tidy up after one that died."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.clock import SystemClock
from drillbook.console.output import console
from drillbook.drill.rules import check_drill
from drillbook.errors import InvalidInput, JournalError
from drillbook.journal.writer import Journal
from drillbook.lab.faults import heal_all

if TYPE_CHECKING:
    from pathlib import Path

    from drillbook.drill.model import Drill
    from drillbook.lab.state import LabState
    from drillbook.tasks.wiring import Estate


def require_valid(drill: Drill, estate: Estate) -> None:
    """Hold a drill against CMDB and runbooks. Raises InvalidInput with all findings."""
    findings = check_drill(drill, estate.cmdb, estate.runbooks)
    if findings:
        raise InvalidInput(findings)


def settle_unfinished(state: Path, lab: LabState) -> None:
    """Take away what a drill that was killed has left behind, and close its journal.

    A journal that cannot be read is left alone, but whatever its drill left behind is taken away.
    """
    for path in sorted((state / "drills").glob("*/journal.jsonl")):
        try:
            journal, records = Journal.reopen(path, SystemClock())
        except JournalError:
            heal_all(lab)
            continue
        try:
            if records and records[-1].kind not in ("drill.closed", "drill.abandoned"):
                heal_all(lab)
                journal.append("drill.abandoned")
                name = records[0].data.get("drill", "?")
                console.print(
                    f"  ! An earlier drill ({name}, {records[0].time[:19]} UTC) did not end. "
                    "Its faults were taken away; it counts for nothing."
                )
        finally:
            journal.close()
