"""All commands that a plan can send to its hosts, for those that let nothing else pass (``hosts.only``).

Effects and undos stand in the plan. A check is a program: it is run against a host that answers nothing, and what it
asked is noted. What a check asks only after an answer is not found so, and its host will refuse it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from drillbook.artifacts.seal import Sealed
from drillbook.errors import Refused
from drillbook.execution.fence import look_words
from drillbook.execution.start import step_key
from drillbook.facts.checks import Checks
from drillbook.facts.clocks import ASK_TIME
from drillbook.hosts.anchors import ASK_ANCHORS
from drillbook.hosts.connection import Completed
from drillbook.hosts.only import Allowed, allowed_effect
from drillbook.plan.model import CheckRun, Command, FenceRun, PlaybookRun, WaitRun

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from drillbook.hosts.connection import Hosts
    from drillbook.plan.model import Plan


def approved_commands(plan: Plan, artifacts: Path) -> list[Allowed]:
    """Give what the plan's run may send.

    Args:
        plan: the plan.
        artifacts: a copy of playbooks/ whose digest is the plan's.

    Raises:
        Refused: a step runs a playbook, or a value is chosen when the run begins: nobody knows the commands before.
    """
    if plan.slots:
        raise Refused(
            f"the plan chooses {plan.slots[0].name} when it runs, so no list can name the commands that hold it",
            remedy="apply this change without a certificate; docs/enforcement.md says what then holds",
        )
    playbooks = [step.id for step in plan.steps if isinstance(step.action, PlaybookRun)]
    if playbooks:
        raise Refused(
            f"step {playbooks[0]} runs a playbook: Ansible sends programs that are made at the run, so no list can "
            "name them",
            remedy="apply this change without a certificate; docs/enforcement.md says what then holds",
        )
    return [*_effects(plan), *_checks(plan, artifacts), *_fencing(plan), *_asked_of_all(plan)]


def _effects(plan: Plan) -> Iterator[Allowed]:
    for step in plan.steps:
        if isinstance(step.action, Command) and step.item is not None:
            yield allowed_effect(step.item, step_key(step.id, 1), step.action)
        if isinstance(step.undo.action, Command) and step.item is not None:
            yield allowed_effect(step.item, f"undo.{step_key(step.id, 1)}", step.undo.action)


def _checks(plan: Plan, artifacts: Path) -> Iterator[Allowed]:
    asked = _Asked()
    checks = Checks(Sealed(plan.artifacts_digest, artifacts), cast("Hosts", asked))
    for check in _all_checks(plan):
        checks.run(check)
    yield from asked.commands


def _all_checks(plan: Plan) -> Iterator[CheckRun]:
    for assumption in plan.assumptions:
        yield assumption.check
    for step in plan.steps:
        yield from step.verify
        if isinstance(step.action, CheckRun):
            yield step.action
        elif isinstance(step.action, WaitRun):
            yield step.action.check


def _fencing(plan: Plan) -> Iterator[Allowed]:
    for step in plan.steps:
        if isinstance(step.action, FenceRun):
            for witness in step.action.witnesses:
                words = look_words(step.action, plan.targets[step.action.item], plan.targets[witness])
                yield Allowed(witness, None, tuple(words))


def _asked_of_all(plan: Plan) -> Iterator[Allowed]:
    for item in plan.targets:
        yield Allowed(item, None, ASK_TIME)
        yield Allowed(item, None, ASK_ANCHORS)


class _Asked:
    """Stands for all hosts, answers nothing, and notes what was asked."""

    def __init__(self) -> None:
        self.commands: list[Allowed] = []

    def __getitem__(self, item: str) -> Any:
        return _Asking(item, self.commands)


class _Asking:
    def __init__(self, item: str, commands: list[Allowed]) -> None:
        self.target = self
        self.item = item
        self._commands = commands

    def run(self, argv: Sequence[str], *, timeout: float) -> Completed:
        del timeout
        self._commands.append(Allowed(self.item, None, tuple(argv)))
        return Completed(1, "", "", 0.0)
