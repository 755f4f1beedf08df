"""Which protections have lost their second copy, read from the journals of this checkout's runs."""

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


def degraded(state: Path) -> list[Degraded]:
    """Give the protections whose last promotion under failover was not followed by a finished failback.

    A run that cannot be read any more counts as one that left no second copy: nobody knows.
    """
    found: list[Degraded] = []
    settled: set[tuple[str, str]] = set()
    for folder, opened in newest_first(state):
        key = (str(opened.get("environment")), str(opened.get("protection")))
        if key in settled or opened.get("kind") not in (Kind.FAILOVER, Kind.PROMOTION, Kind.FAILBACK):
            continue
        try:
            records, plan = read_journal(folder.journal), load_plan(folder)
        except DrillbookError:
            settled.add(key)
            found.append(Degraded(key[1], key[0], folder.id, folder.id, ""))
            continue
        run = state_from_records(records)
        if plan.kind is Kind.FAILBACK:
            if run.closed == "succeeded":
                settled.add(key)
            continue
        for step in plan.steps:
            # A promotion that was begun counts: it may have taken effect.
            if step.verb is Verb.PROMOTE and run.step(step.id).touched:
                at = next(r.time for r in records if r.kind == "step.started" and r.data["step"] == step.id)
                settled.add(key)
                found.append(Degraded(key[1], key[0], at, folder.id, step.item or ""))
    return found
