"""What comes before the first effect: assumptions are checked, and the values of slots are chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drillbook.errors import AssumptionFailed, Refused, StepFailed
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
_LIMIT = 10.0  # seconds for each command of what is asked once, while the service is down


def check_assumptions(world: World, journal: Journal) -> None:
    """Check and journal what the plan assumes. Raises AssumptionFailed for the first that does not hold."""
    for assumption in world.plan.assumptions:
        fact = world.checks.run(assumption.check, limit=_LIMIT)
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
                remedy=_another_way(world.plan),
            )
    journal.append("assumptions.held")


def _another_way(plan: Plan) -> str:
    """Say what to do when the hosts are not as the plan assumes: only who plays which part can be named anew."""
    named = [f"--param {name}={value}" for name, value in plan.parameters.items() if value in plan.roles.values()]
    lines = [f"if another host plays that part now, name it: the plan has {', '.join(named)}"] if named else []
    lines.append(f"./inv runbooks.show {plan.runbook} says when this runbook is the right one")
    return "\n".join(["nothing was changed", *lines])


def bind_slots(world: World, journal: Journal, state: RunState, *, step: str = "") -> None:
    """Choose and journal the values of slots that have none yet.

    Without a ``step`` those of the run's own runbook, before its first effect. With one, those of the called runbook
    that begins with it: what a service that comes later lacks keeps nobody from bringing back the one before.

    Raises AssumptionFailed when nothing can be chosen and nothing was done yet, StepFailed when something was; and
    Refused for a value that may not be one, may not stand where the plan needs it, or is missing although its
    runbook has begun.
    """
    for slot in world.plan.slots:
        if slot.name in state.slots or not _begins(slot, step):
            continue
        begun = [each.id for each in world.plan.steps if _of(slot, each.id) and state.step(each.id).touched]
        if begun:
            raise Refused(
                f"step {begun[0]} has begun, and the journal has no value of the slot {slot.name}",
                remedy=f"./inv runbooks.abandon {world.run}, then look at the hosts",
            )
        value, detail = _chosen(world, slot, touched=state.touched)
        bound_steps(world.plan, {**state.slots, slot.name: value})  # it must fit before it is on record
        journal.append("slot.bound", slot=slot.name, value=value, detail=detail)
    bound_steps(world.plan, state.slots)  # what the journal says must fit too


def forget_old_choices(plan: Plan, state: RunState) -> None:
    """Let go of values that no effect was begun with: when a run is resumed, what was the newest may be old."""
    for slot in plan.slots:
        if not any(_of(slot, step.id) and state.step(step.id).touched for step in plan.steps):
            state.slots.pop(slot.name, None)


def require_bound(step: PlannedStep) -> None:
    """Raise Refused for a step that needs a slot which has no value."""
    for action in (step.action, step.undo.action):
        if isinstance(action, Command) and any(isinstance(word, SlotUse) for word in action.argv):
            raise Refused(f"step {step.id} needs a slot that the plan does not have")


def _prefix(slot: PlannedSlot) -> str:
    """Give what the ids of the steps of a slot's runbook begin with: nothing for the run's own."""
    return slot.name[: slot.name.rfind("/") + 1]


def _of(slot: PlannedSlot, step: str) -> bool:
    """Tell whether a step is of a slot's runbook, or of one that this calls; its assumptions come before its slots."""
    prefix = _prefix(slot)
    return step.startswith(prefix) and not (prefix and step.removeprefix(prefix).startswith("assumption-"))


def _begins(slot: PlannedSlot, step: str) -> bool:
    return _of(slot, step) if step else not _prefix(slot)


def bound_steps(plan: Plan, chosen: Mapping[str, Chosen]) -> tuple[PlannedStep, ...]:
    """Give the steps with the values that were chosen; slots without one stay. Raises Refused as ``bound_step``."""
    return tuple(bound_step(step, chosen) for step in plan.steps)


def _chosen(world: World, slot: PlannedSlot, *, touched: bool) -> tuple[Chosen, str]:
    choice = world.checks.choose(slot.check, limit=_LIMIT)
    if not choice.fact.held:
        said = (
            f"nothing can be chosen for the slot {slot.name} ({slot.text.en}). Found on {slot.check.item}: "
            f"{choice.fact.detail}"
        )
        if touched:
            raise StepFailed(said, remedy=f"mend what it says, then ./inv runbooks.resume {world.run}")
        raise AssumptionFailed(said, remedy="nothing was changed; mend what it says, or follow another runbook")
    value: Any = choice.said
    if not isinstance(value, dict) or set(value) != _KEYS or not isinstance(value["detail"], str):
        raise Refused(
            f"the check {slot.check.function} gave the slot {slot.name} no choice",
            remedy='it must return {"value": a text or a list of texts, "detail": a sentence}; correct '
            f"{slot.check.file}",
        )
    return require_form(slot.name, value["value"]), visible(value["detail"])
