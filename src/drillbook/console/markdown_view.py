"""Shows a review's Markdown in the terminal. It is our own: the few signs of it that rich does not know are turned."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.markdown import Markdown

if TYPE_CHECKING:
    from markdown_it.token import Token
    from rich.console import Console

_COMMENT = re.compile(r"^<!--.*-->\n", re.MULTILINE)
_ALERT = re.compile(r"^> \[!([A-Z]+)\]$", re.MULTILINE)
_FOLDED = re.compile(r"^<details><summary>(.*)</summary>$", re.MULTILINE)
_INLINE = re.compile(r"<details><summary>(.*?)</summary>(.*?)</details>")
_MARKS = {"CAUTION": "✗", "WARNING": "!", "NOTE": "✓"}


def show_markdown(text: str, console: Console) -> None:
    """Print what ``review.comment`` gave, as a page; what opens with a click elsewhere is open."""
    text = _COMMENT.sub("", text)
    text = _ALERT.sub(lambda found: f"> {_MARKS.get(found[1], found[1])}", text)
    text = _FOLDED.sub(r"**\1**", text).replace("\n</details>", "")
    text = _INLINE.sub(r"\1: \2", text)
    page = Markdown(text, code_theme="ansi_dark")
    for token in page.parsed:
        if token.children:
            token.children = _with_code(token.children)
    console.print(page)


def _with_code(tokens: list[Token]) -> list[Token]:
    """Turn ``<code>…</code>`` into code as backticks make it; other tags are dropped, with what is in them kept."""
    kept: list[Token] = []
    code: Token | None = None
    for token in tokens:
        if token.type != "html_inline":
            if code is None:
                kept.append(token)
            else:
                code.content += token.content
        elif token.content == "<code>":
            code = token
            code.type, code.tag, code.content = "code_inline", "code", ""
        elif token.content == "</code>" and code is not None:
            kept.append(code)
            code = None
    return kept
