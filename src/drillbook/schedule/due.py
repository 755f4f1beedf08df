"""Which drills are due: policy, drills, records and the time in; how each stands out. Touches nothing.

An interval is elapsed time: it is counted in UTC, so that summer time changes nothing. A drill is done when a
record that can be trusted says that it ran as described, whether its objectives were met or missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import TYPE_CHECKING

from drillbook.evidence.verdict import Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from drillbook.drill.model import Drill
    from drillbook.evidence.archive import Archive, Distrusted, Kept
    from drillbook.schedule.policy import Policy, Wanted
    from drillbook.schedule.seen import Seen


class State(StrEnum):
    """How a drill stands. UNWANTED: policy gives no interval for its service, so it is never due."""

    NEVER = "never run"
    OVERDUE = "overdue"
    DUE = "due"
    FRESH = "fresh"
    UNWANTED = "no interval"


TO_RUN = (State.NEVER, State.OVERDUE, State.DUE)


@dataclass(frozen=True, slots=True)
class Standing:
    """How one drill stands.

    ``last``: the newest run that counts; ``void``: a newer one whose verdict is *invalid*. ``from_``: when it
    is due, ``until``: when it is overdue; both None when it never ran or policy wants nothing.
    ``doubted``: the clock was set back since its last run, so that nobody can say how long ago that was.
    ``changed``: the drill's file is another than the one that ran. ``pair``: the protection that it is about.
    ``usual``: seconds that it usually takes, None before its first run.
    """

    drill: Drill
    pair: str
    wanted: Wanted | None
    state: State
    last: Kept | None
    void: Kept | None
    from_: datetime | None
    until: datetime | None
    doubted: bool
    changed: bool
    usual: float | None

    @property
    def missed(self) -> bool:
        """Tell whether its last result is that an objective was missed."""
        return self.last is not None and self.last.result is Result.MISSED


@dataclass(frozen=True, slots=True)
class Schedule:
    """How everything stands at ``now``.

    ``drills`` by name. ``undrilled``: services that policy wants drilled and that have no drill. ``future``:
    records that say they are later than now. ``distrusted``: records that are not counted because they are not
    as they were written.
    """

    now: datetime
    drills: tuple[Standing, ...]
    undrilled: tuple[Wanted, ...]
    future: tuple[Kept, ...]
    distrusted: tuple[Distrusted, ...]

    def of(self, *states: State) -> list[Standing]:
        """Give the drills in these states."""
        return [each for each in self.drills if each.state in states]


def schedule(
    policy: Policy,
    drills: Iterable[Drill],
    archive: Archive,
    *,
    pairs: Mapping[str, str],
    now: datetime,
    seen: Seen,
    others: Iterable[Drill] = (),
) -> Schedule:
    """Hold drills and records against policy.

    Args:
        policy: what is wanted.
        drills: the estate's drills.
        archive: its records.
        pairs: by drill, the protection that it is about; a drill that is not named stands for itself.
        now: the time, with a zone.
        seen: what is known of a clock that was set back.
        others: drills that cannot be run as they are: nothing is said of them, but their services have a drill.
    """
    known = list(drills)
    drilled = {each.service for drill in (*known, *others) for each in drill.services}
    standings = [
        _standing(
            drill,
            archive.of(drill.name).kept,
            pair=pairs.get(drill.name, drill.name),
            wanted=_wanted(policy, drill),
            now=now,
            seen=seen,
        )
        for drill in known
    ]
    return Schedule(
        now=now,
        drills=tuple(sorted(standings, key=lambda each: each.drill.name)),
        undrilled=tuple(
            each for each in policy.wanted.values() if each.interval is not None and each.service not in drilled
        ),
        future=tuple(each for each in archive.kept if each.is_future(now)),
        distrusted=archive.distrusted,
    )


def _wanted(policy: Policy, drill: Drill) -> Wanted | None:
    """Give what policy wants of a drill: of several services, what the one with the shortest interval wants."""
    found = [each for service in drill.services if (each := policy.wanted.get(service.service)) is not None]
    timed = [each for each in found if each.interval is not None]
    return min(timed, key=lambda each: each.interval or each.lead, default=next(iter(found), None))


def _standing(
    drill: Drill, kept: Sequence[Kept], *, pair: str, wanted: Wanted | None, now: datetime, seen: Seen
) -> Standing:
    past = [each for each in kept if not each.is_future(now)]
    done = [each for each in past if each.result is not Result.INVALID]
    last = done[-1] if done else None
    voids = [each for each in past if each.result is Result.INVALID and (last is None or each.started > last.started)]
    doubted = last is not None and seen.doubts(last.started, contradicted=len(past) < len(kept))
    state, from_, until = State.NEVER, None, None
    if wanted is None or wanted.interval is None:
        state = State.UNWANTED
    elif last is not None:
        until = last.started + wanted.interval
        from_ = until - wanted.lead
        state = State.OVERDUE if now > until else State.DUE if now >= from_ or doubted else State.FRESH
    return Standing(
        drill=drill,
        pair=pair,
        wanted=wanted,
        state=state,
        last=last,
        void=voids[-1] if voids else None,
        from_=from_,
        until=until,
        doubted=doubted and state is not State.UNWANTED,
        changed=last is not None and last.digest != drill.digest,
        usual=_usual(done),
    )


def _usual(done: Sequence[Kept]) -> float | None:
    """Give the longest of the last five: a window of time must be long enough."""
    return max((each.seconds for each in done[-5:]), default=None)


def in_order(found: Schedule) -> list[Standing]:
    """Give the drills that are to be run, in the order in which they are run.

    Never run and overdue before due; then by tier of the service; then planned operations before what destroys
    something; then what is overdue for longest, and never run for ever. Drills of one pair follow one another.
    """
    waiting = sorted(found.of(*TO_RUN), key=lambda each: _rank(each, found.now))
    first: dict[tuple[int, int, str], int] = {}
    for place, each in enumerate(waiting):
        first.setdefault((*_rank(each, found.now)[:2], each.pair), place)
    return sorted(waiting, key=lambda each: (*(rank := _rank(each, found.now))[:2], first[*rank[:2], each.pair], rank))


def _rank(each: Standing, now: datetime) -> tuple[int, int, bool, float, str]:
    late = inf if each.until is None else (now - each.until).total_seconds()
    tier = each.wanted.tier if each.wanted is not None else 0
    return each.state is State.DUE, tier, bool(each.drill.faults), -late, each.drill.name


def next_due(found: Schedule) -> Standing | None:
    """Give the drill that is due next, of those that are fresh."""
    return min(found.of(State.FRESH), key=lambda each: (each.from_ or found.now, each.drill.name), default=None)
