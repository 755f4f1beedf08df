"""What forbids or stops a run: which runs are closed by it, which can go on, and what is said of that."""

from __future__ import annotations

import pytest

from drillbook.errors import (
    AssumptionFailed,
    DrillbookError,
    FencingNotProved,
    HostUnreachable,
    Locked,
    OutcomeUnknown,
    Refused,
    StepFailed,
    StoppedByPerson,
)
from drillbook.execution.ending import ending_of
from drillbook.execution.state import state_from_records
from drillbook.journal.record import GENESIS, Record, make_record

RUN, CHANGE = "run-1", "CHG-2026-0007"
OPENED = ("run.opened", {"run": RUN, "change_id": CHANGE})
IN_LAB = ("run.opened", {"run": RUN, "change_id": ""})
ENTERED = ("ledger.entered", {"commit": "c" * 40})
LOCKED = ("lock.taken", {"item": "db-1", "token": 3})
ASSUMED = ("assumptions.held", {})
STOPPED = ("run.stopped", {"reason": "refused"})
RESUMED = ("run.resumed", {"operator": "x"})
BEGUN = ("step.started", {"step": "one", "attempt": 1})
LOOKED = ("step.started", {"step": "room", "attempt": 1, "action": "check"})
UNDONE = ("undo.ended", {"step": "one", "outcome": "succeeded"})

CLOCK = Refused("db-1 says that it is yesterday", remedy="set it right")
ASSUMPTION = AssumptionFailed("the plan assumes: db-1 is primary", remedy="plan anew")
HELD = Locked("db-1 is held by run run-9", remedy="./inv runbooks.abandon run-9")
SILENT = HostUnreachable("db-1 does not answer")
PERSON = StoppedByPerson("stopped before step one")

WAITS = "checks of its hosts again: ./inv runbooks.resume run-1"
GIVES_UP = "./inv runbooks.abandon run-1 gives everything back, and CHG-2026-0007 has then ended as abandoned"

CASES: dict[str, tuple[list[tuple[str, dict]], DrillbookError, bool, str, list[str]]] = {
    # The claim is taken and nothing has happened: it waits.
    "clock": ([OPENED, ENTERED], CLOCK, False, "refused", ["set it right\n", WAITS, GIVES_UP]),
    "assumption": ([OPENED, ENTERED, LOCKED], ASSUMPTION, False, "refused", ["nothing was changed", WAITS, GIVES_UP]),
    "host held": ([OPENED, ENTERED, LOCKED], HELD, False, "refused", ["runbooks.abandon run-9\n", WAITS, GIVES_UP]),
    "silent host": ([OPENED, ENTERED], SILENT, False, "refused", [WAITS, GIVES_UP]),
    "Ctrl-C": ([OPENED, ENTERED, LOCKED, ASSUMED], PERSON, False, "stopped", [WAITS, GIVES_UP]),
    "again": ([OPENED, ENTERED, STOPPED, RESUMED, ENTERED], CLOCK, False, "refused", [WAITS, GIVES_UP]),
    # The remote never had it: another run has the change or an item, or it is the lab's, or break-glass.
    "race lost": ([OPENED], HELD, True, "refused", ["runbooks.abandon run-9"]),
    "lab": ([IN_LAB, LOCKED], ASSUMPTION, True, "refused", ["plan anew"]),
    "lab, Ctrl-C": ([IN_LAB, LOCKED, ASSUMED], PERSON, True, "refused", ["nothing was changed; run it again"]),
    # A step that only looks changes nothing: what the hosts are is asked anew the next time.
    "a look": (
        [IN_LAB, LOCKED, ASSUMED, LOOKED],
        StepFailed("too small", remedy="./inv runbooks.resume run-1"),
        True,
        "refused",
        ["nothing was changed; mend that, and run it again"],
    ),
    "a look, of a change": ([OPENED, ENTERED, LOOKED], StepFailed("too small"), False, "refused", [WAITS]),
    "a look, then an effect": ([IN_LAB, LOOKED, BEGUN], StepFailed("no", remedy="mend"), False, "failed", ["mend"]),
    # Something was changed.
    "failed": ([OPENED, ENTERED, BEGUN], StepFailed("exit 1", remedy="mend"), False, "failed", ["mend"]),
    "held later": ([OPENED, ENTERED, BEGUN], HELD, False, "failed", ["runbooks.abandon run-9"]),
    "unknown": ([IN_LAB, BEGUN], OutcomeUnknown("who knows"), False, "unknown", ["./inv runbooks.resume run-1"]),
    "not fenced": ([IN_LAB, BEGUN], FencingNotProved("it is on"), False, "not_fenced", []),
    "person": ([IN_LAB, BEGUN], PERSON, False, "stopped", ["./inv runbooks.resume run-1"]),
}


def records(made: list[tuple[str, dict]]) -> list[Record]:
    found: list[Record] = []
    for kind, data in made:
        prev = found[-1].hash if found else GENESIS
        found.append(make_record(seq=len(found), time="t", mono=0.0, kind=kind, data=data, prev=prev))
    return found


@pytest.mark.parametrize("name", CASES)
def test_how_it_ends(name: str) -> None:
    made, error, closed, result, said = CASES[name]
    ending = ending_of(error, state_from_records(records(made)))
    assert (ending.closed, ending.result) == (closed, result)
    for words in said:
        assert words in ending.remedy
    if closed:
        assert RUN not in ending.remedy.replace("run-9", "")


def test_to_plan_anew_is_not_advised_where_it_can_go_on() -> None:
    assert "plan anew" not in ending_of(ASSUMPTION, state_from_records(records([OPENED, ENTERED]))).remedy


def test_locks_that_were_given_back_are_not_the_runs_any_more() -> None:
    given_back = ("lock.given_back", {"item": "db-1"})
    assert state_from_records(records([OPENED, LOCKED, given_back])).tokens == {}
    assert state_from_records(
        records([OPENED, LOCKED, given_back, ("lock.taken", {"item": "db-1", "token": 5})])
    ).tokens == {"db-1": 5}


def test_what_was_undone_is_as_if_it_had_not_begun() -> None:
    assert not state_from_records(records([OPENED, BEGUN, UNDONE])).touched
