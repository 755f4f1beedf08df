"""The lab for tests: brought up once, healed between modules, taken down only if it was not up before.

Modules may come in any order: each finds every host whole and every role where the CMDB has it (``lab``), and one that
leaves a role elsewhere fails.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from drillbook.cmdb.load import load
from drillbook.errors import MissingPrerequisite
from drillbook.hosts.connection import HostConnection
from drillbook.lab import lifecycle
from drillbook.lab.access import lab_access
from drillbook.lab.state import read_state
from drillbook.plan.model import PowerControl, Target
from drillbook.tasks.lab import lab_environment
from tests.estate_copy import ROOT
from tests.lab.few_hosts import few_hosts
from tests.lab.roles import strayed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.cmdb.model import Cmdb
    from drillbook.lab.state import LabState
    from drillbook.progress import Phase
    from tests.lab.engine_help import Runner


class Silent:
    """A progress that nobody watches; keeps the titles of the phases that began."""

    def __init__(self) -> None:
        self.titles: list[str] = []

    @contextmanager
    def phase(self, title: str, *, usual: float | None = None) -> Iterator[Phase]:
        self.titles.append(title)
        yield self

    def note(self, text: str) -> None:
        pass


def bring_up(*, cmdb: Cmdb | None = None, fresh: bool = False, progress: Silent | None = None) -> LabState:
    """Bring the lab of this checkout up, or of another CMDB of it."""
    cmdb = cmdb or load(ROOT)
    return lifecycle.up(cmdb, environment=lab_environment(cmdb), root=ROOT, progress=progress or Silent(), fresh=fresh)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what needs few hosts last: between a lab of few and the whole one all hosts are made anew."""
    items.sort(key=_has_few)


def _has_few(node: pytest.Item | pytest.Collector) -> bool:
    return node.get_closest_marker("few_hosts") is not None


@pytest.fixture(scope="module")
def estate(request: pytest.FixtureRequest) -> Cmdb:
    """This checkout's CMDB; with few hosts in the lab, where a module is marked so."""
    return few_hosts() if _has_few(request.node) else load(ROOT)


@pytest.fixture(scope="session")
def lab_machine() -> Iterator[None]:
    """A machine that can have the lab; skipped without root, but not in continuous integration."""
    if os.geteuid() != 0:
        if os.environ.get("CI") == "true":
            pytest.fail("the lab's tests need root, and continuous integration must not leave them out")
        pytest.skip("the lab needs root")
    # Two test runs on one machine would take each other's lab away.
    with Path("/run/lock/drillbook-lab-tests").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            read_state()
        except MissingPrerequisite:
            was_up = False
        else:
            was_up = True
        yield
        if not was_up:
            lifecycle.down(root=ROOT)


@pytest.fixture(scope="module")
def lab(lab_machine: None, estate: Cmdb) -> Iterator[LabState]:
    """The lab, whole at the beginning of the module, with every role where the CMDB has it; so must it be left."""
    state = bring_up(cmdb=estate)
    if strayed(state, estate):
        state = bring_up(cmdb=estate, fresh=True)
    assert strayed(state, estate) == {}
    yield state
    left = strayed(read_state(), estate)
    assert left == {}, f"this module leaves service addresses where the next one does not look for them: {left}"


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """Runs small plans on a host that holds nothing of earlier ones."""
    from tests.lab.engine_help import HOST, Runner

    runner = Runner(tmp_path)
    runner.on_host(HOST, "rm -rf /tmp/t; mkdir -m 1777 /tmp/t; rm -f /var/lib/drillbook/lock /run/second")
    return runner


@pytest.fixture
def to(lab):
    """Connections to hosts of the lab, by item; closed in the end."""
    made = {}

    def connect(item):
        if item not in made:
            target = Target(item, lab.hosts[item].address, 22, "root", PowerControl("lab", {}))
            made[item] = HostConnection(target, lab_access(), connect_timeout=1.0)
        return made[item]

    yield connect
    for connection in made.values():
        connection.close()


@pytest.fixture
def do(to):
    """Runs a shell text on the application server, or another host, and gives what it prints."""

    def run(text, item="core-app-1"):
        done = to(item).run(["bash", "-c", text], timeout=20)
        return done.stdout.strip() + done.stderr.strip()

    return run
