"""What the tests of the lab itself share: a lab of few hosts, and looks at it.

What heals four hosts heals any number, and here they are made anew again and again.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from drillbook.lab import health, lifecycle, vitals
from drillbook.lab.spec import specs_from
from drillbook.tasks.lab import lab_environment
from tests.lab import conftest
from tests.lab.conftest import ROOT
from tests.lab.few_hosts import few_hosts

if TYPE_CHECKING:
    from drillbook.cmdb.model import Cmdb
    from drillbook.lab.spec import HostSpec
    from drillbook.lab.state import LabState
    from tests.lab.conftest import Silent

MARKS = [pytest.mark.lab, pytest.mark.few_hosts]


def bring_up(*, fresh: bool = False, progress: Silent | None = None) -> LabState:
    return conftest.bring_up(cmdb=few_hosts(), fresh=fresh, progress=progress)


def specs(estate: Cmdb) -> dict[str, HostSpec]:
    return {spec.item: spec for spec in specs_from(estate, lab_environment(estate))}


def first_processes(state: LabState) -> dict[str, int]:
    return {item: vitals.init_pid(host.container_id) for item, host in state.hosts.items()}


def on(estate: Cmdb, item: str, script: str, *values: str) -> str:
    """Run a shell text on a host of the lab and give what it prints; it must succeed."""
    done = health.ssh(specs(estate)[item], script, *values, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def wait_for_ssh(estate: Cmdb, item: str) -> None:
    health.wait_booted([specs(estate)[item]], timeout=30)


def sql(estate: Cmdb, item: str, text: str) -> str:
    return on(estate, item, 'runuser -u postgres -- psql -X -A -t -c "$1"', text)


def living(*words: str) -> list[str]:
    """Give the command lines of running processes that hold all of the words (zombies have none)."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if all(word in line for word in words):
            found.append(line)
    return found


def assert_gone(*words: str) -> None:
    deadline = time.monotonic() + 20
    while left := living(*words):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def assert_whole(estate: Cmdb) -> None:
    status = lifecycle.status(estate, lab_environment(estate), root=ROOT)
    assert status.healthy, status
    assert sql(estate, "core-db-1", "select pg_is_in_recovery()") == "f"
    assert sql(estate, "core-db-2", "select pg_is_in_recovery()") == "t"
