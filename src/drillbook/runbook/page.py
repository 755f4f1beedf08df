"""Lines for people: what stands on a page, and the page as plain text or as Markdown.

A runbook and a plan are laid out once, as lines with a kind; the terminal, a file and a review get
the same words. Nothing here wraps or cuts: one sentence is one line, so that two plans can be compared.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Kind = Literal["title", "note", "heading", "step", "field", "code"]

# Also &: an entity such as &#x202e; would become the character that no text may hold.
_MARKDOWN = re.compile(r"([\\`*_\[\]<>#|~&])")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a page.

    ``kind``: title; note (a sentence about what stands above); heading (of a part); step (``label``
    is its number and id); field (``label`` and text; neighbours are aligned); code (exact text, of
    one or more lines; ``label`` is what stands before it, such as ``$``). ``indent`` in levels.
    """

    kind: Kind
    text: str
    label: str = ""
    indent: int = 0


def cells(text: str) -> int:
    """Give the width of a text in a terminal's columns; Chinese characters take two."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )


def padded(text: str, width: int) -> str:
    """Fill a text with spaces to ``width`` columns."""
    return text + " " * max(0, width - cells(text))


def label_width(lines: Sequence[Line], index: int) -> int:
    """Give the columns that labels take among the fields of one part or step, of the same indent."""
    parts = {"title", "heading", "step"}
    first = index
    while first > 0 and lines[first - 1].kind not in parts:
        first -= 1
    last = index
    while last + 1 < len(lines) and lines[last + 1].kind not in parts:
        last += 1
    indent = lines[index].indent
    return (
        max(
            cells(each.label)
            for each in lines[first : last + 1]
            if each.kind == "field" and each.indent == indent and each.text
        )
        if lines[index].text
        else cells(lines[index].label)
    )


def as_text(lines: Sequence[Line]) -> str:
    """Give the page as plain text, with a line feed at its end."""
    return "".join(f"{each}\n".lstrip(" ") if not each.strip() else f"{each}\n" for each in _text(lines))


def _text(lines: Sequence[Line]) -> Iterator[str]:
    for index, line in enumerate(lines):
        margin = "  " * line.indent
        if line.kind in {"heading", "step"} and index:
            yield ""
        match line.kind:
            case "step":
                yield f"{margin}{line.label}  {line.text}"
            case "field":
                yield f"{margin}{padded(line.label, label_width(lines, index))}  {line.text}".rstrip()
            case "code":
                yield from code_rows(line)
            case _:
                yield f"{margin}{line.text}"


def code_rows(line: Line) -> Iterator[str]:
    """Give the rows of a code line: the label before the first, as many spaces before the others."""
    before = f"{line.label} " if line.label else ""
    for number, row in enumerate(line.text.rstrip("\n").split("\n")):
        yield f"{'  ' * line.indent}{before if number == 0 else ' ' * cells(before)}{row}".rstrip()


def as_markdown(lines: Sequence[Line]) -> str:
    """Give the page as Markdown; exact texts stand in fenced blocks, so that nothing in them is markup."""
    blocks: list[str] = []
    fields: list[str] = []

    def flush() -> None:
        if fields:
            blocks.append("\n".join(fields))
            fields.clear()

    for line in lines:
        text = _MARKDOWN.sub(r"\\\1", line.text)
        label = _MARKDOWN.sub(r"\\\1", line.label)
        if line.kind == "field":
            fields.append(_markdown_field(line, label, text))
            continue
        flush()
        match line.kind:
            case "title":
                blocks.append(f"# {text}")
            case "heading":
                blocks.append(f"## {text}")
            case "step":
                blocks.append(f"### {label} {text}")
            case "code":
                fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", line.text)), default=0))
                shown = f"{line.label} {line.text}" if line.label.endswith("$") else line.text
                blocks.append(f"{fence}\n{shown.rstrip(chr(10))}\n{fence}")
            case _:
                blocks.append(text)
    flush()
    return "\n\n".join(blocks) + "\n"


def _markdown_field(line: Line, label: str, text: str) -> str:
    if not any(each.isalnum() for each in line.label):  # a bullet or an arrow
        return f"- {text}" if line.label == "•" else f"{line.label} {text}"
    return f"- {label}: {text}" if text else f"- {label}"
