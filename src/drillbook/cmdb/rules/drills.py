"""Rules of how often recovery is drilled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.cmdb.durations import UNITS, seconds
from drillbook.cmdb.rules.base import Problem, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.cmdb.rules.base import Draft

_SHORTEST = UNITS["d"]


def intervals(draft: Draft) -> Iterator[Problem]:
    """Find intervals that nobody can keep, and a lead with which a drill would always be due."""
    policy = draft.entry("policies", "drill-intervals")
    if policy is None:
        return
    lead = policy.get("lead")
    for group in ("by_tier", "by_service"):
        for name, interval in policy.get(group, {}).items():
            if seconds(interval) < _SHORTEST:
                yield Problem(
                    policy, (group, name),
                    f"is {quoted(interval)}; drills are scheduled by days, so write at least 1 d",
                )  # fmt: skip
            elif lead is not None and seconds(lead) >= seconds(interval):
                yield Problem(
                    policy, ("lead",),
                    f"is {quoted(lead)}, no shorter than the interval of {name} ({interval}), which would always be "
                    "due; write a shorter one",
                )  # fmt: skip
