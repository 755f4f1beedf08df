"""What a run has begun: the hosts that it must keep, and whether going back can be advised. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.plan.parts import together
from drillbook.runbook.model import Verb

if TYPE_CHECKING:
    from drillbook.execution.state import RunState
    from drillbook.plan.model import Plan


def hosts_in_use(plan: Plan, state: RunState) -> set[str]:
    """Give the hosts that no other run may have: of each part (or of the whole) that has begun, all that it locks.

    And each host that a step acted on, which a part may have locked only then, since it was off before.
    """
    begun = [
        part or plan for part, steps in together(plan, plan.steps) if any(state.step(step.id).touched for step in steps)
    ]
    acted = {step.item for step in plan.steps if step.item is not None and state.step(step.id).touched}
    return acted.union(*(each.locks for each in begun))


def going_back_may_do(plan: Plan, state: RunState, *, stopped_in: str = "") -> bool:
    """Tell whether nothing that was begun stands against going back: nothing irreversible, and no promotion.

    ``stopped_in``: the id of a step that failed; a promotion may have failed before it took effect, and is asked for.
    """
    begun = [step for step in plan.steps if state.step(step.id).touched]
    return not any(step.undo.irreversible or (step.verb is Verb.PROMOTE and step.id != stopped_in) for step in begun)
