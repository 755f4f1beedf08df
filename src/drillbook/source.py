"""YAML files as data that knows its lines.

What is plain beyond doubt is read by ``drillbook.plain_yaml``, in half to three quarters of the time.
Everything else, and everything that is wrong, by a builder on PyYAML's C event stream: about six times
faster than SafeLoader's constructors, and strict where they are not. What it refuses: duplicate keys,
keys that are not strings, tags (``!!python/…`` and every other), anchors and aliases (so that no small
file becomes a large value), merge keys, several documents in a file, files over ``MAX_BYTES``, nesting
over ``MAX_DEPTH``.
Scalars follow YAML 1.2's core schema, not 1.1: ``no`` and ``017`` and ``12:30`` are strings.
"""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any

import yaml

from drillbook.errors import InvalidInput
from drillbook.node import Lines, Map, Seq, line_at, plain
from drillbook.plain_yaml import read_plain
from drillbook.scalars import scalar
from drillbook.text import visible
from drillbook.yaml_words import explained

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 40

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "Map",
    "Seq",
    "line_at",
    "parse_strictly",
    "parse_yaml",
    "plain",
    "read_text",
    "read_yaml",
]


def read_yaml(path: Path, *, shown_as: str | None = None) -> Map:
    """Read a file whose top is a mapping. ``shown_as`` is its name in findings.

    Raises InvalidInput, with one finding, for everything that the module's text says is refused,
    for bytes that are not UTF-8 and for a file that cannot be read.
    """
    name = shown_as or str(path)
    return parse_yaml(read_text(path, shown_as=name), shown_as=name)


def read_text(path: Path, *, shown_as: str) -> str:
    """Read a file's text. Raises InvalidInput as ``read_yaml`` for one that cannot be read."""
    name = shown_as
    try:
        status = path.stat()
        if stat.S_ISFIFO(status.st_mode) or stat.S_ISCHR(status.st_mode) or stat.S_ISSOCK(status.st_mode):
            raise InvalidInput.at(name, 1, "file", "is a pipe, device or socket; it must be an ordinary file")
        size = status.st_size
        if size > MAX_BYTES:
            raise InvalidInput.at(
                name, 1, "file-size",
                f"the file has {size:,} bytes, at most {MAX_BYTES:,} are read; "
                "split it and list the parts under 'include'",
            )  # fmt: skip
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InvalidInput.at(
            name, line, "encoding", f"the file is not UTF-8 (byte {error.start}); save it as UTF-8"
        ) from None
    except OSError as error:
        raise InvalidInput.at(
            name, 1, "file", f"cannot be read: {error.strerror}; it must be a readable file"
        ) from None


def parse_yaml(text: str, *, shown_as: str) -> Map:
    """Build the mapping that ``text`` holds. Raises as ``read_yaml``."""
    document = read_plain(text, shown_as)
    return document if document is not None else parse_strictly(text, shown_as=shown_as)


def parse_strictly(text: str, *, shown_as: str) -> Map:
    """Do the same with libyaml alone, as ``parse_yaml`` does when a text is not plain."""
    try:
        return _Builder(shown_as).build(iter(yaml.CSafeLoader(text).get_event, None))
    except yaml.reader.ReaderError as error:
        line = text.encode()[: error.position].count(b"\n") + 1
        raise InvalidInput.at(
            shown_as, line, "yaml-syntax",
            f"the character U+{error.character:04X} is not allowed in YAML; remove it",
        ) from None  # fmt: skip
    except yaml.MarkedYAMLError as error:
        line, what = explained(error, text)
        raise InvalidInput.at(shown_as, line, "yaml-syntax", what) from None
    except yaml.YAMLError as error:
        what = visible(" ".join(str(error).split()))
        raise InvalidInput.at(shown_as, 1, "yaml-syntax", what) from None


class _Builder:
    """Puts values together from events.

    The events are of PyYAML's C parser, whose stubs know nothing of their attributes: hence ``Any``.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.documents = 0

    def fail(self, event: Any, rule: str, message: str) -> InvalidInput:
        return InvalidInput.at(self.file, event.start_mark.line + 1, rule, message)

    def build(self, events: Iterator[Any]) -> Map:
        top: Any = None
        parent: Map | Seq | None = None  # what is open innermost
        key: str | None = None  # in a mapping: the key that waits for its value
        outer: list[Map | Seq | None] = []  # what is open around it
        scalars: dict[str, Any] = {}  # plain scalars met before: most values of an estate repeat
        for event in events:
            kind = type(event)
            value: Any
            if kind is yaml.ScalarEvent:
                if event.anchor or event.tag is not None:
                    raise self._mark(event)
                value = event.value
                if key is None and type(parent) is Map:
                    self._add_key(event, parent, value)
                    key = value
                    continue
                if event.implicit[0]:
                    text = value
                    value = scalars.get(text, scalars)  # the cache itself stands for "not met"
                    if value is scalars:
                        value = scalars[text] = scalar(text)
                opened = None
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                opened = value = self._open(event, len(outer))
                if key is None and type(parent) is Map:
                    raise self.fail(event, "yaml-key", "a key must be one plain name")
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                parent = outer.pop()
                continue
            else:
                self._other(event)
                continue
            if key is not None:
                assert type(parent) is Map
                parent[key] = value
                key = None
            elif parent is None:
                top = value
            else:
                assert type(parent) is Seq
                parent.next_at(event.start_mark.line + 1)
                parent.append(value)
            if opened is not None:
                outer.append(parent)
                parent = opened
        if type(top) is not Map:
            raise InvalidInput.at(self.file, 1, "yaml-top", "the file must hold a mapping (lines of 'name: value')")
        return top

    def _add_key(self, event: Any, parent: Map, name: str) -> None:
        if name == "<<":
            raise self.fail(event, "yaml-merge", "merge keys are not read; write the values out")
        if name in parent:
            raise self.fail(
                event, "duplicate-key",
                f"'{visible(name, limit=60)}' stands twice, first in line {parent.line_of(name)}; keep one",
            )  # fmt: skip
        parent.next_at(event.start_mark.line + 1)
        parent[name] = None

    def _open(self, event: Any, depth: int) -> Map | Seq:
        if event.anchor or event.tag:
            raise self._mark(event)
        if depth >= MAX_DEPTH:
            raise self.fail(event, "nesting", f"nested over {MAX_DEPTH} levels; make it flatter")
        line = event.start_mark.line + 1
        lines = Lines.SAME if event.flow_style else Lines.EACH
        return (Map if type(event) is yaml.MappingStartEvent else Seq)(self.file, line, lines)

    def _other(self, event: Any) -> None:
        if type(event) is yaml.AliasEvent:
            raise self._mark(event)
        if type(event) is yaml.DocumentStartEvent:
            self.documents += 1
            if self.documents > 1:
                raise self.fail(event, "yaml-document", "a second document; a file holds one")

    def _mark(self, event: Any) -> InvalidInput:
        tag = getattr(event, "tag", None)
        if tag:
            return self.fail(event, "yaml-tag", f"the tag '{visible(tag, limit=60)}' is not read; write a plain value")
        return self.fail(event, "yaml-alias", "anchors (&) and aliases (*) are not read; write the value out")
