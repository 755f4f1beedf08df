"""The parts of a plan: which steps are whose, and which of them needs which."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drillbook.plan.model import Plan, PlannedPart, PlannedStep


def is_of(part: PlannedPart, id_: str) -> bool:
    """Tell whether a step or a slot is of a part."""
    return id_.startswith(f"{part.id}/")


def part_of(plan: Plan, id_: str) -> PlannedPart | None:
    """Give the part of a step; None: the plan has no parts."""
    return next((part for part in plan.parts if is_of(part, id_)), None)


def together(plan: Plan, steps: Sequence[PlannedStep]) -> list[tuple[PlannedPart | None, list[PlannedStep]]]:
    """Group steps of a plan by its parts, in their order; all of them in one group (None) where it has no parts."""
    if not plan.parts:
        return [(None, list(steps))]
    return [(part, [step for step in steps if is_of(part, step.id)]) for part in plan.parts]


def own_hosts(plan: Plan) -> set[str]:
    """Give the hosts that a run has to reach before it can begin at all: its parts reach theirs when they begin."""
    return set() if plan.parts else set(plan.reachable)
