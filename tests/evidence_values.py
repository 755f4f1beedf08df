"""Values of evidence for tests: a drill that went well, and ways to say how another went."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from drillbook.clock import SystemClock
from drillbook.errors import ExitCode
from drillbook.evidence.assess import Observed, assess_services
from drillbook.evidence.fidelity import Fidelity, step_fidelity
from drillbook.evidence.primaries import Promotion
from drillbook.evidence.result import (
    DrillNote,
    DrillResult,
    Participant,
    RunNote,
    SampleNote,
    ServiceResult,
)
from drillbook.evidence.samples import ClockOffset, Outcome, Rows, Sample, Series
from drillbook.evidence.seen import look
from drillbook.evidence.timeline import StepTime, Timeline
from drillbook.evidence.verdict import Expectation, FaultNote, Objectives, SteadyCheck
from drillbook.evidence.wording import NOTHING
from drillbook.execution.state import RunState, Stage
from drillbook.journal.writer import Journal
from drillbook.plan.model import Command, FenceRun, Plan, PlannedStep, PlannedUndo, PowerControl, Target
from drillbook.runbook.model import Kind, Repeat, Text, Verb

if TYPE_CHECKING:
    from pathlib import Path

    from drillbook.evidence.assess import Measures
    from drillbook.evidence.verdict import Verdict

MS = 1_000_000
S = 1_000_000_000
STEADY = 100 * S
DIGEST = "sha256:" + "a" * 64


def series(
    writer: str,
    target: str,
    *,
    until: int,
    down: tuple[int, int] | None = None,
    every: int = 10 * MS,
) -> Series:
    """A writer from STEADY - 1 s to ``until`` (ns) that is answered within 1 ms, but not while ``down``."""
    samples = []
    at, seq = STEADY - S, 0
    while at < until:
        seq += 1
        if down is not None and down[0] <= at < down[1]:
            outcome, error = Outcome.REFUSED, "connect_timeout"
        else:
            outcome, error = Outcome.ACK, ""
        samples.append(Sample(seq, at, at + MS, outcome, error))
        at += every
    return Series(writer, "mon-1", target, tuple(samples), 0, complete=True, digest=DIGEST)


def rows_of(*many: Series) -> Rows:
    """Exactly the acknowledged writes, and nothing else."""
    return Rows({each.writer: compact(s.seq for s in each.acks()) for each in many}, "10.213.0.100", 0, 2)


def compact(numbers: Any) -> tuple[tuple[int, int], ...]:
    """The ranges of ascending numbers."""
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] + 1 == number:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return tuple(ranges)


def observed() -> Observed:
    """A failover that went well: fault 3 s after STEADY, felt for 2 s, db-2 takes over."""
    end = STEADY + 20 * S
    fault, back = STEADY + 3 * S, STEADY + 5 * S
    old = series("at-db-1", "db-1", until=end, down=(fault, end))
    new = series("at-db-2", "db-2", until=end, down=(STEADY - S, back))
    users = series("users", "service_address", until=end, down=(fault, back))
    everyone = (users, old, new)
    return Observed(
        timeline=Timeline(
            steady=STEADY,
            fault=fault,
            trigger=STEADY + 4 * S,
            run=STEADY + 4 * S + 10 * MS,
            run_ended=STEADY + 6 * S,
            recovered=STEADY + 8 * S,
            end=end - 10 * MS,
        ),
        users="users",
        hosts=("db-1", "db-2"),
        series=everyone,
        rows=rows_of(*everyone),
        promotions=(Promotion("db-2", STEADY + 4 * S + 500 * MS, back),),
        objectives=Objectives(rto=60, rpo=0),
        expectation=Expectation(None),
        steady_before=(SteadyCheck(Text("db-1 is the primary", "db-1 为主库"), held=True, detail=NOTHING),),
        steady_after=(SteadyCheck(Text("db-1 is the primary", "db-1 为主库"), held=True, detail=NOTHING),),
        faults=(
            FaultNote(
                "kill",
                "db-1",
                Text("db-1 loses power", "db-1 断电"),
                fault - MS,
                fault,
                verified=True,
                detail=Text("no process is left", "已无任何进程"),
                healed=None,
            ),
        ),
        triggered=True,
        must_be_felt=True,
        run=ExitCode.OK,
        run_message=NOTHING,
        afterwards=(("RB-BACK", ExitCode.OK),),
        trouble=(),
    )


FENCE, PROMOTE = Text("Switch db-1 off", "关闭 db-1"), Text("Promote db-2", "提升 db-2")


def plan(**changes: Any) -> Plan:
    """A plan of three steps: fence, promote, take-address."""

    def host(item: str, address: str) -> Target:
        return Target(item, address, 22, "root", PowerControl("lab", {}))

    def step(name: str, title: Text, verb: Verb, item: str, action: Any) -> PlannedStep:
        undo = PlannedUndo(None, Text("no way back", "无法撤销"))
        return PlannedStep(name, title, verb, item, action, (), undo, 20.0, Repeat.SAFE, ())

    value = Plan(
        runbook="RB-DB-FAILOVER", title=Text("Fail over", "故障切换"), kind=Kind.FAILOVER, runbook_digest=DIGEST,
        environment="lab", parameters={"pair": "core-db"}, protection="core-db",
        roles={"primary": "db-1", "standby": "db-2"},
        targets={"db-1": host("db-1", "10.0.0.1"), "db-2": host("db-2", "10.0.0.2")},
        reachable=("db-2",), locks=("db-2",), services=("core",), assumptions=(),
        steps=(
            step("fence", FENCE, Verb.FENCE, "db-1", FenceRun("db-1", ("db-2",), (5432,))),
            step("promote", PROMOTE, Verb.PROMOTE, "db-2", Command(("pg_ctl", "promote"), "", "postgres")),
            step("take-address", Text("Take the address", "接管地址"), Verb.START, "db-2",
                 Command(("/bin/sh", "-eu", "-c", 'ip addr add "$1"\necho <done>', "sh", "10.0.0.9/24"), "", "root")),
        ),
        artifacts_digest=DIGEST, cmdb_slice={}, engine="0.1.0",
    )  # fmt: skip
    return replace(value, **changes)


def state(*begun: str) -> RunState:
    """The state of a run whose steps ``begun`` are done."""
    found = RunState(run="run-1")
    for name in begun:
        found.step(name).stage = Stage.DONE
    return found


def assess(seen: Observed) -> tuple[Measures, Verdict]:
    """Measure and judge a drill about one service."""
    ((measures, _),), verdict = assess_services([seen])
    return measures, verdict


def service(seen: Observed, **changes: Any) -> ServiceResult:
    """What a drill came to for its one service."""
    measures, verdict = assess(seen)
    value = ServiceResult(
        service="core", title=Text("Core", "核心"), protection="core-db", hosts=seen.hosts,
        probes=tuple(each.writer for each in seen.series), users=seen.users, not_back=seen.not_back,
        objectives=seen.objectives, objectives_reason=None, rows=seen.rows, measures=measures, verdict=verdict,
    )  # fmt: skip
    return replace(value, **changes)


def result(seen: Observed, **changes: Any) -> DrillResult:
    """The result of what was seen, with one run of the part ``main`` whose id is ``run-1``."""
    value = DrillResult(
        drill=DrillNote(
            "db-failover",
            Text("The database dies", "数据库宕机"),
            "functional",
            Text("It dies.", "宕机。"),
            "lab",
            "drills/db-failover.yaml",
            DIGEST,
        ),
        engine="0.1.0",
        started=datetime(2026, 11, 22, 5, 30, tzinfo=UTC),
        ended=datetime(2026, 11, 22, 5, 31, tzinfo=UTC),
        services=(service(seen),),
        expectation=seen.expectation,
        elapsed=60.0,
        trigger=Text("the probe 'users' had no acknowledged write for 1 s", "探针“users”连续 1 秒没有写入得到确认"),
        steady_before=seen.steady_before,
        steady_after=seen.steady_after,
        faults=seen.faults,
        runs=(
            RunNote(
                "main", "run-1", plan(), "succeeded", 0, NOTHING,
                (
                    StepTime("run-1", "fence", FENCE, "db-1", Stage.DONE, 0.1, 0.2, 0.2),
                    StepTime("run-1", "promote", PROMOTE, "db-2", Stage.ACTED, 0.3, None, 0.4),
                ),
            ),
        ),
        timeline=seen.timeline,
        clocks={"mon-1": ClockOffset(0, 0, "the same clock")},
        samples=tuple(
            SampleNote.from_series(each, kept_as=f".drillbook/samples/{'b' * 64}.jsonl.gz") for each in seen.series
        ),
        seen=look(seen.series, users=seen.users, timeline=seen.timeline),
        verdict=assess(seen)[1],
        participants=(Participant("Zhang Tao", Text("ran the drill", "执行演练")),),
        fidelity=Fidelity(
            (Text("real", "真的"),), (Text("stubbed", "替的"),), (Text("skipped", "没做"),),
            step_fidelity("run-1", plan(), state("fence", "promote"), production={"db-1": "redfish"}),
        ),
        machine={"kernel": "Linux 6", "architecture": "x86_64", "cores": 2, "memory_mb": 4000},
    )  # fmt: skip
    return replace(value, **changes)


def journal(folder: Path, *kinds: str, run: str = "run-1") -> Path:
    """A journal of a run with records of these kinds."""
    path = folder / "run.jsonl"
    written = Journal.create(path, SystemClock())
    for kind in kinds or ("run.opened", "run.closed"):
        written.append(kind, run=run)
    written.close()
    return path


def samples_file(writer: str, samples: tuple[Sample, ...], *, end: bool = True) -> bytes:
    """A samples file as the writer makes it."""
    lines: list[Any] = [{"hello": {"options": {"writer": writer, "interval_ms": 5}}}]
    lines += [{"seq": s.seq, "sent": s.sent, "done": s.done, "out": str(s.outcome), "err": s.error} for s in samples]
    if end:
        lines.append({"end": {"reason": "stopped", "attempts": len(samples), "monotonic_ns": 1}})
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)
