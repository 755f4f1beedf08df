"""Everything that is written down of one drill, as one value."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from drillbook.evidence.assess import Measures
    from drillbook.evidence.fidelity import Fidelity
    from drillbook.evidence.samples import ClockOffset, Rows, Series
    from drillbook.evidence.seen import Seen
    from drillbook.evidence.timeline import PartNote, StepTime, Timeline
    from drillbook.evidence.verdict import Expectation, FaultNote, Objectives, SteadyCheck, Verdict
    from drillbook.plan.model import Plan
    from drillbook.runbook.model import Text

MAIN = "main"
"""The part of the run that the drill is about; ``before`` and ``afterwards`` are the others."""


@dataclass(frozen=True, slots=True)
class DrillNote:
    """The drill as it was when it ran; ``digest`` is over its file's content."""

    name: str
    title: Text
    kind: str
    scenario: Text
    environment: str
    file: str
    digest: str


@dataclass(frozen=True, slots=True)
class RunNote:
    """One run of a plan. ``part``: before, main or afterwards. ``steps``: those that were begun.

    ``parts``: what came of its independent parts, where it has some.
    """

    part: str
    run: str
    plan: Plan
    result: str
    exit_code: int
    message: Text
    steps: tuple[StepTime, ...]
    parts: tuple[PartNote, ...] = ()


@dataclass(frozen=True, slots=True)
class SampleNote:
    """A probe's samples: how many attempts, the digest of the file, and where it is kept (in the checkout)."""

    writer: str
    kind: str
    source: str
    target: str
    attempts: int
    digest: str
    kept_as: str

    @classmethod
    def from_series(cls, series: Series, *, kept_as: str) -> SampleNote:
        """Give the note of a series that is kept at ``kept_as``."""
        return cls(
            series.writer, series.kind, series.source, series.target, len(series.samples), series.digest, kept_as
        )


@dataclass(frozen=True, slots=True)
class Participant:
    """Who took part: a name as it should read years later, and what the part was."""

    name: str
    part: Text


@dataclass(frozen=True, slots=True)
class ServiceResult:
    """What a drill came to for one of its services.

    ``hosts``: the members of ``protection``, the one that held the role first. ``probes``: those that are about the
    service; ``users`` is the one that stands for its users. ``not_back``: why it was not to come back; None: it was.
    ``objectives`` were those of this drill; ``objectives_reason`` says why when they are not the service's.
    ``verdict`` is this service's alone.
    """

    service: str
    title: Text
    protection: str
    hosts: tuple[str, ...]
    probes: tuple[str, ...]
    users: str
    not_back: Text | None
    objectives: Objectives
    objectives_reason: Text | None
    rows: Rows | None
    measures: Measures
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class DrillResult:
    """The whole.

    ``started`` and ``ended`` are wall-clock times, ``elapsed`` the seconds between them by a clock that
    nobody can set. ``services``: at least one. ``trigger`` says in words what started the runbook. ``clocks``: by
    host of probes.
    """

    drill: DrillNote
    engine: str
    started: datetime
    ended: datetime
    elapsed: float
    services: tuple[ServiceResult, ...]
    expectation: Expectation
    trigger: Text
    steady_before: tuple[SteadyCheck, ...]
    steady_after: tuple[SteadyCheck, ...]
    faults: tuple[FaultNote, ...]
    runs: tuple[RunNote, ...]
    timeline: Timeline
    clocks: Mapping[str, ClockOffset]
    samples: tuple[SampleNote, ...]
    seen: Seen
    verdict: Verdict
    participants: tuple[Participant, ...]
    fidelity: Fidelity
    machine: Mapping[str, Any]


def machine_facts() -> dict[str, Any]:
    """Give what the figures depend on: kernel, architecture, cores, memory in MB."""
    kernel = os.uname()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_000_000
    return {
        "kernel": f"{kernel.sysname} {kernel.release}",
        "architecture": kernel.machine,
        "cores": os.cpu_count() or 0,
        "memory_mb": memory,
    }
