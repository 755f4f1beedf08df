"""Shows a drill's history in the terminal: a table of runs with a drawing beside it, steps, and what it means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from drillbook.evidence.history.page import NONE, WORDS, outage_words, seconds_words, slowest_words, trend_words
from drillbook.evidence.history.plot import leading_steps, stacked, ticks
from drillbook.evidence.history.runs import WINDOW
from drillbook.evidence.result import MAIN
from drillbook.evidence.verdict import Result
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from rich.console import Console

    from drillbook.evidence.archive import Kept
    from drillbook.evidence.history.runs import History, StepHistory

_FILLS = "█▓▒░▚▞"  # told apart without colour; as many as there are colours
_OTHER = "·"
_STYLES = ("blue", "cyan", "magenta", "bright_magenta", "green", "bright_green")
_MARK = "┃"
_RESULTS = {Result.MET: "green", Result.MISSED: "bold red", Result.INVALID: "yellow"}
_NARROWEST = 16
_LEFT = 36  # columns that the drawing's table needs beside it: time, result, outage, and what is between


def show_history(
    found: History, console: Console, *, zone: tzinfo, language: str = "en", shown: int = WINDOW, every: bool = False
) -> None:
    """Print the history. ``shown``: how many of the newest runs; ``every``: the steps before and afterwards too."""
    view = _View(found, console, zone, language)
    view.head()
    if found.runs:
        view.drawing(found.runs[-shown:])
        view.steps(every=every)
        view.meaning()
    view.unused()


class _View:
    def __init__(self, found: History, console: Console, zone: tzinfo, language: str) -> None:
        self.found, self.console, self.zone = found, console, zone
        self.language, self.said = language, WORDS[language]
        self.leading = leading_steps(found)

    def head(self) -> None:
        found = self.found
        title = Text(visible(found.drill), style="bold")
        if found.runs:
            words = found.runs[-1].title
            title.append(f"  {words.zh if self.language == 'zh' else words.en}", style="default not bold")
        self.console.print(title)
        sums = self.said["sums"].format(
            counted=len(found.counted), void=len(found.void), distrusted=len(found.distrusted) + len(found.future)
        )
        self.console.print(Text(sums, style="dim"))
        self.console.print()

    # --- the drawing -----------------------------------------------------------------------------

    def drawing(self, runs: Sequence[Kept]) -> None:
        future = {each.folder for each in self.found.future}
        changed = {self.found.counted[place].folder for place in self.found.changed}
        drawn = [each for each in runs if each.result is not Result.INVALID and each.folder not in future]
        longest = max([max(sum(stacked(each, self.leading)), each.outage or 0.0) for each in drawn], default=0.0)
        scale = ticks(max(longest, 0.001), most=4)
        width = max(_NARROWEST, min(120, self.console.width - _LEFT))
        table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
        for name in ("run", "result", "outage"):
            table.add_column(self.said[name], no_wrap=True, justify="right" if name == "outage" else "left")
        table.add_column(Text(_scale(scale, width)), no_wrap=True)
        for run in runs:
            at = run.started.astimezone(self.zone)
            counts = run in drawn
            table.add_row(
                f"{at:%Y-%m-%d %H:%M}" + ("*" if run.folder in changed else ""),
                Text(self.said[str(run.result)], style=_RESULTS[run.result]),
                outage_words(run, self.said) if counts else NONE,
                self._bar(run, scale[-1], width) if counts else Text(self._why_not(run, future), style="dim"),
            )
        self.console.print(table)
        self.console.print(self._legend(drawn))
        if changed:
            self.console.print(Text(f"  * {self.said['changed']}", style="dim"))
        self.console.print()

    def _why_not(self, run: Kept, future: set[str]) -> str:
        return self.said["future"] if run.folder in future else ""

    def _bar(self, run: Kept, whole: float, width: int) -> Text:
        cells: list[tuple[str, str]] = []
        sums = 0.0
        fills = [*zip(_FILLS, _STYLES, strict=True)][: len(self.leading)]
        for (fill, style), seconds in zip([*fills, (_OTHER, "dim")], stacked(run, self.leading), strict=True):
            sums += seconds
            cells += [(fill, style)] * (round(sums / whole * width) - len(cells))
        if run.outage is not None:
            place = min(width - 1, round(run.outage / whole * width))
            cells += [(" ", "")] * (place + 1 - len(cells))
            cells[place] = (_MARK, "bold red" if run.result is Result.MISSED else "bold")
        bar = Text()
        for fill, style in cells:
            bar.append(fill, style=style)
        return bar

    def _legend(self, drawn: Sequence[Kept]) -> Text:
        legend = Text("  ")
        for (_, step), fill, style in zip(self.leading, _FILLS, _STYLES, strict=False):
            legend.append(fill * 2, style=style).append(f" {visible(step)}   ")
        if any(stacked(run, self.leading)[-1] for run in drawn):
            legend.append(_OTHER * 2, style="dim").append(" …   ")
        legend.append(_MARK, style="bold").append(f" {self.said['outage']}")
        if drawn and not drawn[-1].refusal:
            legend.append(f" (RTO {drawn[-1].rto:g} s)")
        return legend

    # --- what it comes to ------------------------------------------------------------------------

    def steps(self, *, every: bool) -> None:
        found, said = self.found, self.said
        steps = [each for each in found.steps if each.known and (every or each.part == MAIN)]
        if not steps:
            return
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column(said["step"], overflow="fold")
        for name in ("newest", "best", "usual"):
            table.add_column(said[name], justify="right", no_wrap=True)
        table.add_column(said["trend"], overflow="fold")
        for each in steps:
            table.add_row(
                Text(self._named(each), style="bold" if each is found.slowest else ""),
                *(seconds_words(value, said) for value in (each.seconds[-1], min(each.known), each.usual)),
                trend_words(each.trend, said),
            )
        self.console.print(table)
        self.console.print()

    def _named(self, each: StepHistory) -> str:
        return visible(each.step if each.part == MAIN else f"{each.part}: {each.runbook}/{each.step}")

    def meaning(self) -> None:
        found, said = self.found, self.said
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True, style="dim")
        table.add_column(overflow="fold")
        for name, run in (("newest", found.newest), ("best", found.best)):
            if run is not None:
                day = f"{run.started.astimezone(self.zone):%Y-%m-%d %H:%M}"
                table.add_row(
                    said[name],
                    Text(said[str(run.result)], style=_RESULTS[run.result])
                    + Text(f"  {outage_words(run, said)}  {day}  {slowest_words(run, said)}", style="default not bold"),
                )
        if found.outage.runs:
            p, n = found.outage.p, found.outage.runs
            sure = "" if p is None else f" ({'p < 0.001' if p < 0.001 else f'p = {p:.3f}'}, n = {n})"  # noqa: PLR2004
            table.add_row(said["trend"], trend_words(found.outage, said) + sure)
        if found.slowest is not None:
            table.add_row(said["slowest"], f"{visible(found.slowest.step)}  {seconds_words(found.slowest.usual, said)}")
        self.console.print(table)
        self.console.print(Text(said["method"].format(window=WINDOW), style="dim"))

    def unused(self) -> None:
        if not self.found.distrusted:
            return
        self.console.print()
        self.console.print(Text(f"✗ {self.said['distrusted']}", style="bold yellow"))
        for each in self.found.distrusted:
            self.console.print(Text(f"  {visible(each.folder)}: {visible(each.reason, limit=400)}"))


def _scale(marks: Sequence[float], width: int) -> str:
    line = [" "] * (width + 8)
    for mark in marks:
        text = f"{mark:g}" + (" s" if mark == marks[-1] else "")
        at = (
            min(round(mark / marks[-1] * width), width - len(text))
            if mark == marks[-1]
            else round(mark / marks[-1] * width)
        )
        line[at : at + len(text)] = text
    return "".join(line).rstrip()
