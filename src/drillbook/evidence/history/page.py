"""The history of a drill as one page of HTML that needs nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from drillbook.evidence.history.plot import WIDTHS, plot
from drillbook.evidence.history.runs import WINDOW
from drillbook.evidence.history.trend import Direction, Trend
from drillbook.evidence.result import MAIN
from drillbook.evidence.verdict import Result
from drillbook.svg import BAD, FONT, GOOD, INK, LINE, MUTED, PAPER, WARN, tag

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo

    from drillbook.evidence.archive import Kept
    from drillbook.evidence.history.runs import History

NONE = "–"
_STYLE = Markup(  # noqa: S704 - constants only
    f"body{{margin:0;background:{PAPER};color:{INK};font:16px/1.5 {FONT}}}"
    "main{max-width:960px;margin:0 auto;padding:24px 16px 48px}"
    "h1{font-size:1.6rem;line-height:1.25;margin:0}h2{font-size:1.15rem;margin:2rem 0 .5rem}"
    f"p{{margin:.4rem 0}}.muted{{color:{MUTED}}}"
    ".facts{width:auto;margin:.6rem 0 1.2rem}.facts td{font-weight:600}"
    ".wide{overflow-x:auto}svg{display:block;width:100%;height:auto}.phone{display:none}"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}"
    f"th,td{{text-align:left;padding:.3rem 1.6rem .3rem 0;border-bottom:1px solid {LINE};vertical-align:top}}"
    f"th{{color:{MUTED};font-weight:500}}td.n,th.n{{text-align:right;white-space:nowrap}}td.w{{white-space:nowrap}}"
    f".met{{color:{GOOD}}}.missed{{color:{BAD};font-weight:600}}.invalid{{color:{WARN}}}"
    "@media(max-width:700px){.desk{display:none}.phone{display:block}table{font-size:14px}"
    "th,td{padding-right:.8rem}td,li,.muted{overflow-wrap:anywhere}td.n,td.w{overflow-wrap:normal}}"
)
WORDS = {
    "en": {
        "history": "History", "runs": "Runs, newest first", "steps": "Steps of the drill's own run",
        "others": "Steps before and afterwards", "run": "run", "result": "result", "outage": "outage",
        "slowest": "slowest step", "lost": "lost writes", "step": "step", "newest": "newest", "best": "best",
        "usual": "usual", "trend": "trend", "distrusted": "Records that are not counted",
        "future": "it says that it was made later than now: the clock was set back",
        "met": "met", "missed": "missed", "invalid": "invalid", "back": "not back", "refusal": "to refuse",
        "faster": "faster", "slower": "slower", "no clear trend": "no clear trend", "too few runs": "too few runs",
        "a_run": "{seconds:+.3f} s a run", "none": "Nothing recorded.",
        "sums": "Runs that count: {counted}. Invalid: {void}. Records not counted: {distrusted}.",
        "method": "Usual: the median of the last {window} runs. Trend: Theil and Sen's slope over them, said only "
        "when Mann and Kendall's test finds less than 5 % chance.",
        "changed": "The drill's file was changed before this run.",
        "at": "{seconds:.3f} s on {day}", "s": "{seconds:.3f} s",
    },
    "zh": {
        "history": "历史", "runs": "各次演练（最新在前）", "steps": "演练本身的步骤",
        "others": "之前与之后的步骤", "run": "时间", "result": "结果", "outage": "中断",
        "slowest": "最慢步骤", "lost": "丢失写入", "step": "步骤", "newest": "最近一次", "best": "最佳",
        "usual": "通常", "trend": "趋势", "distrusted": "不计入的记录",
        "future": "记录时间晚于现在：时钟被调回过",
        "met": "达标", "missed": "未达标", "invalid": "无效", "back": "未恢复", "refusal": "应拒绝",
        "faster": "变快", "slower": "变慢", "no clear trend": "无明显趋势", "too few runs": "次数太少",
        "a_run": "每次 {seconds:+.3f} 秒", "none": "没有记录。",
        "sums": "计入 {counted} 次，无效 {void} 次，不计入的记录 {distrusted} 条。",
        "method": "“通常”为最近 {window} 次的中位数。趋势为其 Theil–Sen 斜率，仅在 Mann–Kendall 检验 p < 0.05 时给出。",
        "changed": "此次之前演练文件有改动。",
        "at": "{seconds:.3f} 秒（{day}）", "s": "{seconds:.3f} 秒",
    },
}  # fmt: skip


def page(found: History, *, zone: tzinfo, language: str = "en") -> str:
    """Give the page. Times are in the zone."""
    return "<!doctype html>\n" + str(_Page(found, zone, language).whole()) + "\n"


def trend_words(value: Trend, said: dict[str, str]) -> str:
    """Give a trend in words: the direction, and its slope when there is one."""
    words = said[str(value.direction)]
    if value.direction in (Direction.FASTER, Direction.SLOWER) and value.slope is not None:
        words += f", {said['a_run'].format(seconds=value.slope)}"
    return words


class _Page:
    def __init__(self, found: History, zone: tzinfo, language: str) -> None:
        self.found, self.zone, self.language, self.said = found, zone, language, WORDS[language]

    def whole(self) -> Markup:
        runs = self.found.runs
        title = self.found.drill
        if runs:
            title = runs[-1].title.zh if self.language == "zh" else runs[-1].title.en
        head = tag(
            "head",
            Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
            tag("title", f"{self.said['history']}: {title}"),
            tag("style", _STYLE),
        )
        body = tag("main", tag("h1", title), tag("p", self.found.drill, class_="muted"), *self._sections())
        return tag("html", head, tag("body", body), lang="zh-CN" if self.language == "zh" else "en")

    def _sections(self) -> list[Markup]:
        found, said = self.found, self.said
        if not found.runs and not found.distrusted:
            return [tag("p", said["none"])]
        parts = [
            self._lead(),
            *(
                tag("div", plot(found, zone=self.zone, language=self.language, width=width), class_=name)
                for name, width in WIDTHS.items()
            ),
            *self._steps(said["steps"], main=True),
            *self._steps(said["others"], main=False),
            tag("p", said["method"].format(window=WINDOW), class_="muted"),
        ]
        if found.runs:
            parts += [tag("h2", said["runs"]), self._runs()]
        unused = [(each.folder, each.reason) for each in found.distrusted]
        unused += [(each.folder, said["future"]) for each in found.future]
        if unused:
            parts += [tag("h2", said["distrusted"]), tag("ul", *(tag("li", f"{a}: {b}") for a, b in unused))]
        return parts

    def _lead(self) -> Markup:
        found, said = self.found, self.said
        sums = said["sums"].format(
            counted=len(found.counted), void=len(found.void), distrusted=len(found.distrusted) + len(found.future)
        )
        facts = []
        for name, run in (("newest", found.newest), ("best", found.best)):
            if run is not None and run.outage is not None:
                at = said["at"].format(seconds=run.outage, day=f"{run.started.astimezone(self.zone):%Y-%m-%d}")
                facts.append((f"{said['outage']}, {said[name]}", at))
        if found.outage.runs:
            facts.append((f"{said['outage']}, {said['trend']}", trend_words(found.outage, said)))
        if found.slowest is not None:
            facts.append((said["slowest"], f"{found.slowest.step}, {seconds_words(found.slowest.usual, said)}"))
        rows = [tag("tr", tag("th", name), tag("td", value)) for name, value in facts]
        return tag("div", tag("p", sums), *([tag("table", *rows, class_="facts")] if rows else []))

    def _steps(self, title: str, *, main: bool) -> list[Markup]:
        said = self.said
        steps = [each for each in self.found.steps if (each.part == MAIN) is main and each.known]
        if not steps:
            return []
        rows = [
            _row(
                [
                    (each.step if main else f"{each.runbook} / {each.step}", ""),
                    *((seconds_words(at, said), "n") for at in (each.seconds[-1], min(each.known), each.usual)),
                    (trend_words(each.trend, said), ""),
                ]
            )
            for each in steps
        ]
        head = _head([(said["step"], ""), *((said[name], "n") for name in ("newest", "best", "usual")),
                      (said["trend"], "")])  # fmt: skip
        return [tag("h2", title), tag("div", tag("table", head, *rows), class_="wide")]

    def _runs(self) -> Markup:
        said, found = self.said, self.found
        changed = {found.counted[place].folder for place in found.changed}
        names = ("run", "result", "outage", "slowest", "lost")
        head = _head([(said[name], "n" if name in ("outage", "lost") else "") for name in names])
        rows = []
        for run in reversed(found.runs):
            when = f"{run.started.astimezone(self.zone):%Y-%m-%d %H:%M:%S}"
            counts = run.result is not Result.INVALID
            rows.append(
                _row(
                    [
                        (when + (" *" if run.folder in changed else ""), "w"),
                        (said[str(run.result)], str(run.result)),
                        (outage_words(run, said) if counts else NONE, "n"),
                        (slowest_words(run, said), ""),
                        (NONE if run.lost is None or not counts else str(run.lost), "n"),
                    ]
                )
            )
        note = [tag("p", f"* {said['changed']}", class_="muted")] if changed else []
        return tag("div", tag("table", head, *rows), *note, class_="wide")


def outage_words(run: Kept, said: dict[str, str]) -> str:
    """Give a run's outage: seconds, that the service did not come back, that it was not to, or nothing felt."""
    if run.refusal:
        return said["refusal"]
    return said["back"] if run.not_back else seconds_words(run.outage, said)


def slowest_words(run: Kept, said: dict[str, str]) -> str:
    """Give the slowest step of a drill's own run."""
    done = [each for each in run.steps if each.part == MAIN and each.seconds is not None]
    slowest = max(done, key=lambda each: each.seconds or 0.0, default=None)
    return NONE if slowest is None else f"{slowest.step} {seconds_words(slowest.seconds, said)}"


def seconds_words(seconds: float | None, said: dict[str, str]) -> str:
    """Give a time with all its milliseconds."""
    return NONE if seconds is None else said["s"].format(seconds=seconds)


def _head(cells: Iterable[tuple[str, str]]) -> Markup:
    return tag("tr", *(tag("th", text, class_=kind or None) for text, kind in cells))


def _row(cells: Iterable[tuple[str, str]]) -> Markup:
    return tag("tr", *(tag("td", text, class_=kind or None) for text, kind in cells))
