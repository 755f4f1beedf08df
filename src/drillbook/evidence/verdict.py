"""What a drill came to, and everything that this is judged from; ``judge`` does the judging."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from drillbook.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drillbook.evidence.measure import Felt, Gap, Kept, Lost
    from drillbook.evidence.primaries import Ack, Overlap, Violation
    from drillbook.evidence.repeats import Repeated
    from drillbook.runbook.model import Text


class Result(StrEnum):
    """The verdict's word."""

    MET = "met"
    MISSED = "missed"
    INVALID = "invalid"


EXIT_CODES = {
    Result.MET: ExitCode.OK,
    Result.MISSED: ExitCode.MISSED,
    Result.INVALID: ExitCode.DRILL_INVALID,
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The word, and the reasons for it: one sentence each. A drill that met its objectives has none."""

    result: Result
    reasons: tuple[Text, ...]

    @property
    def exit_code(self) -> ExitCode:
        """What the process says to its caller."""
        return EXIT_CODES[self.result]


@dataclass(frozen=True, slots=True)
class Objectives:
    """What the service has to keep, in seconds. ``rpo`` 0: no acknowledged write may be lost."""

    rto: float
    rpo: float


@dataclass(frozen=True, slots=True)
class Expectation:
    """How the drill should end.

    ``refused`` is None: the service comes back within its objectives. Otherwise the run must end with
    that exit code and promote nothing, and the objectives are: no promotion, no second primary, and
    nothing acknowledged is lost.
    """

    refused: ExitCode | None


@dataclass(frozen=True, slots=True)
class SteadyCheck:
    """One check of the steady state: its text, whether it held, and what it said when not."""

    text: Text
    held: bool
    detail: Text


@dataclass(frozen=True, slots=True)
class FaultNote:
    """A fault as it was: what it did, when (ns, engine's clock), whether it was seen to work, its end."""

    kind: str
    item: str
    description: Text
    began: int
    effective: int
    verified: bool
    detail: Text
    healed: int | None


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that the verdict is made from: of the drill as a whole, and of one of its services.

    The service's own are ``objectives``, ``must_be_felt``, ``not_back``, ``keeps``, ``felt``, ``lost``, ``kept``,
    ``repeated``, ``silences``, ``incomplete``, ``violations``, ``overlaps``, ``by_address``, ``elsewhere``, ``back``
    and ``own_trouble``.

    ``steady_before`` and ``steady_after``: the checks, in order. ``faults``: those that were injected.
    ``triggered``: the trigger came (always True for a drill that does not wait for one).
    ``must_be_felt``: the drill says that users notice (its trigger is a probe). ``run``: the exit code of the
    runbook's run, None when it never began; ``run_message``: what it said. ``not_back``: why the service should not
    come back; None: it should. ``keeps``: something is kept for users, so that it could be lost. ``silences``: by
    writer, the times without an attempt. ``incomplete``: probes whose samples end too early. ``by_address``:
    ``violations`` are answers for the service's address. ``overlaps``: questions for it that two hosts answered.
    ``promoted``: the items that the run promoted. ``elsewhere``: writes that a host other than the first primary
    acknowledged before the drill's recovery ended. ``afterwards``: what each run after it ended with. ``back``: the
    longest time without the service on the way back. ``trouble``: what kept the drill from running as described, as
    sentences; ``own_trouble``: the same, of this service.
    """

    objectives: Objectives
    expectation: Expectation
    steady_before: tuple[SteadyCheck, ...]
    steady_after: tuple[SteadyCheck, ...]
    faults: tuple[FaultNote, ...]
    triggered: bool
    must_be_felt: bool
    run: ExitCode | None
    run_message: Text
    not_back: Text | None
    keeps: bool
    felt: Felt
    lost: Lost | None
    kept: Kept | None
    repeated: Repeated | None
    silences: dict[str, Sequence[Gap]]
    incomplete: tuple[str, ...]
    violations: Sequence[Violation]
    overlaps: Sequence[Overlap]
    by_address: bool
    promoted: tuple[str, ...]
    elsewhere: Sequence[Ack]
    afterwards: tuple[tuple[str, ExitCode], ...]
    back: Gap | None
    trouble: tuple[Text, ...]
    own_trouble: tuple[Text, ...]
