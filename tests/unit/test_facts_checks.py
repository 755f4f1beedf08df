"""How long a check may take on its host: what is slow is not what is down, and nothing outlasts its step."""

from __future__ import annotations

import shutil
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from drillbook.artifacts.seal import seal
from drillbook.errors import OutcomeUnknown
from drillbook.execution.actions import World, wait_for
from drillbook.facts.checks import COMMAND_TIMEOUT, Checks, limit_of
from drillbook.hosts.connection import Completed
from drillbook.plan.model import CheckRun, WaitRun

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from drillbook.hosts.connection import Hosts

CHECK = CheckRun("checks/disk.py", "is_whole", "db-1", {})
TEXT = '''
def is_whole(host):
    """Walk the whole disk."""
    assert host.run("walk").rc == 0
'''


class Slow:
    """A host, the clock beside it and the connection to it: a command takes ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self.target = SimpleNamespace(item="db-1")
        self.seconds, self.now = seconds, 0.0
        self.allowed: list[float] = []

    def __getitem__(self, _item: str) -> Slow:
        return self

    def run(self, _argv: Sequence[str], *, timeout: float) -> Completed:
        self.allowed.append(timeout)
        self.now += min(timeout, self.seconds)
        if self.seconds > timeout:
            raise OutcomeUnknown("db-1: it did not end in time")
        return Completed(0, "", "", self.seconds)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "estate/playbooks/checks").mkdir(parents=True)
    (tmp_path / "estate/playbooks/checks/disk.py").write_text(TEXT)
    yield tmp_path
    for each in [tmp_path / "sealed", *(tmp_path / "sealed").rglob("*")]:
        if each.is_dir():
            each.chmod(0o755)
    shutil.rmtree(tmp_path / "sealed")


def checks_of(folder: Path, host: Slow) -> Checks:
    return Checks(seal(folder / "estate", folder / "sealed"), cast("Hosts", host))


@pytest.mark.parametrize(
    ("waited", "left", "limit"),
    [(0, 600, COMMAND_TIMEOUT), (40, 600, 40), (500, 100, 100), (599, 1, COMMAND_TIMEOUT)],
)
def test_the_limit_grows_with_the_wait_and_ends_with_the_step(waited: float, left: float, limit: float) -> None:
    assert limit_of(waited, left) == limit


def test_a_command_that_takes_too_long_is_not_known_and_one_that_may_take_as_long_holds(folder: Path) -> None:
    checks = checks_of(folder, Slow(30))
    late = checks.run(CHECK)
    assert (late.held, late.known) == (False, False)
    assert checks.run(CHECK, limit=30).held
    assert not checks.run(CHECK).held  # what was allowed once is not allowed for good


@pytest.mark.parametrize(("seconds", "outcome"), [(1, "succeeded"), (90, "succeeded"), (5000, "failed")])
def test_a_wait_ends_with_what_a_slow_check_says_or_with_its_time(folder: Path, seconds: float, outcome: str) -> None:
    host = Slow(seconds)
    world: Any = SimpleNamespace(checks=checks_of(folder, host), clock=host, stopping=lambda: False)
    assert wait_for(WaitRun(CHECK, 0.5), cast("World", world), timeout=600).outcome == outcome
    assert host.now <= 600 + COMMAND_TIMEOUT
    assert host.allowed[0] == COMMAND_TIMEOUT


def test_what_says_that_waiting_will_not_help_is_asked_once_and_all_of_it_is_told(folder: Path) -> None:
    (folder / "estate/playbooks/checks/disk.py").write_text(
        'class WillNot(AssertionError):\n    """."""\n\n\ndef is_whole(host):\n    """."""\n'
        '    host.run("walk")\n    raise WillNot("it differs: " + "x" * 500)\n'
    )
    host = Slow(1)
    world: Any = SimpleNamespace(checks=checks_of(folder, host), clock=host, stopping=lambda: False)
    done = wait_for(WaitRun(CHECK, 0.5), cast("World", world), timeout=600)
    assert (done.outcome, done.detail, host.now) == ("failed", "it differs: " + "x" * 500, 1)
