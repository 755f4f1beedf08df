"""Runs a permitted plan: journals what it will do, does it, journals what came of it.

Every effect is announced durably before it happens and its result is durable before the next. So a
process that is killed anywhere leaves a journal from which ``Engine`` goes on: done steps are not
done again, and a step without a result is asked for on its host, or treated as its ``repeat`` says.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drillbook.errors import (
    DrillbookError,
    ExitCode,
    FencingNotProved,
    HostUnreachable,
    JournalError,
    OutcomeUnknown,
    Refused,
    StepFailed,
    StoppedByPerson,
)
from drillbook.execution.actions import Result, World, act, effect, of_effect
from drillbook.execution.before import bind_slots, bound_steps, check_assumptions, forget_old_choices, require_bound
from drillbook.execution.ending import ending_of
from drillbook.execution.locks import RunLocks
from drillbook.execution.rollback import go_back
from drillbook.execution.start import may_begin, step_key
from drillbook.execution.state import RunState, Stage, state_from_records
from drillbook.facts.checks import limit_of
from drillbook.hosts.agent import Ended
from drillbook.plan.model import CheckRun, Command, FenceRun, PlaybookRun, PowerRun, action_name
from drillbook.runbook.model import Repeat, Verb

if TYPE_CHECKING:
    from collections.abc import Iterable

    from drillbook.journal.record import Record
    from drillbook.journal.writer import Journal
    from drillbook.plan.model import PlannedStep

_VERIFY_POLL = 0.02
_EFFECT_POLL = 0.2


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended or stopped. ``result``: succeeded | rolled_back | failed | unknown | stopped | refused."""

    result: str
    exit_code: ExitCode
    message: str
    remedy: str
    step: str | None


