"""From samples to figures: what users felt, what was lost. Pure functions; times in ns, results in seconds.

The outage that users felt is the longest time between two acknowledged writes of their writer, so it
contains everything: the fault, its detection, the recovery, the client's own reconnecting. What the
measurement itself adds is seen in the baseline: the same figures while nothing was wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from drillbook.evidence.samples import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from drillbook.evidence.samples import Rows, Series
    from drillbook.evidence.timeline import Timeline

NOTABLE_NS = 100_000_000
"""A time without an acknowledged write that is worth showing, for a writer that is answered more often."""

SILENT_NS = 500_000_000
"""A writer that makes no attempt for longer than this was not watching (an attempt takes 200 ms at most)."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without an acknowledged write. ``end`` is None when none came any more in the window."""

    start: int
    end: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, 99th percentile and maximum, in seconds, of ``count`` values."""

    count: int
    p50: float
    p99: float
    max: float

    def to_json(self) -> dict[str, Any]:
        """Give it as a JSON value."""
        return {"count": self.count, "p50": self.p50, "p99": self.p99, "max": self.max}


@dataclass(frozen=True, slots=True)
class Baseline:
    """The users' writer while nothing was wrong: the answer times, and the times between answers."""

    latency: Spread
    gap: Spread

    @classmethod
    def nothing(cls) -> Baseline:
        """Give the baseline of no samples."""
        return cls(spread(()), spread(()))


@dataclass(frozen=True, slots=True)
class Felt:
    """What users felt.

    ``outage``: the longest gap. ``detection``: from the fault to the trigger. ``execution``: from the
    trigger to the first acknowledged write after the outage. ``from_record``: the same from the run's first
    journal record. ``interruptions`` counts the gaps over ``notable`` seconds, ``interrupted`` is their sum.
    """

    outage: Gap | None
    detection: float | None
    execution: float | None
    from_record: float | None
    notable: float
    interruptions: int
    interrupted: float


@dataclass(frozen=True, slots=True)
class Lost:
    """Acknowledged writes that are not there any more.

    ``seconds``: from the first of them to the last (by the time of the acknowledgement). ``by_writer``
    counts them; ``examples`` names at most ten as ``writer:number``.
    """

    count: int
    seconds: float
    by_writer: dict[str, int]
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """How the rows that are there compare with what the writers know.

    ``acknowledged``: writes that were. ``unknown_survived``: rows whose writer never got an answer (legal).
    ``refused_survived``: rows that the server had refused; ``unheard_of``: rows that no writer ever sent.
    The last two can only come from an error of the database or of the measurement.
    """

    acknowledged: int
    unknown_survived: int
    refused_survived: int
    unheard_of: int


def seconds(nanoseconds: int) -> float:
    """Give seconds, to the microsecond."""
    return round(nanoseconds / 1e9, 6)


def gaps(series: Series, begin: int, end: int) -> list[Gap]:
    """Give the times without an acknowledged write that touch a window, oldest first.

    The first begins at the last acknowledgement before ``begin`` (or at ``begin``). One that lasts to
    ``end`` has no end; its seconds are counted to there.
    """
    acks = [sample.done for sample in series.acks() if sample.done <= end]
    start = max((done for done in acks if done <= begin), default=begin)
    found: list[Gap] = []
    for done in acks:
        if done > begin:
            found.append(Gap(start, done, seconds(done - start)))
            start = done
    if end > start:
        found.append(Gap(start, None, seconds(end - start)))
    return found


