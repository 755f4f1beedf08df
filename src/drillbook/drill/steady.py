"""The steady state of a drill: its checks, which hold before it and again after it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from drillbook.drill.about import protection_of
from drillbook.evidence.verdict import SteadyCheck
from drillbook.evidence.wording import same
from drillbook.plan.values import Scope, bind_check

if TYPE_CHECKING:
    from drillbook.cmdb.model import Cmdb
    from drillbook.drill.model import Drill, SteadyState
    from drillbook.facts.checks import Checks

_SETTLE = 3.0  # seconds in which a check that fails is tried again: lag settles


def steady_checks(drill: Drill, cmdb: Cmdb, checks: Checks) -> list[SteadyCheck]:
    """Run every check of the steady state."""
    found = []
    for check in drill.steady_state:
        bound = bind_check(check.call, _scope(drill, cmdb, check))
        deadline = time.monotonic() + _SETTLE
        while not (fact := checks.run(bound)).held and time.monotonic() < deadline:
            time.sleep(0.2)
        found.append(SteadyCheck(check.text, fact.held, same(fact.detail)))
    return found


def _scope(drill: Drill, cmdb: Cmdb, check: SteadyState) -> Scope:
    """Give what a check's references mean: of the protection that it names, else of the drill's."""
    protection = protection_of(drill, cmdb)
    return Scope(
        cmdb=cmdb,
        environment=drill.environment,
        protection=check.protection or (protection.id if protection else None),
        parameters=dict(drill.call.parameters),
        roles={},
    )
