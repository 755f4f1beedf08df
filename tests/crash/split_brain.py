"""The dead host comes back in the middle of a promotion: never may two hosts answer for the service's address.

``python -m tests.crash.split_brain [--times N] [--skip N] [--seed S] [--without-guard]``, on the lab. Each round is the
drill ``web-promotion`` with one fault more: at a moment that the seed chooses, from the loss of power to some seconds
after the promotion, somebody gives the dead host its power again. The drill's probes ask who answers for the address
every 20 ms, and write through it, all the time; then the role goes back, and the next round begins.

``--without-guard`` is the control that the watcher can see what it must never see: the returned host takes the address
whoever holds it, and each round is good when two hosts were seen.
"""

from __future__ import annotations

import argparse
import random
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from drillbook.drill.load import find_drill
from drillbook.drill.model import FaultSpec
from drillbook.drill.runner import run_drill
from drillbook.drill.setting import Setting
from drillbook.errors import ExitCode
from drillbook.evidence.result import MAIN
from drillbook.lab import vitals
from drillbook.lab.access import lab_access
from drillbook.lab.state import read_state
from drillbook.tasks.common import state_folder
from drillbook.tasks.wiring import make_surroundings, plan_and_permit
from tests.crash.standby_subject import DRILL, FAILBACK, PROTECTION, SNAPSHOT, StandbySubject
from tests.ground import ENVIRONMENT
from tests.harness import bring_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from drillbook.change.gate.gate import Permission
    from drillbook.drill.model import Drill, RunbookCall
    from drillbook.evidence.result import DrillResult
    from drillbook.journal.record import Record
    from drillbook.plan.model import Plan
    from drillbook.progress import Phase
    from drillbook.runbook.model import Text

LATEST = 8.0
"""Seconds from the loss of power to the latest return: the drill waits 1 s, and the promotion takes 2 to 5 s."""
LINGER = 4.0
"""Seconds that the returned host is given to boot and to do what it should not, before the role goes back."""
FRESH_EVERY = 3
"""Rounds from one snapshot without what users wrote to the next."""
_LOOK_EVERY = 0.05
_HOLD = "/usr/local/lib/drillbook/hold"
# The holder's name and the question whether anybody answers are the guard: without it, a role is taken at any boot.
_UNGUARD = f"""
set -eu
cp -p {_HOLD} {_HOLD}.guarded
sed -i -e 's/elif \\[ "$holder" != "$item" \\]/elif false/' -e 's/answered=$(arping [^)]*)/true/' {_HOLD}
! cmp -s {_HOLD} {_HOLD}.guarded
"""


class Quiet:
    """Nobody watches."""

    @contextmanager
    def phase(self, title: str, *, usual: float | None = None) -> Iterator[Phase]:
        """See ``Progress``."""
        yield self

    def note(self, text: str) -> None:
        """See ``Phase``."""

    def say(self, text: str) -> None:
        """See ``Show``."""

    def run(self, plan: Plan, part: str) -> Callable[[Record], None]:
        """See ``Show``."""
        return lambda _: None

    def words(self, text: Text) -> str:
        """See ``Show``."""
        return text.en


class PowerWatch:
    """Asks the kernel all the time whether a host has processes."""

    def __init__(self, item: str) -> None:
        self._id = read_state().hosts[item].container_id
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.on: list[float] = []
        """When it was on, in seconds of the monotonic clock."""

    def _look(self) -> None:
        while not self._ends.wait(_LOOK_EVERY):
            if vitals.processes(self._id):
                self.on.append(time.monotonic())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    def seconds(self, begin: float, end: float) -> float:
        """Give for how long, about, it was on between two moments."""
        return sum(begin < at < end for at in self.on) * _LOOK_EVERY


