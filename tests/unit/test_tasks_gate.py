"""All tasks are walked: each says what it touches, and each that touches hosts is refused without sending a packet.

Refused commands run for real, in a network namespace of their own that has routes to everywhere. Its kernel counts
what is tried to be sent, so that nothing can go unseen.
"""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from invoke.tasks import Task

from drillbook.change.gate.gate import Permission
from drillbook.clock import SystemClock
from drillbook.errors import ExitCode
from drillbook.execution.runs import new_run
from drillbook.tasks.common import Touches
from drillbook.tasks.wiring import load_estate, plan_of
from tests.estate_clone import MANAGER, OPERATOR, Clone
from tests.estate_copy import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow

TASKS = ROOT / "src/drillbook/tasks"


def all_tasks() -> dict[str, Task]:
    """Give every task of every module, by module and function."""
    found = {}
    for path in sorted(TASKS.glob("*.py")):
        module = importlib.import_module(f"drillbook.tasks.{path.stem}")
        for name, value in vars(module).items():
            if isinstance(value, Task) and value.body.__module__ == module.__name__:
                found[f"{path.stem}.{name}"] = value
    return found


@pytest.mark.parametrize("name", all_tasks())
def test_every_task_says_what_it_touches(name: str) -> None:
    assert isinstance(getattr(all_tasks()[name], "touches", None), Touches)


# --- the namespace -----------------------------------------------------------------------------------

WATCH = '''
import pathlib, subprocess, sys

def sent():
    """Count connections begun, datagrams and echo requests, of both versions of IP."""
    rows = [line.split() for line in open("/proc/net/snmp")]
    ipv4 = {(head[0], name): int(value)
            for head, line in zip(rows[::2], rows[1::2]) for name, value in zip(head[1:], line[1:])}
    ipv6 = dict(line.split() for line in open("/proc/net/snmp6"))
    return (ipv4["Tcp:", "ActiveOpens"] + ipv4["Udp:", "OutDatagrams"] + ipv4["Icmp:", "OutEchos"]
            + int(ipv6.get("Udp6OutDatagrams", 0)) + int(ipv6.get("Icmp6OutEchos", 0)))

out, *command = sys.argv[1:]
# Every address is this machine's: whatever is tried is sent, and answered at once.
for words in ("link set lo up", "route add local 0.0.0.0/0 dev lo"):
    subprocess.run(["ip", *words.split()], check=True)
subprocess.run("ip -6 route add local ::/0 dev lo 2>/dev/null", shell=True)
if pathlib.Path("/var/lib/drillbook-lab").is_dir():
    subprocess.run(["mount", "-t", "tmpfs", "none", "/var/lib/drillbook-lab"], check=True)
code = subprocess.run(command).returncode
pathlib.Path(out).write_text(str(sent()))
sys.exit(code)
'''
APART = ("unshare", "--net", "--mount") if os.geteuid() == 0 else ("unshare", "--map-root-user", "--net", "--mount")


def can_be_apart() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*APART, "true"], check=False, capture_output=True).returncode == 0


apart = pytest.mark.skipif(not can_be_apart(), reason="this machine lets nobody make a network namespace")


def watched(out: Path) -> tuple[str, ...]:
    return (*APART, sys.executable, "-c", WATCH, str(out))


@apart
@pytest.mark.parametrize(
    "attempt",
    [
        "socket.create_connection(('10.213.0.11', 22), 0.2)",
        "socket.create_connection(('127.0.0.1', 9), 0.2)",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('10.1.0.1', 623))",
    ],
)
def test_the_watch_sees_an_attempt(tmp_path: Path, attempt: str) -> None:
    out = tmp_path / "sent"
    body = f"import socket\ntry:\n    {attempt}\nexcept OSError:\n    pass\n"
    subprocess.run([*watched(out), sys.executable, "-c", body], check=True)
    assert int(out.read_text()) >= 1


@apart
def test_the_watch_sees_nothing_where_nothing_is_sent(tmp_path: Path) -> None:
    out = tmp_path / "sent"
    subprocess.run([*watched(out), "true"], check=True)
    assert int(out.read_text()) == 0


# --- every task that touches hosts ---------------------------------------------------------------------


class Waiting:
    """The estate with a change in rehearsal that nobody approved, a run of it, and a drill that wants to run there."""

    def __init__(self, top: Path) -> None:
        self.clone = Clone.make(top)
        drill = (self.clone.root / "drills/core-db-switchover.yaml").read_text()
        for file in (self.clone.root / "drills").glob("*.yaml"):
            file.unlink()
        (self.clone.root / "drills/elsewhere.yaml").write_text(
            drill.replace("environment: lab", "environment: rehearsal").replace("core-db-switchover", "elsewhere")
        )
        self.clone.commit("A drill in rehearsal")
        self.clone.push()
        self.clone.pin()
        self.change = self.clone.new_change()
        self.run = self.new_run()
        self.key = str(self.clone.key(OPERATOR))

    def new_run(self, *, touched: bool = False) -> str:
        """Make a run's folder as somebody would who has no approval: everything in it fits together."""
        plan = plan_of(
            load_estate(self.clone.root), "RB-DB-SWITCHOVER", environment="rehearsal",
            parameters={"pair": "core-db", "primary": "core-db-1"},
        )  # fmt: skip
        permission = Permission(plan.digest, "normal", {}, change=self.change, executor=OPERATOR, repository="0" * 40)
        folder, journal, _ = new_run(
            plan, permission, root=self.clone.root, state=self.clone.root / ".drillbook", clock=SystemClock(),
            purpose="forged", listener=lambda _: None,
        )  # fmt: skip
        if touched:
            journal.append("step.started", step=plan.steps[0].id, attempt=1, key="one", item=None, action="run")
        journal.close()
        return folder.id


