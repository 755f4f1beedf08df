"""Drawings of a drill from its record: what the probes saw against what was done, lane by lane. Pure.

Each drawing has a width for desks, one for paper, and one for phones, where names stand above their lanes.
Texts of both languages are in it, with the classes ``en`` and ``zh``; the page shows one of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from drillbook.evidence.wording import duration
from drillbook.runbook.model import Text
from drillbook.svg import (
    BAD,
    BAD_TINT,
    GOOD,
    INK,
    LINE,
    MUTED,
    PAPER,
    document,
    folded,
    tag,
    text_width,
    ticks,
)
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from markupsafe import Markup

WIDTHS = {"desk": 1040.0, "paper": 690.0, "phone": 348.0}
"""By the class that the page gives a drawing: only one of them is shown (CSS pixels)."""
_NARROW, _PAPER = 600.0, 800.0
_FONT = 12.0
_BAR = 12.0
_HEADS = 18.0
_ROW = 14.0
_HALO = {"paint_order": "stroke", "stroke": PAPER, "stroke_width": 3.0, "stroke_linejoin": "round"}
"""Keeps a text readable where the line of a moment crosses it."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar in a lane, in seconds; ``said``: what stands in it, or beside it when it is too short.

    ``thin``: a mark at the lane's foot. ``between``: other bars adjoin, so that nothing can stand beside it.
    """

    begin: float
    end: float
    colour: str
    said: Text | None = None
    thin: bool = False
    between: bool = False


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane with its name; without bars it is a heading. ``limit``: a moment by which something had to be so."""

    name: Text
    bars: tuple[Bar, ...] = ()
    heading: bool = False
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment that goes through all lanes; ``number`` is that of its event, 0: a line without one."""

    at: float
    number: int
    colour: str
    said: Text | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn: a window of time, counted from ``origin``, lanes, marks, and the outages behind them.

    ``latency``: moment, median and longest answer time (ms) of bins that are ``bin_width`` seconds wide.
    """

    title: Text
    begin: float
    end: float
    origin: float
    lanes: tuple[Lane, ...]
    marks: tuple[Mark, ...]
    outages: tuple[tuple[float, float], ...] = ()
    latency: tuple[tuple[float, float, float], ...] = ()
    bin_width: float = 0.0


def words(text: Text, **attributes: object) -> Markup:
    """Give a text in both languages at one place."""
    if text.en == text.zh:
        return tag("text", visible(text.en), **attributes)
    return tag("text", visible(text.en), class_="en", lang="en", **attributes) + tag(
        "text", visible(text.zh), class_="zh", lang="zh-Hans", **attributes
    )


def rows(text: str, *, width: float) -> list[str]:
    """Give a name in one row or two of that width. Letters have more room: their estimate is generous."""
    return folded(visible(text), width=width * (1.2 if text.isascii() else 1.0), size=_FONT)


def draw(chart: Chart, *, width: float) -> Markup:
    """Give the drawing of a chart in a width (CSS pixels)."""
    return _Drawing(chart, width).whole()


