"""What a drill came to: met, missed or invalid, with every reason.

Invalid means that the drill proves nothing, because it did not run as it is described. Missed means that
it ran, and an objective was not reached. Invalid wins: an objective that seems met (or missed) in a
drill that did not run as described is no evidence of anything. One thing is proved however the drill
ran: two primaries that acknowledged writes at once. That is never filed as invalid.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from drillbook.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drillbook.evidence.measure import Felt, Gap, Kept, Lost
    from drillbook.evidence.primaries import Ack, Violation

_SHOWN = 3  # examples named in a reason
# Ends that say nothing about the runbook or the estate.
_NOT_RUN = (
    ExitCode.INTERNAL,
    ExitCode.USAGE,
    ExitCode.INVALID,
    ExitCode.LOCKED,
    ExitCode.STOPPED,
    ExitCode.PREREQUISITE,
    ExitCode.JOURNAL,
)


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
    reasons: tuple[str, ...]

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


RECOVERED = Expectation(None)


@dataclass(frozen=True, slots=True)
class SteadyCheck:
    """One check of the steady state: its text, whether it held, and what it said when not."""

    text: str
    held: bool
    detail: str


@dataclass(frozen=True, slots=True)
class FaultNote:
    """A fault as it was: what it did, when (ns, engine's clock), whether it was seen to work, its end."""

    kind: str
    item: str
    description: str
    began: int
    effective: int
    verified: bool
    detail: str
    healed: int | None


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that the verdict is made from.

    ``steady_before`` and ``steady_after``: the checks, in order. ``faults``: those that were injected.
    ``triggered``: the trigger came (always True for a drill that does not wait for one).
    ``must_be_felt``: the drill says that users notice (its trigger is a probe). ``run``: the exit code of the
    runbook's run, None when it never began; ``run_message``: what it said. ``silences``: by writer, the
    times without an attempt. ``incomplete``: writers whose samples end too early. ``promoted``: the items
    that the run promoted. ``elsewhere``: writes that a host other than the first primary acknowledged before
    the drill's recovery ended. ``afterwards``: what each run after it ended with. ``trouble``: what kept the
    drill from running as described, as sentences.
    """

    objectives: Objectives
    expectation: Expectation
    steady_before: tuple[SteadyCheck, ...]
    steady_after: tuple[SteadyCheck, ...]
    faults: tuple[FaultNote, ...]
    triggered: bool
    must_be_felt: bool
    run: ExitCode | None
    run_message: str
    felt: Felt
    lost: Lost | None
    kept: Kept | None
    duplicates: int
    silences: dict[str, Sequence[Gap]]
    incomplete: tuple[str, ...]
    violations: Sequence[Violation]
    promoted: tuple[str, ...]
    elsewhere: Sequence[Ack]
    afterwards: tuple[tuple[str, ExitCode], ...]
    trouble: tuple[str, ...]


def judge(findings: Findings) -> Verdict:
    """Give the verdict."""
    unsteady = [
        f"the steady state was not there to begin with: {check.text}: {check.detail}"
        for check in findings.steady_before
        if not check.held
    ]
    if unsteady:
        return Verdict(Result.INVALID, (*findings.trouble, *unsteady))
    split = _split(findings)
    wrong = [*findings.trouble, *_not_as_described(findings)]
    if wrong:
        return Verdict(Result.MISSED if split else Result.INVALID, (*split, *wrong))
    missed = [*split, *_recovery(findings), *_refusal(findings), *_data(findings), *_afterwards(findings)]
    return Verdict(Result.MISSED if missed else Result.MET, tuple(missed))


def _not_as_described(findings: Findings) -> list[str]:
    reasons = [
        f"the fault '{fault.kind}' on {fault.item} did not take effect: {fault.detail}"
        for fault in findings.faults
        if not fault.verified
    ]
    if not findings.triggered:
        reasons.append("the trigger never came, so the runbook was not run")
    if findings.run in _NOT_RUN:
        reasons.append(f"the runbook was not run to an end of its own: {findings.run_message}")
    if findings.must_be_felt and findings.felt.interruptions == 0:
        reasons.append(
            "users noticed nothing: their writes were acknowledged all the time, so the fault proved nothing"
        )
    for writer, silent in findings.silences.items():
        if silent:
            longest = max(silent, key=lambda each: each.seconds)
            reasons.append(
                f"the probe '{writer}' made no attempt {len(silent)} time{'s' if len(silent) != 1 else ''}, "
                f"for up to {longest.seconds:.2f} s: what happened then was not measured"
            )
    reasons += [f"the probe '{writer}' did not end in order: samples are missing" for writer in findings.incomplete]
    if findings.lost is None:
        reasons.append("rows and acknowledgements could not be compared, so nothing is known about lost writes")
    if findings.kept is not None and findings.kept.refused_survived:
        reasons.append(f"rows are there that the server had refused: {findings.kept.refused_survived}")
    if findings.kept is not None and findings.kept.unheard_of:
        reasons.append(f"rows are there that no probe ever sent: {findings.kept.unheard_of}")
    return reasons


def _recovery(findings: Findings) -> list[str]:
    if findings.expectation.refused is not None:
        return []
    felt, rto = findings.felt, findings.objectives.rto
    reasons = []
    if findings.run is not None and findings.run is not ExitCode.OK:
        reasons.append(f"the runbook did not succeed (exit code {int(findings.run)}): {findings.run_message}")
    if felt.outage is not None and felt.outage.end is None:
        reasons.append(f"the service did not come back in the {felt.outage.seconds:.1f} s that it was watched")
    elif felt.outage is not None and felt.outage.seconds > rto:
        reasons.append(f"the service was away for {felt.outage.seconds:.3f} s; the objective (RTO) is {rto:g} s")
    elif felt.interrupted > rto:
        reasons.append(
            f"the service was interrupted {felt.interruptions} times, {felt.interrupted:.3f} s together; "
            f"the objective (RTO) is {rto:g} s"
        )
    return reasons


def _split(findings: Findings) -> list[str]:
    if not findings.violations:
        return []
    named = ", ".join(
        f"{each.ack.host} acknowledged {each.ack.writer}:{each.ack.seq} while {each.primary} was the primary"
        for each in findings.violations[:_SHOWN]
    )
    return [f"two primaries acknowledged writes at once ({len(findings.violations)} proved): {named}"]


def _refusal(findings: Findings) -> list[str]:
    expected = findings.expectation.refused
    if expected is None:
        return []
    reasons = []
    if findings.run is not expected:
        ended = "was not run" if findings.run is None else f"ended with exit code {int(findings.run)}"
        reasons.append(f"the runbook {ended}; the drill expects it to refuse with {int(expected)} ({expected.meaning})")
    if findings.promoted:
        reasons.append(f"{', '.join(findings.promoted)} was promoted; the drill expects that nothing is")
    if findings.elsewhere and not findings.violations:
        hosts = sorted({ack.host for ack in findings.elsewhere})
        reasons.append(f"{', '.join(hosts)} acknowledged writes; the drill expects that only the old primary does")
    return reasons


def _data(findings: Findings) -> list[str]:
    lost, rpo = findings.lost, findings.objectives.rpo
    reasons = []
    if lost is not None and lost.count and (rpo == 0 or lost.seconds > rpo):
        reasons.append(
            f"acknowledged writes are lost: {lost.count}, over {lost.seconds:.3f} s "
            f"({', '.join(lost.examples[:_SHOWN])}{', …' if lost.count > _SHOWN else ''}); "
            f"the objective (RPO) is {rpo:g} s"
        )
    if findings.duplicates:
        reasons.append(f"rows stand in the table more than once: {findings.duplicates}")
    return reasons


def _afterwards(findings: Findings) -> list[str]:
    reasons = [
        f"{runbook}, run afterwards, ended with exit code {int(code)} ({code.meaning})"
        for runbook, code in findings.afterwards
        if code is not ExitCode.OK
    ]
    reasons += [
        f"the steady state did not hold again afterwards: {check.text}: {check.detail}"
        for check in findings.steady_after
        if not check.held
    ]
    return reasons
