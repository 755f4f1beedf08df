"""kill -9 of the engine after each journal record of each runbook, then resume: the same end state each time.

``python -m tests.crash.campaign [--sample N] [--seed S] [RUNBOOK …]``, on the lab. Each round begins from the
healthy pair, with a writer that never stops; prints one line a round and a count in the end.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drillbook.execution.runs import RunFolder
from drillbook.journal.record import read_journal
from drillbook.tasks.common import state_folder
from drillbook.tasks.wiring import plan_of
from tests.harness import ENVIRONMENT, FAILBACK, FAILOVER, PAIR, SWITCHOVER, Pair, Writer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.journal.record import Record


@dataclass(frozen=True, slots=True)
class Round:
    """One kill: after which record of the journal, and what was wrong afterwards (nothing, one hopes)."""

    runbook: str
    after: int
    kind: str
    problems: tuple[str, ...]
    seconds: float


class Campaign:
    def __init__(self) -> None:
        self.pair = Pair()

    def parameters(self, runbook: str) -> dict[str, str]:
        return {"survivor": self.pair.second} if runbook == FAILBACK else {"primary": self.pair.first}

    def to_begin(self, runbook: str) -> None:
        """From the healthy pair to where the runbook begins."""
        if runbook in (FAILOVER, FAILBACK):
            self.pair.kill(self.pair.first)
        if runbook == FAILBACK:
            self.pair.run(FAILOVER, primary=self.pair.first)

    def to_healthy(self, runbook: str) -> None:
        """From where the runbook ends to the healthy pair."""
        if runbook == SWITCHOVER:
            self.pair.run(SWITCHOVER, primary=self.pair.second)
        elif runbook == FAILOVER:
            self.pair.run(FAILBACK, survivor=self.pair.second)

    def round(self, runbook: str, after: int, expected: dict[str, Any] | None) -> tuple[Round, dict[str, Any], int]:
        """Kill after the ``after``-th record (0: never), resume, compare with the end state expected.

        Gives the round, the end state, and how many records the journal of the run holds.
        """
        began = time.monotonic()
        problems: list[str] = []
        timeline = self.pair.state()[self.pair.first]["timeline"]
        with Writer(self.pair) as writer:
            self.to_begin(runbook)
            given = [f"pair={PAIR}", *(f"{name}={value}" for name, value in self.parameters(runbook).items())]
            code, run, said = self.pair.child("run", runbook, str(after), *given)
            if after and code != -9:
                problems.append(f"it was not killed but ended with {code}: {said}")
            if after:
                code, _, said = self.pair.child("resume", run, "0")
            if code != 0:
                problems.append(f"resuming ended with {code}: {said}")
        state = relative(self.pair.state(), timeline)
        if expected is not None and state != expected:
            problems.append(f"another end state: {json.dumps(state, sort_keys=True)}")
        problems += writer.problems
        problems += self.repeated(run, runbook)
        records: list[Record] = read_journal(RunFolder(state_folder(self.pair.root) / "runs" / run).journal)
        kind = records[after - 1].kind if after else "never killed"
        if not problems:
            self.to_healthy(runbook)
        return Round(runbook, after, kind, tuple(problems), time.monotonic() - began), state, len(records)

    def repeated(self, run: str, runbook: str) -> list[str]:
        """Say which effects began more than once, by what the hosts have on record.

        Stricter than ``repeat``: a host that lives knows what became of an effect, so none needs repeating.
        """
        plan = plan_of(
            self.pair.estate, runbook, environment=ENVIRONMENT, parameters={"pair": PAIR, **self.parameters(runbook)}
        )
        found = []
        for item, keys in self.pair.begun(run).items():
            for step in plan.steps:
                name = step.id.replace("/", ".")
                times = sum(1 for key in keys if key == name or key.startswith(f"{name}."))
                if times > 1:
                    found.append(f"{step.id} began {times} times on {item}")
        return found

    def rounds(self, runbook: str, sample: int, chance: random.Random) -> Iterator[Round]:
        """Run a runbook unharmed, for its end state and its records; then kill it after each of them.

        Ends at the first round with a problem, and leaves the hosts as they are then.
        """
        reference, expected, count = self.round(runbook, 0, None)
        yield reference
        points = list(range(1, count + 1))
        if sample:
            points = sorted(chance.sample(points, min(sample, count)))
        for after in points:
            result, _, _ = self.round(runbook, after, expected)
            yield result
            if result.problems:
                return


def relative(state: dict[str, Any], timeline: int) -> dict[str, Any]:
    """Give the state with timelines counted from the round's first."""
    for member in state.values():
        if isinstance(member, dict) and member["timeline"] is not None:
            member["timeline"] -= timeline
    return state


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=0, help="how many records of each runbook (0: all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("runbooks", nargs="*", default=[SWITCHOVER, FAILOVER, FAILBACK])
    given = parser.parse_args()
    campaign = Campaign()
    chance = random.Random(given.seed)
    done: dict[str, int] = {}
    for runbook in given.runbooks:
        for each in campaign.rounds(runbook, given.sample, chance):
            good = "ok" if not each.problems else "; ".join(each.problems)
            sys.stdout.write(f"{runbook} after record {each.after} ({each.kind}): {good}, {each.seconds:.1f} s\n")
            sys.stdout.flush()
            if each.problems:
                return 1
            done[runbook] = done.get(runbook, -1) + 1
    for runbook, count in done.items():
        sys.stdout.write(f"{runbook}: {count} kills, {count} times the same end state, nothing lost or repeated\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
