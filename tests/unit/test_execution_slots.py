"""What a check may choose for a slot: everything else is refused before the first effect, and not on record."""

from __future__ import annotations

import shutil
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from drillbook.artifacts.seal import seal
from drillbook.clock import SystemClock
from drillbook.errors import AssumptionFailed, DrillbookError, Refused, StepFailed
from drillbook.execution.actions import of_effect
from drillbook.execution.before import bind_slots, forget_old_choices
from drillbook.execution.state import RunState, state_from_records
from drillbook.facts.checks import Checks
from drillbook.hosts.agent import Effect, Ended
from drillbook.journal.record import GENESIS, make_record, read_journal
from drillbook.journal.writer import Journal
from drillbook.plan.model import CheckRun
from tests.unit.test_plan_slots import everywhere, planned

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from drillbook.execution.actions import World
    from drillbook.hosts.connection import Hosts

CHECKS = '''"""Chooses what it is told to."""


class CannotTell(Exception):
    """It could not look."""


def give(host, said):
    """Return something."""
    return said


def long(host):
    """Return a long list."""
    return {"value": ["a"] * 10000, "detail": ""}


def strange(host):
    """Return what is no JSON value."""
    return {"value": host, "detail": ""}


def none(host):
    """Find nothing."""
    assert False, "no copy is verified"


def blind(host):
    """Cannot look."""
    raise CannotTell("the disk cannot be read")


def broken(host):
    """Break."""
    return 1 / 0
'''


class Hosts_:  # noqa: N801 - stands for connections that no chooser here uses
    def __getitem__(self, item: str) -> Any:
        return SimpleNamespace(target=SimpleNamespace(item=item))


@pytest.fixture
def checks(tmp_path: Path) -> Iterator[Checks]:
    (tmp_path / "estate/playbooks/checks").mkdir(parents=True)
    (tmp_path / "estate/playbooks/checks/db.py").write_text(CHECKS)
    yield Checks(seal(tmp_path / "estate", tmp_path / "sealed"), cast("Hosts", Hosts_()))
    for each in [tmp_path / "sealed", *(tmp_path / "sealed").rglob("*")]:
        if each.is_dir():
            each.chmod(0o755)
    shutil.rmtree(tmp_path / "sealed")


def bind(checks: Checks, folder: Path, function: str, state: RunState | None = None, **arguments: Any) -> RunState:
    """Bind the slot of a plan by a function of ``CHECKS``, and give the run's state then."""
    made = planned(everywhere())
    rule = CheckRun("checks/db.py", function, "db-2", arguments)
    made = replace(made, slots=(replace(made.slots[0], check=rule),))
    world = cast("World", SimpleNamespace(plan=made, run="r1", checks=checks))
    journal = Journal.create(folder / "journal.jsonl", SystemClock())
    state = state or RunState()
    journal.listen(state.apply)
    try:
        bind_slots(world, journal, state)
    finally:
        journal.close()
    return state


@pytest.mark.parametrize("value", ["web-2026-11-22T10:00:00", ["b.2", "a.1"], ["x"] * 100, "9"])
def test_what_is_chosen_is_on_record(checks: Checks, tmp_path: Path, value: Any) -> None:
    state = bind(checks, tmp_path, "give", said={"value": value, "detail": "the second\nis damaged"})
    records = read_journal(tmp_path / "journal.jsonl")
    assert state.slots == state_from_records(records).slots == {"copies": value}
    record = records[-1]
    assert (record.kind, record.data["detail"]) == ("slot.bound", "the second\\u{a}is damaged")


HOSTILE: list[Any] = [
    "-rf", " a", "a b", "a\n", "a\nb", "", "a;id", "$(id)", "a/../b", "é", "a" * 201, ".", "a\x00", 7, True, None, 1.5,
    {"a": "b"}, [], ["a", "-b"], ["a", ["b"]], ["a", 1], [None],
]  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE, ids=[f"{number}" for number in range(len(HOSTILE))])
def test_a_hostile_value_is_refused(checks: Checks, tmp_path: Path, value: Any) -> None:
    with pytest.raises(Refused, match="the slot copies"):
        bind(checks, tmp_path, "give", said={"value": value, "detail": ""})
    assert not (tmp_path / "journal.jsonl").read_bytes()


@pytest.mark.parametrize("said", [None, "a", ["a"], 7, {}, {"value": "a"}, {"value": "a", "detail": 1},
                                  {"value": "a", "detail": "", "more": 1}])  # fmt: skip
