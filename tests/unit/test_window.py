"""Windows, freezes and duty: at their edges, and across summer time."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from drillbook.change.records.model import Window
from drillbook.change.records.window import on_duty, why_frozen, why_not_in_window
from tests.gate_values import cmdb

VIENNA, SHANGHAI, NEW_YORK = ZoneInfo("Europe/Vienna"), ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


WINDOW = Window(at("2026-10-25T00:30:00Z"), at("2026-10-25T02:30:00Z"))  # the night that has an hour twice in Vienna


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        ("2026-10-25T00:29:59Z", False), ("2026-10-25T00:30:00Z", True), ("2026-10-25T02:30:00+02:00", True),
        ("2026-10-25T02:30:00+01:00", True), ("2026-10-25T02:29:59Z", True), ("2026-10-25T02:30:00Z", False),
    ],
)  # fmt: skip
def test_a_window_is_of_moments(moment: str, inside: bool) -> None:
    assert (why_not_in_window(WINDOW, at=at(moment), zone=VIENNA) is None) == inside


def test_what_is_said_is_local_time_with_its_offset() -> None:
    refusal = why_not_in_window(WINDOW, at=at("2026-10-25T03:00:00Z"), zone=VIENNA)
    assert refusal is not None
    assert "it is 2026-10-25 04:00 +0100" in refusal.message
    assert "was from 2026-10-25 02:30 +0200 to 2026-10-25 03:30 +0100" in refusal.message


@pytest.mark.parametrize(
    ("zone", "moment", "is_frozen"),
    [
        (VIENNA, "2026-12-23T22:59:59Z", False), (VIENNA, "2026-12-23T23:00:00Z", True),
        (VIENNA, "2027-01-05T22:59:59Z", True), (VIENNA, "2027-01-05T23:00:00Z", False),
        (SHANGHAI, "2026-12-23T16:00:00Z", True), (SHANGHAI, "2026-12-23T15:59:59Z", False),
        (NEW_YORK, "2026-12-24T04:59:59Z", False), (NEW_YORK, "2026-12-24T05:00:00Z", True),
    ],
)  # fmt: skip
def test_a_freeze_is_of_local_days(zone: ZoneInfo, moment: str, is_frozen: bool) -> None:
    assert (why_frozen(cmdb(), "rehearsal", at=at(moment), zone=zone) is not None) == is_frozen
    assert why_frozen(cmdb(), "production", at=at(moment), zone=zone) is None


PEOPLE = {
    "first": {"duty": {"turn": 1, "of": 2}},
    "second": {"duty": {"turn": 2, "of": 2}},
    "third": {"duty": {"turn": 3, "of": 3}},
    "never": {},
}


@pytest.mark.parametrize(
    ("moment", "people"),
    [
        ("2024-01-01T00:00:00Z", ("first",)),
        ("2024-01-07T23:59:59Z", ("first",)),
        ("2024-01-08T00:00:00Z", ("second",)),
        ("2024-01-15T12:00:00Z", ("first", "third")),
        ("2026-12-28T12:00:00Z", ("cem", "first")),  # after 156 weeks, in the freeze period
    ],
)
def test_who_is_on_duty(moment: str, people: tuple[str, ...]) -> None:
    assert on_duty(cmdb(people=PEOPLE), at=at(moment), zone=UTC, environment="rehearsal") == people
