"""Brings one step of a run to its end: announces it durably, does it, journals what came of it, and proves it.

A step that was begun and has no result on record is asked for on its host, or treated as its ``repeat`` says; what is
done is never done again.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from drillbook.errors import (
    DrillbookError,
    FencingNotProved,
    HostUnreachable,
    OutcomeUnknown,
    StepFailed,
    StoppedByPerson,
)
from drillbook.execution.actions import Result, World, act, effect, of_effect
from drillbook.execution.in_use import going_back_may_do
from drillbook.execution.start import step_key
from drillbook.execution.state import Stage
from drillbook.facts.checks import limit_of
from drillbook.hosts.agent import Ended
from drillbook.plan.model import CheckRun, Command, FenceRun, PlaybookRun, PowerRun, action_name
from drillbook.runbook.model import Repeat, Verb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drillbook.execution.locks import RunLocks
    from drillbook.execution.state import RunState
    from drillbook.journal.writer import Journal
    from drillbook.plan.model import PlannedStep

_VERIFY_POLL = 0.02
_EFFECT_POLL = 0.2


class Stepper:
    """Does the steps of one run. ``state`` is where the run stood when its journal was opened."""

    def __init__(self, world: World, journal: Journal, state: RunState, locks: RunLocks) -> None:
        """Take what steps need, and note which of them were under way."""
        self._world = world
        self._journal = journal
        self._state = state
        self._locks = locks
        self._resolving = {id_ for id_, step in state.steps.items() if step.stage is Stage.STARTED}
        # Attempts that their host has not seen begin. They are made again under the same key, so that
        # one which is merely late and its repetition cannot both begin.
        self._absent: set[str] = set()
        self._resumed = state.touched
        self._fenced: set[str] = set()  # fences that were proved by this process, not before the run lay still

    def do(self, step: PlannedStep, before: Sequence[PlannedStep]) -> None:
        """Bring one step to its end. Raises DrillbookError when it does not get there.

        ``before``: the steps that come before it and that it builds upon, with the values of their slots.
        """
        began = self._world.clock.monotonic()
        status = self._state.step(step.id)
        if status.stage is Stage.ACTED:
            self._verify(step, began)
            return
        resolved = None
        if step.id in self._resolving or status.stage is Stage.UNKNOWN:
            self._resolving.discard(step.id)
            resolved = self._resolve(step)
            if self._state.step(step.id).stage is Stage.DONE:
                return
        if resolved is None:
            resolved = self._attempt(step, before)
        if isinstance(resolved.error, StoppedByPerson):
            raise self._failure(step, resolved)
        if resolved.outcome == "unknown" and isinstance(step.action, Command):
            # The connection broke in the middle: the host may know by now. What no host keeps a record of
            # (a playbook, say) is not done again in the same breath: it may still be at work there.
            resolved = self._resolve(step) or self._attempt(step, before)
            if self._state.step(step.id).stage is Stage.DONE:
                return
        if resolved.outcome == "unknown":
            raise OutcomeUnknown(f"step {step.id}: {resolved.detail}", remedy=self._way_on(step))
        if resolved.outcome == "failed":
            raise self._failure(step, resolved)
        self._verify(step, began)

    def _attempt(self, step: PlannedStep, before: Sequence[PlannedStep] = ()) -> Result:
        if self._resumed and step.verb is Verb.PROMOTE:
            if self._holds_already(step):
                return Result("succeeded")
            self._prove_again(before)
        attempt = self._state.step(step.id).attempts + (step.id not in self._absent)
        self._absent.discard(step.id)
        key = step_key(step.id, attempt)
        action = step.action
        token = self._locks.token(step.item) if step.item and isinstance(action, Command | PlaybookRun) else None
        self._journal.append(
            "step.started", step=step.id, attempt=attempt, key=key, item=step.item, action=action_name(action)
        )
        began = self._world.clock.monotonic()
        try:
            if isinstance(action, Command):
                assert step.item is not None
                assert token is not None
                result = effect(step.item, action, self._world, key=key, token=token, timeout=step.timeout)
            else:
                result = act(action, self._world, key=key, token=token, timeout=step.timeout)
        except KeyboardInterrupt:
            result = self._interrupted(step, key)
        except (HostUnreachable, OutcomeUnknown) as error:
            result = Result("unknown", error.message)
        except DrillbookError as error:
            result = Result("failed", error.message, {}, error)
        if isinstance(action, FenceRun) and result.outcome == "succeeded":
            self._fenced.add(step.id)
        self._ended(step, attempt, result, self._world.clock.monotonic() - began, recovered=False)
        return result

    def _holds_already(self, step: PlannedStep) -> bool:
        """Tell whether a promotion has taken effect before, by its own checks, and journal that it has."""
        if not step.verify or not all(self._world.checks.run(check).held for check in step.verify):
            return False
        result = Result("succeeded", "its checks hold already")
        self._ended(step, self._state.step(step.id).attempts, result, 0.0, recovered=True)
        return True

    def _prove_again(self, before: Sequence[PlannedStep]) -> None:
        """Prove once more, before a promotion in a resumed run, that the old primary cannot act.

        While the run lay still, somebody may have started it: a fence is done again, and a stop's proof is
        looked at again. Raises as these steps do.
        """
        for step in before:
            if isinstance(step.action, FenceRun) and step.id not in self._fenced:
                result = self._attempt(step)
                if result.outcome != "succeeded":
                    raise self._failure(step, result)
                self._verify(step, self._world.clock.monotonic())
            elif step.verb in (Verb.DEMOTE, Verb.STOP):
                self._verify(step, self._world.clock.monotonic())

    def _ended(self, step: PlannedStep, attempt: int, result: Result, seconds: float, *, recovered: bool) -> None:
        self._journal.append(
            "step.ended",
            step=step.id,
            attempt=attempt,
            outcome=result.outcome,
            detail=result.detail,
            seconds=round(seconds, 4),
            recovered=recovered,
            evidence=result.evidence,
        )

    def _interrupted(self, step: PlannedStep, key: str) -> Result:
        """A person insists (second Ctrl-C): end the effect on its host, and say what is known."""
        stopped = StoppedByPerson(f"stopped in step {step.id}")
        if not isinstance(step.action, Command) or step.item is None:
            return Result("unknown", "stopped by a person in the middle of it", {}, stopped)
        try:
            self._world.hosts[step.item].close()
            result = of_effect(self._world.agent(step.item).stop(self._world.run, key))
        except DrillbookError as error:
            return Result("unknown", f"stopped by a person; {error.message}", {}, stopped)
        return Result(result.outcome, result.detail, result.evidence, stopped)

    def _resolve(self, step: PlannedStep) -> Result | None:
        """Find out about a step that was begun and has no result. None: it is to be done (again)."""
        status = self._state.step(step.id)
        if isinstance(step.action, Command) and step.item is not None:
            told = self._ask_host(step, step_key(step.id, status.attempts))
            if told is not None:
                # What was ended before its time may have taken effect: ``repeat`` decides.
                if told.outcome != "unknown" and status.stage is not Stage.UNKNOWN:
                    self._ended(step, status.attempts, told, 0.0, recovered=True)
                    return told
            else:
                self._absent.add(step.id)
                return None
        elif not isinstance(step.action, PlaybookRun | PowerRun | FenceRun):
            return None  # looking again changes nothing
        match step.repeat:
            case Repeat.SAFE:
                return None
            case Repeat.CHECK:
                facts = [self._world.checks.run(check) for check in step.verify]
                if any(not fact.known for fact in facts):
                    raise OutcomeUnknown(f"step {step.id}: its checks cannot tell", remedy=self._way_on(step))
                if all(fact.held for fact in facts):
                    self._ended(step, status.attempts, Result("succeeded", "its checks hold"), 0.0, recovered=True)
                    self._journal.append("step.done", step=step.id)
                    return Result("succeeded")
                return None
            case Repeat.NEVER:
                raise OutcomeUnknown(
                    f"step {step.id} was begun, nobody can say whether it took effect, and it must not be repeated",
                    remedy=self._way_on(step),
                )

    def _ask_host(self, step: PlannedStep, key: str) -> Result | None:
        """Ask the host for an effect's result, and wait while it runs. None: it never began."""
        assert step.item is not None
        deadline = self._world.clock.monotonic() + step.timeout + 10
        try:
            agent = self._world.agent(step.item)
            while (told := agent.status(self._world.run, key)).ended is Ended.RUNNING:
                if self._world.clock.monotonic() > deadline:
                    break
                self._world.clock.sleep(_EFFECT_POLL)
        except (HostUnreachable, OutcomeUnknown) as error:
            raise OutcomeUnknown(f"step {step.id}: {error.message}", remedy=self._way_on(step)) from None
        return None if told.ended is Ended.ABSENT else of_effect(told)

    def _verify(self, step: PlannedStep, began: float) -> None:
        """Poll each check of the step until it holds, or says that it will not; the step's time limit bounds all."""
        for check in step.verify:
            self._verify_one(step, check, began + step.timeout)
        self._journal.append("step.done", step=step.id)

    def _verify_one(self, step: PlannedStep, check: CheckRun, deadline: float) -> None:
        clock = self._world.clock
        now = asked = clock.monotonic()
        while not (fact := self._world.checks.run(check, limit=limit_of(now - asked, deadline - now))).held:
            if self._world.stopping():
                raise StoppedByPerson(f"stopped while the proof of step {step.id} did not hold yet: {fact.detail}")
            if fact.final or clock.monotonic() + _VERIFY_POLL > deadline:
                self._journal.append(
                    "verify.failed", step=step.id, check=check.function, item=check.item, detail=fact.detail
                )
                raise StepFailed(
                    f"step {step.id} ran, but its proof does not hold: {fact.detail}",
                    remedy=self._way_on(step),
                )
            clock.sleep(_VERIFY_POLL)
            now = clock.monotonic()
        self._journal.append(
            "verify.held",
            step=step.id,
            check=check.function,
            item=check.item,
            seconds=round(clock.monotonic() - asked, 4),
        )

    def _failure(self, step: PlannedStep, result: Result) -> DrillbookError:
        match result.error:
            case FencingNotProved() | StoppedByPerson() as error:
                error.remedy = error.remedy or self._way_on(step)
                return error
            case _:
                return StepFailed(f"step {step.id}: {result.detail}", remedy=self._way_on(step))

    def _way_on(self, step: PlannedStep) -> str:
        run, plan = self._world.run, self._world.plan
        lines = [f"mend the cause, then ./inv runbooks.resume {run}"]
        if going_back_may_do(plan, self._state, stopped_in=step.id):
            lines.append(f"or go back: ./inv runbooks.rollback {run}")
        if step.by_hand:
            given = [f"--param {shlex.quote(f'{name}={value}')}" for name, value in plan.parameters.items()]
            lines.append(" ".join(["by hand: ./inv runbooks.plan", plan.runbook, "--by-hand", *given]))
        return "\n".join(lines)
