"""The rules that a runbook must keep beyond its schema. ``RULES`` is what the docs show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.errors import Finding
from drillbook.runbook.rules import calls, commands, parts, promotion, references, slots, steps
from drillbook.runbook.rules.table import RULES, Rule
from drillbook.source import line_at
from drillbook.text import visible

if TYPE_CHECKING:
    from drillbook.runbook.rules.context import Context, Loaded


__all__ = ["RULES", "Rule", "findings_of"]

_LONGEST = 390  # characters of a message; what quotes a file's text is cut earlier, where it is quoted
_IDS = frozenset(rule.id for rule in RULES)


def findings_of(loaded: Loaded, context: Context) -> list[Finding]:
    """Hold one runbook against all rules; give the findings sorted by line."""
    found: set[Finding] = set()
    for part in (steps, references, slots, commands, promotion, calls, parts):
        for path, rule, message, below in part.find(loaded, context):
            assert rule in _IDS, rule
            line = line_at(loaded.document, path) + below
            found.add(
                Finding(loaded.runbook.file, line, rule, visible(f"{_where(loaded, path)}{message}", limit=_LONGEST))
            )
    return sorted(found)


def _where(loaded: Loaded, path: tuple[str | int, ...]) -> str:
    """Name the step, since a line alone says little in a message that is read later."""
    if len(path) > 1 and path[0] == "steps" and isinstance(path[1], int):
        return f"step {loaded.runbook.steps[path[1]].id}: "
    return ""