@pytest.fixture(scope="module")
def approved(tmp_path_factory: pytest.TempPathFactory) -> Waiting:
    made = Waiting(tmp_path_factory.mktemp("approved"))
    made.clone.approve(made.change, MANAGER)
    return made


@pytest.fixture(scope="module")
def unapproved(tmp_path_factory: pytest.TempPathFactory) -> Waiting:
    return Waiting(tmp_path_factory.mktemp("gate"))


SWITCHOVER = ("RB-DB-SWITCHOVER", "--env", "rehearsal", "--param", "pair=core-db", "--yes")
COMMANDS: dict[str, list[tuple[Callable[[Waiting], tuple[str, ...]], ExitCode, str]]] = {
    "runs.run": [
        (lambda _: ("runbooks.run", *SWITCHOVER), ExitCode.REFUSED, "nothing runs there without an approved change"),
        (
            lambda at: ("runbooks.run", *SWITCHOVER, "--emergency", "--reason", "core-db answers nobody", "--key",
                        str(at.clone.key(MANAGER))),
            ExitCode.REFUSED, f"{MANAGER} may not run this",
        ),
        (
            lambda at: ("runbooks.run", *SWITCHOVER, "--emergency", "--reason", "now", "--key", at.key),
            ExitCode.REFUSED, "needs a reason",
        ),
        (
            lambda at: ("runbooks.run", "RB-DB-SWITCHOVER", "--env", "production", "--param", "pair=core-db", "--yes",
                        "--emergency", "--reason", "core-db answers nobody", "--key", at.key),
            ExitCode.REFUSED, "documentation or benchmark range",
        ),
    ],
    "runs.resume": [(lambda at: ("runbooks.resume", at.run, "--key", at.key), ExitCode.REFUSED, "is not approved")],
    "runs.rollback": [(lambda at: ("runbooks.rollback", at.run, "--key", at.key), ExitCode.REFUSED, "is not approved")],
    "runs.abandon": [(lambda at: ("runbooks.abandon", at.run, "--key", at.key), ExitCode.REFUSED, "is not approved")],
    "change_apply.apply": [
        (lambda at: ("changes.apply", at.change, "--yes", "--key", at.key), ExitCode.REFUSED, "is not approved"),
    ],
    "drills.run": [(lambda _: ("drills.run", "elsewhere"), ExitCode.REFUSED, "nothing runs there without an approved")],
    "drills.run_due": [(lambda _: ("drills",), ExitCode.REFUSED, "nothing runs there without an approved change")],
    "standby.snapshot": [
        (
            lambda _: ("standby.snapshot", "--protection", "web-spare", "--env", "rehearsal"),
            ExitCode.REFUSED, "nothing runs there without an approved change",
        ),
        (lambda _: ("standby.snapshot", "--due", "--env", "production"), ExitCode.REFUSED, "nothing runs there"),
    ],
    # These ask the lab's own hosts and no others; here there is no lab.
    "standby.status": [(lambda _: ("standby.status",), ExitCode.PREREQUISITE, "the lab is not up")],
    "journal.verify": [(lambda _: ("journal.verify", "--hosts"), ExitCode.PREREQUISITE, "the lab is not up")],
}  # fmt: skip


def test_there_is_a_command_for_every_task_that_touches_hosts() -> None:
    touching = {name for name, task in all_tasks().items() if getattr(task, "touches", None) is Touches.HOSTS}
    assert touching == COMMANDS.keys()


@apart
@pytest.mark.parametrize(
    ("name", "number"), [(name, number) for name, cases in COMMANDS.items() for number in range(len(cases))]
)
def test_what_is_not_approved_is_refused_and_sends_nothing(
    unapproved: Waiting, tmp_path: Path, name: str, number: int
) -> None:
    command, code, words = COMMANDS[name][number]
    out = tmp_path / "sent"
    before = state(unapproved.clone.root)
    done = unapproved.clone.inv(*command(unapproved), before=watched(out))
    said = " ".join((done.stdout + done.stderr).split())
    assert (done.returncode, words in said) == (code, True), said
    assert int(out.read_text()) == 0
    assert state(unapproved.clone.root) == before


@apart
@pytest.mark.parametrize("touched", [False, True])
def test_only_what_has_changed_something_goes_on_past_what_apply_asks(
    approved: Waiting, tmp_path: Path, *, touched: bool
) -> None:
    """A file that differs from its commit is asked of by apply alone, and so stands for window, freeze and debts."""
    run = approved.new_run(touched=touched)
    file = approved.clone.root / "cmdb.yaml"
    before = file.read_text()
    file.write_text(before + "# not committed\n")
    try:
        out = tmp_path / "sent"
        done = approved.clone.inv("runbooks.resume", run, "--key", approved.key, before=watched(out))
    finally:
        file.write_text(before)
    said = " ".join((done.stdout + done.stderr).split())
    assert ("not committed" in said) is not touched, said
    assert (f"to give it up: ./inv runbooks.abandon {run}" in said) is not touched, said
    assert done.returncode != 0
    assert int(out.read_text()) == 0  # the lab is not up here


def state(root: Path) -> list[str]:
    """Give what a refused command must leave as it was: changes, and what ran."""
    files = [path for place in ("changes", ".drillbook/runs") for path in (root / place).rglob("*") if path.is_file()]
    return sorted(f"{path}: {path.stat().st_size}" for path in files)
