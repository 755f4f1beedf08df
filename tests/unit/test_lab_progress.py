"""How long work is shown, on a terminal and elsewhere."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console
from rich.text import Text

from drillbook.console.progress import PlainProgress, TerminalProgress, progress_for


def plain() -> Console:
    return Console(file=io.StringIO(), width=60, markup=False, highlight=False)


def terminal() -> Console:
    return Console(file=io.StringIO(), width=60, force_terminal=True, markup=False, highlight=False)


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_output_decides() -> None:
    assert isinstance(progress_for(plain()), PlainProgress)
    assert isinstance(progress_for(terminal()), TerminalProgress)


def test_elsewhere_than_on_a_terminal_there_are_two_lines_and_no_control_codes() -> None:
    console = plain()
    with progress_for(console).phase("building [bold]x[/bold]", usual=28.4) as phase:
        phase.note("half way")
    lines = text(console).splitlines()
    assert lines[0] == "… building [bold]x[/bold] (usually 28 s)"
    assert lines[1].startswith("✓ building [bold]x[/bold]  0.")
    assert "\x1b" not in text(console)


def test_on_a_terminal_the_clock_moves_and_one_line_stays() -> None:
    console = terminal()
    with progress_for(console).phase("building", usual=3) as phase:
        phase.note("half way, " * 20)
        time.sleep(0.25)
    shown = Text.from_ansi(text(console)).plain
    assert "building  0 s (usually 3 s)  half way, half way" in shown
    assert max(len(line) for part in shown.splitlines() for line in part.split("\r")) <= 60
    last = text(console).rsplit("\n", 2)[-2]
    assert "building" in last
    assert "half way" not in last


@pytest.mark.parametrize("make", [plain, terminal])
def test_a_phase_that_failed_says_so(make: type) -> None:
    console = make()
    with pytest.raises(ZeroDivisionError), progress_for(console).phase("building"):
        raise ZeroDivisionError
    assert "✗" in text(console)
    assert "✓" not in text(console)


def test_a_duration_that_is_not_known_is_not_made_up() -> None:
    console = plain()
    with progress_for(console).phase("building"):
        pass
    assert "usually" not in text(console)
