"""What must hold of a drill beyond its shape: that it fits the CMDB, the runbooks and itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.drill.about import protection_of
from drillbook.drill.fault_rules import fault_findings
from drillbook.drill.findings import finding, unknown
from drillbook.drill.model import AtOnce, PersonDecides, ProbeDown
from drillbook.drill.probe_rules import probe_findings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from drillbook.cmdb.model import Cmdb
    from drillbook.drill.model import Drill, RunbookCall, ServiceSpec
    from drillbook.errors import Finding


def check_drill(drill: Drill, cmdb: Cmdb, runbook_ids: Collection[str]) -> list[Finding]:
    """Hold a drill against the CMDB and the ids of the runbooks; all findings, sorted by line."""
    found = [
        *_names(drill, cmdb),
        *_calls(drill, runbook_ids),
        *probe_findings(drill, cmdb),
        *fault_findings(drill, cmdb),
        *_trigger(drill),
    ]
    return sorted(set(found))


def _names(drill: Drill, cmdb: Cmdb) -> Iterator[Finding]:
    if drill.environment not in cmdb.environments:
        yield unknown(
            drill, drill.line, "unknown-environment", f"environment '{drill.environment}'",
            cmdb.environments.ids(),
        )  # fmt: skip
    for service in drill.services:
        yield from _service(drill, service, cmdb)
    for steady in drill.steady_state:
        if steady.call.on not in cmdb.config_items:
            yield unknown(drill, steady.call.line, "unknown-item", f"item '{steady.call.on}'", cmdb.config_items.ids())
        if steady.protection is not None and steady.protection not in cmdb.protections:
            yield unknown(
                drill, steady.call.line, "unknown-protection", f"protection '{steady.protection}'",
                cmdb.protections.ids(),
            )  # fmt: skip


def _service(drill: Drill, service: ServiceSpec, cmdb: Cmdb) -> Iterator[Finding]:
    id_ = service.service
    if id_ not in cmdb.services:
        yield unknown(drill, service.line, "unknown-service", f"service '{id_}'", cmdb.services.ids())
    elif not (cmdb.services[id_].get("rto") and cmdb.services[id_].get("rpo")):
        yield finding(
            drill, service.line, "no-objective",
            f"the service '{id_}' has no rto or no rpo, so there is nothing to measure against; "
            "give it both in the CMDB",
        )  # fmt: skip
    if [each.service for each in drill.services].count(id_) > 1:
        yield finding(drill, service.line, "service-twice", f"the service '{id_}' stands there twice; keep one")
    protection = protection_of(drill, cmdb, service)
    line = drill.call.line if service.protection is None else service.line
    if protection is None and service.protection is not None:
        yield unknown(drill, line, "unknown-protection", f"protection '{service.protection}'", cmdb.protections.ids())
    elif protection is None:
        yield finding(
            drill, line, "drill-protection",
            "the parameters must name exactly one protection of the CMDB, such as 'pair: my-pair'; "
            "probes and checks are about it",
        )  # fmt: skip
    elif protection.get("service") != id_:
        yield finding(
            drill, line, "drill-protection",
            f"'{protection.id}' protects the service '{protection.get('service')}', not '{id_}'; "
            "name the protection of the drill's service",
        )  # fmt: skip
    elif not protection.get("members"):
        yield finding(
            drill, line, "drill-protection",
            f"the protection '{protection.id}' has no members, so there is nothing that could take over",
        )  # fmt: skip


def _calls(drill: Drill, runbook_ids: Collection[str]) -> Iterator[Finding]:
    calls: list[RunbookCall] = [drill.call, *drill.before, *drill.afterwards]
    for call in calls:
        if call.runbook not in runbook_ids:
            yield unknown(drill, call.line, "unknown-runbook", f"runbook '{call.runbook}'", sorted(runbook_ids))


def _trigger(drill: Drill) -> Iterator[Finding]:
    match drill.trigger:
        case ProbeDown(probe=probe):
            ids = [each.id for each in drill.probes]
            if probe not in ids:
                yield unknown(drill, drill.line, "unknown-probe", f"probe '{probe}'", ids)
            if not drill.faults:
                yield finding(
                    drill, drill.line, "trigger",
                    f"the trigger waits for the probe '{probe}' to go down, and no fault makes it; "
                    "add a fault, or begin at_once",
                )  # fmt: skip
        case AtOnce() if drill.faults:
            yield finding(
                drill, drill.line, "trigger",
                "with a fault the runbook would begin before the fault; let a probe or a person trigger it",
            )  # fmt: skip
        case AtOnce() | PersonDecides():
            return
