"""Output whose reader is gone, or whose disk is full: no traceback, and no run that ends because of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # each test starts a process

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "drillbook"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["cmdb.list"],
        ["drills.calendar", "--months", "24"],
        ["runbooks.plan", "RB-DB-SWITCHOVER", "--param", "pair=core-db", "--json"],
        ["drills.history", "core-db-failover", "--json"],
    ],
    ids=lambda each: each[0],
)
def test_a_reader_that_goes_away_is_no_error(arguments: list[str]) -> None:
    done = subprocess.Popen([*PROGRAM, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.stdout is not None
    assert done.stderr is not None
    done.stdout.close()
    assert done.wait(60) == 0
    assert done.stderr.read() == b""
    done.stderr.close()


def test_a_full_disk_is_said() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*PROGRAM, "cmdb.list"], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60
        )
    assert done.returncode == 30
    assert done.stderr == "! not all of the output could be written: No space left on device\n"


def test_without_an_output_it_works() -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" >&-', "sh", *PROGRAM, "cmdb.check"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
