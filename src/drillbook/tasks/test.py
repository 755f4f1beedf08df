"""Tasks that test this repository: ``test`` (everything), ``test.quick`` (under a minute), ``test.lint``."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from drillbook.tasks.common import Touches, estate_root, task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invoke.context import Context

    from drillbook.tasks.side_by_side import Ended, Part


_NO_TEST = 5
_LINT = (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",))
# Timed measurements are made on hosts, so they come first where the machine cannot do both at once.
_LAST = ("nice", "-n", "10")


def _must(*command: str) -> None:
    """Run one of the environment's programs in the checkout; a failure of its is ours."""
    done = subprocess.run([sys.executable, "-m", *command], cwd=estate_root(), check=False)
    if done.returncode:
        sys.exit(done.returncode)


def _lint() -> None:
    for command in _LINT:
        _must(*command)


@task(
    touches=Touches.MACHINE,
    default=True,
    name="all",
    help={"only": "a pytest expression of names, as for pytest -k"},
)
def everything(_: Context, only: str = "") -> None:
    """Lint, types, and all tests, those on the lab's real hosts included (needs root)."""
    from drillbook.tasks.side_by_side import Part, SideBySide

    if os.geteuid() != 0:
        sys.stderr.write("Left out: the tests on the lab's hosts need root (sudo ./inv test).\n")
    python = (sys.executable, "-m")
    pytest = (*python, "pytest", *(["--color=yes"] if sys.stdout.isatty() else []), *(["-k", only] if only else []))
    lint = Part("lint", tuple((*_LAST, *python, *command) for command in _LINT))
    # Tests without hosts use what the others, which share one lab and mostly wait for it, leave of the machine.
    without = Part("without hosts", ((*_LAST, *pytest, "-q", "-n", "auto", "--ignore=tests/lab"),))
    on_hosts = Part("on hosts", ((*pytest, "-v", "--durations=10", "tests/lab"),))
    both = SideBySide(estate_root(), width=len(without.name))
    both.run([[lint, without], [on_hosts]])
    if both.stopped:
        raise KeyboardInterrupt
    sys.exit(summed((lint, without, on_hosts), both.ended, named=bool(only)))


def summed(parts: Sequence[Part], found: Sequence[Ended], *, named: bool) -> int:
    """Print how each part ended and give the exit code of all: 1 when one never did.

    ``named``: a part may have no test of that name.
    """
    ended = sorted(found, key=lambda each: parts.index(each.part))
    none = [each for each in ended if named and each.code == _NO_TEST]
    failed = [each for each in ended if each.code and each not in none]
    sys.stdout.write("\n")
    for each in ended:
        how = f"failed ({each.code})" if each in failed else "no test of that name" if each in none else "ok"
        sys.stdout.write(f"{each.part.name:<13}  {each.seconds / 60:5.1f} min  {how}\n")
    missing = [part.name for part in parts if part not in [each.part for each in ended]]
    for name in missing:
        sys.stdout.write(f"{name:<13}  never ended\n")
    if failed:
        return max(1, failed[0].code)
    if missing:
        return 1
    return _NO_TEST if len(none) == len(ended) - 1 else 0


@task(touches=Touches.FILES)
def quick(_: Context) -> None:
    """Lint, and the unit tests that need no host and no patience; under a minute."""
    _lint()
    _must("pytest", "-q", "-n", "auto", "-m", "not lab and not slow", "tests/unit")


@task(touches=Touches.NOTHING)
def lint(_: Context) -> None:
    """Ruff and mypy."""
    _lint()
