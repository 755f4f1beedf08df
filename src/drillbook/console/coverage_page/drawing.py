"""Drawings for the pages: a spare with what counts on it in order, and the worst failures as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from drillbook.console.coverage_words import REASONS
from drillbook.coverage.nminus1 import Why
from drillbook.svg import BAD, GOOD, INK, LINE, MUTED, PAPER, WARN, document, shortened, tag, text_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from drillbook.coverage.cover import SpareCover
    from drillbook.coverage.nminus1 import Failure
    from drillbook.runbook.model import Text

WIDTHS = {"desk": 1040.0, "phone": 350.0}
"""The widths that the bars are made in, by the class that shows them."""
SPARE_WIDTHS = {"desk": 500.0, "phone": 350.0}
COLOURS = {Why.NOTHING: BAD, Why.LOST: "#7a1f14", Why.CONTESTED: "#6b3fa0", Why.SLOW: WARN, Why.WAITS: "#8a97a5"}
_SIZE, _SMALL, _LINE, _HEAD, _STEM = 14.0, 12.0, 16.0, 34.0, 18.0


class Row(NamedTuple):
    """What is said of one that counts on a spare; ``said`` are at most two lines."""

    name: str
    about: str
    said: tuple[str, ...]


def spare_drawing(spare: SpareCover, rows: Sequence[Row], *, title: str, width: float) -> Markup:
    """Give a spare and below it what counts on it, in the order in which they get it.

    Args:
        spare: with at least one protection.
        rows: what is said of each of them.
        title: what screen readers say.
        width: in CSS pixels.
    """
    parts = [
        tag("rect", x=0.5, y=0.5, width=min(width - 1, text_width(spare.item, _SIZE) + 28), height=_HEAD - 8.0, rx=5.0,
            fill=INK if spare.taken_by is None else WARN),
        tag("text", shortened(spare.item, width=width - 30, size=_SIZE), x=14.0, y=18.5, fill=PAPER, font_size=_SIZE,
            font_weight=650),
    ]  # fmt: skip
    bottom, y = _HEAD - 8, _HEAD
    for number, ((name, about, said), each) in enumerate(zip(rows, spare.wanting, strict=True), 1):
        middle = y + 16.0
        has = spare.taken_by == each.place.protection
        first = number == 1 and spare.taken_by is None
        colour = GOOD if has or first else MUTED
        room = width - _STEM - 40
        parts += [
            tag("path", d=f"M{_STEM:g} {bottom:g}V{middle:g}H{_STEM + 12:g}", fill="none",
                stroke=LINE, stroke_width=2.0),
            tag("circle", cx=_STEM + 24, cy=middle, r=11.0, fill=colour),
            tag("text", str(number), x=_STEM + 24, y=middle + 4.2, fill=PAPER, font_size=_SMALL, font_weight=700,
                text_anchor="middle"),
            tag("text", tag("tspan", shortened(name, width=room, size=_SIZE), font_weight=600),
                tag("tspan", shortened(f"  {about}", width=max(0.0, room - text_width(name, _SIZE) - 8), size=_SMALL),
                    fill=MUTED, font_size=_SMALL), x=_STEM + 44, y=middle, fill=INK, font_size=_SIZE),
            *(tag("text", shortened(text, width=room, size=_SMALL), x=_STEM + 44, y=middle + _LINE * line, fill=MUTED,
                  font_size=_SMALL) for line, text in enumerate(said, 1)),
        ]  # fmt: skip
        bottom = middle
        y += 30 + _LINE * len(said)
    return document(*parts, width=width, height=y, title=title)


def bars(failures: Sequence[Failure], *, title: str, width: float) -> Markup:
    """Give a bar for each failure: how many services it strands, by reason; the failures as they stand."""
    label = min(width * 0.4, max(text_width(each.id, _SIZE) for each in failures) + 10)
    most = max(len(each.own) for each in failures)
    unit = (width - label - 34) / most
    height = 26.0
    parts: list[Markup] = []
    for place, failure in enumerate(failures):
        y = place * height
        parts.append(
            tag("text", shortened(failure.id, width=label - 8, size=_SIZE), x=label - 8, y=y + 17, font_size=_SIZE,
                fill=INK, text_anchor="end")
        )  # fmt: skip
        x = label
        for why in Why:
            count = sum(each.why is why for each in failure.own)
            if count:
                parts.append(tag("rect", x=x, y=y + 4, width=count * unit - 1, height=18.0, rx=2.0, fill=COLOURS[why]))
                x += count * unit
        parts.append(tag("text", str(len(failure.own)), x=x + 7, y=y + 17, font_size=_SIZE, fill=MUTED))
    return document(*parts, width=width, height=height * len(failures), title=title)


def legend(failures: Sequence[Failure]) -> list[tuple[Markup, Text]]:
    """Give a square and a word for each reason that occurs."""
    occurring = {each.why for failure in failures for each in failure.own}
    return [
        (
            document(tag("rect", x=0.0, y=0.0, width=12.0, height=12.0, rx=2.0, fill=COLOURS[why]),
                     width=12, height=12, title=REASONS[why].en),
            REASONS[why],
        )
        for why in Why if why in occurring
    ]  # fmt: skip