def spread(values: Iterable[int]) -> Spread:
    """Give the spread of times in ns (nearest rank); zeros when there is none."""
    ranked = sorted(values)
    if not ranked:
        return Spread(0, 0.0, 0.0, 0.0)

    def rank(hundredths: int) -> float:
        return seconds(ranked[-(-len(ranked) * hundredths // 100) - 1])

    return Spread(len(ranked), rank(50), rank(99), rank(100))


def baseline(series: Series, timeline: Timeline) -> Baseline:
    """Measure the users' writer from the steady state to the disturbance."""
    acks = [each for each in series.acks() if timeline.steady <= each.sent and each.done < timeline.disturbed]
    return Baseline(
        latency=spread(each.done - each.sent for each in acks),
        gap=spread(after.done - before.done for before, after in pairwise(acks)),
    )


def felt(series: Series, timeline: Timeline) -> Felt:
    """Measure what users felt from the disturbance to the end of the recovery.

    A gap is an interruption when it is over ``NOTABLE_NS`` longer than any before anything was wrong: a reader
    who is answered every 200 ms is not interrupted each time.
    """
    found = gaps(series, timeline.disturbed, timeline.recovered)
    notable = round(NOTABLE_NS / 1e9 + baseline(series, timeline).gap.max, 6)
    interruptions = [each for each in found if each.seconds > notable]
    # A gap that is open at the end counts only when it is more than the writer's own pace.
    outage = max(
        (each for each in found if each.end is not None or each in interruptions),
        key=lambda each: each.seconds,
        default=None,
    )

    def until(moment: int | None) -> float | None:
        if moment is None or outage is None or outage.end is None:
            return None
        return seconds(outage.end - moment)

    detection = None
    if timeline.fault is not None and timeline.trigger is not None:
        detection = seconds(timeline.trigger - timeline.fault)
    return Felt(
        outage=outage,
        detection=detection,
        execution=until(timeline.trigger),
        from_record=until(timeline.run),
        notable=notable,
        interruptions=len(interruptions),
        interrupted=round(sum(each.seconds for each in interruptions), 6),
    )


def lost_writes(series: Sequence[Series], rows: Rows) -> Lost:
    """Find the acknowledged writes, of all writers, that are not among the rows."""
    missing = sorted(
        (sample.done, each.writer, sample.seq)
        for each in series
        for sample in each.acks()
        if not rows.has(each.writer, sample.seq)
    )
    by_writer: dict[str, int] = {}
    for _, writer, _ in missing:
        by_writer[writer] = by_writer.get(writer, 0) + 1
    return Lost(
        count=len(missing),
        seconds=seconds(missing[-1][0] - missing[0][0]) if missing else 0.0,
        by_writer=by_writer,
        examples=tuple(f"{writer}:{seq}" for _, writer, seq in missing[:10]),
    )


def kept_writes(series: Sequence[Series], rows: Rows) -> Kept:
    """Compare the rows with all attempts of all writers."""
    counts = dict.fromkeys(Outcome, 0)
    acknowledged = 0
    for each in series:
        for sample in each.samples:
            acknowledged += sample.outcome is Outcome.ACK
            if rows.has(each.writer, sample.seq):
                counts[sample.outcome] += 1
    return Kept(
        acknowledged=acknowledged,
        unknown_survived=counts[Outcome.UNKNOWN],
        refused_survived=counts[Outcome.REFUSED],
        unheard_of=rows.count() - sum(counts.values()),
    )


def silences(series: Series, begin: int, end: int) -> list[Gap]:
    """Give the times within a window in which a writer made no attempt for over ``SILENT_NS``."""
    found: list[Gap] = []
    last = begin
    for sample in series.samples:
        if sample.done < begin:
            continue
        if sample.sent > end:
            break
        if sample.sent - last > SILENT_NS:
            found.append(Gap(last, sample.sent, seconds(sample.sent - last)))
        last = sample.done
    if end - last > SILENT_NS:
        found.append(Gap(last, None, seconds(end - last)))
    return found


def later(users: Series | None, timeline: Timeline) -> list[Gap]:
    """Give the gaps between the recovery and the drill's end that ended."""
    if users is None or timeline.end <= timeline.recovered:
        return []
    return [each for each in gaps(users, timeline.recovered, timeline.end) if each.end is not None]
