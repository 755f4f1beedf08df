"""The start: ``./inv --list`` beside ``invoke --list`` of an empty tasks file, in the same environment.

``.venv/bin/python -m benchmarks.startup [-n 30]``; needs no host. Both run in turn; the processor time is user and
system time of everything that the command starts. The launcher's own part is ``./inv --version`` less
``invoke --version``, which imports no task.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.figures import line, machine

HERE = Path(__file__).parents[1]
EMPTY = "from invoke.collection import Collection\n\nns = Collection()\n"


def timed(argv: list[str], cwd: Path) -> tuple[float, float]:
    """Run a command to its end; give its wall time and processor time."""
    began = time.perf_counter()
    child = subprocess.Popen(argv, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    wall = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, 1):  # invoke ends with 1 when there is no task to list
        raise SystemExit(f"{' '.join(argv)} ended with {child.returncode}")
    return wall, used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=30)
    parser.add_argument("--root", type=Path, default=HERE, help="a checkout whose .venv is built")
    wanted = parser.parse_args()
    inv, invoke = str(wanted.root / "inv"), str(wanted.root / ".venv/bin/invoke")
    with tempfile.TemporaryDirectory() as empty:
        (Path(empty) / "tasks.py").write_text(EMPTY)
        commands = {
            "./inv --list": ([inv, "--list"], wanted.root),
            "invoke --list, no tasks": ([invoke, "--list"], Path(empty)),
            "./inv --version": ([inv, "--version"], wanted.root),
            "invoke --version": ([invoke, "--version"], Path(empty)),
        }
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for argv, cwd in commands.values():
            timed(argv, cwd)  # compiles what was not compiled yet
        for _ in range(wanted.n):
            for name, (argv, cwd) in commands.items():
                taken[name].append(timed(argv, cwd))
    print(machine())
    for index, kind in enumerate(("wall", "processor")):
        figures = {name: [each[index] * 1000 for each in times] for name, times in taken.items()}
        for name, values in figures.items():
            print(line(f"{name}, {kind}", values, "ms", 1))
        listing, bare, whole, least = (median(values) for values in figures.values())
        print(f"ratio of medians, {kind}: {listing / bare:.2f}   (at most 1.5); the launcher {whole - least:.1f} ms")


if __name__ == "__main__":
    main()
