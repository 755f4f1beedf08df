"""From what a drill collected to its result: objectives, fidelity, participants, verdict."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import drillbook
from drillbook.cmdb.addressing import hosts_of, power
from drillbook.cmdb.durations import seconds
from drillbook.drill.model import DrillKind, ProbeDown
from drillbook.drill.rules import protection_of
from drillbook.errors import ExitCode
from drillbook.evidence.assess import Observed, assess
from drillbook.evidence.fidelity import Fidelity, step_fidelity
from drillbook.evidence.result import MAIN, DrillNote, DrillResult, Participant, machine_facts
from drillbook.evidence.seen import look
from drillbook.evidence.verdict import Objectives
from drillbook.evidence.wording import meaning, same
from drillbook.execution.actions import operator
from drillbook.lab import fidelity as lab
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from drillbook.cmdb.model import Cmdb
    from drillbook.drill.model import Drill
    from drillbook.drill.observations import Observations
    from drillbook.execution.engine import Outcome
    from drillbook.plan.model import Plan


def make_result(
    drill: Drill, cmdb: Cmdb, seen: Observations, *, started: datetime, ended: datetime, elapsed: float
) -> DrillResult:
    """Measure, judge, and put everything that is to be written down into one value.

    ``started`` and ``ended`` by the wall clock, ``elapsed`` in seconds by the monotonic one.
    """
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
        elapsed=elapsed,
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
        seen=look(seen.series, users=drill.users.id, timeline=timeline),
        rows=seen.rows,
        measures=measures,
        verdict=verdict,
        participants=(Participant(operator(), Text("ran the drill", "执行演练")),),
        fidelity=_fidelity(drill, cmdb, seen),
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


def run_message(plan: Plan, outcome: Outcome) -> Text:
    """Say why a run stopped: the engine's own words, and in Chinese also where and what kind of end it is."""
    if not outcome.message or outcome.exit_code is ExitCode.OK:
        return same(outcome.message)
    title = next((step.title.zh for step in plan.steps if step.id == outcome.step), None)
    where = "" if title is None else f"停于步骤“{title}”："
    return Text(outcome.message, f"{where}{meaning(outcome.exit_code).zh}（原文：{outcome.message}）")


def _fidelity(drill: Drill, cmdb: Cmdb, seen: Observations) -> Fidelity:
    items = {item for run in seen.runs for item in run.plan.targets}
    production = {item: _power_in_production(cmdb, item) for item in items}
    steps = tuple(
        each
        for run in seen.runs
        for each in step_fidelity(run.run, run.plan, seen.states[run.run], production=production)
    )
    real = [
        *(lab.REAL if _on_lab(drill, cmdb) else ()),
        Text(
            "the clients wrote over the network and counted what was acknowledged to them",
            "客户端经网络写入，并统计得到确认的每一笔",
        ),
        *(
            Text(f"{fault.description.en}: {fault.detail.en}", f"{fault.description.zh}：{fault.detail.zh}")
            for fault in seen.faults
            if fault.verified
        ),
    ]
    stubbed = lab.stands_in(fault.kind for fault in seen.faults) if _on_lab(drill, cmdb) else ()
    return Fidelity(tuple(real), stubbed, tuple(_left_out(drill, seen)), steps)


def _left_out(drill: Drill, seen: Observations) -> Iterator[Text]:
    if drill.kind is not DrillKind.FULL_SCALE:
        yield Text("no person was called, and no user of the service took part", "没有呼叫任何人员，也没有业务用户参加")
    ran = Counter((run.part, run.plan.runbook) for run in seen.runs)
    planned = [("before", call) for call in drill.before] + [(MAIN, drill.call)]
    planned += [("afterwards", call) for call in drill.afterwards]
    for part, call in planned:
        if ran[part, call.runbook] > 0:
            ran[part, call.runbook] -= 1
            continue
        yield Text(f"{call.runbook} was not run: the drill ended before it", f"未执行 {call.runbook}：演练此前已结束")


def _on_lab(drill: Drill, cmdb: Cmdb) -> bool:
    return bool(cmdb.environments[hosts_of(cmdb, drill.environment)].get("kind") == "lab")


def _power_in_production(cmdb: Cmdb, item: str) -> str | None:
    """Give the kind of power control that an item has in production; None when it is not on record."""
    for environment in cmdb.environments:
        if environment.get("kind") == "production":
            kind = str(power(cmdb, item, environment.id)["kind"])
            if kind != "none":
                return kind
    return None
