"""What the organisation has decided about when drills run: intervals of services, and freeze periods."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from drillbook.change.records.window import freezes_of
from drillbook.cmdb.durations import seconds
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drillbook.change.records.window import Freeze
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
class Policy:
    """What is wanted of each service, by its id, and the freeze periods."""

    wanted: Mapping[str, Wanted]
    freezes: tuple[Freeze, ...]


def policy_of(cmdb: Cmdb) -> Policy:
    """Give the policy of a validated CMDB."""
    decided = {each.id: each for each in cmdb.policies}
    intervals = decided.get("drill-intervals")
    return Policy(
        wanted={each.id: _wanted(each, intervals) for each in cmdb.services},
        freezes=freezes_of(cmdb),
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
