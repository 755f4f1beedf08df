"""The next dates of every drill as iCalendar (RFC 5545), for people to plan with.

Events are whole days: a day is the same in every calendar, whatever its zone and summer time. An event's UID is its
place in the row of a drill's next dates, so that a calendar that is imported again moves events and leaves no old
ones behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from icalendar import Calendar, Event

from drillbook.canonical import digest_bytes
from drillbook.change.records.window import day_of, frozen, start_of
from drillbook.cmdb.durations import UNITS
from drillbook.schedule.due import State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from drillbook.change.records.window import Freeze
    from drillbook.runbook.model import Text
    from drillbook.schedule.due import Schedule, Standing

MOST_MONTHS = 60
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Date:
    """A drill on a day. ``number`` counts a drill's dates from 1; ``moved_by``: the freeze that it evades."""

    standing: Standing
    number: int
    day: date
    moved_by: Freeze | None


def dates(found: Schedule, freezes: Sequence[Freeze], *, months: int, zone: tzinfo) -> list[Date]:
    """Give the dates of the next months, by day. Drills without an interval have none."""
    today = day_of(found.now, zone)
    end = _months_later(today, months)
    rows: list[Date] = []
    for each in found.drills:
        wanted = each.wanted
        if wanted is None or wanted.interval is None:
            continue
        moment = each.from_ if each.state is State.FRESH and each.from_ is not None else found.now
        number, floor = 0, today
        while day_of(moment, zone) <= end:
            free, by = _evade(day_of(moment, zone), each.drill.environment, freezes, floor)
            if free is None:
                break
            number, floor = number + 1, free + _DAY
            rows.append(Date(each, number, free, by))
            # It is due again from the day that it is held on, wherever a freeze has moved that to.
            held = moment if by is None else start_of(free, zone)
            moment = held + max(wanted.interval - wanted.lead, _DAY)
    return sorted(rows, key=lambda each: (each.day, each.standing.drill.name, each.number))


def _evade(day: date, environment: str, freezes: Sequence[Freeze], floor: date) -> tuple[date | None, Freeze | None]:
    """Give a day outside every freeze: the last before it that is not before ``floor``, else the first after it.

    None when the freeze never ends.
    """
    day = max(day, floor)
    by = frozen(freezes, environment, day)
    if by is None:
        return day, None
    earlier = day
    while (freeze := frozen(freezes, environment, earlier)) is not None and freeze.first > floor:
        earlier = freeze.first - _DAY
    if freeze is None:
        return earlier, by
    later = day
    while (freeze := frozen(freezes, environment, later)) is not None:
        if freeze.last >= date.max - _DAY:
            return None, by
        later = freeze.last + _DAY
    return later, by


def _months_later(day: date, months: int) -> date:
    year, month = divmod(day.month - 1 + months, 12)
    return date(day.year + year, month + 1, min(day.day, 28))


def calendar(rows: Sequence[Date], *, organisation: str, now: datetime, language: str = "en") -> bytes:
    """Give the calendar as a file; ``now`` becomes DTSTAMP."""
    found = Calendar()
    found.add("prodid", "-//drillbook//drills//EN")
    found.add("version", "2.0")
    found.add("calscale", "GREGORIAN")
    found.add("x-wr-calname", _one_line(_said(language, f"Drills, {organisation}", f"{organisation} 演练计划")))
    for row in rows:
        event = Event()
        event.add("uid", _uid(row, organisation))
        event.add("dtstamp", now)
        event.add("dtstart", row.day)
        event.add("dtend", row.day + _DAY)
        event.add("transp", "TRANSPARENT")
        event.add("categories", ["DRILL"])
        event.add("summary", _one_line(_summary(row, language)))
        event.add("description", _description(row, language))
        found.add_component(event)
    data: bytes = found.to_ical()
    return data


def _uid(row: Date, organisation: str) -> str:
    drill = row.standing.drill.name
    return f"{drill}-{row.number}-{digest_bytes(f'{organisation}/{drill}'.encode())[7:19]}@drillbook"


def _summary(row: Date, language: str) -> str:
    title = _in(row.standing.drill.title, language)
    head = _said(language, "Drill: ", "演练：") + title
    state = row.standing.state
    if row.number > 1 or state in (State.FRESH, State.DUE):
        return head
    if state is State.NEVER:
        return head + _said(language, " (never run)", "（从未演练）")
    return head + _said(language, " (overdue)", "（已逾期）")


def _description(row: Date, language: str) -> str:
    each = row.standing
    assert each.wanted is not None
    assert each.wanted.interval is not None
    lines = [
        _in(each.drill.scenario, language),
        _said(language, "Service: ", "服务：") + f"{_in(each.wanted.title, language)} ({each.wanted.service})",
        _said(language, "Interval: ", "周期：") + span(each.wanted.interval),
    ]
    if each.last is not None:
        result = each.last.result.upper()
        lines.append(_said(language, "Last result: ", "上次结果：") + f"{result}, {each.last.started:%Y-%m-%d}")
    if row.moved_by is not None:
        lines.append(_said(language, "Moved out of the freeze: ", "已避开冻结期：") + _in(row.moved_by.title, language))
    lines.append(f"./inv drills.run {each.drill.name}")
    return "\n".join(" ".join(line.split()) for line in lines)


def span(length: timedelta) -> str:
    """Give a length of time as the files write it: ``31 d``, ``90 min``."""
    seconds = length.total_seconds()
    unit = next((unit for unit in ("d", "h", "min", "s") if seconds >= UNITS[unit] and seconds % UNITS[unit] == 0), "s")
    return f"{seconds / UNITS[unit]:g} {unit}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _in(text: Text, language: str) -> str:
    return text.zh if language == "zh" else text.en


def _said(language: str, english: str, chinese: str) -> str:
    return chinese if language == "zh" else english
