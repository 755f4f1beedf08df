"""What the probes saw, small enough to keep in the record: when writes were acknowledged and when not. Pure.

Samples are large and stay outside git. What a drawing of the outage needs is little: for each writer the
times in which its writes were acknowledged, refused or not answered, and how long the users' writer waited
for an answer. The time between two times of acknowledged writes is the outage itself: both are cut at answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from drillbook.evidence.measure import NOTABLE_NS
from drillbook.evidence.samples import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from drillbook.evidence.samples import Does, Sample, Series
    from drillbook.evidence.timeline import Timeline

Span = tuple[int, int]
MOST_SPANS = 150
"""Of one writer and outcome. When there are more, what lies further apart is merged too."""
BINS = 240


@dataclass(frozen=True, slots=True)
class WriterSeen:
    """What one probe saw: spans (ns) of each outcome, oldest first. ``apart``: what was nearer is one span."""

    writer: str
    does: Does
    source: str
    target: str
    apart: int
    acknowledged: tuple[Span, ...]
    refused: tuple[Span, ...]
    unanswered: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Latency:
    """How long the acknowledged writes of a writer took, in bins of ``width`` ns from ``begin`` on.

    ``median`` and ``longest``: one value (ns) a bin, by the time of the answer; None where there was none.
    """

    writer: str
    begin: int
    width: int
    median: tuple[int | None, ...]
    longest: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """All of it. ``latency`` is of the users' writer; None when it has no samples."""

    writers: tuple[WriterSeen, ...]
    latency: Latency | None

    def to_json(self, timeline: Timeline) -> dict[str, Any]:
        """Give the JSON value: seconds after the steady state, latencies in milliseconds."""

        def spans(found: Iterable[Span]) -> list[list[float]]:
            return [[round((at - timeline.steady) / 1e9, 4) for at in span] for span in found]

        def milliseconds(values: Iterable[int | None]) -> list[float | None]:
            return [None if value is None else round(value / 1e6, 2) for value in values]

        latency = self.latency
        return {
            "writers": [
                {
                    "writer": each.writer,
                    "does": str(each.does),
                    "from": each.source,
                    "to": each.target,
                    "apart": round(each.apart / 1e9, 3),
                    "acknowledged": spans(each.acknowledged),
                    "refused": spans(each.refused),
                    "unanswered": spans(each.unanswered),
                }
                for each in self.writers
            ],
            "latency": None
            if latency is None
            else {
                "writer": latency.writer,
                "begin": round((latency.begin - timeline.steady) / 1e9, 4),
                "width": round(latency.width / 1e9, 6),
                "median_ms": milliseconds(latency.median),
                "longest_ms": milliseconds(latency.longest),
            },
        }


def look(series: Sequence[Series], *, users: str, timeline: Timeline) -> Seen:
    """Sum up what the writers saw from the steady state to the end; ``users`` is the id of the users' writer."""
    of_users = next((each for each in series if each.writer == users), None)
    return Seen(
        tuple(_writer(each, timeline) for each in series),
        None if of_users is None or timeline.end <= timeline.steady else _latency(of_users, timeline),
    )


def _writer(series: Series, timeline: Timeline) -> WriterSeen:
    samples = [each for each in series.samples if timeline.steady <= each.done and each.sent <= timeline.end]
    apart = NOTABLE_NS
    while True:
        found = {outcome: _spans(samples, outcome, timeline, apart) for outcome in Outcome}
        if max(map(len, found.values())) <= MOST_SPANS:
            break
        apart *= 2
    return WriterSeen(
        series.writer, series.does, series.source, series.target, apart,
        found[Outcome.ACK], found[Outcome.REFUSED], found[Outcome.UNKNOWN],
    )  # fmt: skip


def _spans(samples: Iterable[Sample], outcome: Outcome, timeline: Timeline, apart: int) -> tuple[Span, ...]:
    """Give the times of one outcome: from answer to answer when acknowledged, else from sending to giving up."""
    begins: Callable[[Sample], int] = (lambda each: each.done) if outcome is Outcome.ACK else (lambda each: each.sent)
    found: list[Span] = []
    for sample in samples:
        if sample.outcome is not outcome:
            continue
        begin, end = max(begins(sample), timeline.steady), min(sample.done, timeline.end)
        if found and begin - found[-1][1] <= apart:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif begin <= end:
            found.append((begin, end))
    return tuple(found)


def _latency(series: Series, timeline: Timeline) -> Latency:
    width = -(-(timeline.end - timeline.steady) // BINS)
    bins: list[list[int]] = [[] for _ in range(BINS)]
    for sample in series.acks():
        if timeline.steady <= sample.done < timeline.end:
            bins[(sample.done - timeline.steady) // width].append(sample.done - sample.sent)
    ranked = [sorted(each) for each in bins]
    return Latency(
        series.writer,
        timeline.steady,
        width,
        tuple(each[(len(each) - 1) // 2] if each else None for each in ranked),
        tuple(each[-1] if each else None for each in ranked),
    )


def between(spans: Sequence[Sequence[float]], begin: float, end: float) -> list[tuple[float, float]]:
    """Give what lies between spans within a window: the times without any."""
    inside = [(max(a, begin), min(b, end)) for a, b in spans if b >= begin and a <= end]
    edges = [(begin, begin), *inside, (end, end)]
    return [(left[1], right[0]) for left, right in pairwise(edges) if right[0] > left[1]]
