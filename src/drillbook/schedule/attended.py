"""Whether a drill needs a person while it runs: at night nobody is there to confirm anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.drill.model import PersonDecides
from drillbook.runbook.model import Manual, SubRunbook

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drillbook.drill.model import Drill
    from drillbook.runbook.model import Runbook


def needs_person(drill: Drill, runbooks: Mapping[str, Runbook]) -> str | None:
    """Say what of a drill only a person can do: its beginning, or a step of a runbook; None: nothing."""
    if isinstance(drill.trigger, PersonDecides):
        return "a person begins it"
    waiting = [call.runbook for call in (*drill.before, drill.call, *drill.afterwards)]
    seen: set[str] = set()
    while waiting:
        book = runbooks.get(waiting.pop())
        if book is None or book.id in seen:
            continue
        seen.add(book.id)
        for step in book.steps:
            if isinstance(step.action, Manual):
                return f"a person does the step {step.id} of {book.id}"
            if isinstance(step.action, SubRunbook):
                waiting.append(step.action.runbook)
    return None
