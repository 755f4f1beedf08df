"""What a drill needs of its surroundings, and whom it tells what it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from drillbook.change.gate.gate import Permission
    from drillbook.cmdb.model import Cmdb
    from drillbook.drill.model import RunbookCall
    from drillbook.evidence.result import DrillResult
    from drillbook.execution.launch import Surroundings
    from drillbook.journal.record import Record
    from drillbook.lab.state import LabState
    from drillbook.plan.model import Plan
    from drillbook.progress import Progress
    from drillbook.runbook.model import Text


class Show(Protocol):
    """What a person is shown while a drill goes on."""

    def say(self, text: str) -> None:
        """Show a line."""
        ...

    def run(self, plan: Plan, part: str) -> Callable[[Record], None]:
        """Give the listener that shows a run of a plan, as that part of the drill (before, main, afterwards)."""
        ...

    def words(self, text: Text) -> str:
        """Give a text in the person's language."""
        ...


@dataclass(frozen=True, slots=True)
class Setting:
    """What a drill needs of its surroundings.

    ``plan_for`` makes a plan and passes the gate. ``write`` writes the record of a result, given the journals of its
    runs, and gives the record's folder.
    """

    cmdb: Cmdb
    around: Surroundings
    lab: LabState
    plan_for: Callable[[RunbookCall], tuple[Plan, Permission]]
    write: Callable[[DrillResult, dict[str, Path]], Path]
    show: Show
    progress: Progress
