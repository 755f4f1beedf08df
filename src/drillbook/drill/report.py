"""From what a drill collected to its result: objectives, fidelity, participants, verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import drillbook
from drillbook.cmdb.durations import seconds
from drillbook.drill.model import DrillKind, ProbeDown
from drillbook.drill.rules import protection_of
from drillbook.evidence.assess import Observed, assess
from drillbook.evidence.result import DrillNote, DrillResult, Fidelity, Participant, machine_facts
from drillbook.evidence.verdict import Objectives
from drillbook.execution.actions import operator

if TYPE_CHECKING:
    from datetime import datetime

    from drillbook.cmdb.model import Cmdb
    from drillbook.drill.model import Drill
    from drillbook.drill.observations import Observations


def make_result(drill: Drill, cmdb: Cmdb, seen: Observations, *, started: datetime, ended: datetime) -> DrillResult:
    """Measure, judge, and put everything that is to be written down into one value."""
    protection = protection_of(drill, cmdb)
    assert protection is not None, "check_drill comes first"
    hosts = _members(drill, protection.get("members", {}))
    objectives = _objectives(drill, cmdb)
    fault = seen.faults[-1].effective if seen.faults else None
    timeline = seen.timeline(fault)
    measures, verdict = assess(
        Observed(
            timeline=timeline,
            users=drill.users.id,
            hosts=hosts,
            series=tuple(seen.series),
            rows=seen.rows,
            promotions=tuple(seen.promotions),
            objectives=objectives,
            expectation=drill.expectation,
            steady_before=tuple(seen.steady_before),
            steady_after=tuple(seen.steady_after),
            faults=tuple(seen.faults),
            triggered=seen.triggered,
            must_be_felt=isinstance(drill.trigger, ProbeDown),
            run=seen.main,
            run_message=seen.main_message,
            afterwards=tuple(seen.afterwards),
            trouble=tuple(seen.trouble),
        )
    )
    return DrillResult(
        drill=DrillNote(
            name=drill.name,
            title=drill.title,
            kind=str(drill.kind),
            scenario=drill.scenario,
            service=drill.service,
            environment=drill.environment,
            file=drill.file,
            digest=drill.digest,
            hosts=hosts,
        ),
        engine=drillbook.__version__,
        started=started,
        ended=ended,
        objectives=objectives,
        objectives_reason=drill.objectives.reason if drill.objectives else None,
        expectation=drill.expectation,
        trigger=seen.trigger_words,
        steady_before=tuple(seen.steady_before),
        steady_after=tuple(seen.steady_after),
        faults=tuple(seen.faults),
        runs=tuple(seen.runs),
        timeline=timeline,
        clocks=dict(seen.clocks),
        samples=tuple(seen.samples),
        rows=seen.rows,
        measures=measures,
        verdict=verdict,
        participants=(Participant(operator(), "ran the drill"),),
        fidelity=_fidelity(drill, seen),
        machine=machine_facts(),
    )


def _members(drill: Drill, members: dict[str, str]) -> tuple[str, ...]:
    """Give the members of the pair, the one that is primary at the start first."""
    ids = list(dict.fromkeys(members.values()))
    named = [value for value in drill.call.parameters.values() if value in ids]
    first = named[0] if named else ids[0]
    return (first, *(item for item in ids if item != first))


def _objectives(drill: Drill, cmdb: Cmdb) -> Objectives:
    service = cmdb.services[drill.service]
    rto, rpo = seconds(service.get("rto")), seconds(service.get("rpo"))
    if drill.objectives is not None:
        rto = rto if drill.objectives.rto is None else drill.objectives.rto
        rpo = rpo if drill.objectives.rpo is None else drill.objectives.rpo
    return Objectives(rto, rpo)


def _fidelity(drill: Drill, seen: Observations) -> Fidelity:
    real = [
        "every host ran an init system, an SSH server and the service's own software, and was reached over a network",
        "the clients wrote over the network and counted what was acknowledged to them",
    ]
    real += [f"{fault.description}: {fault.detail}" for fault in seen.faults if fault.verified]
    stubbed = [
        "the hosts were containers on one machine: they share its kernel, disk and clock",
        "power control was the lab's: it ends a container where production's cuts the current",
    ]
    skipped = []
    if drill.kind is not DrillKind.FULL_SCALE:
        skipped.append("no person was called, and no user of the service took part")
    return Fidelity(tuple(real), tuple(stubbed), tuple(skipped))