@dataclass(frozen=True, slots=True)
class Round:
    """What came of one return.

    ``after``: seconds from the loss of power to the return. ``promoted``: the spare took the role; else the run was
    refused, since the host served again before anything was done. ``back``: seconds that the host was on between
    its end and the way back. ``answers``: by host, how often it answered for the address. ``both``: the questions that
    several hosts answered. ``strange``: answers of a host while another had the role. ``pages``: what the returned
    host took from users after the fence.
    """

    after: float
    promoted: bool
    back: float
    answers: dict[str, int]
    both: int
    strange: int
    pages: int
    problems: tuple[str, ...]
    seconds: float

    def line(self) -> str:
        """Give it in one line."""
        how = "promoted" if self.promoted else "served again, nothing promoted"
        who = ", ".join(f"{item} {count}" for item, count in sorted(self.answers.items()))
        good = "; ".join(self.problems) or "ok"
        return (
            f"returned after {self.after:.2f} s, was back for {self.back:.1f} s; {how}; answers: {who}; two at once: "
            f"{self.both}; pages of the returned host: {self.pages}; {good}; {self.seconds:.0f} s"
        )


class SplitBrain:
    """The drill with a host that returns, again and again."""

    def __init__(self) -> None:
        self.subject = StandbySubject()
        self.ground = self.subject.ground
        self.drill = find_drill(self.ground.root, DRILL)
        self.state = state_folder(self.ground.root)
        self.way_back = 0.0

    def returning(self, after: float) -> Drill:
        """Give the drill with a host that returns so many seconds after its end."""
        killed = self.drill.faults[-1]
        spec = FaultSpec(
            "returns",
            (self.subject.primary,),
            None,
            killed.after,
            after + LINGER,
            {"in": f"{after:.2f} s"},
            killed.line,
        )
        return replace(self.drill, faults=(*self.drill.faults, spec))

    def setting(self) -> Setting:
        """Give what the drill needs: its record is not kept, and when the way back begins is noted."""
        estate = self.ground.estate

        def plan_for(call: RunbookCall) -> tuple[Plan, Permission]:
            if call.runbook == FAILBACK:
                self.way_back = time.monotonic()
            return plan_and_permit(estate, call.runbook, environment=ENVIRONMENT, parameters=call.parameters)

        around = make_surroundings(self.ground.root, lab_access(), listener=lambda _: None, stopping=lambda: False)
        return Setting(
            cmdb=estate.cmdb,
            around=around,
            lab=read_state(),
            plan_for=plan_for,
            write=lambda *_: self.state,
            show=Quiet(),
            progress=Quiet(),
        )

    def round(self, after: float) -> Round:
        """Let the host die and come back, and look at what was seen; users have the service again then."""
        began = time.monotonic()
        with PowerWatch(self.subject.primary) as power:
            result, _ = run_drill(self.returning(after), self.setting())
        for sample in result.samples:
            (self.ground.root / sample.kept_as).unlink(missing_ok=True)
        measures = result.services[0].measures
        main = next((run for run in result.runs if run.part == MAIN), None)
        promoted = main is not None and main.exit_code == ExitCode.OK
        died = result.faults[0].effective / 1e9 if result.faults else began
        problems = list(self.wrong(result, promoted=promoted))
        found = Round(
            after,
            promoted,
            power.seconds(died + _LOOK_EVERY, self.way_back),
            dict(measures.answers),
            len(measures.overlaps),
            len(measures.violations),
            self.pages(result) if promoted else 0,
            tuple(problems),
            time.monotonic() - began,
        )
        if found.pages:
            problems.append(f"the returned host took {found.pages} pages after it was fenced")
        if not problems:
            self.subject.clean()
        return replace(found, problems=tuple(problems))

    def wrong(self, result: DrillResult, *, promoted: bool) -> Iterator[str]:
        """Say what may not be, whatever the moment of the return was."""
        measures = result.services[0].measures
        if measures.overlaps:
            yield f"{len(measures.overlaps)} questions were answered by two hosts, first {measures.overlaps[0].hosts}"
        if measures.violations:
            yield f"{len(measures.violations)} answers by a host that had not the role"
        if measures.unwatched:
            yield f"not watched: {', '.join(measures.unwatched)}"
        watched = sum(sample.attempts for sample in result.samples if sample.kind == "address_watcher")
        if not watched:
            yield "nobody asked who answers"
        for run in result.runs:
            if run.part == MAIN and run.exit_code not in (ExitCode.OK, ExitCode.ASSUMPTION):
                yield f"the promotion ended with {run.exit_code}: {run.message.en}"
            if run.part != MAIN and promoted and run.exit_code != ExitCode.OK:
                yield f"{run.plan.runbook} ended with {run.exit_code}: {run.message.en}"
        if not any(run.part == MAIN for run in result.runs):
            yield f"nothing was run: {result.verdict.reasons[0].en if result.verdict.reasons else '?'}"
        for check in result.steady_after:
            if not check.held:
                yield f"not as before: {check.text.en}"

    def pages(self, result: DrillResult) -> int:
        """Count what users wrote on the returned host after the fence: a failback sets it aside there."""
        first = result.timeline.run
        run = next(run for run in result.runs if run.part == MAIN)
        fence = next(step for step in run.steps if step.step == "fence")
        assert first is not None
        ago = time.monotonic() - (first / 1e9 + fence.began + fence.lasted)
        said = self.ground.shell(
            self.subject.primary,
            f"cd /var/lib/drillbook/standby/{PROTECTION}/before/{self.subject.written} 2>/dev/null || exit 0; "
            f"find . -type f -newermt @{time.time() - ago:.3f} | wc -l",
        )
        return int(said.strip() or 0)

    def without_guard(self) -> int:
        """Do a round in which the returned host takes the address at any boot; give how often two hosts answered."""
        primary, shell = self.subject.primary, self.ground.shell
        shell(primary, _UNGUARD)
        drill = self.returning(LATEST)
        try:
            result, _ = run_drill(replace(drill, afterwards=()), self.setting())
        finally:
            self.ground.hosts[primary].close()
            shell(primary, f"mv {_HOLD}.guarded {_HOLD}; {_HOLD} take {PROTECTION} || :")
        if any(run.part == MAIN and run.exit_code == ExitCode.OK for run in result.runs):
            self.ground.run_it(FAILBACK, protection=PROTECTION)
        self.subject.clean()
        for sample in result.samples:
            (self.ground.root / sample.kept_as).unlink(missing_ok=True)
        return len(result.services[0].measures.overlaps)

    def rounds(self, times: int, chance: random.Random, *, skip: int = 0) -> Iterator[Round]:
        """Do so many rounds; end at the first with a problem, and leave the hosts as they are then.

        ``skip``: as many of the moments that the seed gives are left out first.
        """
        moments = [chance.uniform(0, LATEST) for _ in range(skip + times)]
        for number, after in enumerate(moments[skip:]):
            if number % FRESH_EVERY == 0:
                # What users wrote was removed: else each snapshot has the files of all rounds before.
                self.ground.run_it(SNAPSHOT, protection=PROTECTION)
            done = self.round(after)
            yield done
            if done.problems:
                return


