"""Windows as people type them: ``FROM/UNTIL`` or ``FROM/2h``, in local time or with a zone; kept in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from drillbook.change.records.model import Window
from drillbook.errors import UsageError
from drillbook.text import visible

if TYPE_CHECKING:
    from datetime import tzinfo

_LENGTH = re.compile(r"([0-9]{1,5}) ?(min|h|d)")
_UNITS = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_TIME_ALONE = re.compile(r"[0-9]{1,2}:[0-9]{2}")
_LONGEST = timedelta(days=366)
_EXAMPLES = "for example --window 2026-11-23T20:00/22:00, 2026-11-23T20:00/2h or 2026-11-23T20:00+08:00/2h"


def parse_window(text: str, *, zone: tzinfo, now: datetime) -> Window:
    """Give a window in UTC.

    Args:
        text: ``FROM/UNTIL``. FROM is a date and a time (``2026-11-23T20:00``, with or without a zone); UNTIL is one
            too, a time alone (of the same day, or of the next when it is earlier), or a length (``90min``, ``2h``,
            ``1d``).
        zone: what a time without a zone is in.
        now: a window that is over by now is refused.

    Raises:
        UsageError: another form, a time that does not exist or is there twice, an end before the beginning.
    """
    first, slash, second = text.partition("/")
    if not slash:
        raise UsageError(f"the window '{visible(text, limit=80)}' has no '/'", remedy=_EXAMPLES)
    begins = _moment(first.strip(), zone)
    if length := _LENGTH.fullmatch(second.strip()):
        ends = _later(begins, int(length[1]) * _UNITS[length[2]])
    elif _TIME_ALONE.fullmatch(second.strip()):
        ends = _same_day(first.strip(), second.strip(), begins, zone)
    else:
        ends = _moment(second.strip(), zone)
    if ends <= begins:
        raise UsageError(f"the window '{visible(text, limit=80)}' ends before it begins", remedy=_EXAMPLES)
    if ends - begins > _LONGEST:
        raise UsageError(f"the window is {(ends - begins).days} days long; a year is the most", remedy=_EXAMPLES)
    if ends <= now:
        raise UsageError(
            f"the window was over at {ends.astimezone(zone):%Y-%m-%d %H:%M}, and it is {now.astimezone(zone):%H:%M} "
            f"on {now.astimezone(zone):%Y-%m-%d}",
            remedy="name one that is to come",
        )
    return Window(begins, ends)


def parse_length(text: str) -> timedelta:
    """Give a length such as ``7d``, ``36h`` or ``90min``. Raises UsageError for another form."""
    found = _LENGTH.fullmatch(text.strip())
    if found is None or int(found[1]) == 0:
        raise UsageError(f"'{visible(text, limit=40)}' is no length of time", remedy="for example 7d, 36h or 90min")
    return int(found[1]) * _UNITS[found[2]]


def _same_day(first: str, time: str, begins: datetime, zone: tzinfo) -> datetime:
    """Give a time alone as the next such time after ``begins``, in the zone in which that was written."""
    written = datetime.fromisoformat(first)
    zone = written.tzinfo or zone
    hours, minutes = (int(part) for part in time.split(":"))
    day = begins.astimezone(zone).date()
    try:
        ends = _in_zone(datetime.combine(day, written.time().replace(hour=hours, minute=minutes, second=0)), zone, time)
        if ends <= begins:
            ends = _in_zone(ends.astimezone(zone).replace(tzinfo=None) + timedelta(days=1), zone, time)
    except (OverflowError, ValueError):
        raise UsageError(f"there is no time '{time}'", remedy=_EXAMPLES) from None
    return ends


def _moment(text: str, zone: tzinfo) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        if "T" not in text and " " not in text:
            raise ValueError
        found = found.replace(microsecond=0)
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    except (OverflowError, ValueError):
        raise UsageError(f"'{visible(text, limit=40)}' is no date with a time", remedy=_EXAMPLES) from None
    return _in_zone(found, zone, text)


def _in_zone(naive: datetime, zone: tzinfo, text: str) -> datetime:
    """Give the one moment of a local time. Raises UsageError when summer time makes it two, or none."""
    earlier, later = (naive.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if earlier.utcoffset() == later.utcoffset():
        return earlier.astimezone(UTC)
    # Twice: the clock is set back, and both readings are real. Never: it is set forward, and neither is.
    if earlier.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == naive:
        raise UsageError(
            f"'{visible(text, limit=40)}' is there twice: that night the clock is set back",
            remedy=f"say which one: {earlier.isoformat(timespec='minutes')} or {later.isoformat(timespec='minutes')}",
        )
    raise UsageError(
        f"'{visible(text, limit=40)}' does not exist: that night the clock is set forward",
        remedy=f"take another time, such as {earlier.astimezone(UTC).astimezone(zone).isoformat(timespec='minutes')}",
    )


def _later(begins: datetime, length: timedelta) -> datetime:
    try:
        return begins + length
    except OverflowError:
        raise UsageError("the window is too long; a year is the most", remedy=_EXAMPLES) from None
