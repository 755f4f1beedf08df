"""Full campaigns on the lab, of which the tests run a sample."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from drillbook.tasks.common import estate_root, task

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    help={
        "sample": "how many records of each runbook to kill after; 0 is all of them",
        "seed": "which ones, when it is a sample",
        "runbook": "only this runbook",
    }
)
def crash(_: Context, sample: int = 0, seed: int = 1, runbook: str = "") -> None:
    """Kill -9 the engine after each journal record, resume, and compare the end states (20 minutes)."""
    command = [sys.executable, "-m", "tests.crash.campaign", "--sample", str(sample), "--seed", str(seed)]
    done = subprocess.run([*command, *([runbook] if runbook else [])], cwd=estate_root(), check=False)
    sys.exit(done.returncode)
