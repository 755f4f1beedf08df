"""Shows the log of changes in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from drillbook.audit.log import EMERGENCY, Mark
from drillbook.audit.page.log import (
    approved_words,
    head_words,
    result_class,
    result_words,
    results_words,
    seconds_words,
    sums,
    type_words,
)
from drillbook.audit.page.words import LOG, REVIEWS
from drillbook.cmdb.compare.words import NONE
from drillbook.text import visible

if TYPE_CHECKING:
    from datetime import tzinfo

    from rich.console import Console

    from drillbook.audit.log import Line, Log
    from drillbook.runbook.model import Text as Said

_LONGEST = 2000
_MARKS = {Mark.PROVED: ("✓", "green"), Mark.UNPROVED: ("?", "yellow"), Mark.WRONG: ("✗", "bold red")}
_STYLES = {"good": "green", "bad": "bold red", "warn": "yellow"}


def show_log(log: Log, console: Console, *, every: bool, zone: tzinfo, language: str) -> None:
    """Print the log, newest first; times are in the zone."""
    _View(console, zone, language).whole(log, every=every)


class _View:
    def __init__(self, console: Console, zone: tzinfo, language: str) -> None:
        self.console, self.zone, self.language = console, zone, language

    def said(self, text: Said) -> str:
        return visible(text.zh if self.language == "zh" else text.en, limit=_LONGEST)

    def word(self, name: str) -> str:
        return self.said(LOG[name])

    def whole(self, log: Log, *, every: bool) -> None:
        figures = "   ".join(f"{self.said(name)}: {number}" for name, number, _ in sums(log))
        self.console.print(Text(figures, style="bold"))
        for each in log.sources:
            self.proof(each.mark, self.said(each.text), "")
        for broken in log.unreadable:
            self.proof(Mark.WRONG, f"{visible(broken.name)}: {visible(broken.why, limit=_LONGEST)}", "")
        lines = log.told(every=every)
        for line in lines:
            self.line(line)
        if not lines:
            self.console.print(f"\n{self.word('nothing')}")
        self.break_glass(log)
        if not every:
            self.routine(log)

    def hanging(self, head: Text, body: Text) -> None:
        """Print a line; on a terminal it goes on below ``body``, and elsewhere it is one line."""
        if not self.console.is_terminal:
            self.console.print(head + body, soft_wrap=True)
            return
        row = Table.grid(padding=0)
        row.add_column(no_wrap=True)
        row.add_column(overflow="fold")
        row.add_row(head, body)
        self.console.print(row)

    def proof(self, mark: Mark, text: str, indent: str) -> None:
        sign, style = _MARKS[mark]
        self.hanging(Text(f"{indent}{sign} ", style=style), Text(text, style="" if mark is Mark.PROVED else style))

    def line(self, line: Line) -> None:
        head = Text(f"\n{line.at.astimezone(self.zone):%Y-%m-%d %H:%M}  ", style="bold")
        head.append(self.said(type_words(line)), "bold white on red" if line.type == EMERGENCY else "cyan")
        head.append(f"  {visible(line.change) + '  ' if line.change else ''}{self.said(line.what)}", "bold")
        head.append(f"  {self.said(result_words(line))}", _STYLES[result_class(line)])
        self.console.print(head)
        rows = [("", line.detail), ("reason", line.reason)]
        where = [("where", line.environment), ("items", ", ".join(line.items)), ("services", ", ".join(line.services))]
        who = [
            ("author" if line.kind == "commit" else "requested_by", line.requested_by),
            ("approved_by", self.said(approved_words(line))),
            ("who", line.executed_by),
            ("reviewed_by", self.review(line)),
        ]
        what = [
            ("duration", "" if line.seconds is None else seconds_words(line.seconds)),
            ("run", line.run),
            ("head", "" if head_words(line) == NONE else head_words(line)),
        ]
        for name, value in rows:
            if value:
                label = f"{self.word(name)}: " if name else ""
                self.hanging(Text(f"  {label}", style="dim"), Text(visible(value, limit=_LONGEST)))
        for group in (who, where, what):
            told = "   ".join(f"{self.word(name)}: {visible(value, limit=400)}" for name, value in group if value)
            if told:
                self.hanging(Text("  "), Text(told))
        for person, why in line.refused:
            text = f"{visible(person)}: {self.word('not_counting')}: {visible(why, limit=_LONGEST)}"
            self.proof(Mark.UNPROVED, text, "  ")
        for each in line.proofs:
            self.proof(each.mark, self.said(each.text), "  ")

    def review(self, line: Line) -> str:
        if not line.review:
            return ""
        return self.said(REVIEWS[line.review]) + (f" ({line.reviewed_by})" if line.reviewed_by else "")

    def break_glass(self, log: Log) -> None:
        counts = log.break_glass()
        if not counts:
            return
        self.console.print(Text(f"\n{self.word('break_glass')}", style="bold"))
        for each in counts:
            text = Text(f"  {each.month}  {visible(each.person)}: {each.count}")
            if each.too_often:
                text.append(f"  {self.word('too_often')}", "bold red")
            self.console.print(text)

    def routine(self, log: Log) -> None:
        groups = log.routine()
        if not groups:
            return
        self.console.print(Text(f"\n{self.word('routine')}", style="bold"))
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for name in ("what", "where", "number", "result", "first", "last"):
            table.add_column(self.word(name), justify="right" if name == "number" else "left", overflow="fold")
        for each in groups:
            days = (f"{moment.astimezone(self.zone):%Y-%m-%d}" for moment in (each.first, each.last))
            table.add_row(
                Text(visible(each.runbook)), Text(visible(each.environment)), str(each.count),
                Text(self.said(results_words(each.results))), *days,
            )  # fmt: skip
        self.console.print(table)
        self.console.print(Text(self.word("routine_how"), style="dim"))
