"""One step of a runbook as a planned one: its action, proofs and undo bound to items, and what may not be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.errors import Refused
from drillbook.plan.commands import command, playbook, port_number
from drillbook.plan.model import (
    Action,
    CheckRun,
    Command,
    FenceRun,
    Hand,
    ManualStep,
    PlannedStep,
    PlannedUndo,
    PlaybookRun,
    PowerRun,
    WaitRun,
)
from drillbook.plan.typed import hand_text
from drillbook.plan.values import bind_check, text
from drillbook.runbook.model import Check, Fence, Manual, Playbook, Power, Repeat, Run, Text, Verb, Wait

if TYPE_CHECKING:
    from drillbook.plan.reach import Reach
    from drillbook.plan.values import Scope
    from drillbook.runbook.model import CheckCall, Step, Undo

ASSUMPTION_TIMEOUT = 10.0
"""Seconds that an assumption of a called runbook may take, which becomes a step of the plan."""


class Binder:
    """Binds the steps of one runbook. ``reach`` is told of each host that they need, at the point where they do."""

    def __init__(self, scope: Scope, reach: Reach) -> None:
        """Take what names refer to, and where the plan stands."""
        self._scope = scope
        self._reach = reach

    def assumption(self, sentence: Text, call: CheckCall, id_: str) -> PlannedStep:
        """Give a called runbook's assumption as a step: it must hold when that runbook begins, not before."""
        check = self.check(call)
        return PlannedStep(
            id=id_,
            title=sentence,
            verb=Verb.VERIFY,
            item=check.item,
            action=check,
            verify=(),
            undo=PlannedUndo(action=None, irreversible=None),
            timeout=ASSUMPTION_TIMEOUT,
            repeat=Repeat.SAFE,
            by_hand=(),
        )

    def step(self, step: Step, id_: str) -> PlannedStep:
        """Bind a step that calls no runbook, under its id in the plan. Raises Refused or UsageError."""
        scope = self._scope
        item = scope.roles[step.on] if step.on is not None else None
        action = self._action(step, id_, item)
        if isinstance(action, FenceRun):
            self._reach.switched_off(action.item)
        elif isinstance(action, PowerRun):
            self._reach.switched_on(action.item)
        return PlannedStep(
            id=id_,
            title=step.title,
            verb=step.verb,
            item=item,
            action=action,
            verify=tuple(self.check(call) for call in step.verify),
            undo=self._undo(step.undo, id_, item),
            timeout=step.timeout,
            repeat=step.repeat,
            by_hand=tuple(
                Hand(
                    item=scope.roles[hand.on] if hand.on is not None else None,
                    do=(
                        Text(*(hand_text(each, scope, typed=False) for each in (hand.do.en, hand.do.zh)))
                        if isinstance(hand.do, Text)
                        else hand_text(hand.do, scope, typed=hand.on is not None)
                    ),
                    see=hand.see,
                )
                for hand in step.by_hand
            ),
        )

    def check(self, call: CheckCall) -> CheckRun:
        """Bind a check, and log in where it looks. Raises Refused or UsageError."""
        check = bind_check(call, self._scope)
        self._reach.log_in(check.item)
        return check

    def _action(self, step: Step, id_: str, item: str | None) -> Action:
        match step.action:
            case Check(call=call):
                return self.check(call)
            case Wait(call=call, interval=interval):
                return WaitRun(self.check(call), interval)
            case Manual(instruction=instruction):
                if item is not None:
                    self._reach.touch(item)
                    self._reach.by_hand.add(item)
                return ManualStep(instruction)
        if item is None:
            raise Refused("it acts on a host, and no role says on which; add 'on'")
        self._reach.touch(item)
        match step.action:
            case Run() as run:
                self._reach.changed.add(self._reach.log_in(item))
                return command(run, self._scope, step=id_)
            case Playbook() as called:
                self._reach.changed.add(self._reach.log_in(item))
                return playbook(called, self._scope, item=item)
            case Fence() as fence:
                return self._fence(fence, item)
            case Power(state=state):
                self._reach.changed.add(item)
                return PowerRun(item, state)
        raise AssertionError(step.action)

    def _fence(self, fence: Fence, item: str) -> FenceRun:
        self._reach.changed.add(item)
        witnesses = tuple(self._scope.roles[name] for name in fence.witnesses)
        self._reach.look_from(witnesses)
        return FenceRun(item, witnesses, tuple(port_number(text(port, self._scope)) for port in fence.silent_ports))

    def _undo(self, undo: Undo, id_: str, item: str | None) -> PlannedUndo:
        action: Command | PlaybookRun | None = None
        if undo.action is not None:
            if item is None:
                raise Refused("its undo acts on a host, and no role says on which; add 'on'")
            if isinstance(undo.action, Run):
                action = command(undo.action, self._scope, step=id_)
            else:
                action = playbook(undo.action, self._scope, item=item)
        return PlannedUndo(action=action, irreversible=undo.irreversible)