class Engine:
    """One run of one plan. Journal, hosts and everything else outside are injected."""

    def __init__(self, world: World, journal: Journal, records: Iterable[Record] = ()) -> None:
        """Take the world, the open journal, and the records that it holds already."""
        self._world = world
        self._journal = journal
        self.state: RunState = state_from_records(records)
        self._resolving = {id_ for id_, step in self.state.steps.items() if step.stage is Stage.STARTED}
        # Attempts that their host has not seen begin. They are made again under the same key, so that
        # one which is merely late and its repetition cannot both begin.
        self._absent: set[str] = set()
        self._resumed = self.state.touched
        self._locks = RunLocks(world, journal, self.state)
        self._steps: tuple[PlannedStep, ...] = ()  # with the values of their slots
        journal.listen(self.state.apply)

    def run(self) -> Outcome:
        """Go from where the journal stands to the end, or to where it stops. Never raises DrillbookError."""
        return self._ended_before("succeeded") or self._guard(self._forward)

    def rollback(self) -> Outcome:
        """Undo the steps that were begun, last first. Refused when one of them cannot be undone."""
        return self._ended_before("rolled_back") or self._guard(self._backward)

    def abandon(self) -> Outcome:
        """Close a run that nobody will go on with, and give its locks back. Changes nothing else."""
        return self._ended_before(None) or self._guard(self._give_up)

    def refuse(self, error: DrillbookError) -> Outcome:
        """End a run that a look at its hosts or the git remote forbids, as ``ending.ending_of`` says."""

        def body() -> Outcome:
            raise error

        return self._ended_before(None) or self._guard(body)

    def _ended_before(self, wanted: str | None) -> Outcome | None:
        """A run that is closed stays so; locks that it could not give back any more are given back now.

        It is as ``wanted`` or that is an error: who resumes a run that was refused must not take it for done.
        """
        closed = self.state.closed
        if closed is None:
            return None
        code = ExitCode.OK if wanted in (None, closed) else ExitCode.REFUSED
        message = f"this run had ended before ({closed}); nothing was done"
        return Outcome(closed, code, " ".join([message, *self._locks.give_back()]), "", None)

    # --- forward ---------------------------------------------------------------------------------

    def _forward(self) -> Outcome:
        if self.state.rolling_back:
            raise Refused(
                "this run is being rolled back; it does not go forward again",
                remedy=f"./inv runbooks.rollback {self._world.run}",
            )
        plan = self._world.plan
        self._locks.take(plan.locks)
        if not self.state.touched:
            check_assumptions(self._world, self._journal)
        forget_old_choices(plan, self.state)
        bind_slots(self._world, self._journal, self.state)
        for number, planned in enumerate(plan.steps):
            if self.state.step(planned.id).stage is not Stage.DONE:
                bind_slots(self._world, self._journal, self.state, step=planned.id)
                self._steps = bound_steps(plan, self.state.slots)
                step = self._steps[number]
                require_bound(step)
                may_begin(step, self._world, self._journal)
                self._do(step)
        return self._close("succeeded", "")

    def _do(self, step: PlannedStep) -> None:
        """Bring one step to its end. Raises when it does not get there."""
        began = self._world.clock.monotonic()
        status = self.state.step(step.id)
        if status.stage is Stage.ACTED:
            self._verify(step, began)
            return
        resolved = None
        if step.id in self._resolving or status.stage is Stage.UNKNOWN:
            self._resolving.discard(step.id)
            resolved = self._resolve(step)
            if self.state.step(step.id).stage is Stage.DONE:
                return
        if resolved is None:
            resolved = self._attempt(step)
        if isinstance(resolved.error, StoppedByPerson):
            raise self._failure(step, resolved)
        if resolved.outcome == "unknown" and isinstance(step.action, Command):
            # The connection broke in the middle: the host may know by now. What no host keeps a record of
            # (a playbook, say) is not done again in the same breath: it may still be at work there.
            resolved = self._resolve(step) or self._attempt(step)
            if self.state.step(step.id).stage is Stage.DONE:
                return
        if resolved.outcome == "unknown":
            raise OutcomeUnknown(f"step {step.id}: {resolved.detail}", remedy=self._way_on(step))
        if resolved.outcome == "failed":
            raise self._failure(step, resolved)
        self._verify(step, began)

    def _attempt(self, step: PlannedStep) -> Result:
        if self._resumed and step.verb is Verb.PROMOTE:
            if self._holds_already(step):
                return Result("succeeded")
            self._prove_again(step)
        attempt = self.state.step(step.id).attempts + (step.id not in self._absent)
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
        self._ended(step, attempt, result, self._world.clock.monotonic() - began, recovered=False)
        return result

    def _holds_already(self, step: PlannedStep) -> bool:
        """Tell whether a promotion has taken effect before, by its own checks, and journal that it has."""
        if not step.verify or not all(self._world.checks.run(check).held for check in step.verify):
            return False
        result = Result("succeeded", "its checks hold already")
        self._ended(step, self.state.step(step.id).attempts, result, 0.0, recovered=True)
        return True

    def _prove_again(self, promotion: PlannedStep) -> None:
        """Prove once more, before a promotion in a resumed run, that the old primary cannot act.

        While the run lay still, somebody may have started it: a fence is done again, and a stop's proof is
        looked at again. Raises as these steps do.
        """
        for step in self._steps:
            if step is promotion:
                return
            if isinstance(step.action, FenceRun):
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
        status = self.state.step(step.id)
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
        begun = [each for each in plan.steps if self.state.step(each.id).touched]
        if not any(each.undo.irreversible or (each.verb is Verb.PROMOTE and each is not step) for each in begun):
            lines.append(f"or go back: ./inv runbooks.rollback {run}")
        if step.by_hand:
            given = [f"--param {shlex.quote(f'{name}={value}')}" for name, value in plan.parameters.items()]
            lines.append(" ".join(["by hand: ./inv runbooks.plan", plan.runbook, "--by-hand", *given]))
        return "\n".join(lines)

    def _backward(self) -> Outcome:
        go_back(self._world, self._journal, self.state, self._locks)
        return self._close("rolled_back", "")

    def _give_up(self) -> Outcome:
        done = "what was done stays done" if self.state.touched else "nothing was changed"
        return self._close("abandoned", f"given up by a person; {done}")

    # --- the end ---------------------------------------------------------------------------------

    def _close(self, result: str, message: str) -> Outcome:
        self._journal.append("run.closed", outcome=result, message=message)
        return Outcome(result, ExitCode.OK, " ".join([message, *self._locks.give_back()]).strip(), "", None)

    def _guard(self, body: Any) -> Outcome:
        """Turn whatever stops the run into a record and an outcome."""
        try:
            outcome = body()
            assert isinstance(outcome, Outcome)
        except JournalError as error:
            # It cannot be written down; the hosts keep their locks and know what ran.
            return Outcome("failed", error.exit_code, error.message, error.remedy, self._at())
        except DrillbookError as error:
            return self._stopped(error)
        except KeyboardInterrupt:
            return self._stopped(StoppedByPerson("stopped by a person"))
        return outcome

    def _at(self) -> str | None:
        for step in self._world.plan.steps:
            if self.state.step(step.id).stage not in (Stage.DONE, Stage.UNDONE):
                return step.id
        return None

    def _stopped(self, error: DrillbookError) -> Outcome:
        ending, step = ending_of(error, self.state), self._at()
        said = {"message": error.message, "remedy": ending.remedy, "step": step}
        kept: list[str] = []
        try:
            if ending.closed:
                self._journal.append("run.closed", outcome=ending.result, **said)
            if not self.state.touched:
                kept = self._locks.give_back()
            if not ending.closed:
                self._journal.append("run.stopped", reason=ending.result, **said)
        except JournalError as broken:
            return Outcome("failed", broken.exit_code, broken.message, broken.remedy, step)
        return Outcome(ending.result, error.exit_code, " ".join([error.message, *kept]), ending.remedy, step)
