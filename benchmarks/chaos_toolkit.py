"""Chaos Toolkit beside drillbook: the same drill, killed in the middle; what each leaves behind, as facts.

``.venv/bin/python -m benchmarks.chaos_toolkit [--seed 1]``, as root; it brings the lab up when it is not. Chaos Toolkit
is installed from PyPI into an environment of its own in a temporary folder, which is gone afterwards.

Its experiment does with the process provider what ``./inv drills.run core-db-failover`` does
(``benchmarks/chaos_steps.py``): the steady state is that a write through the service address is acknowledged and that
there is one primary; the method kills the primary's host, fences it, promotes the standby and moves the address; the
rollbacks start the host, rebuild it and switch back. It runs with ``--rollback-strategy always`` (otherwise rollbacks
are not played when an experiment is interrupted), with a journal and with its log file.

Each is killed with SIGKILL (the process itself, not what it started) at the same three moments, plus up to 50 ms by
the seed: the fault is there and nothing else was done; the promotion has begun; the recovery is done and the way back
has not begun. Then nobody does anything for ten seconds, and the facts are taken. After that its user types the next
commands: for drillbook those that it names itself, for Chaos Toolkit the experiment again. Each case begins with a
whole lab.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.harness import FAILBACK, PAIR, PROBE_HOST, ROOT, Pair, bring_up, lab_for_once

from benchmarks.chaos_steps import METHOD, PROBES, ROLLBACKS, primaries_of, served
from benchmarks.figures import machine
from drillbook.errors import DrillbookError
from drillbook.journal.record import read_journal
from drillbook.lab.power import LabPower
from drillbook.tasks.common import state_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PINNED = ("chaostoolkit==1.19.0", "chaostoolkit-lib==1.44.0")
DRILL = "core-db-failover"
AT_REST = 10.0
# The moments, by the words that each of the two writes down then for the so-manieth time, and seconds after that.
# What comes after the last probe is the first rollback, at once; so its beginning is the moment.
MOMENTS = {
    "after the fault": (('"drill.fault"', 1), ("Pausing after activity", 1), 0.2),
    "during the promotion": (('"step":"promote"', 1), ("Action: promote", 1), 0.0),
    "before the way back": (('"drill.healed"', 1), ("Probe: one_primary", 2), 0.0),
}


@dataclass(frozen=True)
class Case:
    """What one of the two left behind, and what came of its next commands; sentences."""

    left: dict[str, str]
    then: list[str]


class Chaos:
    """Chaos Toolkit in an environment of its own."""

    name = "Chaos Toolkit"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        venv = folder / "venv"
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin/pip", "install", "-q", "--disable-pip-version-check", *PINNED], check=True)
        self.program = venv / "bin/chaos"
        self.experiment = folder / "experiment.json"
        self.experiment.write_text(json.dumps(experiment(), indent=1))
        self.journal, self.log = folder / "journal.json", folder / "chaostoolkit.log"

    def argv(self) -> list[str]:
        return [
            str(self.program), f"--log-file={self.log}", "run", f"--journal-path={self.journal}",
            "--rollback-strategy=always", str(self.experiment),
        ]  # fmt: skip

    def clear(self) -> None:
        for file in (self.journal, self.log):
            file.unlink(missing_ok=True)

    def written(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def on_disk(self) -> str:
        journal = "a journal" if self.journal.exists() else "no journal (it is written at the end)"
        return f"{journal}; a log of {len(self.written().splitlines())} lines that says what began and how it ended"

    def next(self) -> list[str]:
        done = typed(self.argv())
        status = json.loads(self.journal.read_text()) if self.journal.exists() else {}
        failed = [
            f"{run['activity']['name']} ended with {run['output']['status']}"
            for run in (*status.get("run", ()), *status.get("rollbacks", ()))
            if isinstance(run.get("output"), dict) and run["output"].get("status")
        ]
        before = (status.get("steady_states", {}).get("before") or {}).get("steady_state_met")
        said = f"steady state before {'met' if before else 'not met'}, status {status.get('status')}"
        said += f"; {', '.join(failed) or 'no activity failed'}"
        return [f"chaos run, from the start: exit code {done.returncode}, {said}"]


class Drillbook:
    """Our drill."""

    name = "drillbook"

    def __init__(self) -> None:
        self.state = state_folder(ROOT)
        self.before: set[Path] = set()

    def argv(self) -> list[str]:
        return [sys.executable, "-m", "invoke", "drills.run", DRILL]

    def journals(self) -> list[Path]:
        found = [*self.state.glob("drills/*/journal.jsonl"), *self.state.glob("runs/*/journal.jsonl")]
        return sorted(set(found) - self.before)

    def clear(self) -> None:
        self.before = set()
        self.before = set(self.journals())

    def written(self) -> str:
        return "".join(path.read_text() for path in self.journals())

    def on_disk(self) -> str:
        read = {path.parent.parent.name: len(read_journal(path)) for path in self.journals()}
        return ", ".join(f"a {kind[:-1]}'s journal of {count} chained records" for kind, count in read.items())

    def next(self) -> list[str]:
        """Type what it says: resume an unfinished run, then the way back; a drill without a run is begun anew."""
        runs = [path.parent for path in self.journals() if path.parent.parent.name == "runs"]
        said = []
        if runs:
            unfinished = read_journal(runs[-1] / "journal.jsonl")[-1].kind != "run.closed"
            if unfinished:
                said.append(self._type("runbooks.resume", runs[-1].name))
            said.append(self._type("runbooks.run", FAILBACK, "--param", f"pair={PAIR}", "--yes"))
        return [*said, self._type("drills.run", DRILL)]

    def _type(self, *words: str) -> str:
        done = typed([sys.executable, "-m", "invoke", *words])
        told = next((line.strip(" !") for line in done.stdout.splitlines() if "did not end" in line), "")
        return f"{' '.join(words[:2])}: exit code {done.returncode}" + (f" ({told})" if told else "")


def typed(argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command as its user would, and show what it says."""
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    print(f"    $ {' '.join(argv[2:])}")
    print("".join(f"    | {each}\n" for each in (done.stdout + done.stderr).splitlines()), flush=True)
    return done


