"""Draws cards in layers with the lines between them, a heading above and a legend below.

What a colour says is said by a shape or a word too: tiers by number and weight of their badge, protection by
a sign of its own and by words, the subject of the drawing by a heavy border.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drillbook.cmdb.drawing.layout import arrange
from drillbook.svg import BAD, GOOD, INK, LINE, MUTED, PAPER, STEP, WARN, document, shortened, tag, text_width

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup

    from drillbook.cmdb.drawing.layout import Layout

_PAD = 14.0
_WIDEST, _WIDEST_SUBJECT = 380.0, 520.0
_NARROWEST = 170.0
_MARGIN = 36.0
_BETWEEN = 74.0  # layers, for the lines
_HEAD, _TEXT, _SMALL = 15.0, 12.5, 11.5
_SIGN = 20.0  # the room of a sign before its text
_TINT = "#eef4fa"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a card; ``sign`` is a key of SIGNS or empty, ``note`` stands below the text, muted."""

    text: str
    note: str = ""
    sign: str = ""
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """A box: a heading with a badge, lines below the heading, rows below a rule. ``subject``: what is drawn."""

    id: str
    head: str
    badge: str = ""
    tier: int = 3
    lines: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    subject: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is drawn: ``layers`` of cards from the top, each with a caption, and who needs whom."""

    title: str
    kind: str
    subtitle: str
    footnote: str
    layers: tuple[tuple[str, tuple[Card, ...]], ...]
    lines: tuple[tuple[str, str], ...]
    legend_title: str
    legend: tuple[tuple[str, str], ...] = field(default=())


def _hot() -> Markup:
    return tag("path", d="M1 4h11m-3-3 3 3-3 3M13 10H2m3-3-3 3 3 3", stroke=GOOD)


def _cold() -> Markup:
    return tag("path", d="M0 7h3m2 0h3m2 0h3", stroke=STEP) + tag("path", d="M9.5 3 13.5 7l-4 4", stroke=STEP)


def _copies() -> Markup:
    ring = {"stroke": WARN}
    return tag("g", tag("circle", cx=4, cy=6, r=3.2, **ring), tag("circle", cx=11, cy=6, r=3.2, **ring),
               tag("path", d="M4 9.4h7", **ring))  # fmt: skip


def _bare() -> Markup:
    return tag("path", d="M2 2l9 9M11 2l-9 9", stroke=BAD, stroke_width=2)


def _blank() -> Markup:
    return tag("g")


def _line() -> Markup:
    return tag("path", d="M0 7h9", stroke=MUTED) + tag("path", d="M8 3.5 14 7 8 10.5z", fill=MUTED, stroke="none")


SIGNS = {"hot_standby": _hot, "cold_standby": _cold, "backup": _copies, "bare": _bare, "line": _line, "blank": _blank}
"""Each kind of protection, none at all, a line of the drawing, and nothing, to stand below a sign."""


def _sign(name: str, x: float, y: float) -> Markup:
    return tag("g", SIGNS[name](), transform=f"translate({x:.1f} {y:.1f})", fill="none", stroke_width=1.6)


def _text(value: str, x: float, y: float, size: float, **more: object) -> Markup:
    return tag("text", value, x=x, y=y, font_size=size, **{"fill": INK, **more})


def _badge_width(card: Card) -> float:
    return text_width(card.badge, _SMALL) + 16 if card.badge else 0.0


def _width(card: Card) -> float:
    head = text_width(card.head, _HEAD) * 1.06 + (_badge_width(card) + 10 if card.badge else 0)
    lines = [text_width(each, _TEXT) for each in card.lines]
    rows = [text_width(row.text, _TEXT) * 1.05 + (_SIGN if row.sign else 0) for row in card.rows]
    notes = [text_width(row.note, _SMALL) + (_SIGN if row.sign else 0) for row in card.rows]
    widest = _WIDEST_SUBJECT if card.subject else _WIDEST
    return max(_NARROWEST, min(widest, max([head, *lines, *rows, *notes])) + 2 * _PAD + 1)


def _height(card: Card) -> float:
    rows = sum(19 + (15 if row.note else 0) for row in card.rows)
    return 2 * _PAD + 14 + 18 * len(card.lines) + (14 + rows if card.rows else 0)


def _card(card: Card, x: float, y: float, width: float) -> Markup:
    inner = width - 2 * _PAD
    parts = [
        tag("rect", x=x, y=y, width=width, height=_height(card), rx=7, fill=_TINT if card.subject else PAPER,
            stroke=INK if card.subject else MUTED, stroke_width=2.6 if card.subject else 1.1),
    ]  # fmt: skip
    at = y + _PAD + 12
    room = inner - (_badge_width(card) + 10 if card.badge else 0)
    head = shortened(card.head, width=room / 1.06, size=_HEAD)
    parts.append(_text(head, x + _PAD, at, _HEAD, font_weight=650))
    if card.badge:
        parts.append(_badge(card, x + width - _PAD - _badge_width(card), at - 13))
    for line in card.lines:
        at += 18
        parts.append(_text(shortened(line, width=inner, size=_TEXT), x + _PAD, at, _TEXT, fill=MUTED))
    if card.rows:
        parts.append(tag("path", d=f"M{x + _PAD:.1f} {at + 11:.1f}h{inner:.1f}", stroke=LINE, fill="none"))
        at += 12
    for row in card.rows:
        at += 19
        left = x + _PAD + (_SIGN if row.sign else 0)
        if row.sign:
            parts.append(_sign(row.sign, x + _PAD, at - 11))
        room = x + width - _PAD - left
        weight = 600 if row.strong else None
        shown = shortened(row.text, width=room / (1.05 if row.strong else 1), size=_TEXT)
        parts.append(_text(shown, left, at, _TEXT, font_weight=weight))
        if row.note:
            at += 15
            parts.append(_text(shortened(row.note, width=room, size=_SMALL), left, at, _SMALL, fill=MUTED))
    whole = "\n".join([card.head, *card.lines, *(f"{row.text} {row.note}".rstrip() for row in card.rows)])
    return tag("g", tag("title", whole), *parts)


def _badge(card: Card, x: float, y: float) -> Markup:
    width = _badge_width(card)
    first = card.tier == 1
    return tag(
        "g",
        tag("rect", x=x, y=y, width=width, height=18, rx=9, fill=INK if first else PAPER, stroke=INK,
            stroke_width=1.8 if card.tier <= 2 else 0.8, stroke_dasharray=None if card.tier <= 2 else "3 2"),  # noqa: PLR2004 - tiers
        tag("text", card.badge, x=x + width / 2, y=y + 13, font_size=_SMALL, text_anchor="middle",
            fill=PAPER if first else INK, font_weight=600 if card.tier <= 2 else None),  # noqa: PLR2004 - tiers
    )  # fmt: skip


def render(picture: Picture) -> str:
    """Give the drawing as the text of an SVG file."""
    cards = {card.id: card for _, layer in picture.layers for card in layer}
    layer_of = {card.id: number for number, (_, layer) in enumerate(picture.layers) for card in layer}
    widths = {id_: _width(card) for id_, card in cards.items()}
    layout = arrange(widths, layer_of, picture.lines)
    legend, legend_width = _legend(picture)
    wanted = max(layout.width, text_width(picture.title, 26) * 1.06, text_width(picture.subtitle, 14), legend_width)
    shift = _MARGIN + (wanted - layout.width) / 2
    bands: list[tuple[float, float]] = []
    at = _MARGIN + 96.0
    for caption, layer in picture.layers:
        at += 24 if caption else 0
        bands.append((at, at + max(map(_height, layer))))
        at = bands[-1][1] + _BETWEEN
    parts = [
        tag("rect", width="100%", height="100%", fill=PAPER),
        _text(picture.kind, _MARGIN, _MARGIN + 8, 13, fill=MUTED, letter_spacing="0.06em"),
        _text(picture.title, _MARGIN, _MARGIN + 38, 26, font_weight=650),
        _text(picture.subtitle, _MARGIN, _MARGIN + 62, 14, fill=MUTED),
    ]
    width = wanted + 2 * _MARGIN
    for (top, _), (caption, _) in zip(bands, picture.layers, strict=True):
        if caption:
            line = tag("path", d=f"M{_MARGIN:.1f} {top - 30:.1f}H{width - _MARGIN:.1f}", stroke=LINE, fill="none")
            parts += [line, _text(caption, _MARGIN, top - 12, 13, fill=MUTED, font_weight=600)]
    heights = {id_: _height(card) for id_, card in cards.items()}
    parts += _lines(layout, layer_of=layer_of, widths=widths, heights=heights, bands=bands, shift=shift)
    parts += [
        _card(card, layout.left[id_] + shift, bands[layer_of[id_]][0], widths[id_]) for id_, card in cards.items()
    ]
    foot = bands[-1][1] + 46
    parts.append(tag("g", legend, transform=f"translate({_MARGIN} {foot:.1f})"))
    parts.append(_text(picture.footnote, _MARGIN, foot + 50, _SMALL, fill=MUTED))
    return str(document(*parts, width=width, height=foot + 50 + _MARGIN, title=picture.title))


def _lines(
    layout: Layout,
    *,
    layer_of: Mapping[str, int],
    widths: Mapping[str, float],
    heights: Mapping[str, float],
    bands: Sequence[tuple[float, float]],
    shift: float,
) -> list[Markup]:
    """Draw each line from the lower edge of a card to the upper edge of another, spread along both edges.

    ``bands`` are the upper and the lower end of each layer.
    """
    leaving: dict[str, list[tuple[float, str]]] = {}
    arriving: dict[str, list[tuple[float, str]]] = {}
    for (upper, lower), way in layout.lines.items():
        leaving.setdefault(upper, []).append((way[1], lower))
        arriving.setdefault(lower, []).append((way[-2], upper))
    drawn = []
    for (upper, lower), way in layout.lines.items():
        x = _port(leaving[upper], (way[1], lower), layout.left[upper], widths[upper]) + shift
        y = bands[layer_of[upper]][0] + heights[upper]
        path = [f"M{x:.1f} {y:.1f}"]
        y = bands[layer_of[upper]][1]
        path.append(f"V{y:.1f}")  # below its higher neighbours first, so that no line runs behind a card
        for level, middle in enumerate(way[1:-1], layer_of[upper] + 1):
            path.append(_curve(x, y, middle + shift, bands[level][0]))
            x, y = middle + shift, bands[level][1]
            path.append(f"V{y:.1f}")
        end = _port(arriving[lower], (way[-2], upper), layout.left[lower], widths[lower]) + shift
        foot = bands[layer_of[lower]][0]
        path.append(_curve(x, y, end, foot - 7))
        drawn.append(tag("path", d=" ".join(path), fill="none", stroke=MUTED, stroke_width=1.3))
        drawn.append(tag("path", d=f"M{end - 4:.1f} {foot - 8:.1f}h8L{end:.1f} {foot:.1f}z", fill=MUTED))
    return drawn


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    bend = (to_y - y) / 2
    return f"C{x:.1f} {y + bend:.1f} {to_x:.1f} {to_y - bend:.1f} {to_x:.1f} {to_y:.1f}"


def _port(ends: list[tuple[float, str]], mine: tuple[float, str], left: float, width: float) -> float:
    place = sorted(ends).index(mine) + 1
    step = min(width * 0.8 / (len(ends) + 1), 40.0)
    return left + width / 2 + (place - (len(ends) + 1) / 2) * step


def _legend(picture: Picture) -> tuple[Markup, float]:
    parts = [_text(picture.legend_title, 0.0, 11.0, _SMALL, font_weight=600)]
    at = text_width(picture.legend_title, _SMALL) * 1.06 + 26
    for name, words in picture.legend:
        parts += [_sign(name, at, 0.0), _text(words, at + _SIGN, 11.0, _SMALL)]
        at += _SIGN + text_width(words, _SMALL) + 26
    return tag("g", *parts), at
