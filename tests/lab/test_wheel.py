"""From the wheel alone: a new environment, a new estate, and its drill on real hosts.

It takes this checkout's lab away, since there is one lab on a machine; whoever needs that again brings it up.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from drillbook.errors import ExitCode, MissingPrerequisite
from drillbook.lab import lifecycle
from drillbook.lab.state import read_state
from tests.lab.lab_help import MARKS
from tests.wheel import ROOT, build_wheel

pytestmark = MARKS

UV = Path(sys.executable).with_name("uv")
PAIR = "orders-db"


def run(*command: str | Path, cwd: Path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run a command as somebody would who has never seen this checkout."""
    hidden = {"PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME"}
    env = {name: value for name, value in os.environ.items() if name not in hidden}
    if "PIP_INDEX_URL" in env:
        env.setdefault("UV_DEFAULT_INDEX", env["PIP_INDEX_URL"])
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=timeout, check=False)


def must(*command: str | Path, cwd: Path, timeout: float = 120) -> str:
    done = run(*command, cwd=cwd, timeout=timeout)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory, lab_machine: None) -> Path:
    """A new estate, written by the command that the wheel brings, in an environment of its own."""
    place = tmp_path_factory.mktemp("elsewhere")
    wheel = build_wheel(place)
    venv = place / "tools"
    must(UV, "venv", "--quiet", "--python", sys.executable, venv, cwd=place)
    # What the wheel names and nothing else, in the versions of the lock.
    lock = ["--constraint", ROOT / "requirements.lock"]
    must(UV, "pip", "install", "--quiet", "--python", venv / "bin/python", *lock, wheel, cwd=place, timeout=300)
    must(UV, "pip", "check", "--python", venv / "bin/python", cwd=place)
    drillbook = venv / "bin/drillbook"
    must(drillbook, "estate.new", "my estate", "--name", "Mine", "--pair", PAIR, "--subnet", "10.215.0.0/24", cwd=place)
    return place / "my estate"


def test_it_does_not_use_the_checkout(estate: Path) -> None:
    python = (estate / ".drillbook/environment").read_text().strip() + "/python"
    where = must(python, "-c", "import drillbook; print(drillbook.__file__)", cwd=estate).strip()
    assert Path(where).is_relative_to(estate.parent)


def test_its_check_and_plan_work(estate: Path) -> None:
    assert "Mine: 3 items" in must("./inv", "cmdb.check", cwd=estate)
    planned = must("./inv", "runbooks.plan", "RB-DB-SWITCHOVER", "--param", f"pair={PAIR}", cwd=estate)
    assert f"{PAIR}-2" in planned
    assert f"{PAIR}-failover" in must("./inv", "drills.list", cwd=estate)


def test_its_drill_meets_its_objectives_on_real_hosts(estate: Path) -> None:
    try:
        read_state()
    except MissingPrerequisite:
        pass
    else:
        lifecycle.down(root=ROOT)
    try:
        done = run("./inv", "drills.run", f"{PAIR}-failover", cwd=estate, timeout=300)
        assert done.returncode == ExitCode.OK, f"{done.stdout}\n{done.stderr}"
        assert set(read_state().hosts) == {f"{PAIR}-1", f"{PAIR}-2", f"{PAIR}-probe"}
        [path] = estate.glob("drills/records/*/record.json")
        record = json.loads(path.read_text())
        assert record["verdict"]["result"] == "met"
        assert f"met {record['started'][:10]}" in must("./inv", "drills.list", cwd=estate).lower()
    finally:
        must("./inv", "lab.down", cwd=estate)
    with pytest.raises(MissingPrerequisite):
        read_state()
