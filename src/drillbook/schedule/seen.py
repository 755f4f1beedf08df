"""The time at which drills last ran here, kept in ``.drillbook/last-seen.json``: it shows a clock that was set back.

A clock that is set back makes old drills look new. When the clock says less than it did, every drill is in doubt;
when a record is later than now, its drill is. The moment of noticing is kept, and what runs after it counts again.
Losing the file loses no more than that: records in the future are seen without it.
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
_NAMES = ("last", "set_back", "claimed", "claimed_at")
_STEP = timedelta(minutes=1)  # what a time service may set a clock back by and nobody need be told


@dataclass(frozen=True, slots=True)
class Seen:
    """``last``: the time at the last run here. ``set_back``: when it was noticed that the clock says less than that.

    ``claimed``: the latest time that a record in the future claims, and ``claimed_at`` when this was noticed, so
    that the same records are noticed once.
    """

    last: datetime | None = None
    set_back: datetime | None = None
    claimed: datetime | None = None
    claimed_at: datetime | None = None

    def doubts(self, started: datetime, *, contradicted: bool) -> bool:
        """Tell whether nobody can say how long ago a run was that began at ``started``.

        ``contradicted``: there is a record of the same drill that is later than now.
        """
        if self.set_back is not None and started < self.set_back:
            return True
        return contradicted and (self.claimed_at is None or started < self.claimed_at)


def look(seen: Seen, archive: Archive, now: datetime) -> Seen:
    """Give what is known at ``now``: the same, or that something was noticed now."""
    set_back, claimed, claimed_at = seen.set_back, seen.claimed, seen.claimed_at
    if seen.last is not None and seen.last > now + _STEP:
        set_back = now
    future = max((max(each.started, each.ended) for each in archive.kept if each.is_future(now)), default=None)
    known = claimed is not None and claimed_at is not None and claimed_at <= now
    if future is not None and not (known and claimed is not None and future <= claimed):
        claimed, claimed_at = future, now
    return Seen(now, set_back, claimed, claimed_at)


def read_seen(state: Path) -> Seen:
    """Read it; nothing is known when the file is not there, or is not what we wrote."""
    try:
        if not (state / _FILE).is_file():
            return Seen()  # a pipe, say, which would keep us waiting
        value = json.loads((state / _FILE).read_text())
        return Seen(*(_moment(value.get(name)) for name in _NAMES))
    except (ArithmeticError, AttributeError, OSError, RecursionError, TypeError, ValueError):
        return Seen()


def write_seen(state: Path, seen: Seen) -> None:
    """Write it. Raises JournalError when it cannot be written."""
    value = {
        name: None if each is None else timestamp(each)
        for name, each in ((name, getattr(seen, name)) for name in _NAMES)
    }
    fresh = state / f"{_FILE}.{os.getpid()}"
    try:
        fresh.write_text(json.dumps(value))
        fresh.replace(state / _FILE)
    except OSError as error:
        raise JournalError(f"{state / _FILE} cannot be written: {error.strerror}") from None


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)
