"""How long a review takes: a pull request that touches 50 items of a generated CMDB of 10,000, in a git repository.

``.venv/bin/python -m benchmarks.review [-n 7] [--items 10000] [--touched 50] [--seed 1]``; needs no host.
Every figure is of a fresh process, by the wall clock and by processor time, start of Python included. Beside the
review stands, in the same run and in turn with it, the floor: a process that loads the CMDB twice and does nothing
else, once for each side. ``--wanted 3`` ends with exit code 1 when the review's median is over so many seconds.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.figures import line, machine

HERE = Path(__file__).parents[1]
# Both sides are built, as a review does when they differ; the same texts would be built once.
_FLOOR = (
    "from pathlib import Path\nfrom drillbook.cmdb.load import _built, load\n"
    "for _ in range(2): load(Path('.')), _built.cache_clear()"
)


@dataclass(frozen=True)
class Cost:
    """Seconds by the wall clock and of the processor, peak memory in MB, and what the process printed."""

    wall: float
    cpu: float
    megabytes: float
    said: str


def run(*argv: str, cwd: Path, codes: tuple[int, ...] = (0,)) -> Cost:
    with tempfile.TemporaryFile("w+") as said:
        environment = {**os.environ, "PYTHONPATH": f"{HERE / 'src'}:{HERE}", "XDG_CONFIG_HOME": str(cwd / ".none")}
        began = perf_counter()
        child = subprocess.Popen(argv, cwd=cwd, stdout=said, stderr=subprocess.STDOUT, env=environment)
        _, status, used = os.wait4(child.pid, 0)
        wall = perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read()
    if child.returncode not in codes:
        raise SystemExit(f"{' '.join(argv)} ended with {child.returncode}:\n{text[-2000:]}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, text)


def git(root: Path, *argv: str) -> None:
    identity = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.org", "-c", "commit.gpgSign=false")
    subprocess.run(["git", *identity, *argv], cwd=root, check=True, capture_output=True)


def make(root: Path, items: int, touched: int, seed: int) -> None:
    """Make the estate, commit it as ``base``, and change some items on another branch."""
    from tests.generated_estate import Shape, write_estate

    write_estate(root, Shape(items, seed=seed))
    (root / "tasks.py").write_text("from drillbook.tasks.all import ns\n\n__all__ = ['ns']\n")
    git(root, "init", "-q", "-b", "base")
    run(sys.executable, "-m", "invoke", "cmdb.inventory", cwd=root)
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "base")
    git(root, "switch", "-q", "-c", "proposal")
    files = sorted((root / "cmdb.d").glob("items-*.yaml"))
    places = [
        (path, number)
        for path in files
        for number, text in enumerate(path.read_text().split("\n"))
        if re.fullmatch(r"    model: R\d+", text)
    ]
    for path, number in random.Random(seed).sample(places, touched):
        lines = path.read_text().split("\n")
        lines[number] = f"    model: R{1000 + number % 7}"
        path.write_text("\n".join(lines))
    git(root, "commit", "-q", "-a", "-m", "proposal")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=7)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--touched", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--wanted", type=float, default=0.0)
    wanted = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        make(root, wanted.items, wanted.touched, wanted.seed)
        reviews, floors = [], []
        for _ in range(wanted.n):  # in turn, so that a busy machine hits both alike
            reviews.append(run(sys.executable, "-m", "invoke", "changes.review", "--base", "base", cwd=root))
            floors.append(run(sys.executable, "-c", _FLOOR, cwd=root))
    print(
        f"a pull request that touches {wanted.touched} of {wanted.items:,} items; {len(reviews[0].said):,} characters"
    )
    for name, costs in (("changes.review, the whole process", reviews), ("floor: two loads of the CMDB", floors)):
        print(line(name, [each.wall for each in costs]))
        print(line("    its processor time", [each.cpu for each in costs]))
        print(line("    its peak memory", [each.megabytes for each in costs], "MB", 0))
    took = median(each.wall for each in reviews)
    print(f"review to floor: ratio of medians {took / median(each.wall for each in floors):.2f}")
    if wanted.wanted and took > wanted.wanted:
        raise SystemExit(f"wanted at most {wanted.wanted:g} s")


if __name__ == "__main__":
    main()
