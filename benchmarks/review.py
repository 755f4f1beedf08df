"""How long a review takes: a pull request that touches 50 items of a generated CMDB of 10,000, in a git repository.

``.venv/bin/python -m benchmarks.review [-n 7] [--items 10000] [--touched 50] [--seed 1]``; needs no host.
Every figure is of a fresh process, by the wall clock and by processor time, start of Python included. Beside the
review stands, in the same run and in turn with it, the floor: a process that loads the CMDB twice and does nothing
else, once for each side. ``--wanted 3`` ends with exit code 1 when the review's median is over so many seconds.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.figures import machine
from benchmarks.process import print_costs, run, task

# Both sides are built, as a review does when they differ; the same texts would be built once.
_FLOOR = (
    "from pathlib import Path\nfrom drillbook.cmdb.load import _built, load\n"
    "for _ in range(2): load(Path('.')), _built.cache_clear()"
)


def git(root: Path, *argv: str) -> None:
    identity = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.org", "-c", "commit.gpgSign=false")
    subprocess.run(["git", *identity, *argv], cwd=root, check=True, capture_output=True)


def make(root: Path, items: int, touched: int, seed: int) -> None:
    """Make the estate, commit it as ``base``, and change some items on another branch."""
    from benchmarks.generated import Shape, make_estate

    make_estate(root, Shape(items, seed=seed))
    git(root, "init", "-q", "-b", "base")
    task("cmdb.inventory", cwd=root)
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
            reviews.append(task("changes.review", "--base", "base", cwd=root))
            floors.append(run(sys.executable, "-c", _FLOOR, cwd=root))
    print(
        f"a pull request that touches {wanted.touched} of {wanted.items:,} items; {len(reviews[0].said):,} characters"
    )
    print_costs("changes.review, the whole process", reviews)
    print_costs("floor: two loads of the CMDB", floors)
    took = median(each.wall for each in reviews)
    print(f"review to floor: ratio of medians {took / median(each.wall for each in floors):.2f}")
    if wanted.wanted and took > wanted.wanted:
        raise SystemExit(f"wanted at most {wanted.wanted:g} s")


if __name__ == "__main__":
    main()
