"""The engine on real hosts: effects, verification, undo, resume, locks, time limits, Ctrl-C, trouble."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from drillbook.change.gate import LabHost, permit_lab_hosts
from drillbook.errors import ExitCode, HostKeyRefused, HostUnreachable, JournalError, Locked, Refused
from drillbook.execution.launch import connect
from drillbook.execution.stop import StopRequest
from drillbook.hosts.connection import HostConnection
from drillbook.journal.record import read_journal
from drillbook.lab.access import lab_access
from drillbook.lab.faults import make_fault
from drillbook.lab.state import read_state
from drillbook.plan.model import CheckRun, Command, ManualStep, WaitRun
from drillbook.runbook.model import Repeat, Text
from tests.lab.conftest import ROOT, bring_up
from tests.lab.engine_help import HOST, OTHER, Confirming, Runner, kinds, sh, step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from drillbook.lab.state import LabState

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    runner = Runner(tmp_path)
    on_host(runner, HOST, "rm -rf /tmp/t; mkdir -m 1777 /tmp/t; rm -f /var/lib/drillbook/lock /run/second")
    return runner


def on_host(runner: Runner, item: str, script: str) -> str:
    connection = HostConnection(runner.base.targets[item], runner.around().access)
    try:
        return connection.run(["/bin/sh", "-c", script], timeout=20).stdout
    finally:
        connection.close()


def holds(address: str) -> CheckRun:
    return CheckRun("checks/network.py", "holds_address", HOST, {"address": address, "interface": "eth0"})


OWN = "10.213.0.21"


def test_steps_run_in_order_each_once_and_are_journalled_before_and_after(runner: Runner) -> None:
    outcome, launch = runner.run(
        step("one", sh('echo "$1" >> /tmp/t/log', "1"), verify=(holds(OWN),)),
        step("two", sh('echo "$1" >> /tmp/t/log', "2")),
    )
    assert outcome.result == "succeeded", outcome
    assert on_host(runner, HOST, "cat /tmp/t/log") == "1\n2\n"
    assert kinds(launch.folder) == [
        "run.opened", "lock.taken", "assumptions.held",
        "step.started", "step.ended", "verify.held", "step.done",
        "step.started", "step.ended", "step.done",
        "run.closed",
    ]  # fmt: skip
    assert on_host(runner, HOST, "ls /var/lib/drillbook/lock 2>&1").startswith("ls: cannot access")


@pytest.mark.parametrize(
    "value",
    [
        "a b",
        "'",
        '"',
        "$(touch /tmp/t/pwned)",
        "`id`",
        ";id",
        "-n",
        "*",
        "\\",
        "中文",
        "a\tb",
        "%s",
        "{}",
        "$1",
        "$HOME",
        "${HOME}",
        "$$",
        "%n",
        "%%",
        "",
        "-",
        "a\nb",
        "x" * 50_000,
    ],
)
def test_a_value_arrives_as_it_is_and_never_becomes_syntax(runner: Runner, value: str) -> None:
    outcome, _ = runner.run(
        step("argv", Command(("printf", "%s", value), "", "root")),
        step("script", sh('printf %s "$1" > /tmp/t/value', value)),
        step("stdin", Command(("sh", "-c", "cat > /tmp/t/stdin"), value, "root")),
    )
    assert outcome.result == "succeeded", outcome
    assert on_host(runner, HOST, "cat /tmp/t/value") == value
    assert on_host(runner, HOST, "cat /tmp/t/stdin") == value
    assert on_host(runner, HOST, "ls /tmp/t") == "stdin\nvalue\n"


def test_an_effect_has_a_clear_environment_and_its_account(runner: Runner) -> None:
    runner.run(step("env", sh("{ env; id -un; } > /tmp/t/env", user="nobody")))
    said = on_host(runner, HOST, "cat /tmp/t/env")
    assert {line.split("=")[0] for line in said.splitlines() if "=" in line} <= {
        "PATH", "LC_ALL", "HOME", "USER", "PWD", "OLDPWD", "SHLVL", "_",
    }  # fmt: skip
    assert said.endswith("nobody\n")


def test_a_failed_step_stops_the_run_and_a_resume_does_it_again(runner: Runner) -> None:
    steps = (
        step("one", sh("echo 1 >> /tmp/t/log")),
        step("two", sh("echo 2 >> /tmp/t/log; test -f /tmp/t/mended || { echo not mended >&2; exit 3; }")),
        step("three", sh("echo 3 >> /tmp/t/log")),
    )
    outcome, launch = runner.run(*steps)
    assert (outcome.result, outcome.exit_code, outcome.step) == ("failed", ExitCode.FAILED, "two")
    assert "exit code 3: not mended" in outcome.message
    on_host(runner, HOST, "touch /tmp/t/mended")
    assert runner.again(launch.folder).result == "succeeded"
    assert on_host(runner, HOST, "cat /tmp/t/log") == "1\n2\n2\n3\n"


def test_a_proof_that_does_not_hold_stops_the_run(runner: Runner) -> None:
    outcome, launch = runner.run(step("one", sh("true"), verify=(holds("10.213.0.99"),), timeout=1))
    assert outcome.exit_code is ExitCode.FAILED
    assert "its proof does not hold: eth0 does not have 10.213.0.99" in outcome.message
    assert "step.done" not in kinds(launch.folder)


def test_the_time_limit_ends_the_processes_on_the_host(runner: Runner) -> None:
    began = time.monotonic()
    outcome, _ = runner.run(step("slow", sh("sleep 300 & sleep 300"), timeout=1))
    assert outcome.exit_code is ExitCode.FAILED
    assert "not ended in time" in outcome.message
    assert time.monotonic() - began < 8
    assert on_host(runner, HOST, "pgrep -x sleep | wc -l") == "0\n"


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
    assert on_host(runner, HOST, "cat /tmp/t/log") == "1\n2\n3\n-3\n-1\n"
    assert on_host(runner, HOST, "cat /var/lib/drillbook/lock 2>/dev/null") == ""


def test_rollback_is_refused_whole_when_one_step_is_irreversible(runner: Runner) -> None:
    _, launch = runner.run(
        step("one", sh("echo 1 >> /tmp/t/log"), undo="it is done; go on"),
        step("two", sh("echo 2 >> /tmp/t/log; exit 1"), undo=sh("echo -2 >> /tmp/t/log")),
    )
    outcome = runner.again(launch.folder, "rollback")
    assert outcome.exit_code is ExitCode.REFUSED
    assert "step one cannot be undone: it is done; go on" in outcome.message
    assert on_host(runner, HOST, "cat /tmp/t/log") == "1\n2\n"


def test_two_runs_cannot_hold_one_host(runner: Runner, tmp_path: Path) -> None:
    _, first = runner.run(step("one", sh("exit 1")))
    outcome, _ = runner.run(step("one", sh("echo no > /tmp/t/log")))
    assert outcome.exit_code is ExitCode.LOCKED
    assert first.folder.id in outcome.message
    assert first.folder.id in outcome.remedy
    assert on_host(runner, HOST, "ls /tmp/t") == ""
    assert runner.again(first.folder, "abandon").result == "abandoned"
    outcome, _ = runner.run(step("one", sh("echo yes > /tmp/t/log")))
    assert outcome.result == "succeeded"


def test_two_engineers_at_once_one_wins(runner: Runner) -> None:
    launches = [runner.launch(runner.plan(step("one", sh("echo x >> /tmp/t/log; sleep 1")))) for _ in range(2)]
    outcomes: list[ExitCode] = []
    threads = [
        threading.Thread(target=lambda each=launch: outcomes.append(each.engine.run().exit_code)) for launch in launches
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for launch in launches:
        launch.close()
    assert sorted(outcomes) == [ExitCode.OK, ExitCode.LOCKED]
    assert on_host(runner, HOST, "cat /tmp/t/log") == "x\n"


def test_a_run_whose_lock_was_taken_over_is_refused_by_the_host(runner: Runner) -> None:
    """The fencing token: an engine that was given up and comes back late must not act."""
    launch = runner.launch(runner.plan(step("one", sh("true")), step("late", sh("echo late > /tmp/t/log"))))

    def take_over(record) -> None:
        if record.kind == "step.done" and record.data["step"] == "one":
            on_host(runner, HOST, f"sed -i 's/^{launch.folder.id} /another-run /' /var/lib/drillbook/lock")

    launch.journal.listen(take_over)
    outcome = launch.engine.run()
    launch.close()
    assert outcome.exit_code is ExitCode.FAILED
    assert "another run has taken its lock" in outcome.message
    assert on_host(runner, HOST, "ls /tmp/t") == ""


def test_a_resume_is_refused_when_another_run_used_the_host_in_between(runner: Runner) -> None:
    _, first = runner.run(step("one", sh("exit 1")))
    on_host(runner, HOST, "rm /var/lib/drillbook/lock")
    outcome, _ = runner.run(step("one", sh("true")))
    assert outcome.result == "succeeded"
    outcome = runner.again(first.folder)
    assert outcome.exit_code is ExitCode.REFUSED
    assert "was used by another run" in outcome.message


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
                 verify=verify, repeat=repeat, timeout=4)
        )
    )  # fmt: skip
    on_host(runner, HOST, "rm -f /var/lib/drillbook/log")

    def lose_power() -> None:
        time.sleep(1)
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
    on_host(runner, HOST, "touch /run/second")
    assert runner.again(launch.folder).exit_code is expected
    assert on_host(runner, HOST, "cat /var/lib/drillbook/log") == log


def wait_for_login(runner: Runner) -> None:
    for _ in range(100):
        try:
            on_host(runner, HOST, "true")
        except HostUnreachable:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"{HOST} does not come back")


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
    assert on_host(runner, HOST, "cat /tmp/t/log") == "x\nend\n"
    assert [r.data["recovered"] for r in read_journal(folder / "journal.jsonl") if r.kind == "step.ended"] == [True]


def test_ctrl_c_once_ends_after_the_step_twice_ends_the_step_on_its_host(runner: Runner) -> None:
    for presses, log in ((1, "begun\nended\n"), (2, "begun\n")):
        on_host(runner, HOST, "rm -f /tmp/t/log /var/lib/drillbook/lock")
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
        assert on_host(runner, HOST, "cat /tmp/t/log") == log
        assert on_host(runner, HOST, "pgrep -x sleep | wc -l") == "0\n"
        runner.stopping = lambda: False
        assert runner.again(launch.folder).result == "succeeded"


def test_a_wait_polls_until_it_holds(runner: Runner) -> None:
    address = "10.213.0.98"
    timer = threading.Timer(1, on_host, (runner, HOST, f"ip address add {address}/32 dev eth0"))
    timer.start()
    try:
        outcome, _ = runner.run(step("wait", WaitRun(holds(address), 0.1), timeout=10))
        assert outcome.result == "succeeded"
        outcome, _ = runner.run(step("wait", WaitRun(holds("10.213.0.99"), 0.1), timeout=1))
        assert outcome.exit_code is ExitCode.FAILED
        assert "after 1 s: eth0 does not have 10.213.0.99" in outcome.message
    finally:
        timer.join()
        on_host(runner, HOST, f"ip address del {address}/32 dev eth0")


@pytest.mark.parametrize(("answer", "code"), [(True, ExitCode.OK), (False, ExitCode.FAILED)])
def test_a_person_confirms_by_name(runner: Runner, answer: bool, code: ExitCode) -> None:
    runner.person = Confirming("Wang Min", answer)
    outcome, launch = runner.run(step("look", ManualStep(Text("Look at the lamp.", "看指示灯。"))))
    assert outcome.exit_code is code
    assert runner.person.asked == ["Look at the lamp."]
    ended = next(r for r in read_journal(launch.folder.journal) if r.kind == "step.ended")
    assert ended.data["evidence"] == {"confirmed_by": "Wang Min"}


def test_a_wrong_host_key_is_refused_before_anything_is_sent(runner: Runner, tmp_path: Path) -> None:
    other = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
    public = " ".join((tmp_path / "other.pub").read_text().split()[:2])
    address = runner.base.targets[HOST].address
    for text, words in ((f"{address} {public}\n", "another host key"), ("", "no host key on record")):
        known = tmp_path / "known_hosts"
        known.write_text(text)
        connection = HostConnection(runner.base.targets[HOST], replace(lab_access(), known_hosts=known))
        with pytest.raises(HostKeyRefused, match=words):
            connection.open()


def test_a_host_that_does_not_answer_is_named_before_anything_began(runner: Runner, tmp_path: Path) -> None:
    gone = replace(runner.base.targets[HOST], address="10.213.0.97")
    plan = runner.plan(step("one", sh("true")), targets={HOST: gone})
    began = time.monotonic()
    with pytest.raises(Refused, match=f"{HOST} at 10.213.0.97 is not a host that this machine's lab made"):
        runner.launch(plan)
    reached = replace(lab_access(), permission=permit_lab_hosts({HOST: LabHost(gone.address, "")}))
    with pytest.raises(HostUnreachable, match=f"{HOST} .10.213.0.97. does not answer"):
        connect(plan, replace(runner.around(), access=reached))
    assert time.monotonic() - began < 6
    assert not (tmp_path / "runs").exists()


def test_a_hung_sshd_is_given_up_in_time(runner: Runner) -> None:
    fault = make_fault("hung_ssh", HOST, {}, lab=read_state())
    fault.inject()
    try:
        began = time.monotonic()
        with pytest.raises(HostUnreachable):
            HostConnection(runner.base.targets[HOST], lab_access()).open()
        assert time.monotonic() - began < 10
    finally:
        fault.heal()


def test_what_runs_is_the_sealed_copy_and_a_changed_one_is_refused(runner: Runner) -> None:
    _, launch = runner.run(step("one", sh("exit 1")))
    check = launch.folder.artifacts / "checks" / "network.py"
    check.parent.chmod(0o700)
    check.chmod(0o600)
    check.write_text(check.read_text() + "# touched\n")
    with pytest.raises(Refused):
        runner.again(launch.folder)


def test_a_changed_plan_is_refused(runner: Runner) -> None:
    _, launch = runner.run(step("one", sh("exit 1")))
    text = launch.folder.plan_file.read_text()
    launch.folder.plan_file.chmod(0o600)
    launch.folder.plan_file.write_text(text.replace("exit 1", "exit 0"))
    with pytest.raises(Refused, match="not the plan that this run was opened with"):
        runner.again(launch.folder)


def test_a_full_disk_under_the_journal_stops_before_the_next_step_and_loses_nothing(runner: Runner) -> None:
    small = runner.state / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "drillbook-test", small], check=True)
    try:
        runner.state = small
        ballast = small / "ballast"

        def fill(record) -> None:
            if record.kind == "step.started" and record.data["step"] == "one":
                with ballast.open("wb", buffering=0) as file:
                    try:
                        while file.write(b"x" * 512):
                            pass
                    except OSError:
                        pass

        runner.listener = fill
        # Enough steps that their records do not fit into what is left of the journal's last page.
        names = ["one", *(f"more-{n}" for n in range(12))]
        plan = runner.plan(*(step(name, sh(f"echo {name} >> /tmp/t/log")) for name in names))
        launch = runner.launch(plan)
        outcome = launch.engine.run()
        launch.close()
        runner.listener = lambda _: None
        assert outcome.exit_code is ExitCode.JOURNAL
        assert "full" in outcome.message
        done = on_host(runner, HOST, "cat /tmp/t/log").split()
        assert 0 < len(done) < len(names)
        assert done == names[: len(done)]
        ballast.unlink()
        assert runner.again(launch.folder).result == "succeeded"
        assert on_host(runner, HOST, "cat /tmp/t/log").split() == names
    finally:
        subprocess.run(["umount", "--lazy", small], check=True)


def test_a_journal_that_was_changed_is_not_resumed(runner: Runner) -> None:
    _, launch = runner.run(step("one", sh("exit 1")))
    data = launch.folder.journal.read_bytes()
    launch.folder.journal.write_bytes(data.replace(b'"outcome":"failed"', b'"outcome":"succeeded"', 1))
    with pytest.raises(JournalError, match="changed after it was written"):
        runner.again(launch.folder)


def test_one_run_is_executed_by_one_process_at_a_time(runner: Runner) -> None:
    launch = runner.launch(runner.plan(step("one", sh("true"))))
    with pytest.raises(Locked, match="executed by another process"):
        runner.again(launch.folder)
    launch.close()


def test_the_lab_is_whole_afterwards() -> None:
    state: LabState = bring_up()
    assert {HOST, OTHER} <= set(state.hosts)


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
    on_host(runner, HOST, f"ip address add {address}/32 dev eth0")
    try:
        assert runner.again(launch.folder).result == "succeeded"
    finally:
        on_host(runner, HOST, f"ip address del {address}/32 dev eth0")
    assert on_host(runner, HOST, "cat /tmp/t/log") == "x\n"


def test_an_effect_that_was_cut_short_is_treated_as_its_repeat_says(runner: Runner) -> None:
    for repeat, code, log in ((Repeat.SAFE, ExitCode.OK, "x\nx\n"), (Repeat.NEVER, ExitCode.UNKNOWN, "x\n")):
        on_host(runner, HOST, "rm -f /tmp/t/* /var/lib/drillbook/lock")
        slow = sh("echo x >> /tmp/t/log; test -e /tmp/t/second || sleep 30")
        outcome, launch = runner.run(step("one", slow, repeat=repeat, timeout=1))
        assert outcome.exit_code is ExitCode.FAILED
        on_host(runner, HOST, "touch /tmp/t/second")
        assert runner.again(launch.folder).exit_code is code
        assert on_host(runner, HOST, "cat /tmp/t/log") == log


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
