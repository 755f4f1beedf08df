"""What the tasks of drills do around a drill: hold it against the estate, look at earlier ones."""

from __future__ import annotations

import fcntl
import json
from typing import TYPE_CHECKING

from drillbook.clock import SystemClock
from drillbook.console.output import console
from drillbook.drill.rules import check_drill
from drillbook.errors import InvalidInput, JournalError, Locked
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


def refuse_second(state: Path) -> None:
    """Raises Locked when another drill is going on in this checkout: the lab must be left as it is."""
    for path in sorted((state / "drills").glob("*/journal.jsonl")):
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Locked("another drill is going on in this checkout", remedy="wait for its end") from None


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


def last_results(root: Path) -> dict[str, str]:
    """Give the verdict and the day of the newest record of each drill."""
    found: dict[str, str] = {}
    for path in sorted((root / "drills" / "records").glob("*/record.json")):
        try:
            value = json.loads(path.read_bytes())
            found[str(value["drill"]["name"])] = f"{value['verdict']['result']} {str(value['started'])[:10]}"
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found
