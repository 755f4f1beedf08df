"""The campaign of races: one approved change is applied at the same moment by two people, again and again.

Each time exactly one run may begin: the claim in the git remote decides, and then the change is spent.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from drillbook.console.output import console
from drillbook.errors import ExitCode
from drillbook.journal.record import read_journal
from tests.harness import lab_for_once
from tests.rehearsal import EXECUTOR, REQUESTER, Rehearsal, make_rehearsal

_LOST = (ExitCode.REFUSED, ExitCode.LOCKED)


def begun(clones: Path, change: str) -> int:
    """Count the runs of a change, in both clones, that did something to a host."""
    found = 0
    for path in clones.glob("*/.drillbook/runs/*/journal.jsonl"):
        records = read_journal(path)
        if records[0].data.get("change_id") == change:
            found += any(record.kind == "step.started" for record in records)
    return found


def race(times: int, folder: Path) -> int:
    """Run the races; give how many of them went otherwise than they must."""
    made: Rehearsal = make_rehearsal(folder)
    clones = folder / "clones"
    clones.mkdir()
    wrong = 0
    how: Counter[str] = Counter()
    for number in range(1, times + 1):
        change = made.approved()
        said = made.raced(change, clones)
        codes = sorted(each.code for each in said)
        good = codes[0] == ExitCode.OK and codes[1] in _LOST and begun(clones, change) == 1
        first = EXECUTOR if said[0].code == ExitCode.OK else REQUESTER
        how[f"{first} first, the other's exit code {codes[1]}"] += good
        if not good:
            wrong += 1
            console.print(f"{number}: {change}: exit codes {codes}, runs that did something: {begun(clones, change)}")
            console.print("\n".join(each.text for each in said))
        elif number % 10 == 0:
            console.print(f"{number} of {times}")
    console.print(
        f"{times} races, {times - wrong} with exactly one run: " + "; ".join(f"{n} × {k}" for k, n in how.items())
    )
    return wrong


def main() -> int:
    """Run the campaign in a lab of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=100)
    times = parser.parse_args().times
    with lab_for_once(), tempfile.TemporaryDirectory() as folder:
        return 1 if race(times, Path(folder)) else 0


if __name__ == "__main__":
    sys.exit(main())
