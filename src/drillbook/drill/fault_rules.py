"""What must hold of a drill's faults: that they fit the CMDB, the lab, and their kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.drill.about import struck
from drillbook.drill.findings import finding, unknown
from drillbook.lab.faults import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.cmdb.model import Cmdb
    from drillbook.drill.model import Drill, FaultSpec
    from drillbook.errors import Finding


def fault_findings(drill: Drill, cmdb: Cmdb) -> Iterator[Finding]:
    """Give what is wrong with the faults of a drill."""
    if not drill.faults:
        return
    if drill.environment in cmdb.environments and cmdb.environments[drill.environment].get("kind") != "lab":
        yield finding(
            drill, drill.faults[0].line, "fault-outside-lab",
            f"faults exist only in the lab, and '{drill.environment}' is not one; "
            "leave the faults out, or run the drill in the lab",
        )  # fmt: skip
    for fault in drill.faults:
        yield from _fault(drill, fault, cmdb)


def _fault(drill: Drill, fault: FaultSpec, cmdb: Cmdb) -> Iterator[Finding]:
    if fault.room is not None and fault.room not in cmdb.rooms():
        yield unknown(drill, fault.line, "unknown-room", f"room '{fault.room}'", sorted(cmdb.rooms()))
    elif not struck(fault, cmdb):
        yield finding(
            drill, fault.line, "fault-item", f"no host of the lab (in_lab: true) stands in the room '{fault.room}'"
        )
    named = [*fault.on, *fault.options.get("keep", ()), *filter(None, [fault.options.get("peer")])]
    for item in named:
        if item not in cmdb.config_items:
            yield unknown(drill, fault.line, "unknown-item", f"item '{item}'", cmdb.config_items.ids())
        elif not cmdb.config_items[item].get("in_lab"):
            yield finding(
                drill, fault.line, "fault-item",
                f"'{item}' is no host of the lab (in_lab: true), so nothing can happen to it there",
            )  # fmt: skip
    allowed = KINDS[fault.kind].options
    for option in fault.options:
        if option not in allowed:
            takes = f"it takes {', '.join(sorted(allowed))}" if allowed else "it takes none"
            yield finding(
                drill, fault.line, "fault-option",
                f"the fault '{fault.kind}' has no option '{option}'; {takes}",
            )  # fmt: skip
    if fault.lasts is not None and not KINDS[fault.kind].heals:
        yield finding(
            drill, fault.line, "fault-option",
            f"the fault '{fault.kind}' is not healed by time; leave 'for' out, a runbook repairs it",
        )  # fmt: skip
