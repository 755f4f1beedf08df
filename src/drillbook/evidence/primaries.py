"""At most one primary: proves, from what writers saw, that two hosts never took writes at once.

A writer sees a commit only from outside: it happened at some moment between *sent* and *done*. So an
acknowledged write is a violation only when **no** moment in that interval fits, whatever the moments
within the other intervals were. Roles change by promotions alone, and each promotion happened at one
moment within the interval that the journal gives: after its intent was written, before its result
was. The reigns so defined are disjoint; each acknowledged write must touch a reign of its host.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from drillbook.evidence.samples import Series

_NEVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Promotion:
    """A promotion of ``item``: not before ``started``; done by ``finished`` (ns), or None if not known."""

    item: str
    started: int
    finished: int | None


@dataclass(frozen=True, slots=True)
class Ack:
    """An acknowledged write straight to a host; times (ns) already widened by the clock's uncertainty."""

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
class Reign:
    """``host`` was the primary from ``begin`` to ``end`` (ns)."""

    host: str
    begin: int
    end: int


def acks_of(series: Iterable[Series], hosts: Iterable[str]) -> list[Ack]:
    """Give the acknowledged writes of the writers that went straight to one of ``hosts``."""
    wanted = set(hosts)
    return [
        Ack(
            each.target,
            each.writer,
            sample.seq,
            sample.sent - each.uncertainty,
            sample.done + each.uncertainty,
        )
        for each in series
        if each.target in wanted
        for sample in each.acks()
    ]


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
