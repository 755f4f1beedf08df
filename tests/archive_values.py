"""Records of drills for tests: written by the real writer, with the times and figures that a test wants."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from drillbook.evidence.archive import Archive, Kept, StepRun
from drillbook.evidence.record import write_record
from drillbook.evidence.verdict import Result, Verdict
from drillbook.runbook.model import Text
from tests.evidence_values import DIGEST, journal, observed, result

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def kept(drill: str = "db-failover", *, days: float = 1, **changes: Any) -> Kept:
    """A record of a drill that ended ``days`` before NOW and took a minute."""
    ended = NOW - timedelta(days=days)
    value = Kept(
        folder=f"{ended:%Y%m%dT%H%M%SZ}-{drill}",
        drill=drill,
        title=Text("The database dies", "数据库宕机"),
        service="core",
        services=("core",),
        digest=DIGEST,
        engine="0.1.0",
        started=ended - timedelta(minutes=1),
        ended=ended,
        result=Result.MET,
        rto=60.0,
        rpo=0.0,
        refusal=False,
        outage=2.0,
        not_back=False,
        lost=0,
        steps=(StepRun("main", "RB-FAILOVER", "fence", "db-1", 0.1, 0.2),),
    )
    return replace(value, **changes)


def archive(*records: Kept) -> Archive:
    """An archive of records, in order of time."""
    return Archive(tuple(sorted(records, key=lambda each: (each.started, each.folder))), ())


def written(
    root: Path,
    *,
    drill: str = "db-failover",
    at: datetime = NOW - timedelta(days=1),
    took: float = 20,
    verdict: Result = Result.MET,
    steps: dict[str, float] | None = None,
    rto_actual: float | None = None,
    **changes: Any,
) -> Path:
    """Write a record; give its folder."""
    value = result(observed(), started=at, ended=at + timedelta(seconds=took))
    run = value.runs[0]
    if steps is not None:
        times = tuple(replace(run.steps[0], step=name, seconds=seconds) for name, seconds in steps.items())
        run = replace(run, steps=times)
    service = value.services[0]
    felt = service.measures.felt
    if rto_actual is not None:
        assert felt.outage is not None
        assert felt.outage.end is not None
        end = felt.outage.start + round(rto_actual * 1e9)
        gap = replace(felt.outage, end=end, seconds=rto_actual)
        felt = replace(felt, outage=gap)
    value = replace(
        value,
        drill=replace(value.drill, name=drill),
        runs=(run,),
        services=(replace(service, measures=replace(service.measures, felt=felt)),),
        verdict=Verdict(verdict, ()),
        **changes,
    )
    path = root / "run.jsonl"
    path.unlink(missing_ok=True)
    return write_record(value, root=root, journals={"run-1": journal(root)})
