"""Shows a drill while it goes on, and its result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from drillbook.console.output import console
from drillbook.console.run_view import RunView, words
from drillbook.evidence.result import MAIN
from drillbook.evidence.verdict import Result
from drillbook.execution.usual import usual_seconds

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from drillbook.evidence.result import DrillResult
    from drillbook.journal.record import Record
    from drillbook.plan.model import Plan
    from drillbook.runbook.model import Text as Words

_HEADS = {
    Result.MET: ("MET", "black on green", "达到目标"),
    Result.MISSED: ("MISSED", "white on red", "未达目标"),
    Result.INVALID: ("INVALID", "black on yellow", "演练无效"),
}


class DrillView:
    """What a person sees of a drill while it goes on (``drill.runner.Show``)."""

    def __init__(self, state: Path, *, language: str = "en") -> None:
        """``state`` is the checkout's state folder, for how long steps usually take."""
        self._state = state
        self._language = language

    def say(self, text: str) -> None:
        """Show a line."""
        console.print(text)

    def run(self, plan: Plan) -> Callable[[Record], None]:
        """Show a run of a plan, under its title."""
        view = RunView(usual_seconds(self._state, plan.runbook), language=self._language)
        view.plan = plan

        def listen(record: Record) -> None:
            if record.kind == "run.opened":
                console.print(
                    Text(f"▶ {plan.runbook}  ", style="bold") + Text(words(plan.title, self._language), style="dim")
                )
            view(record)

        return listen

    def words(self, text: Words) -> str:
        """Give a text in the person's language."""
        return words(text, self._language)


def show_result(result: DrillResult, folder: Path, *, language: str = "en") -> None:
    """Print a drill's result: the verdict first, then what was measured against what was wanted."""
    word, style, chinese = _HEADS[result.verdict.result]
    title = Text(f" {chinese if language == 'zh' else word} ", style=style)
    title.append(f"  {result.drill.name}", style="bold default on default")
    title.append(f"  {words(result.drill.title, language)}", style="default on default")
    console.print()
    console.print(title)
    for reason in result.verdict.reasons:
        console.print(Text("  ✗ ", style="red") + Text(reason))
    console.print(_figures(result))
    console.print(Text(f"  evidence  {'/'.join(folder.parts[-3:])}/summary.md", style="dim"))


def _figures(result: DrillResult) -> Table:
    measures = result.measures
    felt, lost = measures.felt, measures.lost
    table = Table(box=None, padding=(0, 2, 0, 2), show_header=True, header_style="dim")
    table.add_column("")
    table.add_column("measured", justify="right")
    table.add_column("objective", justify="right")
    if result.expectation.refused is not None:
        promoted = measures.reigns[1:]
        table.add_row("promoted", Text(", ".join(each.host for each in promoted) or "nobody", style="bold"), "nobody")
    elif felt.outage is not None:
        away = "not back" if felt.outage.end is None else f"{felt.outage.seconds:.3f} s"
        table.add_row("outage that users felt", Text(away, style="bold"), f"{result.objectives.rto:g} s")
    else:
        table.add_row("outage that users felt", Text("none", style="bold"), f"{result.objectives.rto:g} s")
    if felt.detection is not None:
        table.add_row("  until the trigger", f"{felt.detection:.3f} s", "")
    if felt.execution is not None:
        table.add_row("  from the trigger to the first write", f"{felt.execution:.3f} s", "")
    if lost is None:
        table.add_row("acknowledged writes lost", Text("unknown", style="bold"), "")
    else:
        wanted = "0" if result.objectives.rpo == 0 else f"{result.objectives.rpo:g} s"
        over = f"{lost.count}" if not lost.count else f"{lost.count}, over {lost.seconds:.3f} s"
        table.add_row("acknowledged writes lost", Text(over, style="bold"), wanted)
    kept = measures.kept
    if kept is not None:
        table.add_row("acknowledged writes", f"{kept.acknowledged}", "")
    primaries = "at most one" if not measures.violations else f"two, {len(measures.violations)} times"
    table.add_row("primaries at any time", primaries, "at most one")
    for run in result.runs:
        if run.part == MAIN:
            for step in run.steps:
                if step.seconds is not None:
                    table.add_row(f"  step {step.step}", f"{step.seconds:.3f} s", "")
    return table
