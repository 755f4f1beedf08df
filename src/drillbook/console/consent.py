"""Lets a person read what they would sign, and asks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from drillbook.change.records.record import matching
from drillbook.console.output import console
from drillbook.console.page import print_page
from drillbook.errors import StoppedByPerson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drillbook.runbook.page import Line


def read_page(lines: Sequence[Line], *, word: str, yes: bool) -> None:
    """Show a page, and have ``word`` typed: a change's id, or the end of it as everywhere else.

    No pager: it would stand between the page and the question, and nothing of it would be left to look at.
    ``yes``: show it, and do not ask. Raises StoppedByPerson when the word is not typed, or nobody is there to.
    """
    if not yes and not sys.stdin.isatty():
        raise StoppedByPerson("nobody is at a terminal to read it and say yes; nothing was signed", remedy="add --yes")
    print_page(console, lines)
    if yes:
        return
    try:
        typed = input(f"\n  To sign this, type {word} (or its end, {word.rpartition('-')[2]}): ").strip()
    except EOFError:
        typed = ""
    if not matching([word], typed):
        raise StoppedByPerson(f"{word} was not typed; nothing was signed")
