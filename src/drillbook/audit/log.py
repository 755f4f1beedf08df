"""The log of changes as a value: who did what, when, why, approved by whom, on which item; and what proves it. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from drillbook.runbook.model import Text

STANDARD, NORMAL, EMERGENCY = "standard", "normal", "emergency"
UNAPPROVED = "unapproved"
"""The type of a commit that changed an entry and is no approved change."""

UNKNOWN = "unknown"


class Mark(StrEnum):
    """How far something is proved."""

    PROVED = "good"
    UNPROVED = "warn"  # it cannot be told here, or nobody signed it
    WRONG = "bad"


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that was looked at, and what was found."""

    mark: Mark
    text: Text


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was done, or asked for.

    ``kind``: run, configuration, commit (one that changed an entry, without an approved change), or asked (a change
    that no run is known of). ``at``: when it began. ``change``: its id, "" for a standard run of the lab. ``what``: a
    title; ``detail``: the runbook with its parameters, or the files. ``refused``: whose signature does not count, and
    why. ``executed_by``: a person of the CMDB when a key was needed, else ``login@machine``. ``seconds``: None when it
    has not ended. ``review``: of an emergency: owed, overdue, accepted or rejected; ``reviewed_by`` whose it is.
    """

    kind: str
    at: datetime
    type: str
    what: Text
    detail: str = ""
    change: str = ""
    environment: str = ""
    items: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    requested_by: str = ""
    reason: str = ""
    approved_by: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    executed_by: str = ""
    result: str = ""
    seconds: float | None = None
    run: str = ""
    head: str = ""
    review: str = ""
    reviewed_by: str = ""
    proofs: tuple[Proof, ...] = ()

    @property
    def people(self) -> frozenset[str]:
        """Everybody who has to do with it."""
        names = (self.requested_by, self.executed_by, self.reviewed_by, *self.approved_by)
        return frozenset({*names, *(person for person, _ in self.refused)} - {""})

    @property
    def wrong(self) -> bool:
        """Whether something about it is wrong."""
        return any(each.mark is Mark.WRONG for each in self.proofs)

    @property
    def routine(self) -> bool:
        """Whether it is a standard run of the lab with nothing wrong: these are counted, and not told one by one."""
        return self.kind == "run" and self.type == STANDARD and not self.change and not self.wrong


@dataclass(frozen=True, slots=True)
class Routine:
    """Standard runs of one runbook in one environment. ``results``: how many ended how; ``people`` who ran them."""

    runbook: str
    what: Text
    environment: str
    results: tuple[tuple[str, int], ...]
    first: datetime
    last: datetime
    people: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(number for _, number in self.results)


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """How often a person used break-glass in a month (``2026-11``, UTC). ``too_often``: policy's cap was reached."""

    person: str
    month: str
    count: int
    too_often: bool


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something that should be a change or an entry of the ledger, and why it cannot be taken for one."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Log:
    """The log. ``lines`` oldest first; ``sources``: what could be asked here and what could not."""

    lines: tuple[Line, ...]
    unreadable: tuple[Unreadable, ...] = ()
    sources: tuple[Proof, ...] = ()
    cap: int | None = None

    def told(self, *, every: bool) -> tuple[Line, ...]:
        """Give the lines that are told one by one, newest first; ``every``: those of the lab's routine too."""
        return tuple(each for each in reversed(self.lines) if every or not each.routine)

    def routine(self) -> tuple[Routine, ...]:
        """Give the standard runs of the lab, counted by runbook and environment."""
        groups: dict[tuple[str, str], list[Line]] = {}
        for line in self.lines:
            if line.routine:
                groups.setdefault((line.detail.split(" ")[0], line.environment), []).append(line)
        return tuple(
            Routine(
                runbook, lines[-1].what, environment,
                tuple(sorted(Counter(each.result for each in lines).items())),
                lines[0].at, lines[-1].at, tuple(sorted({each.executed_by for each in lines})),
            )
            for (runbook, environment), lines in sorted(groups.items())
        )  # fmt: skip

    def break_glass(self) -> tuple[BreakGlass, ...]:
        """Give how often who used break-glass, newest month first. A change counts once, however often it ran."""
        seen = {
            (each.change or each.run, each.executed_by or each.requested_by, f"{each.at:%Y-%m}")
            for each in self.lines
            if each.type == EMERGENCY
        }
        counts = Counter((month, person) for _, person, month in seen)
        return tuple(
            BreakGlass(person, month, count, self.cap is not None and count >= self.cap)
            for (month, person), count in sorted(counts.items(), key=lambda each: (each[0][0], each[1]), reverse=True)
        )


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for; what is empty asks for nothing. ``first`` and ``last``: moments, ``last`` not included."""

    item: str = ""
    service: str = ""
    person: str = ""
    first: datetime | None = None
    last: datetime | None = None
    environment: str = ""
    type: str = ""
    changes: frozenset[str] = field(default_factory=frozenset)
    """Changes of the configuration that touched the item or the service."""

    def wants(self, line: Line) -> bool:
        """Tell whether a line is asked for. What cannot be read may be about anything, and is in every answer."""
        if line.type == UNKNOWN:
            return (self.first is None or line.at >= self.first) and (self.last is None or line.at < self.last)
        own = line.kind == "commit" or line.change in self.changes
        return (
            (not self.item or self.item in line.items or own)
            and (not self.service or self.service in line.services or own)
            and (not self.person or self.person in line.people)
            and (self.first is None or line.at >= self.first)
            and (self.last is None or line.at < self.last)
            and (not self.environment or self.environment == line.environment)
            and (not self.type or self.type == line.type)
        )


def selected(lines: Iterable[Line], query: Query) -> Sequence[Line]:
    """Give the lines that are asked for, oldest first."""
    return sorted((each for each in lines if query.wants(each)), key=lambda each: (each.at, each.run, each.change))
