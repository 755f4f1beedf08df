"""Failover of a killed primary: from Enter, and from the first journal record, to the first acknowledged write.

``.venv/bin/python -m benchmarks.failover [-n 10]``, on a healthy lab. Each round kills the primary's host, then
starts ``./inv runbooks.run RB-DB-FAILOVER --yes`` as a person would and takes the time of Enter; fencing and its
proof are part of it. A failback, which is not measured, brings the pair back.
"""

from __future__ import annotations

import argparse
import subprocess
import time
from itertools import pairwise

from tests.harness import FAILBACK, FAILOVER, PAIR, Pair, Writer

from benchmarks.figures import line, machine
from drillbook.journal.record import read_journal
from drillbook.tasks.common import state_folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=10)
    rounds = parser.parse_args().n
    pair = Pair()
    enter_to_write: list[float] = []
    record_to_write: list[float] = []
    fencing: list[float] = []
    lost = 0
    for _ in range(rounds):
        with Writer(pair) as writer:
            pair.kill(pair.first)
            time.sleep(1)
            enter = time.monotonic()
            done = subprocess.run(
                ["./inv", "runbooks.run", FAILOVER, "--param", f"pair={PAIR}", "--yes"],
                cwd=pair.root, capture_output=True, text=True, timeout=120, check=False,
            )  # fmt: skip
            if done.returncode != 0:
                raise SystemExit(done.stdout + done.stderr)
            records = read_journal(state_folder(pair.root) / "runs" / pair.newest_run() / "journal.jsonl")
        assert writer.series is not None
        # The probe host shares this machine's kernel, and so its monotonic clock.
        longest = max(pairwise(writer.series.acks()), key=lambda two: two[1].done - two[0].done)
        first_write = longest[1].done / 1e9
        enter_to_write.append(first_write - enter)
        record_to_write.append(first_write - records[0].mono)
        times = {(r.kind, r.data.get("step")): r.mono for r in records}
        fencing.append(times["step.done", "fence"] - times["step.started", "fence"])
        lost += writer.lost
        pair.run(FAILBACK, survivor=pair.second)
    print(machine())
    print(line("first journal record to first write", record_to_write) + "   (at most 1.0)")
    print(line("Enter to first write", enter_to_write) + "   (at most 3)")
    print(line("of which fencing with its proof", fencing))
    print(f"acknowledged writes lost: {lost} in {rounds} failovers")


if __name__ == "__main__":
    main()
