"""The drawing of a drill's history: a bar of its steps for each run, the outage as a line, the objective as another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.evidence.history.runs import WINDOW, main_steps
from drillbook.evidence.result import MAIN
from drillbook.evidence.verdict import Result
from drillbook.svg import BAD, INK, LINE, MUTED, PAPER, WARN, document, shortened, tag, text_width

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from markupsafe import Markup

    from drillbook.evidence.archive import Kept
    from drillbook.evidence.history.runs import History

WIDTHS = {"desk": 960.0, "phone": 350.0}
"""By the class that the page gives a drawing: only one of them is shown (CSS pixels)."""
SHOWN = 40
"""Runs that a drawing shows at most, the newest."""
# Dark and light in turn, so that neighbours differ without colour too.
COLOURS = ("#1f5fa8", "#9cc3ea", "#8a4f9e", "#dcb3e6", "#0f766e", "#8fd3c8")
OTHER = "#b8c0c8"
_NARROW = 600.0
_NARROWEST = 21.0  # a column
_HIGH = 272.0  # the bars' room
_BOTTOM = 76.0
_SIZE = 12.0
_ROOM = 1.25  # an objective within this many times the longest bar is drawn

WORDS = {
    "en": {
        "seconds": "seconds", "outage": "outage that users felt", "objective": "objective", "other": "other steps",
        "above": "the objective of {rto:g} s lies above the drawing", "void": "invalid, not counted",
        "missed": "missed", "none": "Nothing recorded that counts.", "back": "did not come back",
        "title": "{drill}: steps and outage of each run", "unit": "s",
    },
    "zh": {
        "seconds": "秒", "outage": "用户感受到的中断", "objective": "目标", "other": "其他步骤",
        "above": "目标 {rto:g} 秒，超出图示范围", "void": "无效，不计入",
        "missed": "未达标", "none": "没有可计入的记录。", "back": "未恢复",
        "title": "{drill}：每次演练的步骤与中断时间", "unit": "秒",
    },
}  # fmt: skip


def leading_steps(found: History) -> list[tuple[str, str]]:
    """Give the steps (runbook, step) that get a colour of their own, in their order: those that take longest."""
    main = [each for each in found.steps if each.part == MAIN and each.usual is not None]
    if len(main) > len(COLOURS):
        longest = sorted(main, key=lambda each: -(each.usual or 0.0))[: len(COLOURS)]
        main = [each for each in main if each in longest]
    return [(each.runbook, each.step) for each in main]


def stacked(run: Kept, leading: Sequence[tuple[str, str]]) -> list[float]:
    """Give the seconds of each leading step of a run, and of all others together as the last."""
    found = [0.0] * (len(leading) + 1)
    for step in main_steps(run):
        key = (step.runbook, step.step)
        found[leading.index(key) if key in leading else -1] += step.seconds or 0.0
    return found


def ticks(longest: float, most: int = 6) -> list[float]:
    """Give round numbers from 0 to at least ``longest``, at most ``most`` of them beyond 0."""
    step = 10.0**-3
    while True:
        for factor in (1, 2, 5):
            if step * factor * most >= longest:
                count = max(1, -int(-longest // (step * factor)))
                return [round(step * factor * each, 6) for each in range(count + 1)]
        step *= 10


def plot(found: History, *, zone: tzinfo, language: str = "en", width: float = WIDTHS["desk"]) -> Markup:
    """Give the drawing as SVG, ``width`` CSS pixels wide, dates in the zone: the newest runs, as many as fit."""
    said = WORDS[language]
    title = said["title"].format(drill=found.drill)
    runs = sorted((*found.counted, *found.void), key=lambda each: (each.started, each.folder))
    runs = runs[-min(SHOWN, int((width - sum(_sides(width))) / _NARROWEST)) :]
    if all(each.result is Result.INVALID for each in runs):
        return document(
            tag("rect", width=width, height=80.0, fill=PAPER),
            tag("text", said["none"], x=24.0, y=46.0, font_size=15.0, fill=MUTED),
            width=width, height=80.0, title=title,
        )  # fmt: skip
    drawn = _Plot(found, runs, zone, said, width)
    return document(
        tag("rect", width=width, height=drawn.height, fill=PAPER),
        *drawn.parts(),
        width=width,
        height=drawn.height,
        title=title,
    )


def _sides(width: float) -> tuple[float, float]:
    """Give the room to the left and to the right of the bars."""
    return (40.0, 10.0) if width < _NARROW else (62.0, 24.0)


class _Plot:
    def __init__(self, found: History, runs: list[Kept], zone: tzinfo, said: dict[str, str], width: float) -> None:
        self.found, self.runs, self.zone, self.said, self.width = found, runs, zone, said, width
        self.left, self.right = _sides(width)
        self.leading = leading_steps(found)
        self.colours = [*COLOURS[: len(self.leading)], OTHER]
        counted = [each for each in runs if each.result is not Result.INVALID]
        longest = max([sum(stacked(each, self.leading)) for each in counted] + [each.outage or 0.0 for each in counted])
        self.rto = counted[-1].rto
        self.meant = not counted[-1].refusal and self.rto > 0
        self.draws_objective = self.meant and self.rto <= _ROOM * longest
        self.ticks = ticks(max(longest, self.rto if self.draws_objective else 0.0, 0.001))
        self.column = (width - self.left - self.right) / len(runs)
        self.legend, below = self._legend()
        self.top = max(92.0, below + 46.0)
        self.height = self.top + _HIGH + _BOTTOM

    def parts(self) -> list[Markup]:
        return [*self.legend, *self._above(), *self._axis(), *self._bars(), *self._objective(), *self._line()]

    def x(self, place: int) -> float:
        return self.left + self.column * (place + 0.5)

    def y(self, seconds: float) -> float:
        return self.height - _BOTTOM - _HIGH * seconds / self.ticks[-1]

    def _legend(self) -> tuple[list[Markup], float]:
        """Give the legend, and where its last row stands."""
        said = self.said
        marks: list[tuple[str, str]] = [("line", said["outage"])]
        if self.draws_objective:
            marks.append(("objective", f"{said['objective']} {self.rto:g} {said['unit']}"))
        marks += [(colour, step) for colour, (_, step) in zip(self.colours, self.leading, strict=False)]
        if any(stacked(each, self.leading)[-1] for each in self.runs):
            marks.append((OTHER, said["other"]))
        if any(each.result is Result.MISSED for each in self.runs):
            marks.append(("missed", said["missed"]))
        if any(each.result is Result.INVALID for each in self.runs):
            marks.append(("void", said["void"]))
        parts, x, y = [], 16.0, 26.0
        for mark, text in marks:
            shown = shortened(text, width=190.0, size=_SIZE)
            width = 24.0 + text_width(shown, _SIZE) + 14.0
            if x + width > self.width - 16:
                x, y = 16.0, y + 20.0
            parts += [_mark(mark, x, y), tag("text", shown, x=x + 22, y=y, font_size=_SIZE, fill=INK)]
            x += width
        return parts, y

    def _above(self) -> list[Markup]:
        if not self.meant or self.draws_objective:
            return []
        text = self.said["above"].format(rto=self.rto)
        x, y = self.width - 16, self.top - (24 if self.width < _NARROW else 8)
        return [tag("text", text, x=x, y=y, font_size=_SIZE, fill=MUTED, text_anchor="end")]

    def _axis(self) -> list[Markup]:
        parts = [tag("text", self.said["seconds"], x=16.0, y=self.top - 8, font_size=_SIZE, fill=MUTED)]
        for tick in self.ticks:
            y = self.y(tick)
            parts.append(
                tag("line", x1=self.left, x2=self.width - self.right, y1=y, y2=y, stroke=MUTED if tick == 0 else LINE)
            )
            parts.append(
                tag("text", f"{tick:g}", x=self.left - 8, y=y + 4, font_size=_SIZE, fill=MUTED, text_anchor="end")
            )
        step = max(1, round(46 / self.column))
        for place, run in enumerate(self.runs):
            if (len(self.runs) - 1 - place) % step == 0:
                at = run.started.astimezone(self.zone)
                for row, text in enumerate((f"{at:%m-%d}", f"{at:%H:%M}", f"{at:%Y}")):
                    parts.append(
                        tag(
                            "text", text, x=self.x(place), y=self.height - _BOTTOM + 18 + 15 * row, font_size=11.0,
                            fill=MUTED, text_anchor="middle",
                        )
                    )  # fmt: skip
        return parts

    def _bars(self) -> list[Markup]:
        width = min(44.0, self.column * 0.62)
        parts = []
        for place, run in enumerate(self.runs):
            x = self.x(place) - width / 2
            if run.result is Result.INVALID:
                parts.append(_cross(self.x(place), self.y(0) - 9, self._told(run)))
                continue
            below, boxes = 0.0, []
            for colour, seconds in zip(self.colours, stacked(run, self.leading), strict=True):
                if seconds > 0:
                    top = self.y(below + seconds)
                    boxes.append(
                        tag("rect", x=x, y=top, width=width, height=self.y(below) - top, fill=colour, stroke=PAPER)
                    )
                    below += seconds
            parts.append(tag("g", tag("title", self._told(run)), *boxes))
        return parts

    def _objective(self) -> list[Markup]:
        if not self.draws_objective:
            return []
        y = self.y(self.rto)
        return [
            tag(
                "line",
                x1=self.left,
                x2=self.width - self.right,
                y1=y,
                y2=y,
                stroke=WARN,
                stroke_width=2.0,
                stroke_dasharray="8 5",
            )
        ]

    def _line(self) -> list[Markup]:
        felt = [
            (place, run)
            for place, run in enumerate(self.runs)
            if run.result is not Result.INVALID and run.outage is not None
        ]
        points = " ".join(f"{self.x(place):.1f},{self.y(run.outage or 0.0):.1f}" for place, run in felt)
        parts = [tag("polyline", points=points, fill="none", stroke=INK, stroke_width=2.0)] if len(felt) > 1 else []
        for place, run in enumerate(self.runs):
            if run.result is Result.INVALID or (run.outage is None and not run.not_back):
                continue
            y = self.y(self.ticks[-1] if run.outage is None else run.outage)
            missed = run.result is Result.MISSED
            parts.append(_point(self.x(place), y, self._told(run), missed=missed))
        newest = felt[-1] if felt else None
        if newest is not None:
            place, run = newest
            parts.append(
                tag(
                    "text", f"{run.outage:.2f} {self.said['unit']}", x=self.x(place),
                    y=self.y(run.outage or 0.0) - 10, font_size=_SIZE,
                    fill=INK, stroke=PAPER, stroke_width=4.0, paint_order="stroke", font_weight="600",
                    text_anchor="end" if len(self.runs) > WINDOW else "middle",
                )
            )  # fmt: skip
        return parts

    def _told(self, run: Kept) -> str:
        at, unit = run.started.astimezone(self.zone), self.said["unit"]
        if run.outage is not None:
            felt = f"{self.said['outage']} {run.outage:.3f} {unit}"
        else:
            felt = self.said["back"] if run.not_back else ""
        steps = ", ".join(
            f"{each.step} {each.seconds:.3f} {unit}" for each in main_steps(run) if each.seconds is not None
        )
        return "; ".join(each for each in (f"{at:%Y-%m-%d %H:%M} {run.result.upper()}", felt, steps) if each)


def _mark(mark: str, x: float, y: float) -> Markup:
    match mark:
        case "line":
            return tag(
                "g",
                tag("line", x1=x, x2=x + 16, y1=y - 4, y2=y - 4, stroke=INK, stroke_width=2.0),
                tag("circle", cx=x + 8, cy=y - 4, r=3.5, fill=INK),
            )
        case "objective":
            return tag(
                "line", x1=x, x2=x + 16, y1=y - 4, y2=y - 4, stroke=WARN, stroke_width=2.0, stroke_dasharray="5 3"
            )
        case "missed":
            return _point(x + 8, y - 4, None, missed=True)
        case "void":
            return _cross(x + 8, y - 4, None)
        case _:
            return tag("rect", x=x + 1, y=y - 11, width=14.0, height=13.0, fill=mark)


def _point(x: float, y: float, told: str | None, *, missed: bool) -> Markup:
    title = [tag("title", told)] if told else []
    if missed:
        return tag("rect", *title, x=x - 5, y=y - 5, width=10.0, height=10.0, fill=BAD, stroke=PAPER)
    return tag("circle", *title, cx=x, cy=y, r=4.0, fill=INK, stroke=PAPER)


def _cross(x: float, y: float, told: str | None) -> Markup:
    title = [tag("title", told)] if told else []
    path = f"M{x - 5:.1f} {y - 5:.1f}l10 10m0 -10l-10 10"
    return tag("path", *title, d=path, stroke=MUTED, stroke_width=2.0, fill="none")
