"""Whole processes, and what each costs. Small: Linux counts the memory of who starts a process as the process's own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks.figures import line

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Cost:
    """Seconds by the wall clock and of the processor, peak memory in MB, and what the process printed."""

    wall: float
    cpu: float
    megabytes: float
    said: str


def run(*argv: str, cwd: Path = HERE, codes: tuple[int, ...] = (0,)) -> Cost:
    """Run a process with this checkout's code to its end. Ends this one when its exit code is none of ``codes``."""
    with tempfile.TemporaryFile("w+") as said:
        own = {"PYTHONPATH": f"{HERE / 'src'}:{HERE}", "XDG_CONFIG_HOME": str(cwd / ".none"), "ANSIBLE_NOCOLOR": "1"}
        began = perf_counter()
        child = subprocess.Popen(argv, cwd=cwd, stdout=said, stderr=subprocess.STDOUT, env={**os.environ, **own})
        _, status, used = os.wait4(child.pid, 0)
        wall = perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read()
    if child.returncode not in codes:
        raise SystemExit(f"{' '.join(argv)} in {cwd} ended with {child.returncode}:\n{text[-2000:]}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, text)


def task(name: str, *arguments: str, cwd: Path, codes: tuple[int, ...] = (0,)) -> Cost:
    """Run a task of the estate in ``cwd``, as ``./inv`` does."""
    return run(sys.executable, "-m", "invoke", name, *arguments, cwd=cwd, codes=codes)


def print_costs(name: str, costs: Sequence[Cost]) -> None:
    """Print the three figures of a process that ran several times."""
    print(line(name, [each.wall for each in costs]))
    print(line("    its processor time", [each.cpu for each in costs]))
    print(line("    its peak memory", [each.megabytes for each in costs], "MB", 0))
