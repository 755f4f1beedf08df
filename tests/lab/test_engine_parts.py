"""Independent parts on real hosts: one fails, another is carried out; killed after any record, the end is the same."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from drillbook.errors import ExitCode
from drillbook.execution.runs import RunFolder
from drillbook.journal.record import read_journal
from drillbook.plan.model import PlannedPart
from drillbook.runbook.model import Text
from tests.lab.conftest import ROOT
from tests.lab.engine_help import HOST, OTHER, Runner, holds, kinds, sh, step

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from drillbook.execution.engine import Outcome
    from drillbook.plan.model import PlannedStep

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]

LOG = "/var/lib/drillbook/log"


def part(id_: str, item: str, *after: str) -> PlannedPart:
    return PlannedPart(id_, Text(id_, id_), "RB-TEST", after, None, (item,), (item,), ())


def steps() -> tuple[PlannedStep, ...]:
    """Two on the first host, of which the second fails until that is mended, and two on the other."""
    return (
        step("a/one", sh(f"echo one >> {LOG}")),
        step("a/two", sh(f"test -f /run/mended; echo two >> {LOG}")),
        step("b/three", sh(f"echo three >> {LOG}"), item=OTHER),
        step("b/four", sh(f"echo four >> {LOG}"), item=OTHER),
    )


def parts(*after: str) -> dict[str, Any]:
    return {"parts": (part("a", HOST), part("b", OTHER, *after)), "reachable": (HOST, OTHER), "locks": (HOST, OTHER)}


@pytest.fixture
def clean(runner: Runner) -> Runner:
    """Nothing of an earlier run on either host."""
    for item in (HOST, OTHER):
        runner.on_host(item, f"rm -rf {LOG} /run/mended /var/lib/drillbook/lock")
    return runner


def logs(runner: Runner) -> list[str]:
    return [runner.on_host(item, f"cat {LOG} 2>/dev/null").replace("\n", " ").strip() for item in (HOST, OTHER)]


def test_what_fails_on_one_host_does_not_stop_what_another_needs(clean: Runner) -> None:
    outcome, launch = clean.run(*steps(), **parts())
    assert (outcome.result, outcome.exit_code) == ("partial", ExitCode.PARTIAL)
    assert "not done: a: step a/two: exit code 1" in outcome.message
    assert outcome.message.endswith("Done: b")
    assert logs(clean) == ["one", "three four"]
    assert clean.on_host(HOST, "cat /var/lib/drillbook/lock") != ""
    clean.on_host(HOST, "touch /run/mended")
    assert clean.again(launch.folder).result == "succeeded"
    assert logs(clean) == ["one two", "three four"]
    assert clean.on_host(OTHER, "cat /var/lib/drillbook/lock 2>/dev/null") == ""


def test_a_host_that_another_run_holds_keeps_only_its_part_waiting(clean: Runner) -> None:
    first, other = step("a/one", sh("true")), step("b/three", sh("true"), item=OTHER)
    blocking = clean.launch(clean.plan(step("hold", sh("exit 1"))))
    blocking.engine.run()
    blocking.close()
    outcome, launch = clean.run(first, other, **parts())
    assert outcome.result == "partial"
    assert "not done: a: " in outcome.message
    assert blocking.folder.id in outcome.message
    clean.again(blocking.folder, "abandon")
    assert clean.again(launch.folder).result == "succeeded"


def test_a_part_that_changed_nothing_gives_its_lock_back(clean: Runner) -> None:
    """Who mends the cause may need its host for another run; what was changed stays locked."""
    outcome, launch = clean.run(
        step("a/look", holds("10.213.0.99")),
        step("b/three", sh("true"), item=OTHER),
        step("b/four", sh("exit 1"), item=OTHER),
        **parts(),
    )
    assert outcome.message.endswith("Done: no other part")
    given = [each.data["item"] for each in read_journal(launch.folder.journal) if each.kind == "lock.given_back"]
    assert given == [HOST]
    assert clean.on_host(HOST, "cat /var/lib/drillbook/lock 2>/dev/null") == ""
    assert clean.on_host(OTHER, "cat /var/lib/drillbook/lock") != ""
    assert clean.again(launch.folder, "rollback").result == "rolled_back"
    assert clean.on_host(OTHER, "cat /var/lib/drillbook/lock 2>/dev/null") == ""


def test_a_host_that_a_part_before_has_changed_stays_locked(clean: Runner) -> None:
    both = {"parts": (part("a", HOST), part("b", HOST, "a")), "reachable": (HOST,), "locks": (HOST,)}
    outcome, launch = clean.run(step("a/one", sh("true")), step("b/look", holds("10.213.0.99")), **both)
    assert outcome.message.endswith("Done: a")
    assert "lock.given_back" not in kinds(launch.folder)
    assert clean.again(launch.folder, "abandon").exit_code is ExitCode.OK
    assert clean.on_host(HOST, "cat /var/lib/drillbook/lock 2>/dev/null") == ""


def end(outcome: Outcome, runner: Runner) -> tuple[Any, ...]:
    return outcome.result, outcome.message, logs(runner)


PROGRAM = """
import os, signal, sys
from pathlib import Path
from tests.lab.engine_help import Runner
from tests.lab.test_engine_parts import parts, steps
seen = 0
def kill(record):
    global seen
    seen += 1
    if seen == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
Runner(Path(sys.argv[1]), listener=kill).run(*steps(), **parts())
"""


@pytest.mark.slow
def test_killed_after_some_records_it_comes_to_the_same_end(clean: Runner, tmp_path: Path) -> None:
    reference, launch = clean.run(*steps(), **parts())
    expected = end(reference, clean)
    count = len(kinds(launch.folder))
    assert clean.again(launch.folder, "abandon").exit_code is ExitCode.OK
    # Each of them is tried in tests/unit/test_execution_parts.py; here every third, on hosts.
    for number in range(1, count + 1, 3):
        for item in (HOST, OTHER):
            clean.on_host(item, f"rm -rf {LOG} /run/mended /var/lib/drillbook/lock")
        state = tmp_path / str(number)
        done = subprocess.run([sys.executable, "-c", PROGRAM, str(state), str(number)], cwd=ROOT, check=False)
        assert done.returncode == -signal.SIGKILL, number
        folder = RunFolder(next((state / "runs").iterdir()))
        assert end(clean.again(folder), clean) == expected, number
        clean.on_host(HOST, "touch /run/mended")
        assert clean.again(folder).result == "succeeded", number
        assert logs(clean) == ["one two", "three four"], number
