"""Shows a drill while it goes on, and its result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from drillbook.console.output import console
from drillbook.console.run_view import RunView, words
from drillbook.evidence.page.words import VERDICTS, WORDS
from drillbook.evidence.record import REPORT
from drillbook.evidence.result import MAIN
from drillbook.evidence.verdict import Result
from drillbook.evidence.wording import objective
from drillbook.execution.usual import usual_seconds
from drillbook.runbook.model import Text as Words

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from drillbook.evidence.result import DrillResult
    from drillbook.journal.record import Record
    from drillbook.plan.model import Plan

_STYLES = {
    Result.MET: "black on green",
    Result.MISSED: "white on red",
    Result.INVALID: "black on yellow",
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

    def say(text: Words) -> str:
        return words(text, language)

    title = Text(f" {say(VERDICTS[str(result.verdict.result)])} ", style=_STYLES[result.verdict.result])
    title.append(f"  {result.drill.name}", style="bold default on default")
    title.append(f"  {say(result.drill.title)}", style="default on default")
    console.print()
    console.print(title)
    for reason in result.verdict.reasons:
        console.print(Text("  ✗ ", style="red") + Text(say(reason)))
    console.print(_figures(result, say))
    place = "/".join(folder.parts[-3:])
    console.print(Text(f"  {say(Words('evidence', '证据'))}  {place}/{REPORT}", style="dim"))


def _figures(result: DrillResult, say: Callable[[Words], str]) -> Table:
    measures = result.measures
    felt, lost = measures.felt, measures.lost
    table = Table(box=None, padding=(0, 2, 0, 2), show_header=True, header_style="dim")
    table.add_column("")
    table.add_column(say(Words("measured", "实测")), justify="right")
    table.add_column(say(Words("objective", "目标")), justify="right")

    def row(name: Words, measured: str, wanted: str = "", *, strong: bool = False) -> None:
        table.add_row(say(name), Text(measured, style="bold" if strong else ""), wanted)

    limit = say(objective(result.objectives.rto))
    if result.expectation.refused is not None:
        nobody = say(Words("nobody", "无"))
        promoted = ", ".join(each.host for each in measures.reigns[1:]) or nobody
        row(Words("promoted", "被提升的主机"), promoted, nobody, strong=True)
    elif felt.outage is not None:
        away = say(Words("not back", "未恢复")) if felt.outage.end is None else _seconds(felt.outage.seconds, say)
        row(WORDS["outage"], away, limit, strong=True)
    else:
        row(WORDS["outage"], say(Words("none", "无")), limit, strong=True)
    if felt.detection is not None:
        row(Words("  until the trigger", "  从故障到触发"), _seconds(felt.detection, say))
    if felt.execution is not None:
        row(Words("  from the trigger to the first write", "  从触发到第一笔写入"), _seconds(felt.execution, say))
    if measures.afterwards is not None:
        row(Words("outage on the way back", "恢复原状期间的中断"), _seconds(measures.afterwards.seconds, say), limit)
    if lost is None:
        row(WORDS["lost"], say(Words("unknown", "不明")), strong=True)
    else:
        span = _seconds(lost.seconds, say)
        over = say(Words(f"{lost.count}, over {span}", f"{lost.count}，跨度 {span}")) if lost.count else "0"
        row(
            WORDS["lost"],
            over,
            "0" if result.objectives.rpo == 0 else say(objective(result.objectives.rpo)),
            strong=True,
        )
    if measures.kept is not None:
        row(Words("acknowledged writes", "已确认的写入"), f"{measures.kept.acknowledged}")
    most = Words("at most one", "最多一台")
    two = len(measures.violations)
    found = Words(f"two, {two} times", f"两台，{two} 次") if two else most
    row(WORDS["primaries"], say(found), say(most))
    for run in result.runs:
        if run.part == MAIN:
            for step in run.steps:
                if step.seconds is not None:
                    row(Words(f"  step {step.step}", f"  步骤 {step.step}"), _seconds(step.seconds, say))
    return table


def _seconds(value: float, say: Callable[[Words], str]) -> str:
    """Give a time with all its milliseconds: a terminal is where two runs are compared."""
    return say(Words(f"{value:.3f} s", f"{value:.3f} 秒"))
