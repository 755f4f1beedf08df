"""Shows a run while it goes on, from its journal's records and nothing else, and sums it up in the end."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from drillbook.console.output import console, say_hanging
from drillbook.console.run_now import so_now
from drillbook.execution.state import Stage, notes_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rich.status import Status

    from drillbook.execution.engine import Engine, Outcome
    from drillbook.execution.launch import Launch
    from drillbook.execution.protection import Degraded
    from drillbook.journal.record import Record
    from drillbook.plan.model import Plan
    from drillbook.runbook.model import Text as Words

MARKS = {
    Stage.DONE: ("✓", "green"),
    Stage.FAILED: ("✗", "bold red"),
    Stage.UNKNOWN: ("?", "bold yellow"),
    Stage.STARTED: ("?", "bold yellow"),
    Stage.ACTED: ("?", "bold yellow"),
    Stage.UNDONE: ("↩", "cyan"),
    Stage.PENDING: ("·", "dim"),
}
HEADS = {
    "succeeded": ("DONE", "black on green"),
    "rolled_back": ("ROLLED BACK", "black on cyan"),
    "abandoned": ("GIVEN UP", "black on yellow"),
    "failed": ("FAILED", "white on red"),
    "partial": ("NOT ALL OF IT", "white on red"),
    "unknown": ("OUTCOME UNKNOWN", "black on yellow"),
    "stopped": ("STOPPED", "black on yellow"),
    "refused": ("REFUSED", "white on red"),
    "not_fenced": ("NOT FENCED, NOTHING PROMOTED", "white on red"),
}


def words(text: Words, language: str) -> str:
    """Give a text in a language (en, zh)."""
    return text.zh if language == "zh" else text.en


class RunView:
    """A listener of a run's journal: one line a step, with how long it usually takes while it runs."""

    def __init__(self, usual: Mapping[str, float], *, language: str = "en") -> None:
        """``usual``: seconds a step usually takes, by step id."""
        self.plan: Plan | None = None
        self._usual = usual
        self._language = language
        self._status: Status | None = None
        self._began: dict[str, float] = {}

    def __call__(self, record: Record) -> None:
        """Show one record, as far as a person cares. A terminal that is gone stops no run."""
        with suppress(OSError):
            self._show_record(record)

    def _show_record(self, record: Record) -> None:
        data = record.data
        step = data.get("step")
        for note in notes_of(record):
            self._line("!", "yellow", str(step), note, title=False)
        match record.kind:
            case "step.started" | "undo.started":
                self._began[str(step)] = record.mono
                verb = "undo " if record.kind == "undo.started" else ""
                usual = self._usual.get(str(step))
                hint = f"  (usually {usual:.1f} s)" if usual is not None and not verb else ""
                self._show(f"{verb}{step}: {self._title(str(step))}{hint}")
            case "slot.bound":
                value = data["value"] if isinstance(data["value"], str) else ", ".join(data["value"])
                self._line("‹", "cyan", str(data["slot"]), f"{value}  {data['detail']}", title=False)
            case "step.done":
                seconds = record.mono - self._began.get(str(step), record.mono)
                self._line("✓", "green", str(step), f"{seconds:6.2f} s")
            case "step.ended" if data["outcome"] != "succeeded":
                self._line("✗" if data["outcome"] == "failed" else "?", "red", str(step), data["detail"])
            case "verify.failed":
                self._line("✗", "red", str(step), data["detail"])
            case "undo.ended":
                good = data["outcome"] == "succeeded"
                self._line("↩" if good else "✗", "cyan" if good else "red", str(step), data["detail"] or "undone")
            case "part.failed" | "part.skipped":
                self._line("✗", "red", str(data["part"]), data["message"], title=False)
            case "run.stopped" | "run.closed":
                self._hide()
            case _:
                pass

    def _title(self, step: str) -> str:
        return words(self.plan.step(step).title, self._language) if self.plan else ""

    def _show(self, text: str) -> None:
        if not console.is_terminal:
            return
        if self._status is None:
            # A slow spinner: it shares the processor with the failover.
            self._status = console.status("", refresh_per_second=4)
            self._status.start()
        line = Text(f"  {text}")
        line.truncate(max(20, console.width - 4), overflow="ellipsis")
        self._status.update(line)

    def _hide(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _line(self, mark: str, style: str, step: str, rest: str, *, title: bool = True) -> None:
        self._hide()
        head = Text(f"  {mark} ", style=style)
        head.append(f"{step:<{self._column()}} ", style="default")
        strong = "bold" if style == "red" else "default"
        if not title:
            say_hanging(head, Text(rest, style=strong))
            return
        about = Text(self._title(step), style="dim")
        if rest.endswith(" s"):
            say_hanging(head.append(f"{rest:>9}  ", style=strong), about)
        else:
            say_hanging(head, Text(f"{rest}  ", style=strong) + about)

    def _column(self) -> int:
        """Give how wide the column of step ids is: as wide as the longest of this plan."""
        return max((len(step.id) for step in self.plan.steps), default=0) if self.plan else 24


def summary(launch: Launch, outcome: Outcome, *, language: str = "en") -> None:
    """Print the one summary that a tired person understands: what is so now, and what to do next."""
    plan, engine = launch.plan, launch.engine
    head, style = HEADS[outcome.result]
    console.print()
    title = Text(f" {head} ", style=style)
    title.append(f"  {plan.runbook}", style="bold not reverse default on default")
    title.append(f"  {words(plan.title, language)}  ({plan.environment})", style="default on default")
    console.print(title)
    if outcome.message:
        console.print(Text("  Why: ", style="bold") + Text(outcome.message))
    if outcome.result not in ("succeeded", "refused"):
        console.print(_table(plan, engine, language))
        for line in so_now(plan, engine.state):
            console.print(Text("  Now: ", style="bold") + Text(line))
    for step, note in engine.state.notes:
        console.print(Text("  Note: ", style="bold yellow") + Text(f"{step}: {note}"))
    if outcome.remedy:
        for number, line in enumerate(outcome.remedy.splitlines()):
            console.print(Text("  → " if number == 0 else "    ", style="cyan") + Text(line))
    console.print(Text(f"  run {launch.folder.id}   journal {_short(launch.folder.journal)}", style="dim"))


def _short(path: Path) -> str:
    return "/".join(path.parts[-4:])


def _table(plan: Plan, engine: Engine, language: str) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 2))
    for step in plan.steps:
        status = engine.state.step(step.id)
        mark, style = MARKS[status.stage]
        table.add_row(Text(mark, style=style), Text(step.id), Text(words(step.title, language), style="dim"))
    return table


def warn_degraded(found: list[tuple[Degraded, list[str]]]) -> None:
    """Say which protections have no second copy, and the commands that bring it back: after every run until then."""
    for each, commands in found:
        since = each.since[:19].replace("T", " ")
        text = f"{each.protection} has had no second copy since {since} UTC ({each.environment})."
        console.print(Text("  ! ", style="bold yellow") + Text(text, style="bold"))
        for command in commands:
            console.print(Text("    → ", style="cyan") + Text(command))
