"""Before a step begins, forward or back: whether it may, and what its attempt is called on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.errors import JournalError, StoppedByPerson

if TYPE_CHECKING:
    from drillbook.execution.actions import World
    from drillbook.journal.writer import Journal
    from drillbook.plan.model import PlannedStep


def may_begin(step: PlannedStep, world: World, journal: Journal) -> None:
    """Raises StoppedByPerson when a person wants the run to stop, JournalError when the disk was full."""
    if world.stopping():
        raise StoppedByPerson(f"stopped before step {step.id}")
    if not journal.has_reserve():
        raise JournalError(
            f"the disk under {journal.path.parent} was full; step {step.id} is not begun",
            remedy="free some space there, then resume the run",
        )


def step_key(step: str, attempt: int) -> str:
    """Give the name of an attempt on its host: letters, digits, dash and dot."""
    name = step.replace("/", ".")
    return name if attempt == 1 else f"{name}.{attempt}"
