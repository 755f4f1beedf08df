"""At most one primary: proves, from what probes saw, that two hosts never served users at once.

Two ways to see it. Where only the primary acknowledges what is sent straight to a member (a database), each member
has a writer of its own. Where every member may answer at its own address at any time (a web server that stands cold),
it is the service's address that counts: a watcher asks all the time who answers for it, and an answer is for the host
what an acknowledged write is there. What follows is the same for both.

A writer sees a commit only from outside: it happened at some moment between *sent* and *done*. So an
acknowledged write is a violation only when **no** moment in that interval fits, whatever the moments
within the other intervals were. Roles change by promotions alone, and each promotion happened at one
moment within the interval that the journal gives: after its intent was written, before its result
was. The reigns so defined are disjoint; each acknowledged write must touch a reign of its host.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.evidence.samples import Does

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from drillbook.evidence.samples import Sample, Series

_NEVER = 1 << 62
BOTH = "+"
"""Between the hosts that answered one question of a watcher."""


@dataclass(frozen=True, slots=True)
class Promotion:
    """A promotion of ``item``: not before ``started``; done by ``finished`` (ns), or None if not known."""

    item: str
    started: int
    finished: int | None


@dataclass(frozen=True, slots=True)
class Ack:
    """A write that a host acknowledged, or its answer for the address.

    Times (ns) already widened by the clock's uncertainty.
    """

    host: str
    writer: str
    seq: int
    sent: int
    done: int


@dataclass(frozen=True, slots=True)
class Violation:
    """A write that a host acknowledged while another, ``primary``, was the primary, by ``since`` (ns).

    ``since`` is None when the host had not been promoted yet when it acknowledged.
    """

    ack: Ack
    primary: str
    since: int | None


@dataclass(frozen=True, slots=True)
class Overlap:
    """A watcher's question, asked at ``at`` (ns), that several ``hosts`` answered: each held the address then."""

    hosts: tuple[str, ...]
    writer: str
    seq: int
    at: int


@dataclass(frozen=True, slots=True)
class Reign:
    """``host`` was the primary from ``begin`` to ``end`` (ns)."""

    host: str
    begin: int
    end: int


def acks_of(series: Iterable[Series], hosts: Iterable[str]) -> list[Ack]:
    """Give the acknowledged writes of the writers that went straight to one of ``hosts``."""
    wanted = set(hosts)
    return [
        _ack(each.target, each, sample)
        for each in series
        if each.target in wanted and each.does is not Does.WATCHES
        for sample in each.acks()
    ]


def answers_of(series: Iterable[Series]) -> list[Ack]:
    """Give the answers for the service's address that watchers got, one for each host that answered."""
    return [
        _ack(host, each, sample)
        for each in series
        if each.does is Does.WATCHES
        for sample in each.acks()
        for host in sample.error.split(BOTH)
    ]


def overlaps_of(series: Iterable[Series]) -> list[Overlap]:
    """Give the questions of watchers that more than one host answered, oldest first."""
    found = [
        Overlap(tuple(sample.error.split(BOTH)), each.writer, sample.seq, sample.sent)
        for each in series
        if each.does is Does.WATCHES
        for sample in each.acks()
        if BOTH in sample.error
    ]
    return sorted(found, key=lambda each: each.at)


def _ack(host: str, series: Series, sample: Sample) -> Ack:
    return Ack(host, series.writer, sample.seq, sample.sent - series.uncertainty, sample.done + series.uncertainty)


def reigns(first: str, promotions: Sequence[Promotion], acks: Iterable[Ack]) -> list[Reign]:
    """Give the reigns that leave room for most acknowledged writes.

    ``first`` is the primary at the beginning; ``promotions`` in the order of time. A reign begins at the
    latest moment that its own host's writes allow: when the first of them was acknowledged, or when
    the promotion is known to be done.
    """
    known = list(acks)
    moments = [_begin(promotion, known) for promotion in promotions]
    for at in range(len(moments) - 1, 0, -1):  # a promotion without effect ends when the next one rules
        moments[at - 1] = min(moments[at - 1], moments[at])
    found: list[Reign] = []
    host, begin = first, -_NEVER
    for promotion, moment in zip(promotions, moments, strict=True):
        if promotion.item != host:
            found.append(Reign(host, begin, moment))
            host, begin = promotion.item, moment
    found.append(Reign(host, begin, _NEVER))
    return found


def _begin(promotion: Promotion, acks: Iterable[Ack]) -> int:
    first = min(
        (ack.done for ack in acks if ack.host == promotion.item and ack.done >= promotion.started),
        default=_NEVER,
    )
    return min(first, _NEVER if promotion.finished is None else promotion.finished)


def violations(first: str, promotions: Sequence[Promotion], acks: Sequence[Ack]) -> list[Violation]:
    """Give the acknowledged writes that prove a second primary, oldest first.

    Takes the first primary, the promotions in the order of time, and the writes straight to the hosts.
    Empty: there is one course of events with one primary at a time that explains every write.
    """
    course = reigns(first, promotions, acks)
    found: list[Violation] = []
    for ack in sorted(acks, key=lambda each: each.done):
        if any(reign.host == ack.host and ack.sent <= reign.end and ack.done >= reign.begin for reign in course):
            continue
        ruling = next(reign for reign in reversed(course) if reign.begin <= ack.sent)
        found.append(
            Violation(ack, ruling.host, ruling.begin if ruling.begin > -_NEVER else None),
        )
    return found
