"""From what a drill collected to its result: objectives, fidelity, participants, verdict."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import drillbook
from drillbook.cmdb.addressing import hosts_of, power
from drillbook.cmdb.durations import seconds
from drillbook.drill.about import members_of, protection_of, watched_by_address
from drillbook.drill.kinds import KINDS
from drillbook.drill.model import DrillKind, ProbeDown
from drillbook.errors import ExitCode
from drillbook.evidence.assess import Observed, assess_services
from drillbook.evidence.fidelity import Fidelity, step_fidelity
from drillbook.evidence.result import MAIN, DrillNote, DrillResult, Participant, ServiceResult, machine_facts
from drillbook.evidence.seen import look
from drillbook.evidence.verdict import Objectives
from drillbook.evidence.wording import meaning, same
from drillbook.execution.actions import operator
from drillbook.lab import fidelity as lab
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from drillbook.cmdb.model import Cmdb, Entry
    from drillbook.drill.model import Drill, ServiceSpec
    from drillbook.drill.observations import Observations
    from drillbook.evidence.timeline import Timeline
    from drillbook.execution.engine import Outcome
    from drillbook.plan.model import Plan


def make_result(
    drill: Drill, cmdb: Cmdb, seen: Observations, *, started: datetime, ended: datetime, elapsed: float
) -> DrillResult:
    """Measure, judge, and put everything that is to be written down into one value.

    ``started`` and ``ended`` by the wall clock, ``elapsed`` in seconds by the monotonic one.
    """
    timeline = seen.timeline()
    observed = [_observed(drill, cmdb, seen, service, timeline) for service in drill.services]
    measured, verdict = assess_services(observed)
    return DrillResult(
        drill=DrillNote(
            name=drill.name,
            title=drill.title,
            kind=str(drill.kind),
            scenario=drill.scenario,
            environment=drill.environment,
            file=drill.file,
            digest=drill.digest,
        ),
        engine=drillbook.__version__,
        started=started,
        ended=ended,
        elapsed=elapsed,
        services=tuple(
            ServiceResult(
                service=service.service,
                title=looked.name,
                protection=_protection(drill, cmdb, service).id,
                hosts=looked.hosts,
                probes=tuple(probe.id for probe in drill.probes_of(service)),
                users=looked.users,
                not_back=service.not_back,
                objectives=looked.objectives,
                objectives_reason=service.objectives.reason if service.objectives else None,
                rows=looked.rows,
                measures=measures,
                verdict=alone,
            )
            for service, looked, (measures, alone) in zip(drill.services, observed, measured, strict=True)
        ),
        expectation=drill.expectation,
        trigger=seen.trigger_words,
        steady_before=tuple(seen.steady_before),
        steady_after=tuple(seen.steady_after),
        faults=tuple(seen.faults),
        runs=tuple(seen.runs),
        timeline=timeline,
        clocks=dict(seen.clocks),
        samples=tuple(seen.samples),
        seen=look(seen.series, users=observed[0].users, timeline=timeline),
        verdict=verdict,
        participants=(Participant(operator(), Text("ran the drill", "执行演练")),),
        fidelity=_fidelity(drill, cmdb, seen),
        machine=machine_facts(),
    )


def _observed(drill: Drill, cmdb: Cmdb, seen: Observations, service: ServiceSpec, timeline: Timeline) -> Observed:
    probes, users = drill.probes_of(service), drill.users_of(service)
    ids = {probe.id for probe in probes}
    title = cmdb.services[service.service].get("title") or {"en": service.service, "zh": service.service}
    return Observed(
        timeline=timeline,
        users=users.id,
        hosts=members_of(drill, _protection(drill, cmdb, service)),
        series=tuple(each for each in seen.series if each.writer in ids),
        rows=seen.rows.get(service.service),
        promotions=tuple(seen.promotions),
        objectives=_objectives(service, cmdb),
        expectation=drill.expectation,
        steady_before=tuple(seen.steady_before),
        steady_after=tuple(seen.steady_after),
        faults=tuple(seen.faults),
        triggered=seen.triggered,
        must_be_felt=isinstance(drill.trigger, ProbeDown) and drill.trigger.probe in ids,
        run=seen.main,
        run_message=seen.main_message,
        afterwards=tuple(seen.afterwards),
        trouble=tuple(seen.trouble),
        name=Text(title["en"], title["zh"]),
        not_back=service.not_back,
        keeps=KINDS[users.kind].rows is not None,
        by_address=watched_by_address(probes),
        repeats=KINDS[users.kind].repeats,
    )


def _protection(drill: Drill, cmdb: Cmdb, service: ServiceSpec) -> Entry:
    found = protection_of(drill, cmdb, service)
    assert found is not None, "check_drill comes first"
    return found


def _objectives(service: ServiceSpec, cmdb: Cmdb) -> Objectives:
    entry, own = cmdb.services[service.service], service.objectives
    rto, rpo = seconds(entry.get("rto")), seconds(entry.get("rpo"))
    if own is not None:
        rto = rto if own.rto is None else own.rto
        rpo = rpo if own.rpo is None else own.rpo
    return Objectives(rto, rpo)


def run_message(plan: Plan, outcome: Outcome) -> Text:
    """Say why a run stopped: the engine's own words, and in Chinese also where and what kind of end it is."""
    if not outcome.message or outcome.exit_code is ExitCode.OK:
        return same(outcome.message)
    # Where a plan has parts, one that fails is not where the run stopped: others went on, and the words name each.
    stopped = not plan.parts or outcome.exit_code in (ExitCode.STOPPED, ExitCode.JOURNAL)
    title = next((step.title.zh for step in plan.steps if stopped and step.id == outcome.step), None)
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
            "the clients used the services over the network and counted what was acknowledged to them",
            "客户端经网络使用业务，并统计得到确认的每一次操作",
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
