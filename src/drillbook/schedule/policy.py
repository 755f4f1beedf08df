"""What the organisation has decided about when drills run: intervals of services, and freeze periods."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from drillbook.cmdb.durations import seconds
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import tzinfo

    from drillbook.cmdb.model import Cmdb, Entry

_LEAD = 0.1  # of the interval, unless policy says otherwise
LONGEST = timedelta(days=36525)
"""A century: what is longer means the same, and would leave the calendar's range."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What policy wants of a service. ``interval``: the longest time between two drills, None when it says nothing.

    ``lead``: how long before the interval ends a drill is due.
    """

    service: str
    title: Text
    tier: int
    interval: timedelta | None
    lead: timedelta


@dataclass(frozen=True, slots=True)
class Freeze:
    """A freeze period: from the beginning of its first day to the end of its last one."""

    id: str
    title: Text
    first: date
    last: date
    environments: frozenset[str]

    def covers(self, environment: str, day: date) -> bool:
        """Tell whether nothing may be changed in an environment on a day."""
        return environment in self.environments and self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class Policy:
    """What is wanted of each service, by its id, and the freeze periods."""

    wanted: Mapping[str, Wanted]
    freezes: tuple[Freeze, ...]


def policy_of(cmdb: Cmdb) -> Policy:
    """Give the policy of a validated CMDB."""
    decided = {each.id: each for each in cmdb.policies}
    intervals = decided.get("drill-intervals")
    freezes = decided["freeze-periods"].get("periods") if "freeze-periods" in decided else {}
    return Policy(
        wanted={each.id: _wanted(each, intervals) for each in cmdb.services},
        freezes=tuple(
            Freeze(
                id_,
                _text(period["title"]),
                date.fromisoformat(period["from"]),
                date.fromisoformat(period["until"]),
                frozenset(period["environments"]),
            )
            for id_, period in freezes.items()
        ),
    )


def _wanted(service: Entry, intervals: Entry | None) -> Wanted:
    tier = int(service.get("tier", 0))
    written = None
    if intervals is not None:
        written = intervals.get("by_service", {}).get(service.id, intervals.get("by_tier").get(str(tier)))
    if written is None:
        return Wanted(service.id, _text(service.get("title")), tier, None, timedelta(0))
    interval = _span(written)
    lead = intervals.get("lead") if intervals is not None else None
    return Wanted(
        service.id,
        _text(service.get("title")),
        tier,
        interval,
        min(interval, interval * _LEAD if lead is None else _span(lead)),
    )


def _span(written: str) -> timedelta:
    return timedelta(seconds=min(seconds(written), LONGEST.total_seconds()))


def _text(value: Mapping[str, str]) -> Text:
    return Text(en=value["en"], zh=value["zh"])


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
