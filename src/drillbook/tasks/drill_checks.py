"""What the tasks of drills do around a drill: hold it against the estate, tidy up after one that died."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.clock import SystemClock
from drillbook.console.output import console
from drillbook.drill.probe import clean_up
from drillbook.drill.rules import check_drill
from drillbook.errors import DrillbookError, Finding, InvalidInput, JournalError
from drillbook.journal.writer import Journal
from drillbook.lab.faults import heal_all
from drillbook.tasks.wiring import plan_of

if TYPE_CHECKING:
    from pathlib import Path

    from drillbook.drill.model import Drill
    from drillbook.hosts.connection import Hosts
    from drillbook.lab.state import LabState
    from drillbook.tasks.wiring import Estate


def findings_of(drill: Drill, estate: Estate) -> list[Finding]:
    """Hold a drill against CMDB and runbooks, and plan all that it runs; give what is wrong.

    Of a drill that fits nothing it is not said that no plan can be made.
    """
    return check_drill(drill, estate.cmdb, estate.runbooks) or _not_planned(drill, estate)


def _not_planned(drill: Drill, estate: Estate) -> list[Finding]:
    """Find calls of which no plan can be made: a parameter that the runbook has not, an item that is not there."""
    found: list[Finding] = []
    for call in (drill.call, *drill.before, *drill.afterwards):
        try:
            plan_of(estate, call.runbook, environment=drill.environment, parameters=call.parameters)
        except InvalidInput as error:
            found += error.findings
        except DrillbookError as error:
            found.append(
                Finding(drill.file, call.line, "drill-plan", f"{call.runbook} cannot be planned: {error.message}")
            )
    return list(dict.fromkeys(found))


def settle_unfinished(state: Path, lab: LabState, hosts: Hosts) -> None:
    """Take away what a drill that was killed has left behind: faults, probes that still write; close its journal.

    ``hosts`` are the lab's. A journal that cannot be read is left alone, but whatever its drill left behind is taken
    away.
    """
    for path in sorted((state / "drills").glob("*/journal.jsonl")):
        try:
            journal, records = Journal.reopen(path, SystemClock())
        except JournalError:
            heal_all(lab)
            _end_probes(path.parent.name, lab, hosts)
            continue
        try:
            if records and records[-1].kind not in ("drill.closed", "drill.abandoned"):
                heal_all(lab)
                _end_probes(path.parent.name, lab, hosts)
                judged = any(record.kind == "drill.judged" for record in records)
                journal.append("drill.abandoned")
                name = records[0].data.get("drill", "?")
                begun = f"  ! An earlier drill ({name}, {records[0].time[:19]} UTC)"
                if judged:
                    console.print(f"{begun} was killed while its record was written; look whether it is there.")
                else:
                    console.print(f"{begun} did not end. Its faults were taken away; it counts for nothing.")
        finally:
            journal.close()


def _end_probes(run: str, lab: LabState, hosts: Hosts) -> None:
    """End the clients of a drill, which would go on writing until their own time is over."""
    for item in lab.hosts:
        try:
            clean_up(hosts[item], run)
        except DrillbookError:
            continue  # a host that is off has none that could write
