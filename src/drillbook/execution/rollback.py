"""Undoes the steps that a run has begun, last first.

Undo actions are safe to repeat (a rule of runbooks), so a rollback that died is simply begun again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.errors import OutcomeUnknown, Refused, StepFailed
from drillbook.execution.actions import act, effect
from drillbook.execution.before import bound_steps
from drillbook.execution.in_use import hosts_in_use
from drillbook.execution.start import may_begin, step_key
from drillbook.execution.state import Stage
from drillbook.plan.model import Command, PlaybookRun
from drillbook.plan.parts import together
from drillbook.runbook.model import Verb

if TYPE_CHECKING:
    from drillbook.execution.actions import World
    from drillbook.execution.locks import RunLocks
    from drillbook.execution.state import RunState
    from drillbook.journal.writer import Journal
    from drillbook.plan.model import PlannedStep


def go_back(world: World, journal: Journal, state: RunState, locks: RunLocks) -> None:
    """Undo every step that was touched.

    Raises Refused, before anything is undone, when a touched step cannot be undone or somebody has promoted
    the standby meanwhile; StepFailed or OutcomeUnknown when an undo action did not succeed; what
    ``may_begin`` and ``RunLocks.take`` raise.
    """
    _Rollback(world, journal, state, locks).go()


class _Rollback:
    def __init__(self, world: World, journal: Journal, state: RunState, locks: RunLocks) -> None:
        self._world = world
        self._journal = journal
        self._state = state
        self._locks = locks
        self._steps = bound_steps(world.plan, state.slots)

    def go(self) -> None:
        plan = self._world.plan
        touched = [step for step in self._steps if self._state.step(step.id).touched]
        for step in reversed(touched):
            if step.undo.irreversible is not None:
                raise Refused(
                    f"step {step.id} cannot be undone: {step.undo.irreversible.en}",
                    remedy=f"the way is forward: ./inv runbooks.resume {self._world.run}",
                )
        self._refuse_when_promoted()
        in_use = hosts_in_use(plan, self._state)
        self._locks.take([item for item in plan.locks if item in self._state.tokens and item in in_use])
        self._end_what_runs()
        if not self._state.rolling_back:
            self._journal.append("rollback.started", steps=[step.id for step in reversed(touched)])
        for step in reversed(touched):
            may_begin(step, self._world, self._journal)
            if step.undo.action is not None:
                self._undo(step)
            else:
                self._journal.append("undo.ended", step=step.id, outcome="succeeded", detail="nothing to put back")

    def _refuse_when_promoted(self) -> None:
        """Refuse to go back where somebody has promoted the standby meanwhile, by hand or otherwise.

        Of a part that was never begun nothing is put back, so nobody is asked.
        """
        begun = [
            step
            for _, steps in together(self._world.plan, self._steps)
            if any(self._state.step(step.id).touched for step in steps)
            for step in steps
        ]
        for step in begun:
            if step.verb is not Verb.PROMOTE:
                continue
            # What needs a value that was never chosen asks about a step that was never begun.
            facts = [self._world.checks.run(check) for check in step.verify if not check.slots]
            if any(not fact.known for fact in facts):
                reason = f"it cannot be told whether {step.item} is promoted: {facts[0].detail}"
            elif facts and all(fact.held for fact in facts):
                reason = f"{step.item} is promoted; starting the old primary again would make two"
            else:
                continue
            raise Refused(reason, remedy=f"look at {step.item}; then ./inv runbooks.resume {self._world.run}")

    def _end_what_runs(self) -> None:
        """End effects of this run that may still be at work, so that nothing comes after its own undoing."""
        for step in self._steps:
            status = self._state.step(step.id)
            if step.item is None or not isinstance(step.action, Command):
                continue
            agent = self._world.agent(step.item)
            if status.stage in (Stage.STARTED, Stage.UNKNOWN):
                agent.stop(self._world.run, step_key(step.id, status.attempts))
            if status.undo_open:
                agent.stop(self._world.run, "undo." + step_key(step.id, status.undo_attempts))

    def _undo(self, step: PlannedStep) -> None:
        action = step.undo.action
        assert action is not None
        item = action.item if isinstance(action, PlaybookRun) else step.item
        assert item is not None
        attempt = self._state.step(step.id).undo_attempts + 1
        key = "undo." + step_key(step.id, attempt)
        token = self._locks.token(item)
        self._journal.append("undo.started", step=step.id, attempt=attempt, key=key, item=item)
        if isinstance(action, Command):
            result = effect(item, action, self._world, key=key, token=token, timeout=step.timeout)
        else:
            result = act(action, self._world, key=key, token=token, timeout=step.timeout)
        said = {key: value for key, value in result.evidence.items() if key == "notes"}
        self._journal.append("undo.ended", step=step.id, outcome=result.outcome, detail=result.detail, **said)
        if result.outcome != "succeeded":
            error = OutcomeUnknown if result.outcome == "unknown" else StepFailed
            raise error(
                f"undoing step {step.id}: {result.detail}",
                remedy=f"mend the cause, then ./inv runbooks.rollback {self._world.run}",
            )
