"""Which protections have lost their second copy, as journals tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from drillbook.canonical import canonical_json
from drillbook.clock import SystemClock
from drillbook.execution.protection import degraded
from drillbook.journal.writer import Journal
from drillbook.plan.model import Command
from drillbook.tasks.lab_left import left_by_runs
from drillbook.tasks.running import ways_back
from drillbook.tasks.wiring import load_estate, plan_of
from tests.harness import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PLANS: dict[str, Any] = {}


@pytest.fixture(scope="module", autouse=True)
def plans() -> None:
    estate = load_estate(ROOT)
    for name in ("RB-DB-FAILOVER", "RB-DB-FAILBACK", "RB-DB-SWITCHOVER"):
        PLANS[name] = plan_of(estate, name, environment="lab", parameters={"pair": "core-db"})
    for name in ("RB-STANDBY-PROMOTION", "RB-STANDBY-FAILBACK"):
        PLANS[name] = plan_of(estate, name, environment="lab", parameters={"protection": "web-spare"})
    room = {"database": "core-db", "mail": "mail-pair", "cold": "web-spare"}
    PLANS["RB-ROOM-LOSS"] = plan_of(estate, "RB-ROOM-LOSS", environment="lab", parameters=room)


def write_run(state: Path, number: int, runbook: str, *, done: bool, begun: bool = False) -> Path:
    """Write a run of a runbook as the engine would: all steps done and closed, or only opened, or in its middle."""
    plan = PLANS[runbook]
    folder = state / "runs" / f"20261122T0530{number:02}Z-00000000"
    folder.mkdir(parents=True)
    (folder / "plan.json").write_bytes(canonical_json(plan.to_json()))
    journal = Journal.create(folder / "journal.jsonl", SystemClock())
    journal.append(
        "run.opened",
        run=folder.name,
        plan=plan.digest,
        kind=str(plan.kind),
        protection=plan.protection,
        environment="lab",
    )
    if done:
        for step in plan.steps:
            journal.append("step.started", step=step.id, attempt=1)
            journal.append("step.ended", step=step.id, attempt=1, outcome="succeeded", detail="")
            journal.append("step.done", step=step.id)
        journal.append("run.closed", outcome="succeeded")
    elif begun:
        effect = next(step for step in plan.steps if isinstance(step.action, Command))
        journal.append("step.started", step=effect.id, attempt=1)
    journal.close()
    return folder


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([], []),
        ([("RB-DB-FAILOVER", True)], ["core-db-2"]),
        ([("RB-DB-FAILOVER", False)], []),
        ([("RB-DB-FAILOVER", True), ("RB-DB-FAILBACK", True)], []),
        ([("RB-DB-FAILOVER", True), ("RB-DB-FAILBACK", False)], ["core-db-2"]),
        ([("RB-DB-FAILBACK", True), ("RB-DB-FAILOVER", True)], ["core-db-2"]),
        ([("RB-DB-FAILOVER", True), ("RB-DB-SWITCHOVER", True)], ["core-db-2"]),
        ([("RB-DB-FAILOVER", True), ("RB-DB-FAILBACK", True), ("RB-DB-FAILOVER", True)], ["core-db-2"]),
    ],
)
def test_the_last_promotion_counts_until_a_finished_failback(
    tmp_path: Path, history: list[tuple[str, bool]], expected: list[str]
) -> None:
    for number, (runbook, done) in enumerate(history):
        write_run(tmp_path, number, runbook, done=done)
    assert [each.survivor for each in degraded(tmp_path)] == expected


def test_a_failback_that_cannot_be_trusted_does_not_count(tmp_path: Path) -> None:
    write_run(tmp_path, 1, "RB-DB-FAILOVER", done=True)
    journal = write_run(tmp_path, 2, "RB-DB-FAILBACK", done=True) / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"attempt":1', b'"attempt":2', 1))
    assert [each.protection for each in degraded(tmp_path)] == ["core-db"]


def test_a_lost_room_counts_for_each_protection_that_acted(tmp_path: Path) -> None:
    write_run(tmp_path, 1, "RB-ROOM-LOSS", done=True)
    assert {each.protection: each.survivor for each in degraded(tmp_path)} == {
        "core-db": "core-db-2", "mail-pair": "mail-2", "web-spare": "spare-1",
    }  # fmt: skip
    write_run(tmp_path, 2, "RB-DB-FAILBACK", done=True)
    assert {each.protection for each in degraded(tmp_path)} == {"mail-pair", "web-spare"}


@pytest.mark.parametrize(
    ("runbook", "back"),
    [
        ("RB-DB-FAILOVER", ["./inv runbooks.run RB-DB-FAILBACK --param pair=core-db --param survivor=core-db-2"]),
        ("RB-STANDBY-PROMOTION", ["./inv runbooks.run RB-STANDBY-FAILBACK --param protection=web-spare"]),
    ],
)
def test_the_way_back_is_of_the_protections_own_kind(tmp_path: Path, runbook: str, back: list[str]) -> None:
    write_run(tmp_path, 1, runbook, done=True)
    (lost,) = degraded(tmp_path)
    assert ways_back(ROOT, lost) == back


def left(state: Path, environment: str = "lab") -> list[tuple[str, tuple[str, ...]]]:
    return left_by_runs(ROOT, state, load_estate(ROOT).cmdb, environment)


def test_a_lab_whose_spare_serves_is_told_to_be_given_back_and_not_to_be_healed(tmp_path: Path) -> None:
    assert left(tmp_path) == []
    write_run(tmp_path, 1, "RB-STANDBY-PROMOTION", done=True)
    ((sentence, commands),) = left(tmp_path)
    assert sentence.startswith("web-spare: spare-1 has its role since ")
    assert commands == ("./inv runbooks.run RB-STANDBY-FAILBACK --param protection=web-spare",)
    assert left(tmp_path, "rehearsal") == [(sentence, commands)]  # the same hosts
    assert left(tmp_path, "production") == []
    write_run(tmp_path, 2, "RB-STANDBY-FAILBACK", done=True)
    assert left(tmp_path) == []


def test_a_failback_in_its_middle_is_gone_on_with_and_not_begun_anew(tmp_path: Path) -> None:
    write_run(tmp_path, 1, "RB-STANDBY-PROMOTION", done=True)
    run = write_run(tmp_path, 2, "RB-STANDBY-FAILBACK", done=False, begun=True).name
    assert left(tmp_path) == [(
        f"run {run} of RB-STANDBY-FAILBACK has changed hosts and has not ended",
        (f"./inv runbooks.resume {run} goes on with it", f"./inv runbooks.rollback {run} undoes it"),
    )]  # fmt: skip


def test_a_run_that_has_changed_nothing_is_not_in_the_way(tmp_path: Path) -> None:
    write_run(tmp_path, 1, "RB-DB-SWITCHOVER", done=False)
    assert left(tmp_path) == []