class _Drawing:
    def __init__(self, chart: Chart, width: float) -> None:
        self.chart, self.width = chart, width
        self.narrow = width < _NARROW
        self.left = 4.0 if self.narrow else 340.0 if width > _PAPER else 232.0
        self.right = width - (14.0 if self.narrow else 24.0)
        self.span = max(chart.end - chart.begin, 1e-6)

    def x(self, at: float) -> float:
        at = min(max(at, self.chart.begin), self.chart.end)
        return self.left + (self.right - self.left) * (at - self.chart.begin) / self.span

    def whole(self) -> Markup:
        chart = self.chart
        top = 44.0 if self.crowded() else 28.0
        parts: list[Markup] = []
        y = top
        for lane in chart.lanes:
            drawn, height = self.lane(lane, y)
            parts += drawn
            y += height
        if chart.latency:
            drawn, height = self.latency(y)
            parts += drawn
            y += height
        bottom = y + 6
        behind = [
            tag("rect", x=self.x(begin), y=top - 6, width=max(1.0, self.x(end) - self.x(begin)),
                height=bottom - top + 6, fill=BAD_TINT)
            for begin, end in chart.outages
        ]  # fmt: skip
        grid = list(self.grid(top - 6, bottom))
        lines, heads = self.marks(top - 6, bottom)
        return document(
            *behind, *grid, *lines, *parts, *heads,
            width=self.width, height=bottom + 24, title=f"{visible(chart.title.en)} · {visible(chart.title.zh)}",
            font_size=_FONT, fill=INK,
        )  # fmt: skip

    def crowded(self) -> bool:
        """Tell whether the heads of marks need a second row, or a line has words there."""
        at = sorted(self.x(mark.at) for mark in self.chart.marks if mark.number)
        near = any(right - left < _HEADS + 2 for left, right in pairwise(at))
        return near or any(not mark.number for mark in self.chart.marks)

    def lane(self, lane: Lane, y: float) -> tuple[list[Markup], float]:
        name, more = self.name(lane.name, y, heading=lane.heading)
        if lane.heading:
            return name, 22.0 + more
        base = y + (17 + more if self.narrow else 3 + more / 2)
        drawn = [*name, *(part for bar in lane.bars for part in self.bar(bar, base))]
        if lane.limit is not None and self.chart.begin <= lane.limit <= self.chart.end:
            x = self.x(lane.limit)
            drawn.append(tag("line", x1=x, x2=x, y1=base - 3, y2=base + _BAR + 3, stroke=INK, stroke_width=2.5))
        return drawn, (38.0 if self.narrow else 23.0) + more

    def name(self, name: Text, y: float, *, heading: bool = False) -> tuple[list[Markup], float]:
        """Give the name of what begins at ``y``, and how much higher than one row it is."""
        room = (self.right if self.narrow or heading else self.left - 16) - 2
        found = {"en": rows(name.en, width=room)}
        if name.zh != name.en:
            found["zh"] = rows(name.zh, width=room)
        most = max(map(len, found.values()))
        look = {"x": self.left if self.narrow else 0.0, "font_weight": "600" if heading else None, **_HALO}
        drawn = []
        for language, texts in found.items():
            told = {"class_": language, "lang": "zh-Hans" if language == "zh" else "en"} if len(found) > 1 else {}
            # The language that needs fewer rows stands beside the bar: on its height, or right above it.
            down = y + 12 + _ROW * (most - len(texts)) / (1 if self.narrow else 2)
            drawn += [tag("text", each, y=down + _ROW * row, **told, **look) for row, each in enumerate(texts)]
        return drawn, _ROW * (most - 1)

    def bar(self, bar: Bar, y: float) -> Iterable[Markup]:
        begin, end = self.x(bar.begin), self.x(bar.end)
        high = 3.0 if bar.thin else _BAR
        yield tag(
            "rect", x=begin, y=y + (_BAR - high), width=max(1.5, end - begin), height=high, fill=bar.colour,
            rx=None if bar.thin else 1.5,
        )  # fmt: skip
        if bar.said is None:
            return
        wide = max(text_width(bar.said.en, 11), text_width(bar.said.zh, 11))
        if wide + 8 <= end - begin:
            yield words(
                bar.said, x=(begin + end) / 2, y=y + 10, text_anchor="middle", font_size=11, fill=PAPER,
                font_weight="600",
            )  # fmt: skip
            return
        if bar.between:
            return
        beside: dict[str, object] = {"font_size": 11, "fill": INK, **_HALO}
        if end + 5 + wide <= self.right + 10:
            yield words(bar.said, x=end + 5, y=y + 10, **beside)
        elif begin - 5 - wide >= self.left:
            yield words(bar.said, x=begin - 5, y=y + 10, text_anchor="end", **beside)

    def latency(self, y: float) -> tuple[list[Markup], float]:
        """Draw how long the users' writes took: the median dark, the longest pale; cut at a useful height."""
        bins, high = self.chart.latency, 34.0
        ranked = sorted(longest for _, _, longest in bins)
        most = max(ranked[min(len(ranked) - 1, len(ranked) * 97 // 100)], 0.1)
        name = Text(
            f"Answer time, up to {most:.0f} ms" if most >= 1 else "Answer time", f"应答时间（至 {most:.0f} 毫秒）"
        )
        drawn, more = self.name(name, y)
        base = y + (20 + more if self.narrow else 4) + high
        step = (self.right - self.left) * self.chart.bin_width / self.span
        for at, median, longest in bins:
            if not self.chart.begin <= at <= self.chart.end:
                continue
            for value, colour in ((longest, LINE), (median, MUTED)):
                tall = max(1.0, high * min(value, most) / most)
                drawn.append(tag("rect", x=self.x(at), y=base - tall, width=max(1.0, step), height=tall, fill=colour))
        return drawn, high + (28.0 + more if self.narrow else 12.0)

    def grid(self, top: float, bottom: float) -> Iterable[Markup]:
        chart = self.chart
        yield tag("line", x1=self.left, x2=self.right, y1=bottom, y2=bottom, stroke=MUTED)
        for at in ticks(chart.begin - chart.origin, chart.end - chart.origin, 5 if self.narrow else 9):
            x = self.x(at + chart.origin)
            yield tag("line", x1=x, x2=x, y1=top, y2=bottom, stroke=LINE)
            shown = f"{at:g}".replace("-", "−")
            yield words(
                Text(f"{shown} s", f"{shown} 秒"), x=x, y=bottom + 16, text_anchor="middle", fill=MUTED, font_size=11
            )

    def marks(self, top: float, bottom: float) -> tuple[list[Markup], list[Markup]]:
        """Give the lines, which go behind the lanes, and their heads, which do not."""
        lines, heads = [], []
        row, before = 0, -100.0
        for mark in sorted(self.chart.marks, key=lambda each: each.at):
            x = self.x(mark.at)
            if mark.number:
                row = 1 - row if x - before < _HEADS + 2 else 0
                before = x
            y = top - 10 - _HEADS * row if mark.number else 16.0
            dash = None if mark.number else "5 4"
            lines.append(
                tag("line", x1=x, x2=x, y1=y, y2=bottom, stroke=mark.colour, stroke_width=1.5, stroke_dasharray=dash)
            )
            if mark.number:
                heads.append(tag("circle", cx=x, cy=y, r=8.5, fill=mark.colour))
                heads.append(
                    tag("text", str(mark.number), x=x, y=y + 4, text_anchor="middle", fill=PAPER, font_size=11,
                        font_weight="700")
                )  # fmt: skip
            elif mark.said is not None:
                end = x > (self.left + self.right) / 2
                heads.append(
                    words(mark.said, x=x + (4 if end else -4), y=12.0, fill=mark.colour, font_size=11,
                          font_weight="600", text_anchor="end" if end else "start")
                )  # fmt: skip
        return lines, heads


def against(outage: float | None, limit: float, *, open_: bool, width: float) -> Markup:
    """Draw an outage against its objective, on a scale of its own. ``open_``: it had not ended.

    ``outage`` None: there was none.
    """
    away = outage or 0.0
    most = max(away, limit) * (1.04 if away <= limit else 1.15) or 1.0
    left, right = 0.0, width - 2.0
    scale = (right - left) / most
    met = away <= limit and not open_
    said = duration(away) if outage is not None else Text("no outage", "无中断")
    if open_:
        said = Text(f"not back after {said.en}", f"{said.zh} 后仍未恢复")
    wanted = Text(f"objective {limit:g} s", f"目标 {limit:g} 秒")
    line = left + limit * scale
    end = left + max(away * scale, 3.0)
    parts = [
        tag("rect", x=left, y=26.0, width=right - left, height=16.0, fill="#eef1f4"),
        tag("rect", x=left, y=26.0, width=end - left, height=16.0, fill=GOOD if met else BAD),
        tag("line", x1=line, x2=line, y1=18.0, y2=50.0, stroke=INK, stroke_width=2),
        words(wanted, x=line - 6 if line > width / 2 else line + 6, y=16.0, font_size=12, fill=INK,
              text_anchor="end" if line > width / 2 else "start"),
    ]  # fmt: skip
    wide = max(text_width(said.en, 12), text_width(said.zh, 12))
    inside = end - left > wide + 16
    parts.append(
        words(said, x=end - 8 if inside else end + 6, y=38.5, font_size=12, font_weight="600",
              fill=PAPER if inside else INK, text_anchor="end" if inside else "start")
    )  # fmt: skip
    return document(
        *parts, width=width, height=54, font_size=_FONT,
        title=f"{said.en}, {wanted.en} · {said.zh}，{wanted.zh}",
    )  # fmt: skip
