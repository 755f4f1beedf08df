"""The time at which drills last ran here, kept in ``.drillbook/last-seen.json``: it shows a clock that was set back.

A clock that is set back makes old drills look new. What was seen once cannot be unseen: when the clock says less
than it did, or a record is later than now, the moment of noticing is kept, and only what runs after it counts.
Losing the file loses no more than that; records in the future are seen without it.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from drillbook.clock import timestamp
from drillbook.errors import JournalError

if TYPE_CHECKING:
    from pathlib import Path

    from drillbook.evidence.archive import Archive

_FILE = "last-seen.json"
_STEP = timedelta(minutes=1)  # what a time service may set a clock back by and nobody need be told


@dataclass(frozen=True, slots=True)
class Seen:
    """``last``: the time at the last run here. ``noticed``: when it was noticed that the clock had been set back.

    ``claimed``: the latest time that anything had claimed by then, so that the same records are not noticed again.
    """

    last: datetime | None = None
    noticed: datetime | None = None
    claimed: datetime | None = None


def look(seen: Seen, archive: Archive, now: datetime) -> Seen:
    """Give what is known at ``now``: the same, or that the clock was set back and this was noticed now."""
    claims = [max(each.started, each.ended) for each in archive.kept if each.is_future(now)]
    if seen.last is not None and seen.last > now + _STEP:
        claims.append(seen.last)
    known = seen.claimed is not None and seen.noticed is not None and seen.noticed <= now
    if claims and not (known and seen.claimed is not None and max(claims) <= seen.claimed):
        return Seen(now, now, max(claims))
    return Seen(now, seen.noticed, seen.claimed)


def read_seen(state: Path) -> Seen:
    """Read it; nothing is known when the file is not there, or is not what we wrote."""
    try:
        value = json.loads((state / _FILE).read_text())
        return Seen(*(_moment(value.get(name)) for name in ("last", "noticed", "claimed")))
    except (AttributeError, OSError, RecursionError, TypeError, ValueError):
        return Seen()


def write_seen(state: Path, seen: Seen) -> None:
    """Write it. Raises JournalError when it cannot be written."""
    value = {
        name: None if each is None else timestamp(each)
        for name, each in (("last", seen.last), ("noticed", seen.noticed), ("claimed", seen.claimed))
    }
    fresh = state / f"{_FILE}.{os.getpid()}"
    try:
        fresh.write_text(json.dumps(value))
        fresh.replace(state / _FILE)
    except OSError as error:
        raise JournalError(f"{state / _FILE} cannot be written: {error.strerror}") from None


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)
