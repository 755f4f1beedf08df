"""Runs the drills that are due, one after the other, and says what came of it.

A drill that failed does not keep the next one from running. Two things do: a lab that cannot be brought up, since
nothing can run then; and, for the drills of the same pair, a steady state that is not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from drillbook.errors import (
    DrillbookError,
    ExitCode,
    JournalError,
    Locked,
    MissingPrerequisite,
    Refused,
    StoppedByPerson,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from drillbook.clock import Clock
    from drillbook.drill.model import Drill
    from drillbook.evidence.verdict import Result
    from drillbook.schedule.due import Standing

Ground = TypeVar("Ground")
_ENDS_ALL = (JournalError, MissingPrerequisite, StoppedByPerson)  # whatever comes next would end so too


@dataclass(frozen=True, slots=True)
class Ended:
    """How a drill ended. ``result`` None: it could not be run, and ``message`` says why.

    ``steady``: the steady state was there when it began. ``stopped``: a person wanted it to stop.
    """

    code: ExitCode
    result: Result | None
    message: str = ""
    steady: bool = True
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """A drill of the series, how it ended, and how many seconds it took."""

    standing: Standing
    ended: Ended
    seconds: float


@dataclass(frozen=True, slots=True)
class Left:
    """A drill that was not begun, and why. ``meant``: as somebody wanted (a freeze, the window of time)."""

    standing: Standing
    why: str
    meant: bool


@dataclass(frozen=True, slots=True)
class Series:
    """What came of it. ``ended_by``: the error that ended everything."""

    done: tuple[Done, ...]
    left: tuple[Left, ...]
    ended_by: DrillbookError | None
    seconds: float

    @property
    def code(self) -> ExitCode:
        """What the process says: what ended everything, else the worst of missed, invalid, not run, met."""
        if self.ended_by is not None:
            return self.ended_by.exit_code
        codes = [each.ended.code for each in self.done]
        for code in (ExitCode.MISSED, ExitCode.DRILL_INVALID):
            if code in codes:
                return code
        return next((code for code in codes if code is not ExitCode.OK), ExitCode.OK)


@dataclass(frozen=True, slots=True)
class Window:
    """How much may be run: at most ``drills``, none that would not be over after ``seconds``; None: no bound."""

    drills: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Doing(Generic[Ground]):
    """What a series does things with.

    ``ground``: bring up what drills of an environment run on. ``run``: run one drill on it. ``begins``: told of
    each drill before it begins, with its number. ``says``: told of a sentence for a person.
    """

    ground: Callable[[str], Ground]
    run: Callable[[Drill, Ground], Ended]
    begins: Callable[[int, Standing], None]
    says: Callable[[str], None]


def run_series(
    queue: Sequence[Standing], doing: Doing[Ground], *, window: Window, skip: Mapping[str, str], clock: Clock
) -> Series:
    """Run drills in their order.

    Args:
        queue: the drills.
        doing: what is done for each.
        window: how much may be run.
        skip: by drill, why it is not run now (a freeze period, nobody at the terminal).
        clock: for durations.
    """
    done: list[Done] = []
    left: list[Left] = []
    lost: dict[str, str] = {}  # by pair, why nothing more is run on it
    ended_by: DrillbookError | None = None
    begun = clock.monotonic()
    for each in queue:
        why = _not_now(each, skip=skip, window=window, count=len(done), spent=clock.monotonic() - begun)
        if why or ended_by is not None or each.pair in lost:
            over = "" if ended_by is None else f"the series ended: {ended_by.message}"
            left.append(Left(each, why or over or lost[each.pair], meant=bool(why)))
            continue
        doing.begins(len(done) + 1, each)
        at = clock.monotonic()
        try:
            ended = _run(each, doing)
        except DrillbookError as error:
            ended_by = error
            ended = Ended(error.exit_code, None, error.message, stopped=isinstance(error, StoppedByPerson))
        done.append(Done(each, ended, clock.monotonic() - at))
        if ended.stopped and ended_by is None:
            ended_by = StoppedByPerson("stopped by a person", remedy="./inv drills goes on with what is due")
        if not ended.steady:
            lost[each.pair] = f"{each.drill.name} ended without the steady state that it begins with"
    return Series(tuple(done), tuple(left), ended_by, clock.monotonic() - begun)


def not_planned(queue: Sequence[Standing], *, window: Window, skip: Mapping[str, str]) -> dict[str, str]:
    """Give, by drill, why ``run_series`` would not run it now, if every drill takes as long as it usually does."""
    found: dict[str, str] = {}
    spent = 0.0
    for place, each in enumerate(queue):
        why = _not_now(each, skip=skip, window=window, count=place - len(found), spent=spent)
        if why:
            found[each.drill.name] = why
        else:
            spent += _needs(each)
    return found


def _run(each: Standing, doing: Doing[Ground]) -> Ended:
    """Run one. Raises what ends the series."""
    try:
        ground = doing.ground(each.drill.environment)
    except (Refused, UsageError) as error:  # this drill's environment, and not what is under all of them
        return _failed(error, doing)
    except KeyboardInterrupt:
        raise StoppedByPerson("stopped by Ctrl-C") from None
    try:
        return doing.run(each.drill, ground)
    except _ENDS_ALL:
        raise
    except DrillbookError as error:
        return _failed(error, doing)
    except KeyboardInterrupt:
        raise StoppedByPerson("stopped by Ctrl-C") from None


def _failed(error: DrillbookError, doing: Doing[Ground]) -> Ended:
    doing.says(f"✗ {error.message}" + (f"\n  → {error.remedy}" if error.remedy else ""))
    return Ended(error.exit_code, None, error.message, steady=not isinstance(error, Locked))


def _not_now(each: Standing, *, skip: Mapping[str, str], window: Window, count: int, spent: float) -> str:
    if each.drill.name in skip:
        return skip[each.drill.name]
    if window.drills is not None and count >= window.drills:
        return f"no more than {window.drills} are wanted"
    needs = _needs(each)
    if window.seconds is not None and spent + needs > window.seconds:
        return f"it takes about {needs:.0f} s, and {max(0.0, window.seconds - spent):.0f} s are left"
    return ""


def _needs(each: Standing) -> float:
    """Give the seconds that must be left for it."""
    return each.usual if each.usual is not None else each.drill.timeout
