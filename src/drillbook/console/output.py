"""The one console, and the way an error is said."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from drillbook.errors import DrillbookError, InvalidInput
from drillbook.text import visible

if TYPE_CHECKING:
    from typing import TextIO

    from drillbook.errors import ExitCode

_WIDE = 200  # columns for a file or a pipe, which have no edge: what reads them looks for whole lines


def _console(stream: TextIO, *, stderr: bool = False) -> Console:
    # Nothing that comes from a file or a host is read as rich's markup: values are not syntax.
    terminal = stream.isatty()
    width = None if terminal or os.environ.get("COLUMNS") else _WIDE
    return Console(markup=False, highlight=False, stderr=stderr, soft_wrap=not terminal, width=width)


console = _console(sys.stdout)
errors = _console(sys.stderr, stderr=True)


# A message quotes what came from files and hosts; what it quotes must not move the cursor.
_LONGEST = 2000


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