def test_what_is_no_choice_is_refused(checks: Checks, tmp_path: Path, said: Any) -> None:
    with pytest.raises(Refused, match="gave the slot copies no choice"):
        bind(checks, tmp_path, "give", said=said)
    assert not (tmp_path / "journal.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("function", "error", "words"),
    [
        ("long", Refused, "a list of 10000 values"),
        ("strange", Refused, "cannot hold"),
        ("none", AssumptionFailed, "no copy is verified"),
        ("blind", AssumptionFailed, "the disk cannot be read"),
        ("broken", AssumptionFailed, "ZeroDivisionError"),
    ],
)
def test_a_chooser_that_cannot_or_does_not_choose(
    checks: Checks, tmp_path: Path, function: str, error: type[DrillbookError], words: str
) -> None:
    with pytest.raises(error, match=words):
        bind(checks, tmp_path, function)
    assert not (tmp_path / "journal.jsonl").read_bytes()


def test_a_value_that_does_not_fit_is_refused_before_it_is_on_record(checks: Checks, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="which promotes"):
        bind(checks, tmp_path, "give", said={"value": ["a", "promote"], "detail": ""})
    assert not (tmp_path / "journal.jsonl").read_bytes()


def test_what_the_journal_says_stays(checks: Checks, tmp_path: Path) -> None:
    state = RunState(slots={"copies": "first"})
    bind(checks, tmp_path, "give", state, said={"value": "second", "detail": ""})
    assert state.slots == {"copies": "first"}


def test_what_the_journal_says_must_still_be_a_value(checks: Checks, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot hold"):
        bind(checks, tmp_path, "give", RunState(slots={"copies": "-rf"}), said={"value": "a", "detail": ""})


def test_a_run_that_has_begun_chooses_nothing_any_more(checks: Checks, tmp_path: Path) -> None:
    state = RunState()
    state.step("fence").stage = state.step("fence").stage.DONE
    with pytest.raises(Refused, match="the journal has no value of the slot copies"):
        bind(checks, tmp_path, "give", state, said={"value": "a", "detail": ""})


@pytest.mark.parametrize(("action", "kept"), [("check", False), ("run", True)])
def test_a_value_is_kept_once_an_effect_was_begun_with_it(action: str, kept: bool) -> None:
    made = planned(everywhere())
    journal: list[tuple[str, dict[str, Any]]] = [
        ("slot.bound", {"slot": "copies", "value": "old", "detail": ""}),
        ("step.started", {"step": made.steps[0].id, "attempt": 1, "action": action}),
    ]
    records, before = [], GENESIS
    for number, (kind, data) in enumerate(journal):
        records.append(make_record(seq=number, time="t", mono=0.0, kind=kind, data=data, prev=before))
        before = records[-1].hash
    state = state_from_records(records)
    forget_old_choices(made, state)
    assert bool(state.slots) is kept


def test_a_called_runbooks_slot_is_chosen_when_that_begins(checks: Checks, tmp_path: Path) -> None:
    """What a later service lacks keeps nobody from bringing back the one before."""
    made = planned(everywhere())
    own = made.steps[0]
    steps = (own, *(replace(own, id=f"cold/{name}") for name in ("assumption-1", "restore")))
    rule = CheckRun("checks/db.py", "none", "db-2", {})
    made = replace(made, steps=steps, slots=(replace(made.slots[0], name="cold/copies", check=rule),))
    world = cast("World", SimpleNamespace(plan=made, run="r1", checks=checks))
    state = RunState()
    journal = Journal.create(tmp_path / "journal.jsonl", SystemClock())
    try:
        for step in ("", own.id, "cold/assumption-1"):
            bind_slots(world, journal, state, step=step)
        with pytest.raises(AssumptionFailed, match="no copy is verified"):
            bind_slots(world, journal, state, step="cold/restore")
        state.step(own.id).stage = state.step(own.id).stage.DONE
        with pytest.raises(StepFailed, match="no copy is verified"):
            bind_slots(world, journal, state, step="cold/restore")
    finally:
        journal.close()


def ended(stdout: str) -> dict[str, Any]:
    return of_effect(Effect(ended=Ended.SUCCEEDED, exit_code=0, stdout=stdout, stderr="note: not here\n")).evidence


def test_notes_are_the_lines_that_say_so() -> None:
    assert "notes" not in ended("all is well\n a note: no\nnote:no\n")
    assert ended("x\nnote: the newest is damaged\ny\nnote:   b  \n")["notes"] == ["the newest is damaged", "b"]


def test_notes_are_few_short_and_visible() -> None:
    found = ended("note: \x1b[2J\u202e\n" + "note: " + "x" * 5000 + "\n" + "note: more\n" * 50)["notes"]
    assert len(found) == 5
    assert found[0] == "\\u{1b}[2J\\u{202e}"
    assert max(len(each) for each in found) == 200
