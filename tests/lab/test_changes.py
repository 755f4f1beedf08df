"""An approved change on real hosts, in the rehearsal environment: applied once, resumed, logged; and break-glass."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from drillbook.clock import SystemClock
from drillbook.errors import ExitCode, Refused
from drillbook.facts.clocks import require_same_time
from drillbook.hosts.anchors import FILE
from drillbook.hosts.connection import HostConnection, Hosts
from drillbook.journal.record import read_journal
from drillbook.lab.access import lab_access
from drillbook.plan.model import PowerControl, Target
from tests.estate_clone import APPROVER, MANAGER, OPERATOR, OTHER, Clone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from drillbook.lab.state import LabState

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]


@pytest.fixture(scope="module")
def clone(lab: LabState, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    clone = Clone.make(tmp_path_factory.mktemp("changes"))
    first = clone.primaries[0]
    yield clone
    if clone.primaries[0] != first:
        switch_in_the_lab(clone)
    # Hosts do not forget break-glass, and the next clone of the estate would be asked about it.
    for item in ("core-db-1", "core-db-2"):
        connection(lab, item).run(["rm", "-f", FILE], timeout=10)


def connection(lab: LabState, item: str) -> HostConnection:
    target = Target(item, lab.hosts[item].address, 22, "root", PowerControl("lab", {}))
    return HostConnection(target, lab_access())


def switch_in_the_lab(clone: Clone, *, primary: str = "") -> None:
    """Switch the pair over without a change, from who is primary now or from ``primary``."""
    given = f"primary={primary or clone.primaries[0]}"
    clone.must("runbooks.run", "RB-DB-SWITCHOVER", "--yes", "--param", "pair=core-db", "--param", given)


def approved(clone: Clone) -> str:
    change = clone.new_change()
    clone.approve(change, MANAGER)
    return change


def newest(clone: Clone) -> Path:
    return max((clone.root / ".drillbook/runs").iterdir())


def kinds(folder: Path) -> list[str]:
    journal = folder / "journal.jsonl"
    return [record.kind for record in read_journal(journal)] if journal.is_file() and journal.stat().st_size else []


def switched(clone: Clone, done: subprocess.CompletedProcess[str]) -> None:
    """The run succeeded, so that the other member is primary now."""
    assert done.returncode == 0, done.stdout + done.stderr
    clone.primaries.reverse()


def apply(clone: Clone, change: str, person: str = OPERATOR) -> subprocess.CompletedProcess[str]:
    return clone.inv("changes.apply", change, "--yes", "--key", str(clone.key(person)))


def test_a_change_is_applied_once_and_closed(clone: Clone) -> None:
    change = approved(clone)
    done = apply(clone, change)
    switched(clone, done)
    folder = newest(clone)
    found = kinds(folder)
    # The remote knows of it before the first packet to a host.
    assert found.index("run.opened") < found.index("ledger.entered") < found.index("lock.taken")
    opened = read_journal(folder / "journal.jsonl")[0].data
    assert (opened["change"], opened["change_id"], opened["executor"]) == ("normal", change, OPERATOR)
    assert (folder / "journal.sig").is_file()
    ledger = subprocess.run(
        ["git", "--git-dir", clone.top / "remote.git", "ls-tree", "--name-only", "refs/drillbook/ledger:entries"],
        check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    assert {f"{folder.name}-opened.json", f"{folder.name}-closed.json"} <= set(ledger)

    again = apply(clone, change)
    assert again.returncode == ExitCode.REFUSED
    assert "a change is applied once" in " ".join((again.stdout + again.stderr).split())
    assert newest(clone) == folder

    clone.must("changes.close", change, "--key", str(clone.key(OPERATOR)))
    result = json.loads((clone.root / "changes" / change / "result.json").read_text())
    assert result["result"] == "succeeded"
    assert folder.name in [run["run"] for run in result["runs"]]
    assert clone.inv("journal.verify", "--only", folder.name).returncode == 0


def test_who_approved_does_not_run_it(clone: Clone) -> None:
    change = clone.new_change()
    clone.approve(change, APPROVER, MANAGER)
    done = apply(clone, change, APPROVER)
    assert done.returncode == ExitCode.REFUSED
    assert "who approves a change does not run it" in " ".join(done.stderr.split())
    done = apply(clone, change, OTHER)
    switched(clone, done)


def test_a_run_that_was_killed_is_resumed_by_another_operator(clone: Clone) -> None:
    change = approved(clone)
    process = subprocess.Popen(
        [sys.executable, "-m", "invoke", "changes.apply", change, "--yes", "--key", str(clone.key(OPERATOR))],
        cwd=clone.root, env=clone.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    before = newest(clone)
    end = time.monotonic() + 60
    while time.monotonic() < end and (newest(clone) == before or "step.started" not in kinds(newest(clone))):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    run = newest(clone)
    assert "run.closed" not in kinds(run)
    refused = clone.inv("runbooks.resume", run.name, "--key", str(clone.key(MANAGER)))
    assert refused.returncode == ExitCode.REFUSED, refused.stdout + refused.stderr
    done = clone.inv("runbooks.resume", run.name, "--key", str(clone.key(OTHER)))
    switched(clone, done)
    assert kinds(run)[-1] == "run.closed"


def remote_locks(clone: Clone) -> list[str]:
    listed = ["git", "--git-dir", clone.top / "remote.git", "for-each-ref", "--format=%(refname:lstrip=3)"]
    done = subprocess.run([*listed, "refs/drillbook/locks/"], check=True, capture_output=True, text=True)
    return done.stdout.split()


def said(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join((done.stdout + done.stderr).split())


def stopped_before_anything(
    clone: Clone, lab: LabState, done: subprocess.CompletedProcess[str], code: ExitCode
) -> Path:
    """It stopped with its claim, no host was changed or is held, and the message says how it goes on."""
    assert done.returncode == code, done.stdout + done.stderr
    run = newest(clone)
    assert kinds(run)[-1] == "run.stopped"
    assert "step.started" not in kinds(run)
    assert f"./inv runbooks.resume {run.name}" in said(done)
    assert f"./inv runbooks.abandon {run.name}" in said(done)
    assert remote_locks(clone) == ["rehearsal/core-db-1", "rehearsal/core-db-2"]
    for item in clone.primaries:
        assert connection(lab, item).run(["test", "!", "-e", "/var/lib/drillbook/lock"], timeout=10).exit_code == 0
    return run


def test_an_assumption_that_fails_spends_no_approval(clone: Clone, lab: LabState) -> None:
    clone.primaries.reverse()  # the change is for the one that is the standby now
    change = approved(clone)
    run = stopped_before_anything(clone, lab, apply(clone, change), ExitCode.ASSUMPTION)
    again = apply(clone, change)
    assert again.returncode == ExitCode.REFUSED
    assert f"./inv runbooks.resume {run.name}" in said(again)
    key = str(clone.key(OTHER))
    stopped_before_anything(clone, lab, clone.inv("runbooks.resume", run.name, "--key", key), ExitCode.ASSUMPTION)
    # Made true, by a run of the lab on the same hosts.
    switch_in_the_lab(clone, primary=clone.primaries[1])
    done = clone.inv("runbooks.resume", run.name, "--key", key)
    switched(clone, done)
    assert kinds(run)[-1] == "run.closed"
    assert remote_locks(clone) == []
    clone.must("changes.close", change, "--key", str(clone.key(OPERATOR)))
    result = json.loads((clone.root / "changes" / change / "result.json").read_text())
    assert result["result"] == "succeeded"
    assert {"differed", "stopped", "resumed"} <= {each["kind"] for each in result["deviations"]}
    assert clone.inv("journal.verify", "--only", run.name).returncode == 0


@pytest.fixture
def wrong_clock(lab: LabState) -> Iterator[HostConnection]:
    """A host that says another time. The lab's hosts share this machine's clock, so its ``date`` is another one."""
    host = connection(lab, "core-db-1")
    program = '#!/bin/sh\nexec /usr/bin/date -d -1hour "$@"\n'
    install = 'printf %s "$1" > /usr/local/bin/date && chmod 755 /usr/local/bin/date'
    assert host.run(["sh", "-c", install, "install", program], timeout=10).exit_code == 0
    yield host
    host.run(["rm", "-f", "/usr/local/bin/date"], timeout=10)


def test_a_clock_that_was_wrong_spends_no_approval(clone: Clone, lab: LabState, wrong_clock: HostConnection) -> None:
    done = apply(clone, approved(clone))
    run = stopped_before_anything(clone, lab, done, ExitCode.REFUSED)
    assert "one of the clocks is wrong" in said(done)
    # What is to be run is held against the gate again: nobody believes that a file of the work tree counts.
    file = clone.root / "cmdb.yaml"
    before = file.read_text()
    file.write_text(before + "# not approved\n")
    refused = clone.inv("runbooks.resume", run.name, "--key", str(clone.key(OPERATOR)))
    assert refused.returncode == ExitCode.REFUSED
    assert "not committed" in said(refused)
    assert f"./inv runbooks.abandon {run.name}" in said(refused)
    file.write_text(before)
    resumed = clone.inv("runbooks.resume", run.name, "--key", str(clone.key(OPERATOR)))
    stopped_before_anything(clone, lab, resumed, ExitCode.REFUSED)
    wrong_clock.run(["rm", "-f", "/usr/local/bin/date"], timeout=10)
    switched(clone, clone.inv("runbooks.resume", run.name, "--key", str(clone.key(OPERATOR))))
    assert remote_locks(clone) == []


def test_what_stopped_before_anything_is_given_up(clone: Clone, lab: LabState, wrong_clock: HostConnection) -> None:
    change = approved(clone)
    run = stopped_before_anything(clone, lab, apply(clone, change), ExitCode.REFUSED)
    wrong_clock.run(["rm", "-f", "/usr/local/bin/date"], timeout=10)
    clone.must("runbooks.abandon", run.name, "--key", str(clone.key(OPERATOR)))
    assert remote_locks(clone) == []
    clone.must("changes.close", change, "--key", str(clone.key(OPERATOR)))
    assert json.loads((clone.root / "changes" / change / "result.json").read_text())["result"] == "abandoned"


def test_break_glass_runs_at_once_is_owed_and_then_settled(clone: Clone) -> None:
    away = clone.top / "remote.git"
    hidden = away.rename(clone.top / "gone.git")
    try:
        done = clone.inv(
            "runbooks.run", "RB-DB-SWITCHOVER", *clone.switchover(), "--yes", "--emergency",
            "--reason", "core-db answers nobody, trading stands", "--key", str(clone.key(OPERATOR)),
        )  # fmt: skip
    finally:
        hidden.rename(away)
    switched(clone, done)
    assert "BREAK-GLASS" in done.stdout
    emergency = json.loads((newest(clone) / "journal.jsonl").read_text().splitlines()[0])["data"]["change_id"]
    clone.commit("What was done at night")
    clone.push()
    assert emergency in clone.inv("runbooks.status").stdout

    change = approved(clone)
    refused = apply(clone, change)
    assert refused.returncode == ExitCode.REFUSED
    assert f"is not reviewed yet: {emergency} by {OPERATOR}" in " ".join(refused.stderr.split())

    clone.must(
        "changes.approve", emergency, "--yes", "--verdict", "rejected", "--reason", "It was not down",
        "--key", str(clone.key(MANAGER)),
    )  # fmt: skip
    clone.commit("Reviewed")
    clone.push()
    done = apply(clone, change)
    switched(clone, done)


def test_break_glass_that_only_hosts_know_is_found_before_anything_is_changed(
    clone: Clone, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Clone.make(tmp_path_factory.mktemp("other"))
    other.primaries = list(clone.primaries)
    change = approved(other)
    # A file by that name, of whatever content, does not make it known.
    junk = other.root / "changes" / change / "runs" / newest_emergency(clone)
    junk.mkdir(parents=True)
    (junk / "journal.jsonl").write_bytes((newest(clone) / "journal.jsonl").read_bytes())
    refused = apply(other, change)
    assert refused.returncode == ExitCode.REFUSED
    said = " ".join((refused.stdout + refused.stderr).split())
    assert f"knows of break-glass that nobody has on record: run {newest_emergency(clone)} by {OPERATOR}" in said
    assert "lock.taken" not in kinds(newest(other))


def newest_emergency(clone: Clone) -> str:
    runs = sorted((clone.root / ".drillbook/runs").iterdir())
    return [run.name for run in runs if read_journal(run / "journal.jsonl")[0].data["change"] == "emergency"][-1]


@pytest.mark.parametrize("away", [timedelta(hours=-1), timedelta(days=1), timedelta(seconds=75)])
def test_a_clock_that_differs_from_the_hosts_is_noticed(lab: LabState, away: timedelta) -> None:
    item = "core-db-1"
    target = Target(item, lab.hosts[item].address, 22, "root", PowerControl("lab", {}))
    hosts = Hosts({item: target}, lab_access())
    try:
        require_same_time(hosts, [item], SystemClock())
        with pytest.raises(Refused, match=f"{item} says that it is .* and this machine says"):
            require_same_time(hosts, [item], Away(away))
    finally:
        hosts.close()


@dataclass(frozen=True)
class Away:
    """Our clock, set wrong. (Hosts of the lab share this machine's, so theirs cannot be.)"""

    by: timedelta

    def now(self) -> datetime:
        return SystemClock().now() + self.by

    def monotonic(self) -> float:
        return SystemClock().monotonic()

    def sleep(self, seconds: float) -> None:
        raise AssertionError

    def token(self) -> str:
        raise AssertionError