def summed(done: Sequence[Round]) -> str:
    """Give the counts of all rounds in a sentence."""
    answers: Counter[str] = Counter()
    for each in done:
        answers.update(each.answers)
    back = [each.back for each in done if each.back]
    return (
        f"{len(done)} rounds, {sum(not each.problems for each in done)} without a problem; promoted in "
        f"{sum(each.promoted for each in done)}; the dead host was back in {len(back)}, {sum(back):.0f} s in all; "
        f"answers for the address: {', '.join(f'{item} {count}' for item, count in sorted(answers.items()))}; "
        f"by two hosts: {sum(each.both for each in done)}; by one that had not the role: "
        f"{sum(each.strange for each in done)}; pages of the returned host: {sum(each.pages for each in done)}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--skip", type=int, default=0, help="leave out so many moments: an earlier campaign had them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without-guard", action="store_true", help="the control: two hosts must be seen")
    given = parser.parse_args()
    bring_up()
    return 0 if played(SplitBrain(), given) else 1


def played(campaign: SplitBrain, given: argparse.Namespace) -> bool:
    """Print each round as it ends, and the sum; tell whether all were as wanted."""
    if given.without_guard:
        seen = [campaign.without_guard() for _ in range(given.times)]
        sys.stdout.write(f"without the guard: questions that two hosts answered, by round: {seen}\n")
        return all(seen)
    done = []
    rounds = campaign.rounds(given.times, random.Random(given.seed), skip=given.skip)
    for number, each in enumerate(rounds, start=given.skip + 1):
        done.append(each)
        sys.stdout.write(f"{number}: {each.line()}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{summed(done)}\n")
    return len(done) == given.times and not done[-1].problems


if __name__ == "__main__":
    sys.exit(main())
