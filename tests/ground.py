"""The lab as campaigns use it: run runbooks in processes of their own, break hosts, ask what began on them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from drillbook.errors import DrillbookError
from drillbook.hosts.agent import Agent
from drillbook.hosts.connection import Hosts
from drillbook.lab.access import lab_access
from drillbook.lab.faults import make_fault
from drillbook.lab.state import read_state
from drillbook.plan.targets import target_of
from drillbook.tasks.common import state_folder
from drillbook.tasks.wiring import load_estate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from drillbook.tasks.wiring import Estate

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = "lab"


class Ground:
    """The lab's hosts, over connections of the harness's own."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self.estate: Estate = load_estate(root)
        items = [item.id for item in self.estate.cmdb.config_items if item.get("in_lab")]
        self.hosts = Hosts(
            {item: target_of(self.estate.cmdb, item, ENVIRONMENT) for item in items},
            lab_access(),
        )

    def child(self, *arguments: str) -> tuple[int, str, str]:
        """Run the engine in a process of its own; give its exit code, the run's id, and what it said."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.crash.child", *arguments],
            cwd=self.root, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        run = done.stdout.split()[-1] if done.stdout.strip() else self.newest_run()
        return done.returncode, run, done.stderr

    def run_it(self, runbook: str, **parameters: str) -> str:
        """Run a runbook, which must succeed; give the run's id."""
        code, run, said = self.child("run", runbook, "0", *(f"{name}={value}" for name, value in parameters.items()))
        if code != 0:
            raise RuntimeError(f"{runbook} failed: {said}")
        return run

    def newest_run(self) -> str:
        return max(path.name for path in (state_folder(self.root) / "runs").iterdir())

    def kill(self, item: str) -> None:
        """Take a host's power away, as a fault."""
        effect = make_fault("kill", item, {}, lab=read_state()).inject()
        if not effect.verified:
            raise RuntimeError(f"{item} is not dead: {effect.detail.en}")

    def shell(self, item: str, script: str) -> str:
        """Run a shell script on a host, as somebody who types; it must succeed."""
        done = self.hosts[item].run(["/bin/sh", "-eu", "-c", script], timeout=60)
        if done.exit_code != 0:
            raise RuntimeError(f"{item}: {done.stderr}")
        return done.stdout

    def begun(self, run: str, items: Iterable[str]) -> dict[str, list[str]]:
        """Give the effects of a run that began, by item, as the hosts have them on record."""
        keys: dict[str, list[str]] = {}
        for item in items:
            try:
                keys[item] = Agent(self.hosts[item]).begun(run)
            except DrillbookError:
                continue
        return keys
