"""What the probes brought home: every attempt of a writer, and the rows that were there in the end.

Times are nanoseconds of CLOCK_MONOTONIC: of the probe's host in its file, of the engine's machine after
``Series.on_clock``.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from drillbook.canonical import digest_bytes
from drillbook.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Does(StrEnum):
    """What a probe does.

    WRITES: each acknowledged attempt has to be there in the end. READS: nothing is kept for users. WATCHES: it asks
    who answers for the service's address; the word of an acknowledged sample names the hosts that did, joined by ``+``.
    """

    WRITES = "writes"
    READS = "reads"
    WATCHES = "watches"


class Outcome(StrEnum):
    """What became of one attempt.

    ACK: the server said that it is done. REFUSED: certainly nothing was written. UNKNOWN: it may be there.
    """

    ACK = "ack"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Sample(NamedTuple):
    """One attempt: its number, when it was sent and answered (or given up), the outcome, a word why."""

    seq: int
    sent: int
    done: int
    outcome: Outcome
    error: str


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """How another host's monotonic clock stands to this machine's.

    ``offset_ns`` is to be added to a time of this machine to get the other host's; the truth lies within
    ``uncertainty_ns`` on either side. ``method`` says in a few words how that is known.
    """

    offset_ns: int
    uncertainty_ns: int
    method: str


@dataclass(frozen=True, slots=True)
class Series:
    """All attempts of one probe.

    ``writer`` is its id in the drill, ``source`` the host that it ran on, ``target`` what it used (a
    configuration item, or ``service_address``). ``uncertainty`` (ns) is that of the times, on either side.
    ``complete``: it ended in order, and its last line says so. ``digest`` is over the file. ``kind``: the name of the
    probe's kind; ``does``: what such a probe does.
    """

    writer: str
    source: str
    target: str
    samples: tuple[Sample, ...]
    uncertainty: int
    complete: bool
    digest: str
    kind: str = "postgresql_writer"
    does: Does = Does.WRITES

    def of_kind(self, kind: str, does: Does) -> Series:
        """Give the same series as one of a probe of that kind."""
        return replace(self, kind=kind, does=does)

    def on_clock(self, clock: ClockOffset) -> Series:
        """Give the same series in times of this machine."""
        return replace(
            self,
            samples=tuple(
                sample._replace(sent=sample.sent - clock.offset_ns, done=sample.done - clock.offset_ns)
                for sample in self.samples
            ),
            uncertainty=clock.uncertainty_ns,
        )

    def acks(self) -> list[Sample]:
        """Give the acknowledged attempts, oldest first."""
        return [sample for sample in self.samples if sample.outcome is Outcome.ACK]


def parse_series(data: bytes, *, writer: str, source: str, target: str) -> Series:
    """Read a probe's file.

    Args:
        data: the bytes of the file, as ``drill/programs/attempts.py`` describes it.
        writer: the id that it must carry.
        source: the host that the probe ran on.
        target: what it used.

    Returns:
        The series, in times of the probe's host. A torn last line is left out, and ``complete`` is False.

    Raises:
        JournalError: it is another writer's file, or a line is not one of a samples file.
    """
    *lines, torn = data.split(b"\n")
    samples: list[Sample] = []
    options: Mapping[str, Any] = {}
    complete = False
    for number, line in enumerate(lines, start=1):
        try:
            value = json.loads(line)
            if number == 1:
                options = value["hello"]["options"]
            elif "end" in value:
                complete = value["end"]["attempts"] == len(samples)
            else:
                samples.append(Sample(value["seq"], value["sent"], value["done"], Outcome(value["out"]), value["err"]))
        except (ValueError, KeyError, TypeError, RecursionError):
            raise JournalError(f"samples of {writer}, line {number}: this is not a sample") from None
        if samples and not _follows(samples):
            raise JournalError(f"samples of {writer}, line {number}: attempts are missing or out of order")
    if options.get("writer") != writer:
        raise JournalError(f"these are not the samples of {writer}, but of {options.get('writer')}")
    return Series(
        writer=writer,
        source=source,
        target=target,
        samples=tuple(samples),
        uncertainty=0,
        complete=complete and not torn,
        digest=digest_bytes(data),
    )


def _follows(samples: list[Sample]) -> bool:
    last = samples[-1]
    before = samples[-2] if len(samples) > 1 else Sample(0, 0, 0, Outcome.ACK, "")
    return last.seq == before.seq + 1 and before.done <= last.sent <= last.done


@dataclass(frozen=True, slots=True)
class Rows:
    """The writes of a run that were there in the end: rows of a database, pages, messages, entries.

    ``ranges``: by writer, pairs of first and last number, ascending and apart. ``read_from`` is the
    address that was asked; ``duplicates`` counts rows that stood there more than once. ``timeline``: PostgreSQL's,
    None for what has none.
    """

    ranges: Mapping[str, tuple[tuple[int, int], ...]]
    read_from: str
    duplicates: int
    timeline: int | None

    def has(self, writer: str, seq: int) -> bool:
        """Tell whether a write is there."""
        ranges = self.ranges.get(writer, ())
        at = bisect_right(ranges, (seq, 1 << 62)) - 1
        return at >= 0 and seq <= ranges[at][1]

    def count(self) -> int:
        """Count the different rows."""
        return sum(last - first + 1 for ranges in self.ranges.values() for first, last in ranges)

    def to_json(self) -> dict[str, Any]:
        """Give it as a JSON value."""
        return {
            "ranges": {writer: [list(each) for each in ranges] for writer, ranges in self.ranges.items()},
            "read_from": self.read_from,
            "rows": self.count(),
            "duplicates": self.duplicates,
            "timeline": self.timeline,
        }


def rows_from_json(value: Mapping[str, Any], *, read_from: str) -> Rows:
    """Read what a rows' program of ``drill/programs`` printed. Raises KeyError, TypeError or ValueError."""
    ranges = {
        str(writer): tuple((int(first), int(last)) for first, last in pairs)
        for writer, pairs in dict(value["writers"]).items()
    }
    for pairs in ranges.values():
        if any(first > last for first, last in pairs) or any(
            before[1] >= after[0] for before, after in pairwise(pairs)
        ):
            raise ValueError("the ranges of rows are out of order")
    timeline = value.get("timeline")
    return Rows(ranges, read_from, int(value["duplicates"]), None if timeline is None else int(timeline))


def combined_clock(bounds: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """Give offset and uncertainty (ns) from several exchanges.

    Each exchange bounds the offset from both sides: the other clock was read after the request left
    (at most ``read - asked``) and before the answer came (at least ``read - answered``). The truth lies
    within all of the bounds, so within their intersection. Raises ValueError when there is none (a clock
    was stepped in between) or no exchange was made.
    """
    pairs = list(bounds)
    if not pairs:
        raise ValueError("no exchange was made")
    low, high = max(low for low, _ in pairs), min(high for _, high in pairs)
    if low > high:
        raise ValueError("the exchanges contradict each other")
    return (low + high) // 2, (high - low + 1) // 2
