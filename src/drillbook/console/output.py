"""The one console, and the way an error is said.

A run goes on when nobody reads what it prints any more (``| head``, a terminal that went away): what cannot be
printed is left out, and no step is ever stopped for it.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console
from rich.text import Text

from drillbook.errors import DrillbookError, InvalidInput
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from drillbook.errors import ExitCode, Finding

_WIDE = 200  # columns for a file or a pipe, which have no edge: what reads them looks for whole lines


class _Output(Console):
    """A console that stays quiet once its reader is gone. ``lost``: output was left out that somebody wanted."""

    lost = False

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as rich does; never raises what the file raises."""
        if self.quiet:
            return
        try:
            super().print(*objects, **options)
            self.file.flush()
        except OSError as error:
            self._give_up("" if isinstance(error, BrokenPipeError) else f"{error.strerror}")

    def write(self, text: str) -> None:
        """Write a text as it is, for machines: nothing wrapped, nothing styled."""
        if self.quiet:
            return
        try:
            self.file.write(text)
            self.file.flush()
        except OSError as error:
            self._give_up("" if isinstance(error, BrokenPipeError) else f"{error.strerror}")

    def on_broken_pipe(self) -> None:
        """Rich would end the process here."""
        self._give_up("")

    def _give_up(self, reason: str) -> None:
        self.lost = bool(reason)
        self.quiet = True
        # What Python still holds would be written at its end, and fail again.
        with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - os.dup2 wants a descriptor
            os.dup2(nowhere.fileno(), self.file.fileno())
        if reason:
            errors.print(f"! not all of the output could be written: {reason}")


def _console(stream: TextIO | None, *, stderr: bool = False) -> _Output:
    # Nothing that comes from a file or a host is read as rich's markup: values are not syntax.
    if stream is None:  # closed before we began
        return _Output(markup=False, highlight=False, quiet=True, file=open(os.devnull, "w"))  # noqa: PTH123
    terminal = stream.isatty()
    width = None if terminal or os.environ.get("COLUMNS") else _WIDE
    return _Output(markup=False, highlight=False, stderr=stderr, soft_wrap=not terminal, width=width)


console = _console(sys.stdout)
errors = _console(sys.stderr, stderr=True)


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


def say_findings(findings: Iterable[Finding]) -> None:
    """Print what is wrong in files, a line each, in the form that editors can jump to."""
    for finding in findings:
        line = Text(f"{visible(finding.file)}:{finding.line}: ", style="bold")
        line.append(f"{finding.rule}: ", style="red")
        line.append(visible(finding.message, limit=400))
        errors.print(line)


def say_error(error: DrillbookError) -> ExitCode:
    """Print an error for a person and give its exit code."""
    if isinstance(error, InvalidInput):
        say_findings(error.findings)
        errors.print(Text(f"{error.message}. Nothing was run.", style="bold"))
        return error.exit_code
    first, *more = error.message.splitlines() or [""]
    errors.print(Text("✗ ", style="bold red") + Text(visible(first, limit=_LONGEST), style="bold"))
    for each in more:
        errors.print(Text("    ") + Text(visible(each.strip(), limit=_LONGEST)))
    if error.remedy:
        for number, advice in enumerate(error.remedy.splitlines()):
            errors.print(Text("  → " if number == 0 else "    ", style="cyan") + Text(visible(advice, limit=_LONGEST)))
    return error.exit_code
