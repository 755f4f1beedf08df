"""How a run ends that something forbids or stops: closed for good, or so that it can go on. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.errors import AssumptionFailed, ExitCode, OutcomeUnknown, StepFailed, StoppedByPerson

if TYPE_CHECKING:
    from drillbook.errors import DrillbookError
    from drillbook.execution.state import RunState

_NAMES = {
    ExitCode.UNKNOWN: "unknown",
    ExitCode.STOPPED: "stopped",
    ExitCode.NOT_FENCED: "not_fenced",
    ExitCode.PARTIAL: "partial",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """``closed``: whether it ends for good. ``result``: see ``engine.Outcome``. ``remedy``: what to do next."""

    closed: bool
    result: str
    remedy: str


def name_of(error: DrillbookError) -> str:
    """Give the word for how something ended by an error: a run that has changed something, or a part of one."""
    return _NAMES.get(error.exit_code, "failed")


def ending_of(error: DrillbookError, state: RunState) -> Ending:
    """Give how a run ends by an error.

    A run that has changed something stops. One that has changed nothing is closed as refused, unless the git remote
    has it: there its change is claimed, and an approval that several people signed must not be spent on a run in
    which nothing happened. So that run stops too, and holds what it holds in the remote.
    """
    if state.touched:
        return Ending(False, name_of(error), error.remedy or _resume(state))
    if not state.entered:
        looked = isinstance(error, StepFailed | OutcomeUnknown)  # a check; what it advises speaks of a run that goes on
        mended = "mend that, and run it again" if looked else "run it again"
        again = looked or (isinstance(error, StoppedByPerson) and not error.remedy)
        return Ending(True, "refused", f"nothing was changed; {mended}" if again else error.remedy)
    result = "stopped" if error.exit_code is ExitCode.STOPPED else "refused"
    # What an assumption advises is to plan anew; here the hosts are to be made as they were approved to be.
    mend = "" if isinstance(error, AssumptionFailed) else error.remedy
    return Ending(False, result, "\n".join(filter(None, (mend, *ways_on(state)))))


def ways_on(state: RunState) -> tuple[str, str]:
    """Say how a run of a change goes on that has stopped before its hosts were changed, or before they were reached."""
    again = "" if state.touched else "nothing was changed; "
    checks = "" if state.touched else ", after the gate and the checks of its hosts again"
    over = f", and {state.change} has then ended as abandoned" if state.change else ""
    return (
        f"{again}once that is mended, it goes on{checks}: {_resume(state)}",
        f"or give it up: ./inv runbooks.abandon {state.run} gives everything back{over}",
    )


def _resume(state: RunState) -> str:
    return f"./inv runbooks.resume {state.run}"
