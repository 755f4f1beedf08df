"""Lets a person read what they would sign, and asks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from drillbook.console.output import console
from drillbook.console.page import print_page
from drillbook.errors import StoppedByPerson
from drillbook.runbook.page import as_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drillbook.runbook.page import Line


def read_page(lines: Sequence[Line], *, word: str, yes: bool) -> None:
    """Show a page, through a pager when it is longer than the terminal, and have ``word`` typed.

    ``yes``: show it, and do not ask. Raises StoppedByPerson when the word is not typed, or nobody is there to.
    """
    if not yes and not sys.stdin.isatty():
        raise StoppedByPerson("nobody is at a terminal to read it and say yes; nothing was signed", remedy="add --yes")
    if console.is_terminal and not yes and as_text(lines).count("\n") > console.height:
        with console.pager():
            print_page(console, lines)
    else:
        print_page(console, lines)
    if yes:
        return
    try:
        typed = input(f"\n  To sign this, type {word}: ").strip()
    except EOFError:
        typed = ""
    if typed != word:
        raise StoppedByPerson(f"{word} was not typed; nothing was signed")
