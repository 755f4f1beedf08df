"""Tasks that test this repository: ``test`` (everything), ``test.quick`` (under a minute), ``test.lint``."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from drillbook.tasks.common import Touches, estate_root, task

if TYPE_CHECKING:
    from invoke.context import Context


_NO_TEST = 5


def _must(*command: str) -> bool:
    """Run one of the environment's programs in the checkout; a failure of its is ours.

    Gives False when pytest was asked for names that none of its tests has.
    """
    done = subprocess.run([sys.executable, "-m", *command], cwd=estate_root(), check=False)
    if command[0] == "pytest" and "-k" in command and done.returncode == _NO_TEST:
        return False
    if done.returncode:
        sys.exit(done.returncode)
    return True


def _lint() -> None:
    _must("ruff", "check", ".")
    _must("ruff", "format", "--check", ".")
    _must("mypy")


@task(
    touches=Touches.MACHINE,
    default=True,
    name="all",
    help={"only": "a pytest expression of names, as for pytest -k"},
)
def everything(_: Context, only: str = "") -> None:
    """Lint, types, and all tests, those on the lab's real hosts included (needs root)."""
    _lint()
    if os.geteuid() != 0:
        sys.stderr.write("Left out: the tests on the lab's hosts need root (sudo ./inv test).\n")
    names = ["-k", only] if only else []
    # Tests without hosts run side by side; those with hosts share one lab.
    found = _must("pytest", "-q", "-n", "auto", "-m", "not lab", *names)
    found |= _must("pytest", "-v", "-m", "lab", "--durations=10", *names)
    if not found:
        sys.exit(_NO_TEST)


@task(touches=Touches.FILES)
def quick(_: Context) -> None:
    """Lint, and the unit tests that need no host and no patience; under a minute."""
    _lint()
    _must("pytest", "-q", "-n", "auto", "-m", "not lab and not slow", "tests/unit")


@task(touches=Touches.NOTHING)
def lint(_: Context) -> None:
    """Ruff and mypy."""
    _lint()
