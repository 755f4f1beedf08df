"""How long each step usually takes: the median of its last runs, kept in ``.drillbook/usual.json``."""

from __future__ import annotations

import json
import os
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from drillbook.journal.record import Record

_KEEP = 10


def usual_seconds(state: Path, runbook: str) -> dict[str, float]:
    """Give the usual seconds of each step of a runbook; empty before its first run."""
    return {step: median(values) for step, values in _read(state).get(runbook, {}).items() if values}


def remember(state: Path, runbook: str, records: Iterable[Record]) -> None:
    """Add the times of a run's succeeded steps. Losing this file loses nothing but the estimates."""
    known = _read(state)
    steps = known.setdefault(runbook, {})
    began: dict[str, float] = {}
    for record in records:
        step = str(record.data.get("step"))
        if record.kind == "step.started":
            began[step] = record.mono
        elif record.kind == "step.done" and step in began:
            steps[step] = [*steps.get(step, []), round(record.mono - began[step], 3)][-_KEEP:]
    path = state / "usual.json"
    fresh = path.with_name(f"usual.json.{os.getpid()}")
    fresh.write_text(json.dumps(known))
    fresh.replace(path)


def _read(state: Path) -> dict[str, dict[str, list[float]]]:
    try:
        value = json.loads((state / "usual.json").read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
