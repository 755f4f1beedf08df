"""The steps of the pipelines themselves, run by a shell against a real remote; what talks to a forge is left out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.review_ground import Ground, estate, make
from tests.unit.test_review_pipelines import github, gitlab

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

SRC = Path(__file__).parents[2] / "src"
INV = f'#!/bin/sh\ncd -- "$(dirname -- "$0")"\nPYTHONPATH={SRC} exec {sys.executable} -m invoke "$@"\n'
TASKS = "from drillbook.tasks.all import ns\n\n__all__ = ['ns']\n"


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Ground]:
    """Give a repository with a proposal that brings a launcher of its own and a weaker promise."""
    ground = make(tmp_path)
    ground.git("switch", "-q", "base")
    ground.write("inv", INV)
    (ground.root / "inv").chmod(0o755)
    ground.write("tasks.py", TASKS)
    ground.commit("launcher")
    ground.git("switch", "-q", "-C", "proposal")
    data = estate()
    data["services"]["web"]["rto"] = "4 h"
    ground.estate(data)
    trap = tmp_path / "ran"
    ground.write("inv", f"#!/bin/sh\ntouch {trap}\n")
    ground.write("tasks.py", f"import pathlib\npathlib.Path({str(trap)!r}).touch()\n")
    head = ground.commit("proposal")
    ground.git("switch", "-q", "base")
    ground.git("update-ref", "refs/pull/7/head", head)
    ground.git("update-ref", "refs/merge-requests/7/head", head)
    yield ground
    assert not trap.exists(), "the proposal was run"


def run(script: str, folder: Path, shell: str = "sh", **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    config = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "config"), "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(
        [shell, "-e"], input=script, cwd=folder, env={**kept, **config, **variables}, text=True, capture_output=True,
        check=False, timeout=120,
    )  # fmt: skip


def test_the_steps_of_github(upstream: Ground, tmp_path: Path) -> None:
    folder = tmp_path / "runner"
    folder.mkdir()
    steps = [each["run"] for each in github()["jobs"]["review"]["steps"]]
    variables = {
        "GITHUB_SERVER_URL": f"file://{upstream.root.parent}", "GITHUB_REPOSITORY": upstream.root.name,
        "GITHUB_OUTPUT": str(folder / "output"), "GITHUB_STEP_SUMMARY": str(folder / "summary"),
        "BASE": upstream.git("rev-parse", "base").strip(), "NUMBER": "7",
    }  # fmt: skip
    done = run(steps[0], folder, TOKEN="secret", **variables)
    assert done.returncode == 0, done.stderr
    done = run(steps[1], folder, **variables)
    assert done.returncode == 0, done.stderr
    assert "RTO <code>1 h</code> → <code>4 h</code> **(weaker)**" in (folder / "review.md").read_text()
    assert "the launcher and its tasks: <code>inv</code>" in (folder / "summary").read_text()
    assert (folder / "output").read_text() == "code=0\n"
    assert "secret" not in (folder / "base/.git/config").read_text()
    assert run(steps[3], folder, CODE="0").returncode == 0
    assert run(steps[3], folder, CODE="4").returncode == 4


def test_a_review_that_cannot_be_made_says_so_in_the_comment(upstream: Ground, tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    upstream.git("clone", "-q", str(upstream.root), str(tmp_path / "base"))
    steps = [each["run"] for each in github()["jobs"]["review"]["steps"]]
    output = {"GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    done = run(steps[1], tmp_path, **output)  # nothing was fetched: there is no such ref
    assert done.returncode == 0, done.stderr
    assert "**No review could be made**" in (tmp_path / "review.md").read_text()
    assert (tmp_path / "output").read_text() == "code=2\n"


def test_the_script_of_gitlab(upstream: Ground, tmp_path: Path) -> None:
    folder = tmp_path / "runner"
    folder.mkdir()
    (upstream.root.parent / "project.git").symlink_to(upstream.root / ".git")
    done = run(
        "\n".join(gitlab()["review"]["script"]), folder, CI_PROJECT_DIR=str(folder), CI_JOB_TOKEN="secret",
        CI_MERGE_REQUEST_PROJECT_URL=f"file://{upstream.root.parent}/project",
        CI_MERGE_REQUEST_TARGET_BRANCH_NAME="base", CI_MERGE_REQUEST_IID="7",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "**(weaker)**" in (folder / "review.md").read_text()
    assert "secret" not in (folder / "base/.git/config").read_text()
