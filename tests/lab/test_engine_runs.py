"""The engine on real hosts: steps in their order, values, time limits, waits, people."""

from __future__ import annotations

import json
import threading
import time

import pytest

from drillbook.errors import ExitCode
from drillbook.journal.record import read_journal
from drillbook.plan.model import Command, ManualStep, WaitRun
from drillbook.runbook.model import Text
from tests.lab.engine_help import HOST, OWN, Confirming, Runner, holds, kinds, sh, step

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]


def test_steps_run_in_order_each_once_and_are_journalled_before_and_after(runner: Runner) -> None:
    outcome, launch = runner.run(
        step("one", sh('echo "$1" >> /tmp/t/log', "1"), verify=(holds(OWN),)),
        step("two", sh('echo "$1" >> /tmp/t/log', "2")),
    )
    assert outcome.result == "succeeded", outcome
    assert runner.on_host(HOST, "cat /tmp/t/log") == "1\n2\n"
    assert kinds(launch.folder) == [
        "run.opened", "lock.taken", "assumptions.held",
        "step.started", "step.ended", "verify.held", "step.done",
        "step.started", "step.ended", "step.done",
        "run.closed",
    ]  # fmt: skip
    assert runner.on_host(HOST, "ls /var/lib/drillbook/lock 2>&1").startswith("ls: cannot access")


VALUES = (
    "a b", "'", '"', "$(touch /tmp/t/pwned)", "`id`", ";id", "-n", "*", "\\", "中文", "a\tb", "%s", "{}", "$1", "$HOME",
    "${HOME}", "$$", "%n", "%%", "", "-", "a\nb", "x" * 50_000,
)  # fmt: skip


def test_values_arrive_as_they_are_and_never_become_syntax(runner: Runner) -> None:
    """As a word of a program, as a value of a script, and on its standard input."""
    forms = {
        "argv": lambda place, value: Command(("sh", "-c", f'printf %s "$0" > {place}', value), "", "root"),
        "script": lambda place, value: sh(f'printf %s "$1" > {place}', value),
        "stdin": lambda place, value: Command(("sh", "-c", f"cat > {place}"), value, "root"),
    }
    wanted = {f"{number}.{form}": value for number, value in enumerate(VALUES) for form in forms}
    outcome, _ = runner.run(
        *(step(f"take/{name}", forms[name.split(".")[1]](f"/tmp/t/{name}", value)) for name, value in wanted.items())
    )
    assert outcome.result == "succeeded", outcome
    came = json.loads(runner.on_host(HOST, _READ))
    assert came == wanted


_READ = (
    """python3 -c 'import json, os; print(json.dumps({n: open("/tmp/t/" + n).read() for n in os.listdir("/tmp/t")}))'"""
)


def test_an_effect_has_a_clear_environment_and_its_account(runner: Runner) -> None:
    runner.run(step("env", sh("{ env; id -un; } > /tmp/t/env", user="nobody")))
    said = runner.on_host(HOST, "cat /tmp/t/env")
    assert {line.split("=")[0] for line in said.splitlines() if "=" in line} <= {
        "PATH", "LC_ALL", "HOME", "USER", "PWD", "OLDPWD", "SHLVL", "_",
    }  # fmt: skip
    assert said.endswith("nobody\n")


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
    assert runner.on_host(HOST, "pgrep -x sleep | wc -l") == "0\n"


def test_a_wait_polls_until_it_holds(runner: Runner) -> None:
    address = "10.213.0.98"
    timer = threading.Timer(1, runner.on_host, (HOST, f"ip address add {address}/32 dev eth0"))
    timer.start()
    try:
        outcome, _ = runner.run(step("wait", WaitRun(holds(address), 0.1), timeout=10))
        assert outcome.result == "succeeded"
        outcome, _ = runner.run(step("wait", WaitRun(holds("10.213.0.99"), 0.1), timeout=1))
        assert outcome.exit_code is ExitCode.FAILED
        assert "after 1 s: eth0 does not have 10.213.0.99" in outcome.message
    finally:
        timer.join()
        runner.on_host(HOST, f"ip address del {address}/32 dev eth0")


@pytest.mark.parametrize(("answer", "code"), [(True, ExitCode.OK), (False, ExitCode.FAILED)])
def test_a_person_confirms_by_name(runner: Runner, answer: bool, code: ExitCode) -> None:
    runner.person = Confirming("Wang Min", answer)
    outcome, launch = runner.run(step("look", ManualStep(Text("Look at the lamp.", "看指示灯。"))))
    assert outcome.exit_code is code
    assert runner.person.asked == ["Look at the lamp."]
    ended = next(r for r in read_journal(launch.folder.journal) if r.kind == "step.ended")
    assert ended.data["evidence"] == {"confirmed_by": "Wang Min"}