def experiment() -> dict[str, Any]:
    """Give the experiment; every activity is a process."""

    def activity(kind: str, step: Callable[[Pair], None]) -> dict[str, Any]:
        arguments = ["-m", "benchmarks.chaos_steps", step.__name__]
        provider = {"type": "process", "path": sys.executable, "arguments": arguments, "timeout": 60}
        made: dict[str, Any] = {"type": kind, "name": step.__name__, "provider": provider}
        if kind == "probe":
            made["tolerance"] = 0
        return made

    method = [activity("action", step) for step in METHOD]
    # As long as our drill's trigger waits.
    method[0]["pauses"] = {"after": 1}
    return {
        "title": "The core database's primary loses power",
        "description": "The standby takes over, and users write again.",
        "steady-state-hypothesis": {
            "title": "Users can write, to one primary",
            "probes": [activity("probe", step) for step in PROBES],
        },
        "method": method,
        "rollbacks": [activity("action", step) for step in ROLLBACKS],
    }


def killed(tool: Chaos | Drillbook, moment: str, *, jitter: float, output: Path) -> None:
    """Start a tool and kill it at a moment."""
    ours, theirs, more = MOMENTS[moment]
    wanted, times = ours if isinstance(tool, Drillbook) else theirs
    tool.clear()
    with output.open("w") as stream:
        process = subprocess.Popen(tool.argv(), cwd=ROOT, stdout=stream, stderr=subprocess.STDOUT)
        try:
            deadline = time.monotonic() + 120
            while tool.written().count(wanted) < times:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"{tool.name} did not come to '{moment}':\n{output.read_text()}")
                time.sleep(0.002)
            time.sleep(more + jitter)
        finally:
            process.kill()
            process.wait()


