"""Which protections have lost their second copy, and which runs have not ended: from this checkout's journals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.errors import DrillbookError
from drillbook.execution.runs import load_plan, newest_first
from drillbook.execution.state import state_from_records
from drillbook.journal.record import read_journal
from drillbook.runbook.model import Kind, Verb

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Degraded:
    """A protection without a second copy. ``since`` ISO 8601; ``run`` did it; ``survivor`` is the item left."""

    protection: str
    environment: str
    since: str
    run: str
    survivor: str


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A run that has changed something and has not ended: running, stopped, or its process died."""

    run: str
    runbook: str
    environment: str
    protections: frozenset[str]


def unfinished(state: Path, since: str) -> list[Unfinished]:
    """Give the runs that have changed something after ``since`` (ISO 8601) and have not ended, newest first.

    One that cannot be read any more is passed over.
    """
    found = []
    for folder, opened in newest_first(state):
        try:
            records = read_journal(folder.journal)
            if records[-1].time <= since:
                continue
            run = state_from_records(records)
            if run.closed is None and run.touched:
                plan = load_plan(folder)
                protections = frozenset(plan.cmdb_slice["protections"])
                found.append(Unfinished(folder.id, plan.runbook, str(opened.get("environment")), protections))
        except DrillbookError:
            continue
    return found


def degraded(state: Path) -> list[Degraded]:
    """Give the protections whose last promotion under failover was not followed by a finished failback.

    A run about several (a lost room) counts for each of them. A run that cannot be read any more counts as one that
    left no second copy: nobody knows.
    """
    found: list[Degraded] = []
    settled: set[tuple[str, str]] = set()

    def note(environment: str, protection: str, since: str, run: str, survivor: str) -> None:
        if (environment, protection) not in settled:
            settled.add((environment, protection))
            found.append(Degraded(protection, environment, since, run, survivor))

    for folder, opened in newest_first(state):
        environment = str(opened.get("environment"))
        if opened.get("kind") not in (Kind.FAILOVER, Kind.PROMOTION, Kind.FAILBACK):
            continue
        try:
            records, plan = read_journal(folder.journal), load_plan(folder)
        except DrillbookError:
            note(environment, str(opened.get("protection")), folder.id, folder.id, "")
            continue
        run = state_from_records(records)
        members = {id_: set(entry["members"].values()) for id_, entry in plan.cmdb_slice["protections"].items()}
        if plan.kind is Kind.FAILBACK:
            if run.closed == "succeeded":
                settled.update((environment, id_) for id_ in members)
            continue
        for step in plan.steps:
            # A promotion that was begun counts: it may have taken effect.
            if step.verb is Verb.PROMOTE and run.step(step.id).touched:
                at = next(r.time for r in records if r.kind == "step.started" and r.data["step"] == step.id)
                for id_ in sorted(id_ for id_, items in members.items() if step.item in items):
                    note(environment, id_, at, folder.id, step.item or "")
    return found
