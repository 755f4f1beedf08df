"""Markdown in which a value is never syntax: everything from outside stands in code, escaped to the last sign.

In ``<code>`` neither GitHub nor GitLab looks for mentions, references or links; what Markdown itself could read as
syntax is written as a character reference, which is never syntax (CommonMark 0.31, section 2.5). Texts of several
lines stand in a fence that is longer than any run of backticks in them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from drillbook.text import marked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

VALUE_LIMIT = 120
"""Characters of a value that are shown; of a longer one its length is told too."""
LINE_LIMIT = 240
"""Characters of a line within a fence."""

# What needs no reference within a line: letters of any script, digits, and a few signs.
_PLAIN = re.compile(r"[\w ,./=%-]", re.ASCII)
_ASCII = 0x7F
_WWW = re.compile(r"www\.", re.IGNORECASE)


class Md(str):
    """Markdown that we wrote, or that was escaped."""

    __slots__ = ()


def code(value: object, *, limit: int = VALUE_LIMIT) -> Md:
    """Give a value as code. A long one is cut, and its length told."""
    text = str(value)
    if len(text) > limit:
        text, rest = text[: limit - 1], f"… ({len(text):,} characters)"
    else:
        rest = ""
    text = marked(text) or " "
    return Md(f"<code>{_referenced(text)}{rest}</code>")


def _referenced(text: str) -> str:
    dots = _WWW.search(text) is not None
    return "".join(_sign(each, dots=dots) for each in text)


def _sign(each: str, *, dots: bool) -> str:
    if each == "@":
        # cmark-gfm finds addresses of people in what references gave, but never across a tag.
        return "<span>&#64;</span>"
    plain = _PLAIN.match(each) or ord(each) > _ASCII
    return each if plain and each != "_" and not (dots and each == ".") else f"&#{ord(each)};"


def fill(template: str, /, *values: object, **named: object) -> Md:
    """Fill a template of ours; what is no ``Md`` and no number is escaped."""
    return Md(template.format(*map(_safe, values), **{key: _safe(each) for key, each in named.items()}))


def _safe(value: object) -> str:
    if isinstance(value, Md):
        return value
    return str(value) if isinstance(value, int | float) else code(value)


def joined(parts: Iterable[Md], by: str = ", ") -> Md:
    """Join what is escaped with a separator of ours."""
    return Md(by.join(parts))


def fence(lines: Sequence[str], language: str, *, most: int, left_out: str) -> Md:
    """Give lines as a block of code, at most ``most``; ``left_out``: our words, ``{}`` is how many there are more."""
    kept = [_cut(marked(line, multiline=True)) for line in lines[:most]]
    longest = max((len(run) for line in kept for run in re.findall("`+", line)), default=0)
    marks = "`" * max(3, longest + 1)
    rest = f"\n\n{left_out.format(len(lines) - most)}" if len(lines) > most else ""
    body = "\n".join(kept)
    return Md(f"{marks}{language}\n{body}\n{marks}{rest}")


def _cut(line: str) -> str:
    return line if len(line) <= LINE_LIMIT else f"{line[: LINE_LIMIT - 1]}… ({len(line):,} characters)"


def folded(summary: Md, body: Md) -> Md:
    """Give a block that opens with a click."""
    return Md(f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>")


def table(head: Sequence[str], rows: Iterable[Sequence[Md]]) -> Md:
    """Give a table; ``head`` are words of ours."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {' | '.join(row)} |" for row in rows)]
    return Md("\n".join(lines))


def bullets(lines: Iterable[Md]) -> Md:
    """Give a list."""
    return Md("\n".join(f"- {line}" for line in lines))
