"""What comes before a run's first effect: its assumptions are checked, and the values of its slots are chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drillbook.errors import AssumptionFailed, Refused
from drillbook.plan.model import Command, SlotUse
from drillbook.plan.slots import Chosen, bound_step, require_form
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drillbook.execution.actions import World
    from drillbook.execution.state import RunState
    from drillbook.journal.writer import Journal
    from drillbook.plan.model import Plan, PlannedSlot, PlannedStep

_KEYS = {"value", "detail"}


def check_assumptions(world: World, journal: Journal) -> None:
    """Check and journal what the plan assumes. Raises AssumptionFailed for the first that does not hold."""
    for assumption in world.plan.assumptions:
        fact = world.checks.run(assumption.check)
        data = {
            "text": assumption.text.en,
            "item": assumption.check.item,
            "held": fact.held,
            "known": fact.known,
            "detail": fact.detail,
        }
        journal.append("assumption.checked", **data)
        if not fact.held:
            raise AssumptionFailed(
                f"the plan assumes: {assumption.text.en}. Found on {assumption.check.item}: {fact.detail}",
                remedy="nothing was changed; plan anew with the parameters that fit how the hosts are now",
            )
    journal.append("assumptions.held")


def bind_slots(world: World, journal: Journal, state: RunState) -> None:
    """Choose and journal the values of the slots that have none yet; what the journal says stays.

    Raises AssumptionFailed when nothing can be chosen, and Refused for a value that may not be one, may not stand
    where the plan needs it, or is missing in a run that has begun already. No effect has happened then.
    """
    for slot in world.plan.slots:
        if slot.name in state.slots:
            continue
        if state.touched:
            raise Refused(
                f"the run has begun, and its journal has no value of the slot {slot.name}",
                remedy=f"./inv runbooks.abandon {world.run}, then look at the hosts",
            )
        value, detail = _chosen(world, slot)
        bound_steps(world.plan, {**state.slots, slot.name: value})  # it must fit before it is on record
        journal.append("slot.bound", slot=slot.name, value=value, detail=detail)
    for step in bound_steps(world.plan, state.slots):
        _require_bound(step)


def bound_steps(plan: Plan, chosen: Mapping[str, Chosen]) -> tuple[PlannedStep, ...]:
    """Give the steps with the values that were chosen; slots without one stay. Raises Refused as ``bound_step``."""
    return tuple(bound_step(step, chosen) for step in plan.steps)


def _chosen(world: World, slot: PlannedSlot) -> tuple[Chosen, str]:
    choice = world.checks.choose(slot.check)
    if not choice.fact.held:
        raise AssumptionFailed(
            f"nothing can be chosen for the slot {slot.name} ({slot.text.en}). Found on {slot.check.item}: "
            f"{choice.fact.detail}",
            remedy="nothing was changed; mend what it says, or follow another runbook",
        )
    said: Any = choice.said
    if not isinstance(said, dict) or set(said) != _KEYS or not isinstance(said["detail"], str):
        raise Refused(
            f"the check {slot.check.function} gave the slot {slot.name} no choice",
            remedy='it must return {"value": a text or a list of texts, "detail": a sentence}; correct '
            f"{slot.check.file}",
        )
    return require_form(slot.name, said["value"]), visible(said["detail"])


def _require_bound(step: PlannedStep) -> None:
    for action in (step.action, step.undo.action):
        if isinstance(action, Command) and any(isinstance(word, SlotUse) for word in action.argv):
            raise Refused(f"step {step.id} needs a slot that the plan does not have")
