"""Windows as people type them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from drillbook.change.records.when import parse_length, parse_window
from drillbook.errors import UsageError

BERLIN = ZoneInfo("Europe/Berlin")
SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 10, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "zone", "begins", "ends"),
    [
        ("2026-11-23T20:00/2h", SHANGHAI, "2026-11-23T12:00", "2026-11-23T14:00"),
        ("2026-11-23T20:00/22:30", SHANGHAI, "2026-11-23T12:00", "2026-11-23T14:30"),
        ("2026-11-23 20:00/90min", SHANGHAI, "2026-11-23T12:00", "2026-11-23T13:30"),
        ("2026-11-23T20:00+09:00/1d", SHANGHAI, "2026-11-23T11:00", "2026-11-24T11:00"),
        ("2026-11-23T20:00Z/2026-11-23T21:00Z", SHANGHAI, "2026-11-23T20:00", "2026-11-23T21:00"),
        ("2026-11-23T23:00/01:00", SHANGHAI, "2026-11-23T15:00", "2026-11-23T17:00"),
        ("2026-11-23T20:00+09:00/22:00", SHANGHAI, "2026-11-23T11:00", "2026-11-23T13:00"),
        # The night in which the clock is set back has 25 hours: a length is one of real time.
        ("2026-10-25T00:00/4h", BERLIN, "2026-10-24T22:00", "2026-10-25T02:00"),
        ("2026-10-25T00:00/04:00", BERLIN, "2026-10-24T22:00", "2026-10-25T03:00"),
        ("2026-10-25T02:30+02:00/1h", BERLIN, "2026-10-25T00:30", "2026-10-25T01:30"),
        ("2026-10-25T02:30+01:00/1h", BERLIN, "2026-10-25T01:30", "2026-10-25T02:30"),
    ],
)
def test_a_window_is_kept_in_utc(text: str, zone: ZoneInfo, begins: str, ends: str) -> None:
    found = parse_window(text, zone=zone, now=NOW)
    assert (f"{found.begins:%Y-%m-%dT%H:%M}", f"{found.ends:%Y-%m-%dT%H:%M}") == (begins, ends)
    assert found.begins.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-10-25T02:30/1h", "is there twice"),
        ("2027-03-28T02:30/1h", "does not exist"),
        ("2026-10-24T20:00/02:30", "is there twice"),
        ("2026-11-23T20:00", "has no '/'"),
        ("2026-11-23/2h", "no date with a time"),
        ("2026-13-23T20:00/2h", "no date with a time"),
        ("2026-11-23T20:00/2026-11-23T19:00", "ends before it begins"),
        ("2026-11-23T20:00/0h", "ends before it begins"),
        ("2026-11-23T20:00/25:00", "no time '25:00'"),
        ("2026-11-23T20:00/99999d", "days long"),
        ("9999-12-31T20:00/300d", "too long"),
        ("9999-12-31T23:59-14:00/1h", "no date with a time"),
        ("2026-09-23T20:00/2h", "was over"),
        ("tomorrow\x1b[2J/2h", "no date with a time"),
        ("/", "no date with a time"),
    ],
)
def test_a_window_that_is_none_is_refused_and_an_example_given(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        parse_window(text, zone=BERLIN, now=NOW)
    assert caught.value.remedy
    assert "\x1b" not in caught.value.message


def test_the_remedy_of_an_hour_that_is_there_twice_names_both() -> None:
    with pytest.raises(UsageError) as caught:
        parse_window("2026-10-25T02:30/1h", zone=BERLIN, now=NOW)
    assert "2026-10-25T02:30+02:00" in caught.value.remedy
    assert "2026-10-25T02:30+01:00" in caught.value.remedy


def test_lengths() -> None:
    assert parse_length("7d") == timedelta(days=7)
    assert parse_length("36 h") == timedelta(hours=36)
    for wrong in ("", "7", "0d", "-1d", "7 weeks", "1.5d"):
        with pytest.raises(UsageError):
            parse_length(wrong)
