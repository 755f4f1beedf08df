r"""A quick reader for the YAML that nobody can misunderstand; it declines everything else.

An estate of 100,000 items has millions of lines such as ``owner: ann`` and ``title: {en: A, zh: B}``,
and libyaml's events, each a Python object with two marks, are most of the time that reading takes.
This reader knows block mappings, block sequences of scalars, and values of one line: plain and
quoted ones without escapes, braces and brackets. When anything in a file is otherwise (an anchor, a
tag, an escape, a text of several lines, a key that stands twice, a line that is wrong), it gives
None, and ``drillbook.source`` reads the whole file with libyaml, which alone makes findings. So it
must only be right about what it accepts; the tests hold it against libyaml.

Its patterns are possessive (``*+``): no text makes them try twice.
"""

from __future__ import annotations

import re
from sys import intern
from typing import TYPE_CHECKING, Any

from drillbook.node import Lines, Map, Seq
from drillbook.scalars import scalar

if TYPE_CHECKING:
    from collections.abc import Iterator

# What libyaml refuses, or takes for the end of a line; a tab can be indentation. U+FEFF is a mark.
_UNUSUAL = re.compile("[^\n\x20-\x7e\xa0-\u2027\u202a-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_KEY = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,80}+"
_FIRST = r"[^\n \-?:,\[\]{}#&*!|>'\"%@`]"
_QUOTED = r"\"[^\"\\\n]*+\"|'[^'\n]*+'"
_PLAIN = rf"{_FIRST}(?:[^\n#:]++|:(?=[^\n ]))*+"
_PLAIN_IN_FLOW = rf"{_FIRST}(?:[^\n#:,\[\]{{}}?]++|:(?=[\w/:]))*+"
_END = r" *+(?:(?<= )#[^\n]*+)?\n"
_LINE = re.compile(
    rf"( *+)(?:({_KEY}):(?: ++(?:({_PLAIN})|({_QUOTED})|([{{\[][^\n]*+)))?{_END}"
    rf"|- ++(?:({_PLAIN})|({_QUOTED})|([{{\[][^\n]*+)){_END}"
    rf"|(?:#[^\n]*+)?\n|([^\n]*+\n))"
)
# An entry of braces, or of brackets, that hold no others; the last group is what is none.
_PAIR = re.compile(rf"({_KEY}): ++(?:({_PLAIN_IN_FLOW})|({_QUOTED}))(?: *+, *+(?=[^ ])| *+\Z)|(.)")
_NAME = re.compile(rf"({_KEY}): ++")
_ATOM = re.compile(rf"(?:({_PLAIN_IN_FLOW})|({_QUOTED})) *+")
_REST = re.compile(r" *+(?:(?<= )#[^\n]*+)?\Z")
_EACH = Lines.EACH
_DEPTH = 12  # of blocks, and of braces: what is deeper is left to libyaml, which has a limit of its own
_SHORT = 2000  # characters in braces that are looked at in one go: what is none is found only at the end
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
    for number, (indent, key, bare, quoted, flow, item, item_quoted, item_flow, rest) in enumerate(_lines(text), 1):
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
                value = _flow(flow, file, number, scalars)
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
            value = (
                scalars[item] if item else item_quoted[1:-1] if item_quoted else _flow(item_flow, file, number, scalars)
            )
            if value is None and item_flow:
                return None
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


def _flow(text: str, file: str, line: int, scalars: _Scalars) -> Map | Seq | None:
    """Give what braces or brackets in one line hold, or None when that is not plain."""
    if text[0] == "{" and text[-1] == "}" and len(text) <= _SHORT:
        node = Map(file, line, Lines.SAME)
        for key, bare, quoted, other in _PAIR.findall(text[1:-1].strip(" ")):
            if other or key in node:
                break
            node[intern(key)] = scalars[bare] if bare else quoted[1:-1]
        else:
            return node
    found = _nested(text + "\n", 0, file, line, 0)
    if found is None or not _REST.match(text, found[1]):
        return None
    value: Map | Seq = found[0]
    return value


def _nested(text: str, at: int, file: str, line: int, depth: int) -> tuple[Any, int] | None:
    """Give the value that begins at a place, and where it ends; ``text`` ends with a line feed."""
    opening = text[at]
    if opening not in "{[":
        atom = _ATOM.match(text, at)
        if atom is None:
            return None
        return (scalar(atom[1].rstrip(" ")) if atom[1] else atom[2][1:-1]), atom.end()
    if depth >= _DEPTH:
        return None
    node: Any = (Map if opening == "{" else Seq)(file, line, Lines.SAME)
    closing = "}" if opening == "{" else "]"
    at = _after_spaces(text, at + 1)
    if text[at] == closing:
        return node, at + 1
    while True:
        name = _NAME.match(text, at) if opening == "{" else None
        if opening == "{" and (name is None or name[1] in node):
            return None
        found = _nested(text, name.end() if name else at, file, line, depth + 1)
        if found is None:
            return None
        if name:
            node[intern(name[1])] = found[0]
        else:
            node.append(found[0])
        at = _after_spaces(text, found[1])
        if text[at] == closing:
            return node, at + 1
        if text[at] != ",":
            return None
        at = _after_spaces(text, at + 1)


def _after_spaces(text: str, at: int) -> int:
    while text[at] == " ":
        at += 1
    return at
