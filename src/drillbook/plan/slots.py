"""Slots: values that a rule chooses when a run begins, where they stand in a plan, and what may be chosen."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from drillbook.errors import Refused
from drillbook.plan.fencing import require_labels
from drillbook.plan.model import CheckRun, Command, PlannedSlot, SlotUse, WaitRun
from drillbook.plan.values import bind_check
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drillbook.plan.model import PlannedStep
    from drillbook.plan.values import Scope
    from drillbook.runbook.model import Runbook

Chosen = str | list[str]

MOST = 100
"""Texts in a list that is chosen."""

_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@+-]{0,199}")


def slots_of(runbook: Runbook, scope: Scope) -> tuple[PlannedSlot, ...]:
    """Bind the rules of a runbook's slots. Raises as ``values.bind_check``; a rule that names a slot is refused."""
    return tuple(
        PlannedSlot(scope.slots[name], slot.text, bind_check(slot.choose, replace(scope, slots={})))
        for name, slot in runbook.slots.items()
    )


def require_form(slot: str, value: Any) -> Chosen:
    """Give a value as it may be bound: a text, or a list of one to ``MOST`` texts.

    A text begins with a letter or a digit, goes on with these and ``_ . : @ + -``, and has at most 200 characters:
    so it is never an option, never empty and never syntax. Raises Refused for anything else.
    """
    several = value if isinstance(value, list) else [value]
    if not 0 < len(several) <= MOST:
        raise Refused(f"the slot {slot} was given a list of {len(several)} values; one has 1 to {MOST}")
    for each in several:
        if not isinstance(each, str) or not _FORM.fullmatch(each):
            raise Refused(
                f"the slot {slot} cannot hold {visible(repr(each), limit=60)}: a value is a text of letters, digits "
                "and _ . : @ + -, begins with a letter or a digit, and has at most 200 characters",
                remedy="correct the check that chooses it, or what it found on the host",
            )
    return value if isinstance(value, str) else list(several)


def bound_step(step: PlannedStep, chosen: Mapping[str, Chosen]) -> PlannedStep:
    """Put values in the place of slots, wherever a step needs them; it stays as it is when it needs none.

    Slots that are not among ``chosen`` stay. Raises Refused when a value may not stand there: a list where one
    argument must stand, or a word that promotes or switches off in a step that is not labelled so.
    """
    action = step.action
    if isinstance(action, WaitRun):
        action = replace(action, check=_check(action.check, chosen))
    elif isinstance(action, CheckRun):
        action = _check(action, chosen)
    elif isinstance(action, Command):
        action = _command(action, chosen)
    undo = step.undo
    if isinstance(undo.action, Command):
        undo = replace(undo, action=_command(undo.action, chosen))
    bound = replace(step, action=action, undo=undo, verify=tuple(_check(check, chosen) for check in step.verify))
    if bound == step:
        return step
    require_labels(bound)
    return bound


def _command(command: Command, chosen: Mapping[str, Chosen]) -> Command:
    argv: list[str | SlotUse] = []
    for word in command.argv:
        if isinstance(word, str) or word.slot not in chosen:
            argv.append(word)
            continue
        value = require_form(word.slot, chosen[word.slot])
        if isinstance(value, list) and not word.many:
            raise Refused(
                f"the slot {word.slot} was given a list, and it stands where one value must stand",
                remedy='in a script it stands last among the values, and the script uses it as "$@" (after shift)',
            )
        argv += [value] if isinstance(value, str) else value
    return replace(command, argv=tuple(argv))


def _check(check: CheckRun, chosen: Mapping[str, Chosen]) -> CheckRun:
    known = {name: require_form(slot, chosen[slot]) for name, slot in check.slots.items() if slot in chosen}
    left = {name: slot for name, slot in check.slots.items() if name not in known}
    return replace(check, arguments={**check.arguments, **known}, slots=left)
