"""Findings about a drill's file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.errors import Finding
from drillbook.schema_words import nearest

if TYPE_CHECKING:
    from drillbook.drill.model import Drill


def finding(drill: Drill, line: int, rule: str, message: str) -> Finding:
    """Give a finding at a line of the drill's file."""
    return Finding(drill.file, line, rule, message)


def unknown(drill: Drill, line: int, rule: str, what: str, known: list[str]) -> Finding:
    """Give the finding that ``what``, which names it in quotes, is not there; it says what is near, of ``known``."""
    return finding(drill, line, rule, f"there is no {what}; {nearest(what.split(chr(39))[1], known)}")
