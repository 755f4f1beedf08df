"""Shows the phases of long work: what is being done, for how long, and how long it usually takes."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.text import Text

from drillbook.console.output import console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, ConsoleOptions, RenderResult

    from drillbook.progress import Phase, Progress


def progress_for(output: Console = console) -> Progress:
    """Give the progress that suits where the output goes: moving on a terminal, plain lines elsewhere."""
    return TerminalProgress(output) if output.is_terminal else PlainProgress(output)


class TerminalProgress:
    """A spinner with elapsed and usual time while a phase runs; one line for each that has ended."""

    def __init__(self, output: Console) -> None:
        """Take where to print."""
        self._output = output

    @contextmanager
    def phase(self, title: str, *, usual: float | None = None) -> Iterator[Phase]:
        """See ``Progress``."""
        from rich.live import Live

        line = _Line(title, usual)
        with Live(line, console=self._output, refresh_per_second=10, transient=True):
            try:
                yield line
            except BaseException:
                self._output.print(line.ended("✗", "bold red"))
                raise
        self._output.print(line.ended("✓", "green"))


class PlainProgress:
    """A line when a phase begins and one when it has ended."""

    def __init__(self, output: Console) -> None:
        """Take where to print."""
        self._output = output

    @contextmanager
    def phase(self, title: str, *, usual: float | None = None) -> Iterator[Phase]:
        """See ``Progress``."""
        line = _Line(title, usual)
        self._output.print(f"… {title}{line.usually()}")
        try:
            yield line
        except BaseException:
            self._output.print(line.ended("✗", ""))
            raise
        self._output.print(line.ended("✓", ""))


class _Line:
    """A phase as one line; drawn anew each time, so that its clock moves."""

    def __init__(self, title: str, usual: float | None) -> None:
        from rich.spinner import Spinner

        self._title = title
        self._usual = usual
        self._note = ""
        self._began = time.monotonic()
        self._spinner = Spinner("dots")

    def note(self, text: str) -> None:
        """See ``Phase``."""
        self._note = text

    def usually(self) -> str:
        """Give how long it usually takes, in brackets, or nothing."""
        return f" (usually {self._usual:.0f} s)" if self._usual is not None and self._usual >= 1 else ""

    def ended(self, mark: str, style: str) -> Text:
        """Give the line that stays."""
        return Text(f"{mark} ", style=style) + Text(f"{self._title}  {self._elapsed():.1f} s", style="default")

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        elapsed = self._elapsed()
        line = Text(f" {self._title}  {elapsed:.0f} s{self.usually()}")
        if self._note:
            line.append(f"  {self._note}", style="dim")
        spinner = self._spinner.render(console.get_time())
        assert isinstance(spinner, Text)
        whole = spinner + line
        whole.truncate(options.max_width, overflow="ellipsis")
        yield whole
