"""What must hold of a drill beyond its shape: that it fits the CMDB, the runbooks and itself."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from drillbook.drill.model import SERVICE_ADDRESS, AtOnce, PersonDecides, ProbeDown
from drillbook.errors import Finding
from drillbook.lab.faults import KINDS
from drillbook.schema import nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from drillbook.cmdb.model import Cmdb, Entry
    from drillbook.drill.model import Drill, FaultSpec, RunbookCall

LEAST_EVERY = 0.001
"""Seconds: no probe writes more often than that."""


def check_drill(drill: Drill, cmdb: Cmdb, runbook_ids: Collection[str]) -> list[Finding]:
    """Hold a drill against the CMDB and the ids of the runbooks; all findings, sorted by line."""
    found = [
        *_names(drill, cmdb),
        *_calls(drill, runbook_ids),
        *_probes(drill, cmdb),
        *_faults(drill, cmdb),
        *_trigger(drill),
    ]
    return sorted(set(found))


def protection_of(drill: Drill, cmdb: Cmdb) -> Entry | None:
    """Give the protection that the drill is about: the one that its parameters name."""
    named = [cmdb.protections[each] for each in drill.call.parameters.values() if each in cmdb.protections]
    return named[0] if len(named) == 1 else None


def _finding(drill: Drill, line: int, rule: str, message: str) -> Finding:
    return Finding(drill.file, line, rule, message)


def _unknown(drill: Drill, line: int, rule: str, what: str, known: list[str]) -> Finding:
    return _finding(drill, line, rule, f"there is no {what}; {nearest(what.split(chr(39))[1], known)}")


def _names(drill: Drill, cmdb: Cmdb) -> Iterator[Finding]:
    if drill.service not in cmdb.services:
        yield _unknown(drill, drill.line, "unknown-service", f"service '{drill.service}'", cmdb.services.ids())
    elif not (cmdb.services[drill.service].get("rto") and cmdb.services[drill.service].get("rpo")):
        yield _finding(
            drill, drill.line, "no-objective",
            f"the service '{drill.service}' has no rto or no rpo, so there is nothing to measure against; "
            "give it both in the CMDB",
        )  # fmt: skip
    if drill.environment not in cmdb.environments:
        yield _unknown(
            drill, drill.line, "unknown-environment", f"environment '{drill.environment}'",
            cmdb.environments.ids(),
        )  # fmt: skip
    protection = protection_of(drill, cmdb)
    if protection is None:
        yield _finding(
            drill, drill.call.line, "drill-protection",
            "the parameters must name exactly one protection of the CMDB, such as 'pair: my-pair'; "
            "probes and checks are about it",
        )  # fmt: skip
    elif protection.get("service") != drill.service:
        yield _finding(
            drill, drill.call.line, "drill-protection",
            f"'{protection.id}' protects the service '{protection.get('service')}', not '{drill.service}'; "
            "name the protection of the drill's service",
        )  # fmt: skip
    elif not {"port", "database"} <= set(protection.get("settings", {})):
        yield _finding(
            drill, drill.call.line, "drill-protection",
            f"the protection '{protection.id}' has no 'port' or no 'database' in its settings; "
            "a probe needs both",
        )  # fmt: skip
    for steady in drill.steady_state:
        if steady.call.on not in cmdb.config_items:
            yield _unknown(drill, steady.call.line, "unknown-item", f"item '{steady.call.on}'", cmdb.config_items.ids())


def _calls(drill: Drill, runbook_ids: Collection[str]) -> Iterator[Finding]:
    calls: list[RunbookCall] = [drill.call, *drill.before, *drill.afterwards]
    for call in calls:
        if call.runbook not in runbook_ids:
            yield _unknown(drill, call.line, "unknown-runbook", f"runbook '{call.runbook}'", sorted(runbook_ids))


def _probes(drill: Drill, cmdb: Cmdb) -> Iterator[Finding]:
    for id_, count in Counter(probe.id for probe in drill.probes).items():
        if count > 1:
            line = [probe.line for probe in drill.probes if probe.id == id_][1]
            yield _finding(drill, line, "probe-twice", f"two probes are called '{id_}'; give each its own id")
    users = [probe for probe in drill.probes if probe.target == SERVICE_ADDRESS]
    if len(users) != 1:
        yield _finding(
            drill, drill.probes[0].line, "users-probe",
            f"{len(users)} probes write to service_address; exactly one must: it stands for the users",
        )  # fmt: skip
    protection = protection_of(drill, cmdb)
    members = list(protection.get("members", {}).values()) if protection else []
    watched = {probe.target for probe in drill.probes}
    for member in members:
        if member not in watched:
            yield _finding(
                drill, drill.probes[0].line, "unwatched-member",
                f"no probe writes straight to '{member}', so a second primary would not be noticed; add one",
            )  # fmt: skip
    for probe in drill.probes:
        for item in (probe.source, probe.target):
            if item != SERVICE_ADDRESS and item not in cmdb.config_items:
                yield _unknown(drill, probe.line, "unknown-item", f"item '{item}'", cmdb.config_items.ids())
        if probe.every < LEAST_EVERY or probe.every > 1:
            yield _finding(
                drill, probe.line, "probe-pace",
                f"the probe '{probe.id}' writes every {probe.every:g} s; from 1 ms to 1 s measures something",
            )  # fmt: skip
        if not probe.every <= probe.give_up <= 1:
            yield _finding(
                drill, probe.line, "probe-pace",
                f"the probe '{probe.id}' gives a write up after {probe.give_up:g} s; "
                "it must be at least 'every' and at most 1 s",
            )  # fmt: skip


def _faults(drill: Drill, cmdb: Cmdb) -> Iterator[Finding]:
    if not drill.faults:
        return
    if drill.environment in cmdb.environments and cmdb.environments[drill.environment].get("kind") != "lab":
        yield _finding(
            drill, drill.faults[0].line, "fault-outside-lab",
            f"faults exist only in the lab, and '{drill.environment}' is not one; "
            "leave the faults out, or run the drill in the lab",
        )  # fmt: skip
    for fault in drill.faults:
        yield from _fault(drill, fault, cmdb)


def _fault(drill: Drill, fault: FaultSpec, cmdb: Cmdb) -> Iterator[Finding]:
    named = [fault.on, *fault.options.get("keep", ()), *filter(None, [fault.options.get("peer")])]
    for item in named:
        if item not in cmdb.config_items:
            yield _unknown(drill, fault.line, "unknown-item", f"item '{item}'", cmdb.config_items.ids())
        elif not cmdb.config_items[item].get("in_lab"):
            yield _finding(
                drill, fault.line, "fault-item",
                f"'{item}' is no host of the lab (in_lab: true), so nothing can happen to it there",
            )  # fmt: skip
    allowed = KINDS[fault.kind].options
    for option in fault.options:
        if option not in allowed:
            takes = f"it takes {', '.join(sorted(allowed))}" if allowed else "it takes none"
            yield _finding(
                drill, fault.line, "fault-option",
                f"the fault '{fault.kind}' has no option '{option}'; {takes}",
            )  # fmt: skip
    if fault.lasts is not None and not KINDS[fault.kind].heals:
        yield _finding(
            drill, fault.line, "fault-option",
            f"the fault '{fault.kind}' is not healed by time; leave 'for' out, a runbook repairs it",
        )  # fmt: skip


def _trigger(drill: Drill) -> Iterator[Finding]:
    match drill.trigger:
        case ProbeDown(probe=probe):
            ids = [each.id for each in drill.probes]
            if probe not in ids:
                yield _unknown(drill, drill.line, "unknown-probe", f"probe '{probe}'", ids)
            if not drill.faults:
                yield _finding(
                    drill, drill.line, "trigger",
                    f"the trigger waits for the probe '{probe}' to go down, and no fault makes it; "
                    "add a fault, or begin at_once",
                )  # fmt: skip
        case AtOnce() if drill.faults:
            yield _finding(
                drill, drill.line, "trigger",
                "with a fault the runbook would begin before the fault; let a probe or a person trigger it",
            )  # fmt: skip
        case AtOnce() | PersonDecides():
            return
