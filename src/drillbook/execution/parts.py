"""Carries out the independent parts of a plan: one that fails is journalled, and the next that does not need it begins.

Each part is what a run of its own runbook would be: its hosts are reached, locked and asked before its first effect,
and whatever stops it stops it. Nothing that one part has done counts for another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.errors import DrillbookError, JournalError, PartsFailed, StoppedByPerson
from drillbook.execution.ending import name_of
from drillbook.execution.in_use import going_back_may_do, hosts_in_use
from drillbook.execution.start import may_begin
from drillbook.execution.state import Stage
from drillbook.plan.parts import together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from drillbook.execution.actions import World
    from drillbook.execution.locks import RunLocks
    from drillbook.execution.state import RunState
    from drillbook.journal.writer import Journal
    from drillbook.plan.model import Plan, PlannedPart, PlannedStep


def done_parts(plan: Plan, state: RunState) -> list[str]:
    """Give the ids of the parts of which every step is done."""
    return [
        part.id
        for part, steps in together(plan, plan.steps)
        if part is not None and all(state.step(step.id).stage is Stage.DONE for step in steps)
    ]


class Parts:
    """The parts of one run."""

    def __init__(self, world: World, journal: Journal, state: RunState, locks: RunLocks) -> None:
        """Take what parts need; nothing is done yet."""
        self._world = world
        self._journal = journal
        self._state = state
        self._locks = locks

    def carry_out(self, go: Callable[[Sequence[PlannedStep]], None]) -> None:
        """Carry out each part that is not done, in the plan's order; ``go`` does steps one after the other.

        Raises PartsFailed when parts are left, with each one's reason; where nothing was changed, the first reason's
        own error. What a person or the journal stops is stopped at once, as in any run.
        """
        plan = self._world.plan
        failed: dict[str, DrillbookError] = {}
        for part, steps in together(plan, plan.steps):
            assert part is not None
            done = done_parts(plan, self._state)
            if part.id in done:
                continue
            missing = [name for name in part.after if name not in done]
            if missing:
                said = f"not begun, since it needs {' and '.join(missing)}"
                self._journal.append("part.skipped", part=part.id, after=missing, message=said)
                continue
            try:
                self._begin(part, steps)
                go(steps)
            except JournalError:
                raise
            except StoppedByPerson as error:
                if failed:
                    error.message = f"{error.message}; not done: {'; '.join(self._reasons(failed))}"
                raise
            except DrillbookError as error:
                failed[part.id] = error
                self._failed(part, steps, error)
        if failed:
            raise self._left(failed)

    def _begin(self, part: PlannedPart, steps: Sequence[PlannedStep]) -> None:
        """Reach and lock the part's hosts; before its first effect, all that it assumes is to be asked (again)."""
        may_begin(steps[0], self._world, self._journal)
        if not self._touched(steps):
            unreachable = self._world.hosts.open(part.reachable)
            for item in sorted(unreachable):
                raise unreachable[item]
            for step in steps:
                self._state.step(step.id).stage = Stage.PENDING
        # A host may have its lock back although the journal does not say so yet.
        self._locks.take(part.locks, anew=set(part.locks) - hosts_in_use(self._world.plan, self._state))

    def _failed(self, part: PlannedPart, steps: Sequence[PlannedStep], error: DrillbookError) -> None:
        at = next((step.id for step in steps if self._state.step(step.id).stage is not Stage.DONE), None)
        self._journal.append(
            "part.failed",
            part=part.id,
            reason=name_of(error),
            message=error.message,
            remedy="\n".join(self._own_advice(error)),
            step=at,
        )
        if not self._touched(steps):
            # Who mends the cause may need these hosts for another run.
            self._locks.give_back(set(part.locks) - hosts_in_use(self._world.plan, self._state))

    def _touched(self, steps: Sequence[PlannedStep]) -> bool:
        return any(self._state.step(step.id).touched for step in steps)

    def _own_advice(self, error: DrillbookError) -> list[str]:
        """Give what an error advises for its part alone; what ends or undoes the run is advised once, for all parts."""
        of_all = [f"./inv runbooks.{way} {self._world.run}" for way in ("rollback", "abandon")]
        return [line for line in error.remedy.splitlines() if not any(each in line for each in of_all)]

    def _reasons(self, parts: Iterable[str]) -> list[str]:
        return [f"{name}: {self._state.left[name]}" for name in parts]

    def _left(self, failed: Mapping[str, DrillbookError]) -> DrillbookError:
        """Give the error that says what is done, what is not and why, and all that can be done about it."""
        done = done_parts(self._world.plan, self._state)
        left = self._reasons(name for name in self._state.left if name not in done)
        said = f"not done: {'; '.join(left)}. Done: {', '.join(done) or 'no other part'}"
        if not self._state.touched:
            first = next(iter(failed.values()))
            first.message = said
            return first
        run = self._world.run
        again = f"mend the cause, then ./inv runbooks.resume {run}"
        told = [
            f"{part}: {line}" for part, error in failed.items() for line in self._own_advice(error) if line != again
        ]
        told.append(f"or leave it as it is: ./inv runbooks.abandon {run}")
        if going_back_may_do(self._world.plan, self._state):
            told.append(f"or undo all parts: ./inv runbooks.rollback {run}")
        return PartsFailed(said, remedy="\n".join([f"{again} tries again what is not done", *told]))
