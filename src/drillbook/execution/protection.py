"""Which protections have lost their second copy, read from the journals of this checkout's runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.execution.runs import runs
from drillbook.execution.state import Stage
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
    """Give the protections whose last promotion under failover was not followed by a finished failback."""
    found: dict[tuple[str, str], Degraded] = {}
    for folder, run, records, plan in runs(state):
        if plan.protection is None:
            continue
        key = (plan.environment, plan.protection)
        if plan.kind in (Kind.FAILOVER, Kind.PROMOTION):
            for step in plan.steps:
                if step.verb is Verb.PROMOTE and run.step(step.id).stage is Stage.DONE:
                    at = next(r.time for r in records if r.kind == "step.done" and r.data["step"] == step.id)
                    found[key] = Degraded(plan.protection, plan.environment, at, folder.id, step.item or "")
        elif plan.kind is Kind.FAILBACK and run.closed == "succeeded":
            found.pop(key, None)
    return list(found.values())
