"""Data in, exact commands out: each folder of tests/plan_cases is a case.

``case.yaml`` says which runbook and parameters; the runbooks stand beside it, the estate is one for
all. ``commands.json`` holds what the plan must send, word for word; a case that is refused says so in
``case.yaml`` in place of it.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from drillbook.artifacts.seal import digest_of
from drillbook.cmdb.load import load
from drillbook.errors import DrillbookError, InvalidInput
from drillbook.plan.planner import make_plan
from drillbook.plan.reading import plan_from_json
from drillbook.runbook.load import load_called
from drillbook.source import plain, read_yaml
from tests.estate_copy import NO_CACHES

if TYPE_CHECKING:
    from drillbook.plan.model import Plan

CASES = Path(__file__).parents[1] / "plan_cases"
NAMES = sorted(path.parent.name for path in CASES.glob("*/case.yaml"))


def made(folder: Path, case: dict[str, Any]) -> Plan:
    runbooks = load_called(folder, case["runbook"])
    return make_plan(
        cmdb=load(folder),
        runbook=runbooks[case["runbook"]],
        runbooks=runbooks,
        environment="site",
        parameters=case["parameters"],
        artifacts_digest=digest_of(folder),
        engine="0",
    )


def commands(plan: Plan) -> list[dict[str, Any]]:
    """Give what is sent and typed, with nothing that is only for reading."""
    return [
        {"assumption": each["check"]} for each in plan.to_json()["assumptions"]
    ] + [
        {"slot": each["name"], "check": each["check"]} for each in plan.to_json().get("slots", ())
    ] + [
        {
            "step": step["id"],
            "on": step["item"],
            "timeout": step["timeout"],
            "action": step["action"],
            "verify": step["verify"],
            "undo": step["undo"]["action"],
            "by_hand": [f"{hand['item'] or ''}$ {hand['do']}" for hand in step["by_hand"]],
        }
        for step in plan.to_json()["steps"]
    ]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_case(name: str, tmp_path: Path) -> None:
    shutil.copytree(CASES / "estate", tmp_path, ignore=NO_CACHES, dirs_exist_ok=True)
    (tmp_path / "runbooks").mkdir()
    for path in (CASES / name).glob("RB-*.yaml"):
        shutil.copy(path, tmp_path / "runbooks")
    case = plain(read_yaml(CASES / name / "case.yaml"))
    if "refused" in case:
        with pytest.raises(DrillbookError) as refused:
            made(tmp_path, case)
        error = refused.value
        said = [each.message for each in error.findings] if isinstance(error, InvalidInput) else [error.message]
        assert any(case["refused"] in each for each in said), said
        return
    plan = made(tmp_path, case)
    assert commands(plan) == json.loads((CASES / name / "commands.json").read_text())
    assert plan_from_json(plan.to_json()) == plan


def test_there_are_cases() -> None:
    assert len(NAMES) >= 10
