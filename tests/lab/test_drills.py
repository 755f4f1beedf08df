"""Every shipped drill on the lab's real hosts: each comes out as it says, and leaves the steady state behind."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from drillbook.drill.load import drill_files
from drillbook.evidence.record import read_record
from tests.evidence_pages import assert_harmless
from tests.lab.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]

# What a drill does not lose or promote is in its own expectation; these are the ones that must lose.
LOSES = {"core-db-failover-async"}


def records() -> set[Path]:
    folder = ROOT / "drills" / "records"
    return set(folder.iterdir()) if folder.is_dir() else set()


@pytest.mark.parametrize("name", sorted(drill_files(ROOT)))
def test_a_drill_comes_out_as_it_says(name: str) -> None:
    before = records()
    done = subprocess.run(
        ["./inv", "drills.run", name], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    made = records() - before
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        assert len(made) == 1
        record = read_record(made.copy().pop(), root=ROOT)
        value = record.value
        assert value["verdict"] == {"result": "met", "exit_code": 0, "reasons": []}
        assert value["measures"]["at_most_one_primary"]
        assert value["measures"]["rows"]["acknowledged"] > 500
        lost = value["measures"]["rpo_actual"]["writes"]
        assert lost > 0 if name in LOSES else lost == 0
        assert not record.absent
        assert "MET" in done.stdout
        assert f"{made.copy().pop().name}/report.html" in done.stdout
        page = assert_harmless((made.copy().pop() / "report.html").read_text())
        assert value["drill"]["title"]["zh"] in "".join(page.text)
        steps = {(each["run"], each["step"]) for run in value["runs"] for each in run["steps"]}
        told = {(each["run"], each["step"]): each["how"] for each in value["fidelity"]["steps"]}
        assert steps == {step for step, how in told.items() if how != "skipped"}
        fences = [how for (_, step), how in told.items() if step == "fence"]
        assert set(fences) <= {"stubbed"}
        assert len(json.dumps(value["seen"])) < 30_000
    finally:
        for folder in made:
            shutil.rmtree(folder)
