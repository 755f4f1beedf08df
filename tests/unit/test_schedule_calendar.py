"""The calendar, read back by the library that others read it with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar

from drillbook.change.records.window import Freeze
from drillbook.runbook.model import Text
from drillbook.schedule.calendar import calendar, dates, span
from drillbook.schedule.due import Schedule, schedule
from drillbook.schedule.seen import Seen
from tests import drill_values
from tests.archive_values import NOW, archive, kept
from tests.unit.test_schedule_due import TIERS, cmdb, policy, policy_of

if TYPE_CHECKING:
    from drillbook.drill.model import Drill

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Drill:
    return drill_values.loaded(tmp_path_factory.mktemp("drill"), drill_values.drill())


def found(*drills: Drill, records: Any = (), interval: str | None = None, now: datetime = NOW) -> Schedule:
    wanted = policy()
    if interval is not None:
        wanted = policy_of(cmdb({"drill-intervals": {**TIERS, "by_service": {"core": interval}}}, core={"tier": 1}))
    return schedule(wanted, drills, archive(*records), pairs={}, now=now, seen=Seen())


def read(value: Schedule, *freezes: Freeze, months: int = 12, zone: Any = UTC, language: str = "en") -> list[Any]:
    rows = dates(value, freezes, months=months, zone=zone)
    data = calendar(rows, organisation="Example", now=value.now, language=language)
    assert all(len(line) <= 75 for line in data.split(b"\r\n"))
    (parsed,) = Calendar.from_ical(data, multiple=True)
    assert parsed.errors == []
    return [each for each in parsed.walk("VEVENT") if each.errors == []]


def days(events: list[Any]) -> list[date]:
    return [event.decoded("dtstart") for event in events]


def freeze(first: str, last: str) -> Freeze:
    return Freeze(
        "f", Text("Year end", "年终"), date.fromisoformat(first), date.fromisoformat(last), frozenset({"lab"})
    )


def test_an_estate_without_drills_has_an_empty_calendar() -> None:
    assert read(found()) == []


def test_overdue_and_never_run_stand_today_and_the_rest_when_it_is_due(base: Drill) -> None:
    names = ("never", "overdue", "fresh")
    drills = [replace(base, name=name) for name in names]
    events = read(found(*drills, records=[kept("overdue", days=99), kept("fresh", days=10)]), months=1)
    first = {str(event["uid"]).rsplit("-", 2)[0]: event for event in reversed(events)}
    assert first["never"].decoded("dtstart") == NOW.date()
    assert first["never"]["summary"] == "Drill: a title (never run)"
    assert first["overdue"].decoded("dtstart") == NOW.date()
    assert first["overdue"]["summary"] == "Drill: a title (overdue)"
    # Ten days ago, and due a tenth before 31 days are over.
    assert first["fresh"].decoded("dtstart") == date(2026, 12, 10)
    assert first["fresh"]["summary"] == "Drill: a title"
    assert "Last result: MET, 2026-11-12" in first["fresh"]["description"]


def test_events_are_whole_days_with_the_clocks_stamp(base: Drill) -> None:
    for event in read(found(base)):
        assert type(event.decoded("dtstart")) is date
        assert event.decoded("dtend") - event.decoded("dtstart") == DAY
        assert event.decoded("dtstamp") == NOW


def test_uids_are_stable_unique_and_of_the_estate(base: Drill) -> None:
    other = replace(base, name="db-failover-2")
    events = read(found(base, other))
    uids = [str(event["uid"]) for event in events]
    assert len(set(uids)) == len(uids) > 20
    # After a run the same events move: none is left behind in a calendar that is imported again.
    later = {str(event["uid"]): event.decoded("dtstart") for event in read(found(base, other, records=[kept(days=1)]))}
    dated = {str(event["uid"]): event.decoded("dtstart") for event in events}
    moved = [uid for uid, day in later.items() if dated[uid] != day]
    assert len(moved) > 10
    elsewhere = calendar(dates(found(base), [], months=1, zone=UTC), organisation="Other", now=NOW)
    assert not any(uid.encode() in elsewhere for uid in uids)


def test_a_row_of_dates_keeps_the_interval(base: Drill) -> None:
    row = days(read(found(base)))
    assert 13 <= len(row) <= 14
    assert {(b - a).days for a, b in pairwise(row)} <= {27, 28}
    assert row[-1] <= date(2027, 11, 22)


@pytest.mark.parametrize("interval", ["0 s", "1 s", "1 h", "1 d"])
def test_a_short_interval_is_once_a_day(base: Drill, interval: str) -> None:
    row = days(read(found(base, interval=interval), months=1))
    assert row == [NOW.date() + DAY * at for at in range(31)]


def test_freezes_are_evaded_by_going_before_them(base: Drill) -> None:
    value = found(base, records=[kept(days=1)])  # due on 2026-12-19
    assert days(read(value))[0] == date(2026, 12, 19)
    (moved, *_) = read(value, freeze("2026-12-15", "2027-01-05"))
    assert moved.decoded("dtstart") == date(2026, 12, 14)
    assert "Moved out of the freeze: Year end" in moved["description"]


def test_a_freeze_that_has_begun_is_waited_for(base: Drill) -> None:
    row = days(read(found(base), freeze("2026-11-01", "2026-11-30"), freeze("2026-12-01", "2026-12-02")))
    assert row[0] == date(2026, 12, 3)


def test_short_intervals_and_a_long_freeze_give_no_day_twice(base: Drill) -> None:
    row = days(read(found(base, interval="1 d"), freeze("2026-11-25", "2026-12-10"), months=1))
    assert row == sorted(set(row))
    assert not [day for day in row if date(2026, 11, 25) <= day <= date(2026, 12, 10)]


@pytest.mark.parametrize("last", ["9999-12-31", "9999-12-30"])
def test_a_freeze_without_an_end(base: Drill, last: str) -> None:
    assert read(found(base), freeze("0001-01-01", last)) == []
    assert days(read(found(base, interval="1 d"), freeze("2026-11-24", last))) == [NOW.date(), NOW.date() + DAY]


def test_days_are_those_of_the_zone_across_summer_time(base: Drill) -> None:
    now = datetime(2026, 3, 27, 23, 30, tzinfo=UTC)  # the 28th in Berlin; its clocks go forward on the 29th
    value = found(base, interval="1 d", now=now)
    row = days(read(value, months=1, zone=ZoneInfo("Europe/Berlin")))
    assert row[:4] == [date(2026, 3, 28) + DAY * at for at in range(4)]
    assert days(read(value, months=1))[0] == date(2026, 3, 27)
    back = found(base, interval="1 d", now=datetime(2026, 10, 24, 22, 30, tzinfo=UTC))
    row = days(read(back, months=1, zone=ZoneInfo("Europe/Berlin")))
    assert row[:3] == [date(2026, 10, 25) + DAY * at for at in range(3)]


def test_chinese(base: Drill) -> None:
    event = read(found(base), language="zh")[0]
    assert event["summary"] == "演练：标题（从未演练）"
    assert "周期：31 d" in event["description"]


HOSTILE = 'x\r\nEND:VEVENT\r\nBEGIN:VALARM;\\n,\u2028"evil":;\x0b'


def test_no_text_becomes_syntax(base: Drill) -> None:
    drill = replace(base, title=Text(HOSTILE, HOSTILE), scenario=Text(HOSTILE, HOSTILE))
    data = calendar(dates(found(drill), [], months=1, zone=UTC), organisation=HOSTILE, now=NOW)
    parsed = Calendar.from_ical(data)
    events = parsed.walk("VEVENT")
    assert len(events) == 2
    assert parsed.walk("VALARM") == []
    assert "END:VEVENT" in events[0]["summary"]
    assert data.count(b"\r\nEND:VEVENT\r\n") == 2


@pytest.mark.parametrize(
    ("length", "text"),
    [(31 * DAY, "31 d"), (timedelta(minutes=90), "90 min"), (timedelta(seconds=0.5), "0.5 s"), (timedelta(0), "0 s")],
)
def test_lengths_of_time(length: timedelta, text: str) -> None:
    assert span(length) == text
