"""Pieces of Markdown, and what makes text from elsewhere harmless in it. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~])")
NONE = "–"


def table(head: list[str], rows: Iterable[list[str]]) -> list[str]:
    """Give the lines of a table."""
    return [
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
        *(f"| {' | '.join(md(cell) for cell in row)} |" for row in rows),
    ]


def shown(seconds: float | None) -> str:
    """Give seconds to the millisecond."""
    return NONE if seconds is None else f"{seconds:.3f} s"


def md(text: str) -> str:
    """Make text from elsewhere harmless: one line, nothing that Markdown would take for its own."""
    return _SPECIAL.sub(r"\\\1", visible(str(text), limit=2000))
