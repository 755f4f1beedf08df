"""kill -9 of the engine after each journal record of each runbook, then resume: the same end state each time.

``python -m tests.crash.campaign [--sample N] [--twice N] [--back N] [--seed S] [RUNBOOK …]``, on the lab. Each round
begins from healthy hosts, with a client that never stops; prints one line a round and a count in the end. With
``--twice`` the resumed run is killed too, ``--back`` goes back in place of forward (where no
step is one that cannot be undone) and kills the rollback as well; both at records that the seed chooses.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drillbook.errors import ExitCode
from drillbook.execution.runs import RunFolder
from drillbook.journal.record import read_journal
from drillbook.tasks.common import state_folder
from drillbook.tasks.wiring import plan_of
from tests.crash.subjects import SUBJECTS, subject_of
from tests.ground import ENVIRONMENT
from tests.harness import bring_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from drillbook.journal.record import Record
    from tests.crash.subjects import Subject

    Look = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]


KILLED = -9
SETTLE_SECONDS = 15.0
LONGEST_WAY_BACK = 12
"""Records that a rollback of a switchover writes at most, about."""


@dataclass(frozen=True, slots=True)
class Round:
    """One run that was killed, and what was wrong afterwards (nothing, one hopes).

    ``after``: the record after which it was killed (0: never). ``again``: the record after which the process that
    went on was to be killed (0: not; nor when it had ended before). ``way``: how it went on, forward or back.
    ``kills``: how many processes were killed.
    """

    runbook: str
    after: int
    again: int
    way: str
    kills: int
    problems: tuple[str, ...]
    seconds: float


class Campaign:
    """Kills the engine over one subject: a pair, or hosts that one spare stands in for."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.ground = subject.ground

    def round(
        self, runbook: str, after: int, expected: dict[str, Any] | None, *, again: int = 0, way: str = "resume"
    ) -> tuple[Round, dict[str, Any], int]:
        """Kill after the ``after``-th record, go on (and be killed ``again``), compare with the end state expected.

        ``way``: resume or rollback. Gives the round, the end state, and how many records the run's journal holds.
        """
        began = time.monotonic()
        problems: list[str] = []
        subject = self.subject
        healthy = subject.state()
        with subject.watched() as watch:
            subject.to_begin(runbook)
            undone = subject.state() if way == "rollback" else {}
            given = [f"{name}={value}" for name, value in subject.parameters(runbook).items()]
            code, run, said = self.ground.child("run", runbook, str(after), *given)
            kills = int(code == KILLED)
            if after and not kills:
                problems.append(f"it was not killed but ended with {code}: {said}")
            back = way == "rollback"
            for record in ([again] if again else []) + ([0] if after else []):
                code, _, said = self.ground.child(way if back else "resume", run, str(record))
                kills += code == KILLED
                if back and code == ExitCode.REFUSED:
                    # It was promoted already, or so far that it could have been: then the way is forward.
                    back = False
                    code, _, said = self.ground.child("resume", run, "0")
            if code != 0:
                problems.append(f"going on ({way}) ended with {code}: {said}")
            if back:
                state = self.settled(subject.kept(undone, healthy), healthy, problems, look=subject.kept)
                if not problems:
                    subject.from_undone(runbook)
        if not back:
            state = self.settled(expected, healthy, problems, look=subject.since)
        problems += watch.problems
        problems += self.repeated(run, runbook)
        records: list[Record] = read_journal(RunFolder(state_folder(self.ground.root) / "runs" / run).journal)
        if not problems and not back:
            subject.to_healthy(runbook)
        done = Round(
            runbook, after, again, "back" if back else "forward", kills, tuple(problems), time.monotonic() - began
        )
        return done, state, len(records)

    def settled(
        self, wanted: dict[str, Any] | None, first: dict[str, Any], problems: list[str], *, look: Look
    ) -> dict[str, Any]:
        """Give the state as ``look`` sees it; where one is wanted, wait some seconds: a standby connects by itself.

        Another one in the end is one of the ``problems``.
        """
        deadline = time.monotonic() + SETTLE_SECONDS
        while (state := look(self.subject.state(), first)) != wanted and wanted is not None:
            if time.monotonic() > deadline:
                told = {name: value for name, value in state.items() if value != wanted.get(name)}
                problems.append(f"another end state: {json.dumps(told, sort_keys=True)}")
                break
            time.sleep(0.2)
        return state

    def repeated(self, run: str, runbook: str) -> list[str]:
        """Say which effects began more than once, by what the hosts have on record.

        Stricter than ``repeat``: a host that lives knows what became of an effect, so none needs repeating.
        """
        plan = plan_of(
            self.ground.estate, runbook, environment=ENVIRONMENT, parameters=self.subject.parameters(runbook)
        )
        found = []
        for item, keys in self.ground.begun(run, self.subject.items).items():
            for step in plan.steps:
                name = step.id.replace("/", ".")
                times = sum(1 for key in keys if key == name or key.startswith(f"{name}."))
                if times > 1:
                    found.append(f"{step.id} began {times} times on {item}")
        return found

    def rounds(
        self, runbook: str, sample: int | None, chance: random.Random, *, twice: int = 0, back: int = 0
    ) -> Iterator[Round]:
        """Run a runbook unharmed, for its end state and its records; then kill it after each of them.

        ``sample`` of them, or all (None); then ``twice`` that are killed in resuming too, and ``back`` that are rolled
        back, and killed in that. Ends at the first round with a problem, and leaves the hosts as they are then.
        """
        reference, expected, count = self.round(runbook, 0, None)
        yield reference
        points = list(range(1, count + 1))
        if sample is not None:
            points = sorted(chance.sample(points, min(sample, count)))
        tries = [(after, 0, "resume") for after in points]
        tries += [(chance.randint(1, count - 1), chance.randint(1, count), "resume") for _ in range(twice)]
        tries += [(chance.randint(1, count - 1), chance.randint(1, LONGEST_WAY_BACK), "rollback") for _ in range(back)]
        for after, again, way in tries:
            result, _, _ = self.round(runbook, after, expected, again=again, way=way)
            yield result
            if result.problems:
                return


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=0, help="how many records of each runbook (0: all)")
    parser.add_argument("--twice", type=int, default=0, help="how many runs of each to kill in resuming too")
    parser.add_argument(
        "--back", type=int, default=0, help="how many runs to roll back, where every step can be undone"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("runbooks", nargs="*", default=list(SUBJECTS))
    given = parser.parse_args()
    if unknown := set(given.runbooks) - set(SUBJECTS):
        parser.error(f"no subject for {', '.join(sorted(unknown))}; there are {', '.join(SUBJECTS)}")
    bring_up()
    return 0 if killed_all(given) else 1


def killed_all(given: argparse.Namespace) -> bool:
    """Print each round as it ends, and the sum; tell whether none had a problem."""
    chance = random.Random(given.seed)
    done: dict[str, tuple[int, int]] = {}
    for runbook in given.runbooks:
        subject = subject_of(runbook)
        back = given.back if runbook in subject.undone else 0
        for each in Campaign(subject).rounds(runbook, given.sample or None, chance, twice=given.twice, back=back):
            good = "ok" if not each.problems else "; ".join(each.problems)
            where = f"after record {each.after}" + (f", then {each.again}" if each.again else "")
            sys.stdout.write(f"{runbook} killed {where}, went {each.way}: {good}, {each.seconds:.1f} s\n")
            sys.stdout.flush()
            if each.problems:
                return False
            runs, kills = done.get(runbook, (0, 0))
            done[runbook] = (runs + bool(each.kills), kills + each.kills)
    for runbook, (runs, kills) in done.items():
        sys.stdout.write(
            f"{runbook}: {runs} runs with {kills} kills, always the end state that was due, nothing lost or repeated\n"
        )
    return True


if __name__ == "__main__":
    sys.exit(main())