def facts(pair: Pair) -> dict[str, str]:
    """Give how things are, whoever made them so."""
    found = {"the old primary's host": LabPower(pair.first).state().value}
    units = pair.hosts[PROBE_HOST].run(["systemctl", "list-units", "-q", "--plain", "drillbook-probe-*"], timeout=10)
    found["clients of the drill that still write"] = str(len(units.stdout.splitlines()))
    primaries = primaries_of(pair)
    found["primaries"] = f"{len(primaries)} ({', '.join(primaries)})" if primaries else "0"
    try:
        served(pair)
    except (RuntimeError, DrillbookError):
        found["users' writes"] = "not acknowledged"
    else:
        found["users' writes"] = "acknowledged"
    checks = []
    for item in (pair.first, pair.second):
        try:
            checks.append(pair.hosts[item].run([f"/var/lib/drillbook/health.d/{PAIR}"], timeout=15).exit_code)
        except DrillbookError:
            checks.append(-1)
    found["a second copy"] = "yes, synchronous" if checks == [0, 0] else "no"
    locked = [item for item, state in pair.state().items() if state != "off" and state["locked"]]
    found["locks on the hosts"] = ", ".join(locked) or "none"
    return found


def examine(tool: Chaos | Drillbook, moment: str, *, jitter: float, folder: Path) -> Case:
    """Have one case: a whole lab, the tool, the kill, rest, facts, and what comes next."""
    bring_up(fresh=True)
    killed(tool, moment, jitter=jitter, output=folder / "output")
    time.sleep(AT_REST)
    pair = Pair()
    left = {"on disk": tool.on_disk(), **facts(pair)}
    pair.hosts.close()
    then = tool.next()
    pair = Pair()
    after = facts(pair)
    pair.hosts.close()
    then.append("then: " + ", ".join(f"{name} {value}" for name, value in after.items()))
    return Case(left, then)


@contextmanager
def no_records() -> Iterator[None]:
    """Remove the evidence of drills that were run only to be killed, or to see what a command does."""
    folder = ROOT / "drills" / "records"
    before = set(folder.iterdir())
    try:
        yield
    finally:
        for path in set(folder.iterdir()) - before:
            shutil.rmtree(path)


def rehearsed(tool: Chaos) -> None:
    """See that the experiment is right: left alone, it succeeds and brings everything back. Raises SystemExit."""
    bring_up()
    done = tool.next()
    pair = Pair()
    found = facts(pair)
    pair.hosts.close()
    if not done[0].endswith("no activity failed") or found["a second copy"] == "no":
        raise SystemExit(f"the experiment itself is wrong: {done} {found}")


def table(moment: str, cases: Sequence[tuple[str, Case]]) -> str:
    """Give the facts of a moment as a table in Markdown."""
    names = [name for name, _ in cases]
    rows = [f"| killed {moment} | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    rows += [f"| {key} | {' | '.join(case.left[key] for _, case in cases)} |" for key in cases[0][1].left]
    rows.append(f"| next | {' | '.join('; '.join(case.then) for _, case in cases)} |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--moment", choices=MOMENTS, action="append", help="only this one")
    given = parser.parse_args()
    chance = random.Random(given.seed)
    with tempfile.TemporaryDirectory(prefix="drillbook-chaos-") as scratch, lab_for_once(), no_records():
        folder = Path(scratch)
        tools = (Drillbook(), chaos := Chaos(folder))
        rehearsed(chaos)
        print(machine(), "; ".join(PINNED), f"seed {given.seed}", sep="; ")
        for moment in MOMENTS:
            jitter = chance.uniform(0, 0.05)
            if moment in (given.moment or MOMENTS):
                cases = [(tool.name, examine(tool, moment, jitter=jitter, folder=folder)) for tool in tools]
                print(table(moment, cases), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
