"""One side of a pull request: its files as data in a folder, and what can be read of them.

Nothing of a side is imported or run: YAML is parsed, checks are read by their syntax trees, playbooks are bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import drillbook
from drillbook.artifacts.seal import digest_of
from drillbook.cmdb.inventory import stale_findings
from drillbook.cmdb.load import draft
from drillbook.drill.load import read_drills
from drillbook.drill.rules import check_drill
from drillbook.errors import DrillbookError, Finding, InvalidInput, UsageError
from drillbook.plan.planner import make_plan
from drillbook.runbook.load import load_all

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from drillbook.cmdb.model import Cmdb
    from drillbook.drill.model import Drill, RunbookCall
    from drillbook.plan.model import Plan
    from drillbook.runbook.model import Runbook


@dataclass(frozen=True, slots=True)
class Side:
    """What a commit holds.

    ``cmdb`` may be a draft that breaks rules: ``valid`` tells whether it can be loaded. ``runbooks`` and ``sealed``
    (the digest of playbooks/) are empty when they cannot be read. ``findings``: everything that is wrong.
    """

    commit: str
    root: Path
    cmdb: Cmdb
    valid: bool
    runbooks: Mapping[str, Runbook]
    sealed: str
    drills: Mapping[str, Drill]
    findings: tuple[Finding, ...]

    def plan(self, call: RunbookCall, environment: str) -> Plan:
        """Make the plan of a call. Raises what ``make_plan`` raises, UsageError for an unknown runbook."""
        if call.runbook not in self.runbooks:
            raise UsageError(f"there is no runbook '{call.runbook[:60]}'")
        return make_plan(
            cmdb=self.cmdb,
            runbook=self.runbooks[call.runbook],
            runbooks=self.runbooks,
            environment=environment,
            parameters=call.parameters,
            artifacts_digest=self.sealed,
            engine=drillbook.__version__,
        )


def read_side(root: Path, commit: str, *, known: Cmdb | None = None) -> Side:
    """Read the exported files of a commit below ``root``. Raises nothing for what is wrong in them.

    ``known``: its CMDB, when it was loaded from there already.
    """
    cmdb, problems = (known, []) if known is not None else draft(root)
    findings = list(problems)
    valid = not problems
    if valid:
        findings += stale_findings(cmdb, root)
    runbooks: Mapping[str, Runbook] = {}
    sealed = ""
    try:
        runbooks = load_all(root)
    except InvalidInput as error:
        findings += error.findings
    if (root / "playbooks").is_dir():
        try:
            sealed = digest_of(root)
        except InvalidInput as error:
            findings += error.findings
    drills, unreadable = read_drills(root)
    findings += unreadable
    if valid and runbooks:
        for drill in drills:
            findings += check_drill(drill, cmdb, runbooks)
    return Side(
        commit=commit,
        root=root,
        cmdb=cmdb,
        valid=valid,
        runbooks=runbooks,
        sealed=sealed,
        drills={each.name: each for each in drills},
        findings=tuple(findings),
    )


def planned(side: Side, drill: Drill) -> tuple[dict[tuple[str, int], Plan], str]:
    """Give the plans of all that a drill runs, by part and place, and why one cannot be made (else empty)."""
    plans: dict[tuple[str, int], Plan] = {}
    for part, calls in (("before", drill.before), ("main", (drill.call,)), ("afterwards", drill.afterwards)):
        for place, call in enumerate(calls):
            try:
                plans[part, place] = side.plan(call, drill.environment)
            except InvalidInput as error:
                return plans, f"{call.runbook}: {error.findings[0].message}"
            except DrillbookError as error:
                return plans, f"{call.runbook}: {error.message}"
    return plans, ""
