"""What the rules look at, and the walks over it that several of them share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from drillbook.runbook.model import Check, Playbook, Run, SubRunbook, Wait

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from drillbook.runbook.library import Library
    from drillbook.runbook.model import CheckCall, Runbook, Step
    from drillbook.source import Map

Path = tuple[str | int, ...]


class Found(NamedTuple):
    """One thing that is wrong: where in the document, which rule, and the sentence.

    ``below``: lines below that place, for texts of several lines.
    """

    path: Path
    rule: str
    message: str
    below: int = 0


@dataclass(frozen=True, slots=True)
class Loaded:
    """A runbook and the document that it was built from (for lines)."""

    runbook: Runbook
    document: Map


@dataclass(frozen=True, slots=True)
class Context:
    """What stands around a runbook.

    ``loaded``: the runbooks by id that could be built, this one among them. ``ids``: all that have
    a file, so that one that is itself wrong is not called missing. ``library``: what stands under
    playbooks/.
    """

    loaded: Mapping[str, Loaded]
    ids: frozenset[str]
    library: Library
    reachable_ids: dict[str, frozenset[str]] = field(default_factory=dict)

    def called_from(self, id_: str) -> frozenset[str]:
        """Give the ids of all runbooks that one calls, directly or through others."""
        if id_ not in self.reachable_ids:
            seen: set[str] = set()
            waiting = [id_]
            while waiting:
                current = self.loaded.get(waiting.pop())
                for step in current.runbook.steps if current else ():
                    if isinstance(step.action, SubRunbook) and step.action.runbook not in seen:
                        seen.add(step.action.runbook)
                        waiting.append(step.action.runbook)
            self.reachable_ids[id_] = frozenset(seen)
        return self.reachable_ids[id_]


class RunAt(NamedTuple):
    """A command of a step: the step's own, or its undo."""

    path: Path
    step: Step
    run: Run
    is_undo: bool


class PlaybookAt(NamedTuple):
    """A playbook of a step: the step's own, or its undo."""

    path: Path
    step: Step
    playbook: Playbook
    is_undo: bool


class CheckAt(NamedTuple):
    """A call of a check; ``step`` is None for an assumption and for what chooses a slot's value."""

    path: Path
    step: Step | None
    call: CheckCall


def runs(runbook: Runbook) -> Iterator[RunAt]:
    """Give every command."""
    for index, step in enumerate(runbook.steps):
        if isinstance(step.action, Run):
            yield RunAt(("steps", index, "run"), step, step.action, is_undo=False)
        if isinstance(step.undo.action, Run):
            yield RunAt(("steps", index, "undo", "run"), step, step.undo.action, is_undo=True)


def playbooks(runbook: Runbook) -> Iterator[PlaybookAt]:
    """Give every playbook."""
    for index, step in enumerate(runbook.steps):
        if isinstance(step.action, Playbook):
            yield PlaybookAt(("steps", index, "playbook"), step, step.action, is_undo=False)
        if isinstance(step.undo.action, Playbook):
            yield PlaybookAt(("steps", index, "undo", "playbook"), step, step.undo.action, is_undo=True)


def checks(runbook: Runbook) -> Iterator[CheckAt]:
    """Give every call of a check: assumptions, what chooses, checks and waits, and what verifies."""
    for index, (_, call) in enumerate(runbook.assumptions):
        yield CheckAt(("assumptions", index, "check"), None, call)
    for name, slot in runbook.slots.items():
        yield CheckAt(("slots", name, "choose"), None, slot.choose)
    for index, step in enumerate(runbook.steps):
        if isinstance(step.action, Check):
            yield CheckAt(("steps", index, "check"), step, step.action.call)
        elif isinstance(step.action, Wait):
            yield CheckAt(("steps", index, "wait"), step, step.action.call)
        for number, call in enumerate(step.verify):
            yield CheckAt(("steps", index, "verify", number), step, call)


def listed(names: Any) -> str:
    """Give names as a list for a sentence, ``none`` when there are none."""
    return ", ".join(names) or "none"
