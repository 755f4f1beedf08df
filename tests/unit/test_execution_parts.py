"""Independent parts carried out: what fails stops no other, what needs it is left out, and a resume tries it again.

The engine is the real one, with its journal on the disk. Persons do the steps, so no host is needed; what a host
answers to a check stands in a table.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from drillbook.clock import SystemClock
from drillbook.console.run_now import how_it_stands, so_now
from drillbook.errors import ExitCode, HostUnreachable, StoppedByPerson
from drillbook.execution.engine import Engine
from drillbook.execution.of_change import RunOfChange, deviations
from drillbook.execution.parts import done_parts
from drillbook.execution.state import state_from_records
from drillbook.facts.checks import Fact
from drillbook.journal.record import read_journal
from drillbook.journal.writer import Journal
from drillbook.plan.model import CheckRun, FenceRun, PlannedUndo
from drillbook.runbook.model import Text, Verb
from tests.lock_fleet import Fleet, Power
from tests.parts_estate import HOSTS, whole
from tests.plan_values import plan

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from drillbook.errors import DrillbookError
    from drillbook.execution.actions import World
    from drillbook.execution.engine import Outcome
    from drillbook.journal.record import Record
    from drillbook.plan.model import Plan


class Killed(BaseException):
    """The process has ended here, as by kill -9."""


@dataclass
class Estate:
    """What is so outside: hosts that are away, or not as assumed, and what persons refuse to do. All in items, texts.

    ``did``: what persons have done. ``asked``: the items that checks looked at, in order.
    """

    folder: Path
    plan: Plan
    away: set[str] = field(default_factory=set)
    unfit: set[str] = field(default_factory=set)
    refuses: set[str] = field(default_factory=set)
    stop_before: str = ""
    did: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    fleet: Fleet = field(default_factory=Fleet)

    @property
    def records(self) -> list[Record]:
        return read_journal(self.folder / "journal.jsonl")

    def open(self, items: Iterable[str]) -> dict[str, DrillbookError]:
        return {item: HostUnreachable(f"{item} does not answer") for item in set(items) & self.away}

    def check(self, check: CheckRun, *, limit: float = 0) -> Fact:
        self.asked.append(check.item)
        return Fact(check.item not in self.unfit, True, f"{check.item} is not fit", limit)

    def confirm(self, instruction: str) -> tuple[str, bool]:
        if instruction not in self.refuses:
            self.did.append(instruction)
        return "ann", instruction not in self.refuses

    def stopping(self) -> bool:
        return bool(self.did) and self.did[-1] == self.stop_before

    def run(self, way: str = "run", *, killed_after: int = 0) -> Outcome:
        """Open the journal, or open it again, and run. ``killed_after``: after that record of this process."""
        path = self.folder / "journal.jsonl"
        journal, records = Journal.reopen(path, SystemClock()) if path.exists() else (self.opened(path), self.records)
        world = SimpleNamespace(
            plan=self.plan, run="r1", hosts=self, checks=SimpleNamespace(run=self.check), person=self,
            clock=SystemClock(), stopping=self.stopping, change_type="standard", executor="ann", language="en",
            agent=self.fleet.agent, power=lambda _: Power(),
        )  # fmt: skip
        seen = 0

        def kill(_: Record) -> None:
            nonlocal seen
            seen += 1
            if seen == killed_after:
                raise Killed

        try:
            engine = Engine(cast("World", world), journal, records)
            journal.listen(kill)
            outcome: Outcome = getattr(engine, way)()
            return outcome
        finally:
            journal.close()

    def opened(self, path: Path) -> Journal:
        journal = Journal.create(path, SystemClock())
        journal.append("run.opened", run="r1", change_id="", change="standard", operator="x", executor="ann")
        return journal

    def told(self, kind: str) -> list[dict[str, Any]]:
        return [dict(record.data) for record in self.records if record.kind == kind]


def estate(folder: Path, **after: list[str]) -> Estate:
    return Estate(folder, plan(*whole(**after)))


def all_of(*names: str) -> list[str]:
    return [f"{what} {name}" for name in names for what in ("do", "tell")]


def test_all_parts_are_carried_out_in_order(tmp_path: Path) -> None:
    made = estate(tmp_path)
    assert (made.run().result, made.did) == ("succeeded", all_of("a", "b", "c"))


# What is wrong with b, and in which words its failure is told.
WRONG: dict[str, tuple[dict[str, set[str]], str, list[str]]] = {
    "its host is away": ({"away": {"db-2"}}, "db-2 does not answer", []),
    "an assumption": ({"unfit": {"db-2"}}, "step b/assumption-1: db-2 is not fit", []),
    "its first step": ({"refuses": {"do b"}}, "step b/do: not done, says ann", []),
    "a later step": ({"refuses": {"tell b"}}, "step b/tell: not done, says ann", ["do b"]),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_part_that_fails_stops_no_other_and_a_resume_tries_it_again(name: str, tmp_path: Path) -> None:
    wrong, words, began = WRONG[name]
    made = estate(tmp_path)
    for what, which in wrong.items():
        setattr(made, what, which)
    outcome = made.run()
    assert (outcome.result, outcome.exit_code) == ("partial", ExitCode.PARTIAL)
    assert outcome.message == f"not done: b: {words}. Done: a, c"
    assert "./inv runbooks.resume r1 tries again what is not done" in outcome.remedy
    assert made.did == [*all_of("a"), *began, *all_of("c")]
    [failed] = made.told("part.failed")
    assert (failed["part"], failed["message"]) == ("b", words)
    assert made.told("run.stopped")[0]["reason"] == "partial"
    assert not made.told("run.closed")

    again = made.run()
    assert (again.result, again.message) == (outcome.result, outcome.message)
    assert made.did == [*all_of("a"), *began, *all_of("c")]

    for what in wrong:
        setattr(made, what, set())
    assert made.run().result == "succeeded"
    assert sorted(made.did) == sorted(all_of("a", "b", "c"))


def test_what_needs_a_part_that_failed_is_left_out_and_comes_when_that_is_done(tmp_path: Path) -> None:
    made = estate(tmp_path, b=["a"], c=["b"])
    made.unfit = {HOSTS["a"]}
    outcome = made.run()
    assert made.did == []
    assert outcome.message == (
        "not done: a: step a/assumption-1: db-1 is not fit; b: not begun, since it needs a; c: not begun, since it "
        "needs b. Done: no other part"
    )
    made = estate(tmp_path / "second", c=["b"])
    made.folder.mkdir()
    made.unfit = {HOSTS["b"]}
    assert made.run().result == "partial"
    assert made.did == all_of("a")
    assert [(each["part"], each["after"]) for each in made.told("part.skipped")] == [("c", ["b"])]
    made.unfit = set()
    assert made.run().result == "succeeded"
    assert made.did == all_of("a", "b", "c")


def test_where_nothing_was_changed_the_run_is_closed_and_says_why_for_each(tmp_path: Path) -> None:
    made = estate(tmp_path)
    made.away, made.unfit = {"db-1", "db-2"}, {"watch-1"}
    outcome = made.run()
    assert (outcome.result, outcome.exit_code) == ("refused", ExitCode.UNREACHABLE)
    assert outcome.message == (
        "not done: a: db-1 does not answer; b: db-2 does not answer; c: step c/assumption-1: watch-1 is not fit. "
        "Done: no other part"
    )
    assert made.run().exit_code is ExitCode.REFUSED


def test_what_a_part_assumes_is_asked_anew_until_it_has_changed_something(tmp_path: Path) -> None:
    books = whole()
    books[2]["assumptions"] *= 2
    made = Estate(tmp_path, plan(*books))
    held: list[bool] = [True, False]
    made.check = lambda check, *, limit=0.0: Fact(  # type: ignore[method-assign]
        check.item != "db-2" or held.pop(0), True, "", made.asked.append(check.item) or limit
    )
    assert made.run().result == "partial"
    held[:] = [True, True]
    made.asked.clear()
    assert made.run().result == "succeeded"
    assert made.asked == ["db-2", "db-2"]  # both, although the first had held

    second = Estate(tmp_path / "second", plan(*whole()), refuses={"tell b"})
    second.folder.mkdir()
    second.run()
    second.refuses, second.unfit = set(), {"db-2"}
    second.asked.clear()
    assert (second.run().result, second.asked) == ("succeeded", [])


def test_a_person_who_stops_the_run_stops_all_of_it(tmp_path: Path) -> None:
    made = estate(tmp_path)
    made.stop_before = "tell a"
    outcome = made.run()
    assert (outcome.result, outcome.exit_code) == ("stopped", StoppedByPerson.exit_code)
    assert made.did == all_of("a")
    assert not made.told("part.failed")
    made.stop_before = ""
    assert made.run().result == "succeeded"


def test_a_person_who_stops_the_run_is_told_what_had_failed_before(tmp_path: Path) -> None:
    made = estate(tmp_path)
    made.refuses, made.stop_before = {"tell a"}, "do b"
    outcome = made.run()
    assert outcome.exit_code is ExitCode.STOPPED
    assert outcome.message == "stopped before step b/tell; not done: a: step a/tell: not done, says ann"
    assert made.told("run.stopped")[0]["message"] == outcome.message


def test_giving_up_and_going_back(tmp_path: Path) -> None:
    made = estate(tmp_path)
    made.refuses = {"do b"}
    made.run()
    outcome = made.run("abandon")
    assert (outcome.result, outcome.exit_code) == ("abandoned", ExitCode.OK)
    stands = how_it_stands(made.plan, state_from_records(made.records))
    assert stands == ["abandoned", "done: a, c", "not done: b: step b/do: not done, says ann"]

    back = estate(tmp_path / "back")
    back.folder.mkdir()
    back.away = {"db-2"}
    back.run()
    assert back.run("rollback").result == "rolled_back"
    assert [each["step"] for each in back.told("undo.ended")] == ["c/tell", "c/do", "a/tell", "a/do"]


def promoting(folder: Path) -> Estate:
    """Give the estate with a fence as the first step of a, and a promotion as the last of b, proved on its host."""
    made = estate(folder)
    fence = FenceRun("db-1", ("db-2",), (22,))
    proof = CheckRun("checks/db.py", "is_primary", "db-2", {})
    other = {"a/do": {"action": fence, "verb": Verb.FENCE}, "b/tell": {"verb": Verb.PROMOTE, "verify": (proof,)}}
    steps = tuple(replace(step, **other.get(step.id, {})) for step in made.plan.steps)
    made.plan = replace(made.plan, steps=steps)
    return made


def test_going_back_asks_nobody_of_a_part_that_was_never_begun(tmp_path: Path) -> None:
    made = promoting(tmp_path)
    made.away = {"db-1", "db-2"}
    assert made.run().message.endswith("Done: c")
    assert made.run("rollback").result == "rolled_back"  # although b's host looks promoted


def test_a_resumed_promotion_proves_nothing_of_another_part_again(tmp_path: Path) -> None:
    """The fence of a part that never came to it would switch off a host that nobody has promoted another for."""
    made = promoting(tmp_path)
    made.unfit, made.refuses = {"db-1"}, {"tell b"}
    fit = made.check
    made.check = lambda check, *, limit=0.0: (  # type: ignore[method-assign]
        Fact("tell b" in made.did, True, "", 0.0) if check.function == "is_primary" else fit(check, limit=limit)
    )
    assert made.run().message.endswith("Done: c")
    made.refuses = set()
    assert made.run().message.endswith("Done: b, c")  # a fence would need power control, which is not there
    assert not [each for each in made.told("step.started") if each["step"] == "a/do"]


BACK = "or undo all parts: ./inv runbooks.rollback r1"


def test_going_back_is_advised_once_and_for_all_parts(tmp_path: Path) -> None:
    made = estate(tmp_path)
    made.refuses = {"tell a", "tell b"}
    remedy = [
        "mend the cause, then ./inv runbooks.resume r1 tries again what is not done",
        "or leave it as it is: ./inv runbooks.abandon r1",
        BACK,
    ]
    assert made.run().remedy.splitlines() == remedy
    assert not [each for each in made.told("part.failed") if "rollback" in each["remedy"]]


@pytest.mark.parametrize("what", ["promoted", "irreversible"])
def test_going_back_is_not_advised_when_a_later_part_stands_against_it(what: str, tmp_path: Path) -> None:
    made = estate(tmp_path)
    made.refuses = {"tell a"}
    final = {"irreversible": {"undo": PlannedUndo(None, Text("no", "不"))}, "promoted": {"verb": Verb.PROMOTE}}[what]
    steps = tuple(replace(step, **final) if step.id == "c/do" else step for step in made.plan.steps)  # type: ignore[arg-type]
    made.plan = replace(made.plan, steps=steps)
    outcome = made.run()
    assert outcome.message.endswith("Done: b, c")
    assert BACK not in outcome.remedy


def test_what_is_told_of_it(tmp_path: Path) -> None:
    made = estate(tmp_path, c=["b"])
    made.refuses = {"tell b"}
    made.run()
    state = state_from_records(made.records)
    assert done_parts(made.plan, state) == ["a"]
    assert how_it_stands(made.plan, state) == [
        "stopped: partial",
        "done: a",
        "not done: b: step b/tell: not done, says ann",
        "not done: c: not begun, since it needs b",
    ]
    told = deviations(RunOfChange("r1", tuple(made.records), b"", b"x", None))
    assert [(each.kind, each.step) for each in told if each.step in "abc"] == [("failed", "b"), ("skipped", "c")]
    assert so_now(made.plan, state) == []


def end(made: Estate, outcome: Outcome) -> tuple[Any, ...]:
    """Give all that must be the same, wherever the process died."""
    state = state_from_records(made.records)
    stages = {id_: str(step.stage) for id_, step in state.steps.items() if step.stage != "pending"}
    return outcome.result, outcome.exit_code, outcome.message, stages, how_it_stands(made.plan, state)


@pytest.mark.parametrize("wrong", ["nothing", *WRONG])
def test_killed_after_any_record_it_comes_to_the_same_end(wrong: str, tmp_path: Path) -> None:
    def begin(name: str) -> Estate:
        (tmp_path / name).mkdir()
        made = estate(tmp_path / name, c=["a"])
        for what, which in WRONG.get(wrong, ({}, "", []))[0].items():
            setattr(made, what, which)
        return made

    whole_run = begin("whole")
    expected = end(whole_run, whole_run.run())
    count = len(whole_run.records) - 1  # without run.opened
    assert count > 10
    for number in range(1, count + 1):
        made = begin(str(number))
        with pytest.raises(Killed):
            made.run(killed_after=number)
        outcome = made.run()
        if outcome.exit_code is ExitCode.REFUSED:  # it was closed as the process died
            assert number == count
            continue
        found = end(made, outcome)
        if number < count:
            assert found == expected, number
        assert all(made.did.count(each) == whole_run.did.count(each) or is_asked_again(made, each) for each in made.did)
        made.away, made.unfit, made.refuses = set(), set(), set()
        last = made.run()
        assert last.result == "succeeded"
        assert set(made.did) == set(all_of("a", "b", "c"))


def is_asked_again(made: Estate, instruction: str) -> bool:
    """A person's step that the process died in has no host that knows of it: the person is asked again."""
    what, name = instruction.split()
    return [each["step"] for each in made.told("step.started")].count(f"{name}/{what}") > 1
