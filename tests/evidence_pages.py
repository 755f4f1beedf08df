"""The evidence page as a browser sees it: what is in it, and what a hostile text could have added."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

# The records that this repository shows; a checkout may hold others, of its own drills.
EXAMPLES = [
    Path(__file__).parents[1] / "drills/records" / name
    for name in (
        "20261122T064150Z-core-db-failover",
        "20261122T064704Z-core-db-failover-partition",
        "20261122T065228Z-core-db-failover-async",
        "20261122T110432Z-core-db-failover",
        "20261123T001447Z-room-a-loss",
    )
]
VOID = {"meta", "input", "br", "link", "img", "hr", "base"}
# Elements and attributes that could run something, load something or lead away.
LIVE = {"script", "iframe", "object", "embed", "link", "img", "image", "use", "a", "form", "base", "foreignobject",
        "animate", "set", "video", "audio", "source", "template", "math"}  # fmt: skip
ALLOWED = {
    "lang", "class", "id", "for", "type", "name", "checked", "content", "charset", "http-equiv", "aria-label",
    "aria-hidden", "role", "xmlns", "viewbox", "width", "height", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r",
    "rx", "fill", "stroke", "stroke-width", "stroke-dasharray", "text-anchor", "font-size", "font-weight",
    "font-family", "paint-order", "stroke-linejoin",
}  # fmt: skip


@dataclass
class Page(HTMLParser):
    """The elements of a page with the names of their attributes, in order, and its text."""

    skeleton: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.skeleton.append((tag, tuple(name for name, _ in attrs)))
        self.values += [value or "" for _, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.skeleton.append((tag, tuple(name for name, _ in attrs)))
        self.values += [value or "" for _, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.odd.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.text.append(data.replace("\u00a0", " "))

    def handle_comment(self, data: str) -> None:
        self.odd.append(f"<!--{data}")

    def unknown_decl(self, data: str) -> None:
        self.odd.append(data)

    def handle_pi(self, data: str) -> None:
        self.odd.append(f"<?{data}")


def parsed(html: str) -> Page:
    """Parse a page."""
    page = Page()
    page.feed(html)
    page.close()
    return page


def assert_harmless(html: str) -> Page:
    """The page is well-formed, has no live element, and its drawings are XML."""
    page = parsed(html)
    assert page.odd == []
    assert page.open == []
    assert not {tag for tag, _ in page.skeleton} & LIVE
    assert {name for _, names in page.skeleton for name in names} <= ALLOWED
    assert not any("url(" in value or "javascript:" in value for value in page.values)
    for drawing in re.findall(r"<svg.*?</svg>", html, re.DOTALL):
        ET.fromstring(drawing if "xmlns=" in drawing else drawing.replace("<svg", "<svg xmlns='x'", 1))
    return page


def with_texts(value: Any, text: str) -> Any:
    """Put a text in the place of every free text of a record; what the schema fixes stays."""
    return _put(value, (), text, "中" + text)


_FIXED = re.compile(
    r"^(format|started|ended|verdict/(result|exit_code)|drill/kind|runs/\d+/(part|result)|.*/(file|plan_file|how|stage)"
    r"|.*digest|.*head|runs/\d+/plan|summary|report|samples/\d+/kept_as)$"
)


def _put(value: Any, at: tuple[str, ...], text: str, chinese: str) -> Any:
    if isinstance(value, dict):
        keys = {key: key for key in value}
        if at and at[-1] in ("by_writer", "parameters", "clocks", "attempts"):
            keys = {key: f"{text}{number}" for number, key in enumerate(value)}
        return {keys[key]: _put(each, (*at, key), text, chinese) for key, each in value.items()}
    if isinstance(value, list):
        return [_put(each, (*at, str(number)), text, chinese) for number, each in enumerate(value)]
    if isinstance(value, str) and not _FIXED.match("/".join(at)):
        return chinese if at[-1] == "zh" else text
    return value
