"""The one console, and the way an error is said."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from drillbook.errors import DrillbookError, InvalidInput
from drillbook.text import visible

if TYPE_CHECKING:
    from drillbook.errors import ExitCode

# Nothing that comes from a file or a host is read as rich's markup: values are not syntax.
console = Console(markup=False, highlight=False, soft_wrap=not sys.stdout.isatty())
errors = Console(markup=False, highlight=False, stderr=True, soft_wrap=not sys.stderr.isatty())


# A message quotes what came from files and hosts; what it quotes must not move the cursor.
_LONGEST = 2000


# With less room than this beside its head, a text goes below it.
_BESIDE = 24
_BELOW = 6


def say_hanging(head: Text, body: Text) -> None:
    """Print a line whose continuation on a terminal stands under ``body``, not in the first column."""
    room = console.width - head.cell_len
    if not console.is_terminal or body.cell_len <= room:
        console.print(head + body)
        return
    indent = head.cell_len if room >= _BESIDE else _BELOW
    rows = body.wrap(console, max(8, console.width - indent))
    if room < _BESIDE:
        console.print(head)
    for number, row in enumerate(rows):
        row.rstrip()
        beside = number == 0 and room >= _BESIDE
        console.print((head if beside else Text(" " * indent)) + row)


def say_error(error: DrillbookError) -> ExitCode:
    """Print an error for a person and give its exit code."""
    if isinstance(error, InvalidInput):
        for finding in error.findings:
            line = Text(f"{visible(finding.file)}:{finding.line}: ", style="bold")
            line.append(f"{finding.rule}: ", style="red")
            line.append(visible(finding.message, limit=400))
            errors.print(line)
        errors.print(Text(f"{error.message}. Nothing was run.", style="bold"))
        return error.exit_code
    errors.print(Text("✗ ", style="bold red") + Text(visible(error.message, limit=_LONGEST), style="bold"))
    if error.remedy:
        for number, advice in enumerate(error.remedy.splitlines()):
            errors.print(Text("  → " if number == 0 else "    ", style="cyan") + Text(visible(advice, limit=_LONGEST)))
    return error.exit_code
