"""A runbook bound to an estate, an environment and parameters. Pure: it reads no file and asks no host."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from drillbook.errors import Refused, UsageError
from drillbook.plan.commands import command, playbook, port_number
from drillbook.plan.fencing import Bound, require_proof
from drillbook.plan.fitting import require_fitting
from drillbook.plan.model import (
    Action,
    Assumption,
    CheckRun,
    Command,
    FenceRun,
    Hand,
    ManualStep,
    Plan,
    PlannedSlot,
    PlannedStep,
    PlannedUndo,
    PlaybookRun,
    PowerRun,
    Target,
    WaitRun,
)
from drillbook.plan.scope import parameter_texts, scope_of
from drillbook.plan.slots import slots_of
from drillbook.plan.targets import target_of
from drillbook.plan.touched import interrupted, slice_of
from drillbook.plan.typed import hand_text
from drillbook.plan.values import Scope, bind_check, text
from drillbook.runbook.model import (
    Check,
    Fence,
    Manual,
    Playbook,
    Power,
    Repeat,
    Run,
    SubRunbook,
    Text,
    Verb,
    Wait,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from drillbook.cmdb.model import Cmdb
    from drillbook.runbook.model import Kind, Runbook, Step, Undo

ASSUMPTION_TIMEOUT = 10.0
"""Seconds that an assumption of a called runbook may take, which becomes a step of the plan."""

_MAX_STEPS = 2000


def make_plan(
    *,
    cmdb: Cmdb,
    runbook: Runbook,
    runbooks: Mapping[str, Runbook],
    environment: str,
    parameters: Mapping[str, str],
    artifacts_digest: str,
    engine: str,
) -> Plan:
    """Bind a runbook, and those that it calls, to exact commands.

    Args:
        cmdb: the estate.
        runbook: the runbook to bind.
        runbooks: the runbooks by id that it may call.
        environment: the id of an environment of the estate.
        parameters: texts for the runbook's parameters by name; those with a default may be left out.
        artifacts_digest: the digest of what it may call, from ``artifacts.seal``.
        engine: the version of drillbook.

    Returns:
        The plan; the same input gives the same canonical bytes.

    Raises:
        UsageError: an unknown or missing parameter, environment or item, or a protection of a kind that the runbook
            is not for; the remedy says what there is.
        Refused: the plan could harm: two roles on one host, a promotion without proof, a value that
            could become syntax, a login to a host that may be off, or a value that does not exist.
    """
    return _Planner(cmdb, runbooks, environment).plan(
        runbook, parameters, artifacts_digest=artifacts_digest, engine=engine
    )


@contextmanager
def _step_named(id_: str) -> Iterator[None]:
    """Say in which step of the plan something was refused."""
    try:
        yield
    except (Refused, UsageError) as error:
        if error.message.startswith("step "):
            raise
        raise type(error)(f"step {id_}: {error.message}", remedy=error.remedy) from None


class _Planner:
    """Collects the steps of all runbooks in their order, and what they touch."""

    def __init__(self, cmdb: Cmdb, runbooks: Mapping[str, Runbook], environment: str) -> None:
        self.cmdb = cmdb
        self.runbooks = runbooks
        self.environment = environment
        self.steps: list[Bound] = []
        self.slots: list[PlannedSlot] = []
        self.scopes: list[Scope] = []
        self.targets: dict[str, Target] = {}
        self.asked: set[str] = set()  # items that the run logs in to
        self.changed: set[str] = set()  # items that an effect acts on
        self.doubtful: set[str] = set()  # items that some role calls unreachable
        self.down: set[str] = set()  # items that may be off at this point of the plan
        self.required: set[str] = set()  # items that the outermost runbook has to reach

    def plan(self, runbook: Runbook, parameters: Mapping[str, str], *, artifacts_digest: str, engine: str) -> Plan:
        scope = self.enter(runbook, parameters)
        assumptions = []
        for sentence, call in runbook.assumptions:
            with _step_named("assumptions"):
                assumptions.append(Assumption(sentence, self.check(bind_check(call, scope))))
        self.add_steps(runbook, scope, prefix="", kinds=(runbook.kind,), chain=(runbook.id,))
        require_proof(self.cmdb, self.steps, self.targets)
        self.choosable()
        reachable = self.asked - self.doubtful
        for item in scope.roles.values():
            self.touch(item)
        protections = [each.protection for each in self.scopes if each.protection]
        services = interrupted(self.cmdb, protections, self.changed)
        return Plan(
            runbook=runbook.id,
            title=runbook.title,
            kind=runbook.kind,
            runbook_digest=runbook.digest,
            environment=self.environment,
            parameters=parameter_texts(scope),
            protection=scope.protection,
            roles=dict(scope.roles),
            targets=dict(sorted(self.targets.items())),
            reachable=tuple(sorted(reachable)),
            locks=tuple(sorted(reachable & self.changed)),
            services=services,
            assumptions=tuple(assumptions),
            steps=tuple(bound.step for bound in self.steps),
            artifacts_digest=artifacts_digest,
            cmdb_slice=slice_of(
                self.cmdb, self.environment, items=self.targets, protections=protections, services=services
            ),
            engine=engine,
            slots=tuple(self.slots),
        )

    def enter(self, runbook: Runbook, parameters: Mapping[str, str], *, prefix: str = "") -> Scope:
        require_fitting(self.cmdb, runbook, self.runbooks, self.environment, parameters)
        scope = scope_of(self.cmdb, runbook, self.environment, parameters, prefix=prefix)
        self.scopes.append(scope)
        with _step_named("slots"):
            self.slots += slots_of(runbook, scope)
        for name, role in runbook.roles.items():
            item = scope.roles[name]
            if not prefix and role.reachable:
                self.required.add(item)
            # What the whole has to reach is there for its parts, whatever a part by itself could do without.
            if not role.reachable and item not in self.doubtful | self.required:
                self.doubtful.add(item)
                self.down.add(item)
        return scope

    def choosable(self) -> None:
        """Refuse a slot that is chosen on a host which may be off when its runbook begins."""
        for slot in self.slots:
            item = slot.check.item
            if item in self.doubtful:
                raise Refused(
                    f"the slot {slot.name} is chosen on {item} when the run begins, and that may be off then",
                    remedy="choose it on another host",
                )
            self.touch(item)
            self.asked.add(item)

    def add_steps(
        self, runbook: Runbook, scope: Scope, *, prefix: str, kinds: tuple[Kind, ...], chain: tuple[str, ...]
    ) -> None:
        for step in runbook.steps:
            id_ = prefix + step.id
            with _step_named(id_):
                if len(self.steps) >= _MAX_STEPS:
                    raise Refused(f"the plan has over {_MAX_STEPS} steps")
                if isinstance(step.action, SubRunbook):
                    self.add_called(step.action, scope, prefix=f"{id_}/", kinds=kinds, chain=chain)
                else:
                    self.steps.append(Bound(self.step(step, scope, id_), kinds, scope.protection))

    def add_called(
        self,
        action: SubRunbook,
        outer: Scope,
        *,
        prefix: str,
        kinds: tuple[Kind, ...],
        chain: tuple[str, ...],
    ) -> None:
        called = self.runbooks.get(action.runbook)
        if called is None:
            raise UsageError(f"there is no runbook '{action.runbook}'", remedy=f"there are {', '.join(self.runbooks)}")
        if called.id in chain:
            raise Refused(f"the runbook calls itself: {' → '.join([*chain, called.id])}")
        given = {name: text(template, outer) for name, template in action.parameters.items()}
        scope = self.enter(called, given, prefix=prefix)
        kinds = (*kinds, called.kind)
        for number, (sentence, call) in enumerate(called.assumptions, start=1):
            check = self.check(bind_check(call, scope))
            step = _assumption_step(f"{prefix}assumption-{number}", sentence, check)
            self.steps.append(Bound(step, kinds, scope.protection))
        self.add_steps(called, scope, prefix=prefix, kinds=kinds, chain=(*chain, called.id))

    def step(self, step: Step, scope: Scope, id_: str) -> PlannedStep:
        item = scope.roles[step.on] if step.on is not None else None
        action = self.action(step, scope, id_, item)
        if isinstance(action, FenceRun):
            self.down.add(action.item)
        elif isinstance(action, PowerRun):
            self.down.discard(action.item)
        return PlannedStep(
            id=id_,
            title=step.title,
            verb=step.verb,
            item=item,
            action=action,
            verify=tuple(self.check(bind_check(call, scope)) for call in step.verify),
            undo=self.undo(step.undo, scope, id_, item),
            timeout=step.timeout,
            repeat=step.repeat,
            by_hand=tuple(
                Hand(
                    item=scope.roles[hand.on] if hand.on is not None else None,
                    do=(
                        Text(*(hand_text(each, scope, typed=False) for each in (hand.do.en, hand.do.zh)))
                        if isinstance(hand.do, Text)
                        else hand_text(hand.do, scope, typed=hand.on is not None)
                    ),
                    see=hand.see,
                )
                for hand in step.by_hand
            ),
        )

    def action(self, step: Step, scope: Scope, id_: str, item: str | None) -> Action:
        match step.action:
            case Check(call=call):
                return self.check(bind_check(call, scope))
            case Wait(call=call, interval=interval):
                return WaitRun(self.check(bind_check(call, scope)), interval)
            case Manual(instruction=instruction):
                if item is not None:
                    self.touch(item)
                return ManualStep(instruction)
        if item is None:
            raise Refused("it acts on a host, and no role says on which; add 'on'")
        self.touch(item)
        match step.action:
            case Run() as run:
                self.changed.add(self.log_in(item))
                return command(run, scope, step=id_)
            case Playbook() as called:
                self.changed.add(self.log_in(item))
                return playbook(called, scope, item=item)
            case Fence() as fence:
                return self.fence(fence, scope, item)
            case Power(state=state):
                self.changed.add(item)
                return PowerRun(item, state)
        raise AssertionError(step.action)

    def fence(self, fence: Fence, scope: Scope, item: str) -> FenceRun:
        self.changed.add(item)
        witnesses = tuple(scope.roles[name] for name in fence.witnesses)
        for witness in witnesses:
            self.touch(witness)
        present = [witness for witness in witnesses if witness not in self.down]
        if not present:
            raise Refused(f"every witness may be off: {', '.join(witnesses)}; name one that the run can reach")
        self.asked.update(present)
        return FenceRun(item, witnesses, tuple(port_number(text(port, scope)) for port in fence.silent_ports))

    def undo(self, undo: Undo, scope: Scope, id_: str, item: str | None) -> PlannedUndo:
        action: Command | PlaybookRun | None = None
        if undo.action is not None:
            if item is None:
                raise Refused("its undo acts on a host, and no role says on which; add 'on'")
            if isinstance(undo.action, Run):
                action = command(undo.action, scope, step=id_)
            else:
                action = playbook(undo.action, scope, item=item)
        return PlannedUndo(action=action, irreversible=undo.irreversible)

    def check(self, check: CheckRun) -> CheckRun:
        self.log_in(check.item)
        return check

    def log_in(self, item: str) -> str:
        self.touch(item)
        if item in self.down:
            raise Refused(
                f"this logs in to {item}, which may be off at this point",
                remedy="act on another host, or switch it on first with power: on",
            )
        self.asked.add(item)
        return item

    def touch(self, item: str) -> None:
        if item in self.targets:
            return
        self.targets[item] = target_of(self.cmdb, item, self.environment)


def _assumption_step(id_: str, sentence: Text, check: CheckRun) -> PlannedStep:
    """Give a called runbook's assumption as a step: it must hold when that runbook begins, not before."""
    return PlannedStep(
        id=id_,
        title=sentence,
        verb=Verb.VERIFY,
        item=check.item,
        action=check,
        verify=(),
        undo=PlannedUndo(action=None, irreversible=None),
        timeout=ASSUMPTION_TIMEOUT,
        repeat=Repeat.SAFE,
        by_hand=(),
    )
