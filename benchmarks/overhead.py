"""The engine's own time between two commands: from a step's result received to the next command sent.

``.venv/bin/python -m benchmarks.overhead [-n 200]``, on the lab. A run of N steps that do nothing, on one host;
what lies between two commands is the durable journal (three records) and the engine. Beside it the floor: three
lines written and made durable with fdatasync in the same folder, in the same run.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

from tests.harness import ENVIRONMENT, PAIR, SWITCHOVER, Pair

from benchmarks.figures import line, machine
from drillbook.execution.launch import begin, connect
from drillbook.hosts.connection import HostConnection
from drillbook.lab.access import lab_access
from drillbook.plan.model import Command, PlannedUndo
from drillbook.runbook.model import Repeat, Verb
from drillbook.tasks.wiring import make_surroundings, permit_in_lab, plan_of

received: list[float] = []
sent: list[float] = []


def watch() -> None:
    """Take the time at which each command leaves and each result arrives."""
    original = HostConnection.run

    def run(self: HostConnection, argv, *, timeout):  # type: ignore[no-untyped-def]
        sent.append(time.perf_counter())
        try:
            return original(self, argv, timeout=timeout)
        finally:
            received.append(time.perf_counter())

    HostConnection.run = run  # type: ignore[method-assign]


def floor(folder: Path, rounds: int) -> list[float]:
    """Write three short lines durably, as often as the engine does."""
    found = []
    descriptor = os.open(folder / "floor", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for _ in range(rounds):
        began = time.perf_counter()
        for _ in range(3):
            os.write(descriptor, b"x" * 400 + b"\n")
            os.fdatasync(descriptor)
        found.append(time.perf_counter() - began)
    os.close(descriptor)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=200)
    count = parser.parse_args().n
    pair = Pair()
    plan = plan_of(pair.estate, SWITCHOVER, environment=ENVIRONMENT, parameters={"pair": PAIR})
    step = replace(
        plan.steps[0],
        verb=Verb.ENSURE,
        action=Command(("true",), "", "root"),
        verify=(),
        undo=PlannedUndo(None, None),
        repeat=Repeat.SAFE,
    )
    plan = replace(plan, assumptions=(), steps=tuple(replace(step, id=f"nothing-{n}") for n in range(count)))
    with tempfile.TemporaryDirectory(dir=pair.root / ".drillbook") as scratch:
        around = make_surroundings(pair.root, lab_access(), listener=lambda _: None, stopping=lambda: False)
        around = replace(around, state=Path(scratch))
        hosts = connect(plan, around)
        launch = begin(plan, permit_in_lab(plan, pair.root), hosts, around, purpose="benchmark")
        watch()
        outcome = launch.engine.run()
        launch.close()
        if outcome.exit_code:
            raise SystemExit(outcome.message)
        # The first calls are the locks, the last ones give them back.
        effects = slice(len(plan.locks), len(plan.locks) + count)
        ends, begins = received[effects], sent[effects]
        between = [(after - before) * 1000 for before, after in zip(ends, begins[1:], strict=False)]
        bare = [each * 1000 for each in floor(Path(scratch), count)]
    print(machine())
    print(line("result received to next command sent", between, "ms", 2) + "   (at most 10)")
    print(line("three durable lines, the floor", bare, "ms", 2))
    print(f"ratio of medians {median(between) / median(bare):.2f}")


if __name__ == "__main__":
    main()
