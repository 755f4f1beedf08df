"""A page in the terminal: texts wrap below their own beginning, commands are never broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from drillbook.runbook.page import Line, as_text, code_rows, label_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

_STYLES = {"title": "bold", "heading": "bold underline", "note": "dim", "code": "cyan"}


def print_page(console: Console, lines: Sequence[Line]) -> None:
    """Print a page: with colours and wrapped in a terminal, as plain text elsewhere."""
    if not console.is_terminal:
        console.print(as_text(lines), end="", soft_wrap=True)
        return
    for index, line in enumerate(lines):
        if line.kind in {"heading", "step"} and index:
            console.print()
        if line.kind == "code":  # a command that is copied must not have line breaks of ours
            for row in code_rows(line):
                console.print(Text(row, style=_STYLES["code"]), soft_wrap=True)
            continue
        console.print(_row(line, lines, index))


def _row(line: Line, lines: Sequence[Line], index: int) -> Table:
    row = Table.grid(padding=0)
    cells = []
    if line.indent:
        row.add_column(width=2 * line.indent)
        cells.append(Text(""))
    if line.kind == "step":
        row.add_column(no_wrap=True)
        cells.append(Text(f"{line.label}  ", style="bold green"))
    elif line.kind == "field":
        row.add_column(width=label_width(lines, index) + 2, no_wrap=True)
        cells.append(Text(line.label, style="bold"))
    row.add_column(overflow="fold")
    style = "bold" if line.kind == "step" else _STYLES.get(line.kind, "")
    row.add_row(*cells, Text(line.text, style=style, overflow="fold"))
    return row
