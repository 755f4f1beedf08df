"""The question before a signature, on a real terminal: no pager, and the id or its end."""

from __future__ import annotations

import os
import pty
import sys
import termios
from typing import TYPE_CHECKING

import pytest

from drillbook.console.consent import read_page
from drillbook.errors import StoppedByPerson
from drillbook.runbook.page import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LINES = [Line("note", f"line {number} of the page") for number in range(500)]


@pytest.fixture
def typing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Give a function that types a line at the terminal that is stdin. A pager would end the test with its error."""
    monkeypatch.setenv("PAGER", "false")
    ours, theirs = pty.openpty()
    settings = termios.tcgetattr(theirs)
    settings[3] &= ~termios.ECHO
    termios.tcsetattr(theirs, termios.TCSANOW, settings)
    with os.fdopen(theirs) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)

        def type_line(text: str) -> None:
            os.write(ours, f"{text}\n".encode())

        yield type_line
    os.close(ours)


@pytest.mark.parametrize("typed", ["CHG-2026-0011", "0011", " 2026-0011 "])
def test_the_id_or_its_end_signs(typing: Callable[[str], None], typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    typing(typed)
    read_page(LINES, word="CHG-2026-0011", yes=False)
    shown = capsys.readouterr().out
    assert "line 0 of the page" in shown
    assert shown.index("line 499 of the page") < shown.index("type CHG-2026-0011 (or its end, 0011)")


@pytest.mark.parametrize("typed", ["", "y", "11", "0012", "CHG-2026-0012", "-0011", "-"])
def test_nothing_else_does(typing: Callable[[str], None], typed: str) -> None:
    typing(typed)
    with pytest.raises(StoppedByPerson, match="was not typed; nothing was signed"):
        read_page(LINES, word="CHG-2026-0011", yes=False)
