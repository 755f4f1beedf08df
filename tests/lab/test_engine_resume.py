"""The engine on real hosts: runs that stopped, were stopped or died, and how they go on or back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from drillbook.errors import ExitCode, HostUnreachable
from drillbook.execution.stop import StopRequest
from drillbook.journal.record import read_journal
from drillbook.lab.faults import make_fault
from drillbook.lab.state import read_state
from drillbook.runbook.model import Repeat
from tests.lab.conftest import ROOT
from tests.lab.engine_help import HOST, OWN, Runner, holds, kinds, sh, step

if TYPE_CHECKING:
    from pathlib import Path

    from drillbook.plan.model import CheckRun


pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]


def wait_for_login(runner: Runner) -> None:
    for _ in range(100):
        try:
            runner.on_host(HOST, "true")
        except HostUnreachable:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"{HOST} does not come back")


def test_a_failed_step_stops_the_run_and_a_resume_does_it_again(runner: Runner) -> None:
    steps = (
        step("one", sh("echo 1 >> /tmp/t/log")),
        step("two", sh("echo 2 >> /tmp/t/log; test -f /tmp/t/mended || { echo not mended >&2; exit 3; }")),
        step("three", sh("echo 3 >> /tmp/t/log")),
    )
    outcome, launch = runner.run(*steps)
    assert (outcome.result, outcome.exit_code, outcome.step) == ("failed", ExitCode.FAILED, "two")
    assert "exit code 3: not mended" in outcome.message
    runner.on_host(HOST, "touch /tmp/t/mended")
    assert runner.again(launch.folder).result == "succeeded"
    assert runner.on_host(HOST, "cat /tmp/t/log") == "1\n2\n2\n3\n"


def test_rollback_undoes_in_reverse_and_gives_the_lock_back(runner: Runner) -> None:
    undo = [sh(f"echo -{n} >> /tmp/t/log") for n in (1, 2, 3)]
    outcome, launch = runner.run(
        step("one", sh("echo 1 >> /tmp/t/log"), undo=undo[0]),
        step("two", sh("echo 2 >> /tmp/t/log")),
        step("three", sh("echo 3 >> /tmp/t/log; exit 1"), undo=undo[2]),
        step("four", sh("echo 4 >> /tmp/t/log"), undo=sh("echo -4 >> /tmp/t/log")),
    )
    assert outcome.exit_code is ExitCode.FAILED
    assert runner.again(launch.folder, "rollback").result == "rolled_back"
    assert runner.on_host(HOST, "cat /tmp/t/log") == "1\n2\n3\n-3\n-1\n"
    assert runner.on_host(HOST, "cat /var/lib/drillbook/lock 2>/dev/null") == ""


def test_rollback_is_refused_whole_when_one_step_is_irreversible(runner: Runner) -> None:
    _, launch = runner.run(
        step("one", sh("echo 1 >> /tmp/t/log"), undo="it is done; go on"),
        step("two", sh("echo 2 >> /tmp/t/log; exit 1"), undo=sh("echo -2 >> /tmp/t/log")),
    )
    outcome = runner.again(launch.folder, "rollback")
    assert outcome.exit_code is ExitCode.REFUSED
    assert "step one cannot be undone: it is done; go on" in outcome.message
    assert runner.on_host(HOST, "cat /tmp/t/log") == "1\n2\n"


@pytest.mark.parametrize(
    ("repeat", "verify", "expected", "log"),
    [
        (Repeat.SAFE, (), ExitCode.OK, "x\nx\n"),
        (Repeat.CHECK, (holds(OWN),), ExitCode.OK, "x\n"),
        (Repeat.CHECK, (holds("10.213.0.99"),), ExitCode.FAILED, "x\nx\n"),
        (Repeat.NEVER, (), ExitCode.UNKNOWN, "x\n"),
    ],
    ids=["safe", "check holds", "check does not hold", "never"],
)
def test_a_host_that_dies_in_a_step_leaves_it_unknown_and_repeat_decides(
    runner: Runner, repeat: Repeat, verify: tuple[CheckRun, ...], expected: ExitCode, log: str
) -> None:
    """The host loses power while the effect runs; it comes back without the end of it on record."""
    launch = runner.launch(
        runner.plan(
            step("one", sh("echo x >> /var/lib/drillbook/log; sync; test -e /run/second || sleep 60"),
                 verify=verify, repeat=repeat, timeout=2)
        )
    )  # fmt: skip
    runner.on_host(HOST, "rm -f /var/lib/drillbook/log")

    def lose_power() -> None:
        time.sleep(0.5)
        make_fault("kill", HOST, {}, lab=read_state()).inject()

    thread = threading.Thread(target=lose_power)
    thread.start()
    # Silence: the connection does not end by itself when a host vanishes.
    outcome = launch.engine.run()
    thread.join()
    launch.close()
    assert outcome.exit_code is ExitCode.UNKNOWN, outcome
    runner.around().power(runner.base.targets[HOST]).on()
    wait_for_login(runner)
    runner.on_host(HOST, "touch /run/second")
    assert runner.again(launch.folder).exit_code is expected
    assert runner.on_host(HOST, "cat /var/lib/drillbook/log") == log


def test_the_engine_killed_in_a_step_asks_the_host_and_does_it_once(runner: Runner, tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from tests.lab.engine_help import *\n"
        "def kill(record):\n"
        "    if record.kind == 'step.started': threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGKILL)).start()\n"
        "import threading\n"
        "r = Runner(Path(sys.argv[1]), listener=kill)\n"
        "r.run(step('one', sh('echo x >> /tmp/t/log; sleep 2; echo end >> /tmp/t/log'), repeat=Repeat.NEVER))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    folder = next((tmp_path / "runs").iterdir())
    from drillbook.execution.runs import RunFolder

    assert runner.again(RunFolder(folder)).result == "succeeded"
    assert runner.on_host(HOST, "cat /tmp/t/log") == "x\nend\n"
    assert [r.data["recovered"] for r in read_journal(folder / "journal.jsonl") if r.kind == "step.ended"] == [True]


def test_ctrl_c_once_ends_after_the_step_twice_ends_the_step_on_its_host(runner: Runner) -> None:
    for presses, log in ((1, "begun\nended\n"), (2, "begun\n")):
        runner.on_host(HOST, "rm -f /tmp/t/log /var/lib/drillbook/lock")
        stop = StopRequest(lambda _: None)
        runner.stopping = stop
        launch = runner.launch(
            runner.plan(
                step("one", sh("echo begun >> /tmp/t/log; sleep 3; echo ended >> /tmp/t/log"), timeout=10),
                step("two", sh("echo two >> /tmp/t/log")),
            )
        )
        timers = [threading.Timer(1 + n * 0.5, os.kill, (os.getpid(), signal.SIGINT)) for n in range(presses)]
        with stop.installed():
            for timer in timers:
                timer.start()
            outcome = launch.engine.run()
        for timer in timers:
            timer.join()
        launch.close()
        assert outcome.exit_code is ExitCode.STOPPED, outcome
        assert launch.folder.id in outcome.remedy
        time.sleep(0.2)
        assert runner.on_host(HOST, "cat /tmp/t/log") == log
        assert runner.on_host(HOST, "pgrep -x sleep | wc -l") == "0\n"
        runner.stopping = lambda: False
        assert runner.again(launch.folder).result == "succeeded"


def test_ctrl_c_while_a_proof_is_awaited_does_not_make_the_effect_again(runner: Runner) -> None:
    address = "10.213.0.96"
    stop = StopRequest(lambda _: None)
    runner.stopping = stop
    launch = runner.launch(
        runner.plan(step("one", sh("echo x >> /tmp/t/log"), verify=(holds(address),), repeat=Repeat.NEVER, timeout=20))
    )
    timer = threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGINT))
    with stop.installed():
        timer.start()
        outcome = launch.engine.run()
    timer.join()
    launch.close()
    assert outcome.exit_code is ExitCode.STOPPED, outcome
    runner.stopping = lambda: False
    runner.on_host(HOST, f"ip address add {address}/32 dev eth0")
    try:
        assert runner.again(launch.folder).result == "succeeded"
    finally:
        runner.on_host(HOST, f"ip address del {address}/32 dev eth0")
    assert runner.on_host(HOST, "cat /tmp/t/log") == "x\n"


def test_an_effect_that_was_cut_short_is_treated_as_its_repeat_says(runner: Runner) -> None:
    for repeat, code, log in ((Repeat.SAFE, ExitCode.OK, "x\nx\n"), (Repeat.NEVER, ExitCode.UNKNOWN, "x\n")):
        runner.on_host(HOST, "rm -f /tmp/t/* /var/lib/drillbook/lock")
        slow = sh("echo x >> /tmp/t/log; test -e /tmp/t/second || sleep 30")
        outcome, launch = runner.run(step("one", slow, repeat=repeat, timeout=1))
        assert outcome.exit_code is ExitCode.FAILED
        runner.on_host(HOST, "touch /tmp/t/second")
        assert runner.again(launch.folder).exit_code is code
        assert runner.on_host(HOST, "cat /tmp/t/log") == log


def test_a_run_that_was_closed_is_not_taken_for_done(runner: Runner) -> None:
    _, launch = runner.run(step("one", sh("exit 1")))
    assert runner.again(launch.folder, "abandon").exit_code is ExitCode.OK
    outcome = runner.again(launch.folder)
    assert outcome.exit_code is ExitCode.REFUSED
    assert "had ended before (abandoned)" in outcome.message


def test_a_playbook_that_a_person_stops_is_not_begun_again(runner: Runner) -> None:
    from drillbook.plan.model import PlaybookRun

    stop = StopRequest(lambda _: None)
    runner.stopping = stop
    playbook = PlaybookRun("postgresql_rebuild.yml", HOST, {"unit": "drillbook-none.service"})
    launch = runner.launch(runner.plan(step("one", playbook, timeout=60)))
    timers = [threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)) for seconds in (0.5, 0.9)]
    with stop.installed():
        for timer in timers:
            timer.start()
        outcome = launch.engine.run()
    for timer in timers:
        timer.join()
    launch.close()
    assert outcome.exit_code is ExitCode.STOPPED, outcome
    assert kinds(launch.folder).count("step.started") == 1
    runner.stopping = lambda: False
    assert runner.again(launch.folder, "abandon").exit_code is ExitCode.OK
