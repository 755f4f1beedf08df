"""What every rule over the graph has: the draft that it reads, and the form of what it gives."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drillbook.cmdb.rules.in_use import uses_of
from drillbook.errors import Finding
from drillbook.schema_words import nearest
from drillbook.source import line_at
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from drillbook.cmdb.model import Cmdb, Entry
    from drillbook.cmdb.rules.in_use import Use

Path = tuple[str | int, ...]

_MANY = 2000  # ids among which the nearest are looked for: each costs about 10 µs


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong at ``path`` (keys and indexes) below an entry; ``message`` for a person."""

    entry: Entry
    path: Path
    message: str


@dataclass(frozen=True)
class Draft:
    """A CMDB before its rules.

    ``cmdb`` has the entries whose shape is right. ``known`` has the section of every id, also of
    those whose shape is wrong, so that one mistake is not found twice. ``complete`` is False when
    a file could not be read: then nothing can be said about what is missing. ``marked`` tells whether
    a text anywhere holds the beginning of a template.
    """

    cmdb: Cmdb
    marked: bool
    known: Mapping[str, str]
    complete: bool

    @functools.cached_property
    def uses(self) -> tuple[Use, ...]:
        """Every address in use; several rules look at them."""
        return tuple(uses_of(self.cmdb))

    def entry(self, section: str, id_: Any) -> Entry | None:
        """Give an entry of the right shape, or None."""
        entries = self.cmdb.section(section)
        return entries[id_] if id_ in entries else None  # noqa: SIM401 - not a dict, and has no get


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: its id as shown in findings, one line of documentation, and what finds."""

    id: str
    doc: str
    check: Callable[[Draft], Iterator[Problem]]

    def findings(self, draft: Draft) -> Iterator[Finding]:
        """Give what is wrong in the draft by this rule, with file and line."""
        for problem in self.check(draft):
            entry = problem.entry
            line = line_at(entry.fields, problem.path) if problem.path else entry.line
            yield Finding(entry.file, line, self.id, f"{_where(entry, problem.path)} {problem.message}")


def _where(entry: Entry, path: Path) -> str:
    text = ".".join(str(part) if isinstance(part, str) else str(part + 1) for part in path)
    return visible(f"{entry.section}.{entry.id}" + (f".{text}" if text else ""), limit=160)


def quoted(value: object) -> str:
    """Give a value from a file as it can be shown within a sentence."""
    return f"'{visible(str(value), limit=60)}'"


def similar(id_: str, known: list[str]) -> str:
    """Give the end of a sentence about an id that is not known."""
    return nearest(id_, known) if len(known) <= _MANY else "see ./inv cmdb.list"
