"""Runs a permitted plan: journals what it will do, does it, journals what came of it.

Every effect is announced durably before it happens and its result is durable before the next. So a
process that is killed anywhere leaves a journal from which ``Engine`` goes on: done steps are not
done again, and a step without a result is asked for on its host, or treated as its ``repeat`` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drillbook.errors import DrillbookError, ExitCode, JournalError, Refused, StoppedByPerson
from drillbook.execution.before import bind_slots, bound_steps, check_assumptions, forget_old_choices, require_bound
from drillbook.execution.ending import ending_of
from drillbook.execution.locks import RunLocks
from drillbook.execution.parts import Parts
from drillbook.execution.rollback import go_back
from drillbook.execution.start import may_begin
from drillbook.execution.state import RunState, Stage, state_from_records
from drillbook.execution.stepping import Stepper

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from drillbook.execution.actions import World
    from drillbook.journal.record import Record
    from drillbook.journal.writer import Journal
    from drillbook.plan.model import PlannedStep


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended or stopped.

    ``result``: succeeded | partial | rolled_back | abandoned | failed | not_fenced | unknown | stopped | refused.
    """

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
        self._locks = RunLocks(world, journal, self.state)
        self._stepper = Stepper(world, journal, self.state, self._locks)
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
        if not plan.parts:
            self._locks.take(plan.locks)
        if not self.state.touched:
            check_assumptions(self._world, self._journal)
        forget_old_choices(plan, self.state)
        bind_slots(self._world, self._journal, self.state)
        if plan.parts:
            Parts(self._world, self._journal, self.state, self._locks).carry_out(self._steps)
        else:
            self._steps(plan.steps)
        return self._close("succeeded", "")

    def _steps(self, steps: Sequence[PlannedStep]) -> None:
        """Do steps of the plan, one after the other: all of them, or those of one part. Raises at the first failure."""
        own = {step.id for step in steps}
        for number, planned in enumerate(steps):
            if self.state.step(planned.id).stage is not Stage.DONE:
                bind_slots(self._world, self._journal, self.state, step=planned.id)
                bound = [step for step in bound_steps(self._world.plan, self.state.slots) if step.id in own]
                require_bound(bound[number])
                may_begin(bound[number], self._world, self._journal)
                self._stepper.do(bound[number], bound[:number])

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
