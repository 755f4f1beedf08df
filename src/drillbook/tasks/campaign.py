"""Full campaigns, of which the tests run a sample. Those on hosts bring the lab up when it is down."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from drillbook.tasks.common import Touches, estate_root, task

if TYPE_CHECKING:
    from invoke.context import Context


def _campaign(module: str, *given: str, **numbers: int) -> None:
    """Run a campaign of tests/crash in the checkout, with options of these names, and end as it ends."""
    options = [text for name, number in numbers.items() for text in (f"--{name}", str(number))]
    command = [sys.executable, "-m", f"tests.crash.{module}", *options, *given]
    sys.exit(subprocess.run(command, cwd=estate_root(), check=False).returncode)


@task(
    touches=Touches.MACHINE,
    help={
        "sample": "how many records of each runbook to kill after; 0 is all of them",
        "twice": "how many runs of each runbook to kill in resuming too",
        "back": "how many runs to roll back, where every step can be undone, and to kill in that",
        "seed": "which ones, when it is a sample",
        "runbook": "only this runbook",
    },
)
def crash(_: Context, sample: int = 0, twice: int = 0, back: int = 0, seed: int = 1, runbook: str = "") -> None:
    """Kill -9 the engine after each journal record, resume, and compare the end states (an hour and a half)."""
    _campaign("campaign", *([runbook] if runbook else []), sample=sample, twice=twice, back=back, seed=seed)


@task(
    touches=Touches.MACHINE,
    help={
        "times": "how many returns",
        "skip": "leave out so many: an earlier campaign had them",
        "seed": "when in each",
        "without_guard": "the control: two hosts must be seen",
    },
)
def split_brain(_: Context, times: int = 50, skip: int = 0, seed: int = 1, without_guard: bool = False) -> None:
    """Give a dead host its power back in the middle of a promotion; count who answers for its address (40 minutes)."""
    _campaign("split_brain", *(["--without-guard"] if without_guard else []), times=times, skip=skip, seed=seed)


@task(
    touches=Touches.NOTHING,
    help={"mutations": "how many; of each a journal, a signature or a plan is changed", "seed": "which ones"},
)
def journal(_: Context, mutations: int = 10_000, seed: int = 1) -> None:
    """Change signed journals at random, and find every change (about a minute; needs no lab)."""
    _campaign("journal_mutations", mutations=mutations, seed=seed)


@task(touches=Touches.MACHINE, help={"times": "how many changes are raced for"})
def race(_: Context, times: int = 100) -> None:
    """Apply approved changes at the same moment as two people; exactly one runs (15 minutes)."""
    _campaign("races", times=times)
