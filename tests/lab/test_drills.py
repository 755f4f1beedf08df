"""Shipped drills on the lab's real hosts: each comes out as it says, and leaves the steady state behind.

A sample, since each takes half a minute and more: a database pair, one that must refuse, those that must lose, and a
whole room, in which a database pair, a mail pair and a cold spare are recovered (a cold spare's own drill is what
``test_crash`` runs). The others run by ``./inv drills.run NAME``.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from drillbook.evidence.record import read_record
from tests.evidence_pages import assert_harmless
from tests.lab.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]

# By drill: the services that must lose what was acknowledged; all others that keep something must lose nothing.
SAMPLE: dict[str, set[str]] = {
    "core-db-failover": set(),
    "core-db-failover-async": {"core-business"},
    "core-db-failover-power-lies": set(),
    "mail-failover-lost-disk": {"mail"},
    "room-a-loss": {"web"},
}


def records() -> set[Path]:
    folder = ROOT / "drills" / "records"
    return set(folder.iterdir()) if folder.is_dir() else set()


@pytest.mark.parametrize(("name", "loses"), SAMPLE.items(), ids=SAMPLE.keys())
def test_a_drill_comes_out_as_it_says(name: str, loses: set[str]) -> None:
    before = records()
    done = subprocess.run(
        [sys.executable, "-m", "invoke", "drills.run", name],
        cwd=ROOT, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    made = records() - before
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        assert len(made) == 1
        record = read_record(made.copy().pop(), root=ROOT)
        value = record.value
        assert value["verdict"] == {"result": "met", "exit_code": 0, "reasons": []}
        for service in value["services"]:
            measures = service["measures"]
            assert measures["at_most_one_primary"], service["service"]
            if measures["keeps"]:
                assert measures["rows"]["acknowledged"] > 100
                assert (measures["rpo_actual"]["writes"] > 0) == (service["service"] in loses), service["service"]
        assert not record.absent
        assert "MET" in done.stdout
        assert f"{made.copy().pop().name}/report.html" in done.stdout
        page = assert_harmless((made.copy().pop() / "report.html").read_text())
        assert value["drill"]["title"]["zh"] in "".join(page.text)
        steps = {(each["run"], each["step"]) for run in value["runs"] for each in run["steps"]}
        told = {(each["run"], each["step"]): each["how"] for each in value["fidelity"]["steps"]}
        assert steps == {step for step, how in told.items() if how != "skipped"}
        fences = [how for (_, step), how in told.items() if step.rpartition("/")[2] == "fence"]
        assert set(fences) <= {"stubbed"}
        assert len(json.dumps(value["seen"])) < 30_000 * len(value["services"])
    finally:
        for folder in made:
            shutil.rmtree(folder)
