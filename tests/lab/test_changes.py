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
    yield Clone.make(tmp_path_factory.mktemp("changes"))
    # Hosts do not forget break-glass, and the next clone of the estate would be asked about it.
    for item in ("core-db-1", "core-db-2"):
        connection(lab, item).run(["rm", "-f", FILE], timeout=10)


def connection(lab: LabState, item: str) -> HostConnection:
    target = Target(item, lab.hosts[item].address, 22, "root", PowerControl("lab", {}))
    return HostConnection(target, lab_access())


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
    refused = apply(other, approved(other))
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
