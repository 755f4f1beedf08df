r"""A quick reader for the YAML that nobody can misunderstand; it declines everything else.

An estate of 100,000 items has millions of lines such as ``owner: ann`` and ``title: {en: A, zh: B}``,
and libyaml's events, each a Python object with two marks, are most of the time that reading takes.
This reader knows block mappings, block sequences, plain and quoted values of one line without
escapes, and braces and brackets, also over several lines. When anything in a file is otherwise (an
anchor, a tag, an escape, a text of several lines, a key that stands twice, a line that is wrong), it
gives None, and ``drillbook.source`` reads the whole file with libyaml, which alone makes findings. So
it must only be right about what it accepts; the tests hold it against libyaml.

Its patterns never try a text in more than one way: runs end at a character that they exclude, and the
spaces after a plain value are a part of it. (Possessive quantifiers would say so, and match wrongly in
Python 3.11.2, which is Debian 12's.)
"""

from __future__ import annotations

import re
from itertools import islice
from sys import intern
from typing import TYPE_CHECKING, Any

from drillbook.node import Lines, Map, Seq
from drillbook.scalars import scalar

if TYPE_CHECKING:
    from collections.abc import Iterator

# What libyaml refuses, or takes for the end of a line; a tab can be indentation. U+FEFF is a mark.
_UNUSUAL = re.compile("[^\n\x20-\x7e\xa0-\u2027\u202a-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_KEY = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,80}"
_FIRST = r"[^\n \-?:,\[\]{}#&*!|>'\"%@`]"
_QUOTED = r"\"[^\"\\\n]*\"|'[^'\n]*'"
_PLAIN = rf"{_FIRST}[^\n#:]*(?::(?=[^\n ])[^\n#:]*)*"
_PLAIN_IN_FLOW = rf"{_FIRST}[^\n#:,\[\]{{}}?]*(?::(?=[\w/:])[^\n#:,\[\]{{}}?]*)*"
_END = r"(?:(?<= )#[^\n]*)?\n"
_VALUE = rf" +(?:({_PLAIN}){_END}|({_QUOTED}) *{_END}|([{{\[][^\n]*)\n)"
_LINE = re.compile(rf"( *)(?:({_KEY}):(?:{_VALUE}| *{_END})|-{_VALUE}|(?:#[^\n]*)?\n|([^\n]*\n))")
# An entry of braces that hold no others, and all stand in one line; the last group is what is none.
_PAIR = re.compile(rf"({_KEY}): +(?:({_PLAIN_IN_FLOW})|({_QUOTED}) *)(?:, *(?=[^ ])|\Z)|(.)")
# An entry of any braces or brackets: space, key, value or what opens; what closes, space, comma. Empty where none is.
_ENTRY = re.compile(
    rf"([ \n]*)(?=[^ \n])(?:({_KEY}): +)?(?:({_PLAIN_IN_FLOW})|({_QUOTED})|([{{\[]))?"
    r"((?:[ \n]*[}\]])*)([ \n]*)(,?)"
)
_COMMENTED = re.compile(r"([^\n]*[}\]]) +#[^\n]*")
_EACH, _SAME = Lines.EACH, Lines.SAME
_DEPTH = 12  # of blocks, and of braces: what is deeper is left to libyaml, which has a limit of its own
_SHORT = 2000  # characters in braces that are looked at in one go: what is none is found only at the end
_LONG = 1 << 16  # characters in braces that are looked at at all
_PIECE = 1 << 16  # characters whose lines are looked at in one go


class _Scalars(dict[str, Any]):
    """What plain scalars mean; most values of an estate repeat."""

    __slots__ = ()

    def __missing__(self, text: str) -> Any:
        value = self[text] = scalar(text.rstrip(" "))
        return value


def read_plain(text: str, file: str) -> Map | None:
    """Give the mapping that a text holds, or None when it is not plain enough to be sure."""
    if _UNUSUAL.search(text):
        return None
    top: Map | None = None
    node: Any = None  # the Map or Seq that is open innermost
    level = -1  # its indentation
    waiting: str | None = None  # the key whose value may follow in deeper lines
    outer: list[tuple[Any, int]] = []  # what is open around it
    scalars = _Scalars()
    value: Any
    below = _Below(text)
    for number, (indent, key, bare, quoted, flow, item, item_quoted, item_flow, rest) in enumerate(_lines(text), 1):
        if number <= below.taken:
            continue
        if key:
            depth = len(indent)
            if depth != level or waiting is not None or type(node) is not Map:
                if depth > level:
                    if node is None:
                        top = node = Map(file, number)
                    elif waiting is not None and len(outer) < _DEPTH:
                        outer.append((node, level))
                        node[waiting] = node = Map(file, number)
                    else:
                        return None
                    level = depth
                else:
                    while outer and (depth < level or (depth == level and type(node) is Seq)):
                        node, level = outer.pop()
                    if depth != level or type(node) is not Map:
                        return None
                waiting = None
            if key in node:
                return None
            if node.lines is not _EACH or number != node.line + len(node):
                node.next_at(number)
            if bare:
                value = scalars[bare]
            elif flow:
                value = _short(flow, file, number, scalars) or _flow(below.whole(flow, number), file, number, scalars)
                if value is None:
                    return None
            elif quoted:
                value = quoted[1:-1]
            else:
                value = None
                waiting = key
            node[intern(key)] = value
        elif item or item_quoted or item_flow:
            depth = len(indent)
            if waiting is not None and (depth > level or (depth == level and type(node) is Map)):
                if len(outer) >= _DEPTH:
                    return None
                outer.append((node, level))
                node[waiting] = node = Seq(file, number)
                level = depth
            while outer and depth < level:
                node, level = outer.pop()
            waiting = None
            if depth != level or type(node) is not Seq:
                return None
            if item_flow:
                value = _flow(below.whole(item_flow, number), file, number, scalars)
                if value is None:
                    return None
            else:
                value = scalars[item] if item else item_quoted[1:-1]
            node.next_at(number)
            node.append(value)
        elif rest:
            return None
    return top


def _lines(text: str) -> Iterator[tuple[str, ...]]:
    if not text.endswith("\n"):
        text += "\n"
    start = 0
    while start < len(text):
        end = text.find("\n", start + _PIECE) + 1 or len(text)
        yield from _LINE.findall(text, start, end)
        start = end


class _Below:
    """The lines of a text, for braces that are closed in a later one. ``taken`` is the last line that was needed."""

    __slots__ = ("_lines", "_text", "taken")

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines: list[str] = []
        self.taken = 0

    def whole(self, opened: str, number: int) -> str:
        """Give what stands in line ``number`` with as many lines as it takes to close what it opens."""
        missing = _unclosed(opened)
        if missing <= 0:
            return opened
        self._lines = self._lines or self._text.split("\n")
        parts, size = [opened], 0
        for line in islice(self._lines, number, None):
            parts.append(line)
            size += len(line)
            missing += _unclosed(line)
            if missing <= 0 or size > _LONG:
                break
        self.taken = number + len(parts) - 1
        return "\n".join(parts)


def _unclosed(text: str) -> int:
    """Count what is opened and not closed, as if nothing were quoted; what that gets wrong is declined."""
    return text.count("{") + text.count("[") - text.count("}") - text.count("]")


def _short(text: str, file: str, line: int, scalars: _Scalars) -> Map | None:
    """Give what braces in one line hold, or None when there is anything but names with plain or quoted values."""
    if text[0] != "{" or text[-1] != "}" or len(text) > _SHORT:
        return None
    node = Map(file, line, _SAME)
    for key, bare, quoted, other in _PAIR.findall(text[1:-1].strip(" ")):
        if other or key in node:
            return None
        node[intern(key)] = scalars[bare] if bare else quoted[1:-1]
    return node


def _flow(text: str, file: str, line: int, scalars: _Scalars) -> Map | Seq | None:
    """Give what braces or brackets hold, or None when that is not plain."""
    if text[-1] not in "}] " and (commented := _COMMENTED.fullmatch(text)):
        text = commented[1]
    if len(text) > _LONG or "\n..." in text:  # three dots end a document, even there
        return None
    top: Any = None
    node: Any = None  # what is open innermost
    outer: list[Any] = []  # what is open around it
    ready = True  # for a value: nothing came yet, or a comma
    for before, key, bare, quoted, opening, closing, after, comma in _ENTRY.findall(text.rstrip(" \n")):
        if "\n" in before:
            line += before.count("\n")
        if bare or quoted or opening:
            if not ready:
                return None
            if opening:
                value = (Map if opening == "{" else Seq)(file, line, _SAME)
            else:
                value = scalars[bare] if bare else quoted[1:-1]
            if type(node) is Map:
                if not key or key in node:
                    return None
                if line != node.line or node.lines is not _SAME:
                    node.next_at(line)
                node[intern(key)] = value
            elif key:
                return None
            elif node is not None:
                if line != node.line or node.lines is not _SAME:
                    node.next_at(line)
                node.append(value)
            elif top is None and opening:
                top = value
            else:
                return None
            if not opening:
                ready = False
            elif len(outer) > _DEPTH:
                return None
            else:
                outer.append(node)
                node = value
        elif key or not closing:
            return None
        for bracket in closing:
            if bracket == "\n":
                line += 1
            elif bracket != " ":
                if node is None or (bracket == "}") != (type(node) is Map):
                    return None
                node = outer.pop()
                ready = False
        if "\n" in after:
            line += after.count("\n")
        if comma:
            if ready or node is None:
                return None
            ready = True
    return top if node is None else None
