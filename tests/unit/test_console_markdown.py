"""A review in the terminal: none of the forge's signs are left, and no value is lost or obeyed."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from drillbook.console.markdown_view import show_markdown
from drillbook.review.markup import Md, bullets, code, fence, folded, table

HOSTILE = [
    "[bold]x[/bold]",
    "`a` **b** _c_",
    "<script>&amp;</script>",
    "a|b",
    "</code><b>",
    "x\x1b[2Jy",
    "@who #12",
    "核心",
]


def shown(text: str, width: int = 100) -> str:
    out = io.StringIO()
    show_markdown(text, Console(file=out, width=width, force_terminal=True, color_system=None))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_is_shown_as_it_is(value: str) -> None:
    visible = value.replace("\x1b", "")
    for text in (
        bullets([Md(f"before {code(value)} after")]),
        table(["one", "two"], [[code(value), Md("x")]]),
        folded(Md(f"more {code(value)}"), bullets([code("b")])),
    ):
        said = shown(text)
        assert "\x1b[2J" not in said
        assert all(part in said for part in visible.split("[2J")), said


def test_what_opens_with_a_click_is_open() -> None:
    text = "\n\n".join(
        [folded(Md("3 more"), bullets([code("x-1")])), "- a <details><summary>which</summary>b</details>"]
    )
    said = shown(text)
    assert "3 more" in said
    assert "• x-1" in said
    assert "• a which: b" in said
    assert "<" not in said


def test_the_verdict_comes_first_without_a_sign_of_the_forge() -> None:
    said = shown("<!-- drillbook review -->\n> [!CAUTION]\n> **Cannot be merged: 1 thing is wrong.**\n\nMore.")
    assert said.strip().startswith("▌ ✗ Cannot be merged: 1 thing is wrong.")
    assert "drillbook review" not in said


def test_a_fence_keeps_its_lines() -> None:
    said = shown(fence(["-a: 1", "+a: 2", "```"], "diff", most=5, left_out="{}"))
    assert [line.strip() for line in said.splitlines() if line.strip()] == ["-a: 1", "+a: 2", "```"]
