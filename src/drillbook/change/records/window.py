"""When a change may run: its window, freeze periods, and who is on duty then. Pure.

Windows are moments in UTC. Freeze periods are days, and a day is that of the place where the work is done: it
begins and ends by the local zone, which knows its summer time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from drillbook.errors import Refused
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import tzinfo

    from drillbook.change.records.model import Window
    from drillbook.cmdb.model import Cmdb

_FIRST_MONDAY = date(2024, 1, 1)
"""From which turns of duty are counted; the schema of the CMDB says so too."""


@dataclass(frozen=True, slots=True)
class Freeze:
    """A freeze period: from the beginning of its first day to the end of its last one. ``on_duty``: ids of people."""

    id: str
    title: Text
    first: date
    last: date
    environments: frozenset[str]
    on_duty: tuple[str, ...] = ()

    def covers(self, environment: str, day: date) -> bool:
        """Tell whether nothing may be changed in an environment on a day."""
        return environment in self.environments and self.first <= day <= self.last


def freezes_of(cmdb: Cmdb) -> tuple[Freeze, ...]:
    """Give the freeze periods of a validated CMDB, in the order of its files."""
    if "freeze-periods" not in cmdb.policies:
        return ()
    return tuple(
        Freeze(
            id_,
            Text(en=period["title"]["en"], zh=period["title"]["zh"]),
            date.fromisoformat(period["from"]),
            date.fromisoformat(period["until"]),
            frozenset(period["environments"]),
            tuple(period["on_duty"]),
        )
        for id_, period in cmdb.policies["freeze-periods"].get("periods").items()
    )


def frozen(freezes: Iterable[Freeze], environment: str, day: date) -> Freeze | None:
    """Give the freeze period that an environment is in on a day: of several the one that ends last."""
    return max(
        (each for each in freezes if each.covers(environment, day)), key=lambda each: (each.last, each.id), default=None
    )


def day_of(moment: datetime, zone: tzinfo) -> date:
    """Give the day that it is at a moment in a zone."""
    return moment.astimezone(zone).date()


def start_of(day: date, zone: tzinfo) -> datetime:
    """Give the moment (UTC) at which a day begins in a zone."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def why_frozen(cmdb: Cmdb, environment: str, *, at: datetime, zone: tzinfo) -> Refused | None:
    """Give the refusal while the environment is in a freeze period, with who is on duty; None: it is in none."""
    freeze = frozen(freezes_of(cmdb), environment, day_of(at, zone))
    if freeze is None:
        return None
    return Refused(
        f"{environment} is frozen until the end of {freeze.last.isoformat()}: {freeze.title.en} ({freeze.id}); "
        f"on duty: {', '.join(freeze.on_duty)}",
        remedy="wait until it is over; what cannot wait is an emergency: runbooks.run --emergency --reason",
    )


def why_not_in_window(window: Window | None, *, at: datetime, zone: tzinfo) -> Refused | None:
    """Give the refusal when a moment is not in a change's window; a window's end is not in it. None: it is in it."""
    if window is None:
        return Refused(
            "this change has no window, and without one a normal change does not run",
            remedy="request it again with --window FROM/UNTIL",
        )
    if window.holds(at):
        return None
    now, first, last = (f"{each.astimezone(zone):%Y-%m-%d %H:%M %z}" for each in (at, window.begins, window.ends))
    late = at >= window.ends
    return Refused(
        f"it is {now}, and the window of this change {'was' if late else 'is'} from {first} to {last}",
        remedy="request a new change with a new window" if late else "wait for the window",
    )


def on_duty(cmdb: Cmdb, *, at: datetime, zone: tzinfo, environment: str = "") -> tuple[str, ...]:
    """Give the ids of those on duty at a moment: whose week it is, and whom a freeze period of that day names."""
    day = day_of(at, zone)
    week = (day - _FIRST_MONDAY) // timedelta(days=7)
    named = (person for freeze in freezes_of(cmdb) if freeze.covers(environment, day) for person in freeze.on_duty)
    return tuple(dict.fromkeys([*named, *(each.id for each in cmdb.people if _has_turn(each.get("duty"), week))]))


def _has_turn(duty: Mapping[str, int] | None, week: int) -> bool:
    return duty is not None and week % duty["of"] == duty["turn"] - 1
