"""Shows a drill while it goes on, and its result."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from drillbook.console.output import console, say_hanging
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

    from drillbook.evidence.result import DrillResult, ServiceResult
    from drillbook.journal.record import Record
    from drillbook.plan.model import Plan

_STYLES = {
    Result.MET: "black on green",
    Result.MISSED: "white on red",
    Result.INVALID: "black on yellow",
}

_PURPOSES = {
    "before": Words(", the preparation", "（演练准备）"),
    "afterwards": Words(", the way back", "（恢复原状）"),
}
# What a line of the runner's begins with: its indent and a sign.
_MARK = re.compile(r"\s*[^\w\s]\s+")


class DrillView:
    """What a person sees of a drill while it goes on (``drill.runner.Show``)."""

    def __init__(self, state: Path, *, language: str = "en") -> None:
        """``state`` is the checkout's state folder, for how long steps usually take."""
        self._state = state
        self._language = language

    def say(self, text: str) -> None:
        """Show a line; what follows its mark stands in a column."""
        mark = _MARK.match(text)
        end = mark.end() if mark else 0
        say_hanging(Text(text[:end]), Text(text[end:]))

    def run(self, plan: Plan, part: str) -> Callable[[Record], None]:
        """Show a run of a plan, under its title, which says what the run is for unless that is the drill's own."""
        view = RunView(usual_seconds(self._state, plan.runbook), language=self._language)
        view.plan = plan

        def listen(record: Record) -> None:
            if record.kind == "run.opened":
                purpose = "" if part == MAIN else words(_PURPOSES[part], self._language)
                say_hanging(
                    Text(f"▶ {plan.runbook}{purpose}  ", style="bold"),
                    Text(words(plan.title, self._language), style="dim"),
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
    for service in result.services:
        if service.not_back is not None:
            name, why = service.title, service.not_back
            said = say(Words(f"{name.en} is not brought back: {why.en}", f"{name.zh}不恢复：{why.zh}"))
            say_hanging(Text("  · "), Text(said))
    console.print(_figures(result, say))
    place = "/".join(folder.parts[-3:])
    console.print(Text(f"  {say(Words('evidence', '证据'))}  {place}/{REPORT}", style="dim"))


def _figures(result: DrillResult, say: Callable[[Words], str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 2), show_header=True, header_style="dim")
    table.add_column("")
    table.add_column(say(Words("measured", "实测")), justify="right")
    table.add_column(say(Words("objective", "目标")), justify="right")
    for service in result.services:
        if len(result.services) > 1:
            table.add_row(Text(say(service.title), style="bold"), "", "")
        _service(service, result, _Rows(table, say))
    for run in result.runs:
        if run.part == MAIN:
            for step in run.steps:
                if step.seconds is not None:
                    name = Words(f"  step {step.step}", f"  步骤 {step.step}")
                    table.add_row(say(name), _seconds(step.seconds, say), "")
    return table


class _Rows:
    """Adds rows of a service's figures to a table."""

    def __init__(self, table: Table, say: Callable[[Words], str]) -> None:
        self.table = table
        self.say = say

    def add(self, name: Words, measured: Words | str, wanted: Words | str = "", *, strong: bool = False) -> None:
        got, limit = (each if isinstance(each, str) else self.say(each) for each in (measured, wanted))
        self.table.add_row(self.say(name), Text(got, style="bold" if strong else ""), limit)

    def time(self, name: Words, seconds: float, wanted: Words | str = "", *, strong: bool = False) -> None:
        self.add(name, _seconds(seconds, self.say), wanted, strong=strong)


def _service(service: ServiceResult, result: DrillResult, rows: _Rows) -> None:
    measures, limit = service.measures, objective(service.objectives.rto)
    felt = measures.felt
    if result.expectation.refused is not None:
        nobody = Words("nobody", "无")
        promoted = ", ".join(each.host for each in measures.reigns[1:]) or nobody
        rows.add(Words("promoted", "被提升的主机"), promoted, nobody, strong=True)
    elif felt.outage is None:
        rows.add(WORDS["outage"], Words("none", "无"), limit, strong=True)
    elif felt.outage.end is None:
        wanted = limit if service.not_back is None else Words("not back", "不恢复")
        rows.add(WORDS["outage"], Words("not back", "未恢复"), wanted, strong=True)
    else:
        rows.time(WORDS["outage"], felt.outage.seconds, limit, strong=True)
    if felt.detection is not None:
        rows.time(Words("  until the trigger", "  从故障到触发"), felt.detection)
    if felt.execution is not None:
        # A planned operation has a trigger long before its outage: then this is no part of the outage above.
        part = "  " if felt.outage is not None and felt.execution <= felt.outage.seconds else ""
        name = Words(f"{part}from the trigger until served", f"{part}从触发到业务恢复")
        rows.time(name, felt.execution)
    if measures.restored is not None:
        rows.time(Words("away until the way back", "恢复原状前的中断"), measures.restored)
    if measures.afterwards is not None:
        rows.time(Words("outage on the way back", "恢复原状期间的中断"), measures.afterwards.seconds, limit)
    _data(service, rows)
    most = Words("at most one", "最多一台")
    two = len(measures.violations) + len(measures.overlaps)
    found = Words(f"two, {two} times", f"两台，{two} 次") if two else most
    if measures.one_primary is None:
        found = Words("not known", "不明")
    rows.add(WORDS["on_address" if measures.by_address else "primaries"], found, most)


def _data(service: ServiceResult, rows: _Rows) -> None:
    measures, rpo = service.measures, service.objectives.rpo
    lost = measures.lost
    if not measures.keeps:
        rows.add(WORDS["lost"], Words("nothing is kept for users", "不为用户保存数据"), strong=True)
        return
    if lost is None:
        rows.add(WORDS["lost"], Words("unknown", "不明"), strong=True)
    else:
        span = _seconds(lost.seconds, rows.say)
        over = Words(f"{lost.count}, over {span}", f"{lost.count}，跨度 {span}") if lost.count else "0"
        rows.add(WORDS["lost"], over, "0" if rpo == 0 else objective(rpo), strong=True)
    if measures.kept is not None:
        rows.add(Words("acknowledged writes", "已确认的写入"), f"{measures.kept.acknowledged}")


def _seconds(value: float, say: Callable[[Words], str]) -> str:
    """Give a time with all its milliseconds: a terminal is where two runs are compared."""
    return say(Words(f"{value:.3f} s", f"{value:.3f} 秒"))
