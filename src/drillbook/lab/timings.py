"""How long each phase of the lab took lately: what a waiting person wants to know."""

from __future__ import annotations

import json
import statistics
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from drillbook.lab.state import STATE_DIR, write_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.progress import Phase, Progress

_FILE = "timings.json"
_KEPT = 9


@contextmanager
def phase(progress: Progress, title: str) -> Iterator[Phase]:
    """Be in a phase, show its usual duration, and remember the new one when it ends well."""
    known = _read()
    earlier = known.get(title, [])
    began = time.monotonic()
    with progress.phase(title, usual=statistics.median(earlier) if earlier else None) as shown:
        yield shown
    known[title] = [*earlier, round(time.monotonic() - began, 3)][-_KEPT:]
    write_json(STATE_DIR / _FILE, known)


def _read() -> dict[str, list[float]]:
    try:
        known = json.loads((STATE_DIR / _FILE).read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
