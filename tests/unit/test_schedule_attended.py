"""Which drills need a person, and the machine's zone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from drillbook.drill.model import PersonDecides
from drillbook.runbook.model import Kind, Manual, Repeat, Run, Runbook, Step, SubRunbook, Text, Undo, Verb
from drillbook.schedule.attended import needs_person
from drillbook.zone import local_zone
from tests import drill_values

if TYPE_CHECKING:
    from pathlib import Path

    from drillbook.drill.model import Drill
    from drillbook.runbook.model import Action

X = Text("x", "某")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Drill:
    return drill_values.loaded(tmp_path_factory.mktemp("drill"), drill_values.drill())


def book(id_: str, *actions: Action) -> Runbook:
    steps = tuple(
        Step(f"s{at}", X, Verb.ENSURE, None, action, (), Undo(nothing=True), 9.0, Repeat.SAFE, (), 1)
        for at, action in enumerate(actions)
    )
    return Runbook(id_, X, Kind.FAILOVER, (), {}, None, {}, (), {}, steps, f"runbooks/{id_}.yaml", 1, "sha256:0")


RUN = Run(argv=("true",))


@pytest.mark.parametrize(
    ("failover", "failback", "other", "says"),
    [
        ([RUN], [RUN], [Manual(X)], None),
        ([RUN, Manual(X)], [RUN], [RUN], "a person does the step s1 of RB-FAILOVER"),
        ([RUN], [Manual(X)], [RUN], "a person does the step s0 of RB-FAILBACK"),
        ([SubRunbook("RB-OTHER", {})], [RUN], [RUN, Manual(X)], "a person does the step s1 of RB-OTHER"),
        ([SubRunbook("RB-OTHER", {})], [RUN], [SubRunbook("RB-FAILOVER", {})], None),
        ([SubRunbook("RB-NONE", {})], [RUN], [RUN], None),
    ],
)
def test_a_step_by_hand_is_found_wherever_it_is(
    base: Drill, failover: list[Action], failback: list[Action], other: list[Action], says: str | None
) -> None:
    books = [book("RB-FAILOVER", *failover), book("RB-FAILBACK", *failback), book("RB-OTHER", *other)]
    assert needs_person(base, {each.id: each for each in books}) == says


def test_a_trigger_that_is_a_person(base: Drill) -> None:
    assert needs_person(replace(base, trigger=PersonDecides(X)), {}) == "a person begins it"


@pytest.mark.parametrize("name", ["Europe/Berlin", ":Europe/Berlin"])
def test_the_zone_knows_its_summer_time(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("TZ", name)
    assert local_zone() == ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("name", ["No/Where", "../../etc/passwd", "\x01"])
def test_a_zone_that_is_not_known_is_utc(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("TZ", name)
    assert local_zone() is UTC


def test_without_the_variable_it_is_the_machines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TZ", raising=False)
    monkeypatch.setattr("drillbook.zone._LOCALTIME", tmp_path / "none")
    assert local_zone() is UTC
    monkeypatch.undo()
    monkeypatch.delenv("TZ", raising=False)
    now = datetime.now(UTC)
    assert now.astimezone(local_zone()).utcoffset() == now.astimezone().utcoffset()
