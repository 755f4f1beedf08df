"""What a file holds: mappings and sequences that know the lines they stand in."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


class Lines(IntEnum):
    """Lines that follow from the first one: an estate has millions of keys, and a number for each is large."""

    SAME = 0
    """All stand in one line, as in braces."""
    EACH = 1
    """One after the other, without a gap."""


class Map(dict[str, Any]):
    """A mapping of a file. ``line`` is where it starts; ``line_of(key)`` where a key stands.

    ``lines`` is a rule, or the line of each key in their order.
    """

    __slots__ = ("file", "line", "lines")

    def __init__(self, file: str, line: int, lines: Lines | list[int] = Lines.EACH) -> None:
        """Begin empty; ``file`` as shown in findings, ``line`` from 1."""
        self.file = file
        self.line = line
        self.lines = lines

    def each_line(self) -> Sequence[int]:
        """Give the line of each key, in their order."""
        return _each_line(self)

    def next_at(self, line: int) -> None:
        """Take the line of the key that is added next."""
        _next_at(self, line)

    def line_of(self, key: str) -> int:
        """Give the line of a key; of the mapping itself when it has no such key."""
        for line, name in zip(self.each_line(), self, strict=True):
            if name == key:
                return line
        return self.line


class Seq(list[Any]):
    """A sequence of a file; ``line_of(index)`` is where an entry stands. ``lines`` as in ``Map``."""

    __slots__ = ("file", "line", "lines")

    def __init__(self, file: str, line: int, lines: Lines | list[int] = Lines.EACH) -> None:
        """Begin empty."""
        self.file = file
        self.line = line
        self.lines = lines

    def each_line(self) -> Sequence[int]:
        """Give the line of each entry, in their order."""
        return _each_line(self)

    def next_at(self, line: int) -> None:
        """Take the line of the entry that is added next."""
        _next_at(self, line)

    def line_of(self, index: int) -> int:
        """Give the line of an entry; of the sequence itself when out of range."""
        return self.each_line()[index] if 0 <= index < len(self) else self.line


def _each_line(node: Map | Seq) -> Sequence[int]:
    if node.lines is Lines.EACH:
        return range(node.line, node.line + len(node))
    if node.lines is Lines.SAME:
        return [node.line] * len(node)
    return node.lines


def _next_at(node: Map | Seq, line: int) -> None:
    if isinstance(node.lines, list):
        node.lines.append(line)
    elif line != node.line + len(node) * node.lines:
        node.lines = [*_each_line(node), line]


def line_at(node: Any, path: tuple[str | int, ...] | list[str | int]) -> int:
    """Give the line of the deepest part of ``path`` that exists below ``node``."""
    line = getattr(node, "line", 1)
    for part in path:
        if isinstance(node, Map) and part in node:
            line = node.line_of(str(part))
            node = node[str(part)]
        elif isinstance(node, Seq) and isinstance(part, int) and 0 <= part < len(node):
            line = node.line_of(part)
            node = node[part]
        else:
            break
    return line


def plain(node: Any) -> Any:
    """Give the same value as ordinary dicts and lists."""
    if isinstance(node, dict):
        return {key: plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [plain(value) for value in node]
    return node
