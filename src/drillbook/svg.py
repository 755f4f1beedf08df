"""SVG that is well-formed by construction: texts and attributes are escaped where they enter.

The colours are those that all drawings share, so that a step, an outage or a service looks the same on
every page. They keep a contrast of at least 4.5 to 1 on white where they carry text (WCAG 2.2, 1.4.3),
and differ in lightness too, so that they can be told apart without colour.
"""

from __future__ import annotations

import math
import unicodedata

from markupsafe import Markup, escape

INK = "#1f2933"
"""Text."""
MUTED = "#5f6c7b"
"""Text of less weight, axes."""
LINE = "#d5dbe1"
"""Grid lines and borders."""
PAPER = "#ffffff"
GOOD = "#1b7f4b"
BAD = "#b42318"
WARN = "#935f00"
STEP = "#1f5fa8"
BAD_TINT = "#fbe9e7"
"""A surface behind other things, never under small text of another colour than ``INK``."""
FONT = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'Noto Sans CJK SC', 'Microsoft YaHei', sans-serif"


def tag(name: str, *children: str, **attributes: object) -> Markup:
    """Give an element.

    ``children`` are texts, which are escaped, or ``Markup``, which is not. Attributes are escaped; an
    underscore becomes a dash (``stroke_width``), a trailing one is dropped (``class_``), None leaves the
    attribute out, and floats are written with at most two decimals.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_shown(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = Markup("").join(children)
    return Markup(f"<{name}{written}>{inner}</{name}>" if inner else f"<{name}{written}/>")  # noqa: S704 - escaped above


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return str(value)


def document(*children: str, width: float, height: float, title: str, **attributes: object) -> Markup:
    """Give a whole drawing of that size (CSS pixels); ``title`` is what screen readers say."""
    return tag(
        "svg",
        tag("title", title),
        *children,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_shown(float(width))} {_shown(float(height))}",
        width=float(width),
        height=float(height),
        role="img",
        font_family=FONT,
        **attributes,
    )


def text_width(text: str, size: float) -> float:
    """Estimate how wide a text is, in the unit of its ``size``: no font is at hand to ask.

    Wide and full-width characters (Unicode's East Asian Width) take one em, others 0.56 on average, which is
    generous for the fonts of ``FONT``.
    """
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in text)
    return size * (wide + 0.56 * (len(text) - wide))


def shortened(text: str, *, width: float, size: float) -> str:
    """Give the text, or its beginning with an ellipsis, no wider than ``width``."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text.rstrip() + "…"


def folded(text: str, *, width: float, size: float) -> list[str]:
    """Give the text in one row or two, each no wider than ``width``; what does not fit in two is cut short.

    The break is at a space, where there is one in the second half of the row.
    """
    if text_width(text, size) <= width:
        return [text]
    end = next((end for end in range(len(text), 1, -1) if text_width(text[:end], size) <= width), 1)
    space = text.rfind(" ", end // 2, end + 1)
    end = space if space > 0 else end
    return [text[:end].rstrip(), shortened(text[end:].lstrip(), width=width, size=size)]


def ticks(low: float, high: float, most: int) -> list[float]:
    """Give round numbers for an axis from ``low`` to ``high``: at most ``most``, 1, 2 or 5 times a power of ten."""
    if not high > low:
        return [low]
    rough = (high - low) / max(1, most)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((size * power for size in (1, 2, 5, 10) if size * power >= rough * 0.999), 10 * power)
    first = math.ceil(low / step - 1e-9)
    found = []
    while first * step <= high + step * 1e-9:
        found.append(round(first * step, 10) + 0.0)
        first += 1
    return found
