"""The engine on real hosts: locks, host keys, sealed files and journals that are not as they should be."""

from __future__ import annotations

import subprocess
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from drillbook.change.gate.gate import LabHost, permit_lab_hosts
from drillbook.errors import ExitCode, HostKeyRefused, HostUnreachable, JournalError, Locked, Refused
from drillbook.execution.launch import connect
from drillbook.hosts.connection import HostConnection
from drillbook.lab.access import lab_access
from drillbook.lab.faults import make_fault
from drillbook.lab.state import read_state
from tests.lab.engine_help import HOST, Runner, sh, step

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]


def test_two_runs_cannot_hold_one_host(runner: Runner, tmp_path: Path) -> None:
    _, first = runner.run(step("one", sh("exit 1")))
    outcome, _ = runner.run(step("one", sh("echo no > /tmp/t/log")))
    assert outcome.exit_code is ExitCode.LOCKED
    assert first.folder.id in outcome.message
    assert first.folder.id in outcome.remedy
    assert runner.on_host(HOST, "ls /tmp/t") == ""
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
    assert runner.on_host(HOST, "cat /tmp/t/log") == "x\n"


def test_a_run_whose_lock_was_taken_over_is_refused_by_the_host(runner: Runner) -> None:
    """The fencing token: an engine that was given up and comes back late must not act."""
    launch = runner.launch(runner.plan(step("one", sh("true")), step("late", sh("echo late > /tmp/t/log"))))

    def take_over(record) -> None:
        if record.kind == "step.done" and record.data["step"] == "one":
            runner.on_host(HOST, f"sed -i 's/^{launch.folder.id} /another-run /' /var/lib/drillbook/lock")

    launch.journal.listen(take_over)
    outcome = launch.engine.run()
    launch.close()
    assert outcome.exit_code is ExitCode.FAILED
    assert "another run has taken its lock" in outcome.message
    assert runner.on_host(HOST, "ls /tmp/t") == ""


def test_a_resume_is_refused_when_another_run_used_the_host_in_between(runner: Runner) -> None:
    _, first = runner.run(step("one", sh("exit 1")))
    runner.on_host(HOST, "rm /var/lib/drillbook/lock")
    outcome, _ = runner.run(step("one", sh("true")))
    assert outcome.result == "succeeded"
    outcome = runner.again(first.folder)
    assert outcome.exit_code is ExitCode.REFUSED
    assert "was used by another run" in outcome.message


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
        done = runner.on_host(HOST, "cat /tmp/t/log").split()
        assert 0 < len(done) < len(names)
        assert done == names[: len(done)]
        ballast.unlink()
        assert runner.again(launch.folder).result == "succeeded"
        assert runner.on_host(HOST, "cat /tmp/t/log").split() == names
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
