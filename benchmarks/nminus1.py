"""How long it takes to try every single failure of a generated CMDB of 10,000 items: ``./inv standby.nminus1``.

``.venv/bin/python -m benchmarks.nminus1 [-n 7] [--items 10000] [--seed 1]``; needs no host. Every figure is of a fresh
process, by the wall clock and by processor time, start of Python included. Beside it stands, in the same run and in
turn with it, the floor: a process that loads the CMDB and does nothing else. ``hub`` is an estate of the same size in
which everything outside the first office depends on a service there, so that each failure under that service reaches
all 10,000 items. ``--wanted 5`` ends with exit code 1 when a median is over so many seconds.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.figures import machine
from benchmarks.process import print_costs, run, task

_FLOOR = "from pathlib import Path\nfrom drillbook.cmdb.load import load\nload(Path('.'))"


def make(root: Path, items: int, seed: int, *, hub: bool) -> None:
    """Write an estate; ``hub``: what stands outside the first office depends on its first service too."""
    from benchmarks.generated import Shape, make_estate

    make_estate(root, Shape(items, seed=seed))
    for path in (root / "cmdb.d").glob("items-*.yaml") if hub else ():
        lines, first = [], True
        for line_ in path.read_text().split("\n"):
            if line_.startswith("    site: "):
                first = line_ == "    site: site-0000"
            wanting = line_.startswith("    depends_on: [") and not first and "service-0000-0" not in line_
            lines.append(line_.replace("]", ", service-0000-0]") if wanting else line_)
        path.write_text("\n".join(lines))


def measure(root: Path, name: str, rounds: int) -> float:
    whole, floors = [], []
    for _ in range(rounds):  # in turn, so that a busy machine hits both alike
        whole.append(task("standby.nminus1", "--json", cwd=root, codes=(0, 20)))
        floors.append(run(sys.executable, "-c", _FLOOR, cwd=root))
    said = json.loads(whole[0].said)
    tried = said["tried"]
    print(
        f"\n{name}: {tried['items']:,} items, {tried['racks']:,} racks, {tried['rooms']:,} rooms; "
        f"{tried['computed']:,} worked out, {len(said['failures']):,} strand a service"
    )
    print_costs("standby.nminus1, the whole process", whole)
    print_costs("floor: one load of the CMDB", floors)
    took = median(each.wall for each in whole)
    print(f"to the floor: ratio of medians {took / median(each.wall for each in floors):.2f}")
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=7)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--wanted", type=float, default=0.0)
    wanted = parser.parse_args()
    print(machine())
    took = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("usual", "hub"):
            root = Path(scratch) / name
            make(root, wanted.items, wanted.seed, hub=name == "hub")
            took.append(measure(root, name, wanted.n))
    if wanted.wanted and max(took) > wanted.wanted:
        raise SystemExit(f"wanted at most {wanted.wanted:g} s")


if __name__ == "__main__":
    main()
