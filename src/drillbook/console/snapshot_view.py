"""Shows how the snapshots of the cold spares stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from rich.table import Table
from rich.text import Text

from drillbook.cmdb.durations import UNITS
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from drillbook.facts.snapshots import Standing

_WORDS: dict[str, tuple[str, str]] = {
    "protection": ("protection", "保护"),
    "holder": ("of", "来源主机"),
    "host": ("on", "存放主机"),
    "age": ("age", "距今"),
    "size": ("size", "大小"),
    "kept": ("kept", "份数"),
    "verified": ("last verified", "上次校验"),
    "due": ("next", "下次"),
    "password": ("password", "口令"),
    "none": ("none", "无"),
    "new": ("{} (+{})", "{} (+{})"),
    "never": ("never", "从未"),
    "whole": ("✓ {} ago", "✓ {} 前"),
    "bad": ("✗ {} ago", "✗ {} 前"),
    "damaged": ("{}, damaged: {}", "{} 已损坏：{}"),
    "now": ("due now", "应立即制作"),
    "in": ("in {}", "{} 后"),
    "places": ("{} of {}", "{}/{}"),
    "no_use": ("no promotion could use it", "无法用于接管"),
    "too_old": (
        "the newest verified is {} old, at most {} is allowed; {}",
        "最新的完好快照已有 {}，允许最长 {}；{}",
    ),
    "no_verified": ("none is verified; {}", "没有校验完好的快照；{}"),
    "nobody": ("nobody", "无人"),
    "unheld": ("{}: no snapshot can be taken by itself: {}", "{}：无法自动制作快照：{}"),
    "nothing": ("No protection of the CMDB has snapshots.", "配置库中没有设置快照的保护。"),
}


class _Word(Protocol):
    """Gives a word or sentence in the language of the reader, filled in."""

    def __call__(self, name: str, *values: str) -> str:
        """Give it."""


def size_words(size: int) -> str:
    """Give a number of bytes for a person: ``105 MB``."""
    for name, bytes_ in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= bytes_:
            return f"{size / bytes_:.3g} {name}"
    return f"{size} B"


def show_snapshots(found: Sequence[Standing], console: Console, *, language: str = "en") -> None:
    """Print a line for each protection, then what is wrong, each with its reason."""

    def word(name: str, *values: str) -> str:
        return _WORDS[name][language == "zh"].format(*values)

    if not found:
        console.print(word("nothing"))
        return
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="bold underline")
    for name in ("protection", "holder", "host", "age", "size", "kept", "verified", "due", "password"):
        table.add_column(word(name), overflow="fold", no_wrap=name == "protection")
    for each in found:
        table.add_row(*_row(each, word))
    console.print(table)
    for each in found:
        if each.unheld:
            _say(word("unheld", each.protection, visible(each.unheld)), "bold red", console)
        if each.unknown:
            _say(f"{each.protection}: {visible(each.unknown)}", "bold red", console)
        elif each.missed:
            _say(f"{each.protection}: {_why(each, word)}", "bold red", console)
        for snapshot in each.newest_first:
            if snapshot.ok is False:
                _say(word("damaged", visible(snapshot.archive), visible(snapshot.detail)), "yellow", console)
        for place, wrong in each.places:
            if wrong:
                _say(f"{each.protection}, {place}: {visible(wrong)}", "yellow", console)


def _say(what: str, style: str, console: Console) -> None:
    line = Table.grid(padding=(0, 1))
    line.add_row(Text("  !", style), Text(what, style))
    console.print(line)


def _why(each: Standing, word: _Word) -> str:
    verified = each.verified
    if verified is None:
        return word("no_verified", word("no_use"))
    return word("too_old", _length(verified.age), _length(each.max_age), word("no_use"))


def _row(each: Standing, word: _Word) -> list[Text]:
    newest = next(iter(each.newest_first), None)
    left = each.every - each.verified.age if each.verified is not None else 0.0
    right = sum(not wrong for _, wrong in each.places)
    places = Text(word("places", str(right), str(len(each.places))), "" if right == len(each.places) else "bold red")
    if newest is None:
        middle = [Text(word("none"), "bold red"), Text("–"), Text("0"), Text("–")]
    else:
        age = Text(_length(newest.age), "bold red" if each.missed else "")
        size = Text(word("new", size_words(newest.size), size_words(newest.deduplicated)))
        middle = [age, size, Text(str(len(each.newest_first))), _verified(newest.verified, newest.ok, word)]
    return [
        Text(each.protection, "bold"),
        Text(each.holder) if each.holder else Text(word("nobody"), "bold red"),
        Text(each.host),
        *middle,
        Text(word("now"), "yellow") if each.due else Text(word("in", _length(left))),
        places if each.places else Text("–"),
    ]


def _verified(age: float | None, ok: bool | None, word: _Word) -> Text:
    if age is None or ok is None:
        return Text(word("never"), "yellow")
    return Text(word("whole", _length(age)), "green") if ok else Text(word("bad", _length(age)), "bold red")


def _length(seconds: float) -> str:
    """Give an age to two digits at least: 25 h is not 1 d where 24 h are allowed."""
    for unit in ("d", "h", "min"):
        if seconds >= 2 * UNITS[unit]:
            return f"{seconds / UNITS[unit]:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
