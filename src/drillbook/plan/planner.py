"""A runbook bound to an estate, an environment and parameters. Pure: it reads no file and asks no host."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from drillbook.errors import Refused, UsageError
from drillbook.plan.binding import Binder
from drillbook.plan.fencing import Bound, require_proof
from drillbook.plan.fitting import require_fitting
from drillbook.plan.model import Assumption, Plan, PlannedPart, PlannedSlot, Target
from drillbook.plan.reach import Reach
from drillbook.plan.scope import parameter_texts, scope_of
from drillbook.plan.slots import slots_of
from drillbook.plan.touched import interrupted, slice_of
from drillbook.plan.values import Scope, text
from drillbook.runbook.model import SubRunbook

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from drillbook.cmdb.model import Cmdb
    from drillbook.runbook.model import Kind, Runbook, Step

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
        self.reach = Reach(cmdb, environment, self.targets)
        self.parts: list[tuple[PlannedPart, Reach]] = []

    def plan(self, runbook: Runbook, parameters: Mapping[str, str], *, artifacts_digest: str, engine: str) -> Plan:
        scope = self.enter(runbook, parameters, outermost=True)
        binder = Binder(scope, self.reach)
        assumptions = []
        for sentence, call in runbook.assumptions:
            with _step_named("assumptions"):
                assumptions.append(Assumption(sentence, binder.check(call)))
        if any(isinstance(step.action, SubRunbook) and step.action.independent for step in runbook.steps):
            if assumptions or self.slots:
                raise Refused("it has assumptions or slots beside independent calls; each part has its own")
            self.add_parts(runbook, scope)
        else:
            self.add_steps(runbook, scope, prefix="", kinds=(runbook.kind,), chain=(runbook.id,))
            require_proof(self.cmdb, self.steps, self.targets)
            self.reach.choose(self.slots)
        for item in scope.roles.values():
            self.reach.touch(item)
        protections = _protections(self.scopes)
        services = interrupted(
            self.cmdb, protections, self.reach.changed.union(*(own.changed for _, own in self.parts))
        )
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
            reachable=tuple(sorted(self.reach.reachable.union(*map(self.there, self.parts)))),
            locks=tuple(sorted(_locks(self.reach).union(*(part.locks for part, _ in self.parts)))),
            services=services,
            assumptions=tuple(assumptions),
            steps=tuple(bound.step for bound in self.steps),
            artifacts_digest=artifacts_digest,
            cmdb_slice=slice_of(
                self.cmdb, self.environment, items=self.targets, protections=protections, services=services
            ),
            engine=engine,
            slots=tuple(self.slots),
            parts=tuple(part for part, _ in self.parts),
        )

    def enter(
        self, runbook: Runbook, parameters: Mapping[str, str], *, prefix: str = "", outermost: bool = False
    ) -> Scope:
        require_fitting(self.cmdb, runbook, self.runbooks, self.environment, parameters)
        scope = scope_of(self.cmdb, runbook, self.environment, parameters, prefix=prefix)
        self.scopes.append(scope)
        with _step_named("slots"):
            self.slots += slots_of(runbook, scope)
        self.reach.enter(runbook, scope.roles, outermost=outermost)
        return scope

    def add_steps(
        self, runbook: Runbook, scope: Scope, *, prefix: str, kinds: tuple[Kind, ...], chain: tuple[str, ...]
    ) -> None:
        binder = Binder(scope, self.reach)
        for step in runbook.steps:
            id_ = prefix + step.id
            with _step_named(id_):
                if len(self.steps) >= _MAX_STEPS:
                    raise Refused(f"the plan has over {_MAX_STEPS} steps")
                if not isinstance(step.action, SubRunbook):
                    self.steps.append(Bound(binder.step(step, id_), kinds, scope.protection))
                    continue
                if step.action.independent:
                    raise Refused(f"{runbook.id} has independent calls beside other steps, or is called itself")
                self.add_called(step.action, scope, prefix=f"{id_}/", kinds=kinds, chain=chain)

    def add_called(
        self,
        action: SubRunbook,
        outer: Scope,
        *,
        prefix: str,
        kinds: tuple[Kind, ...],
        chain: tuple[str, ...],
        outermost: bool = False,
    ) -> None:
        called = self.runbooks.get(action.runbook)
        if called is None:
            raise UsageError(f"there is no runbook '{action.runbook}'", remedy=f"there are {', '.join(self.runbooks)}")
        if called.id in chain:
            raise Refused(f"the runbook calls itself: {' → '.join([*chain, called.id])}")
        given = {name: text(template, outer) for name, template in action.parameters.items()}
        scope = self.enter(called, given, prefix=prefix, outermost=outermost)
        kinds = (*kinds, called.kind)
        binder = Binder(scope, self.reach)
        for number, (sentence, call) in enumerate(called.assumptions, start=1):
            step = binder.assumption(sentence, call, f"{prefix}assumption-{number}")
            self.steps.append(Bound(step, kinds, scope.protection))
        self.add_steps(called, scope, prefix=prefix, kinds=kinds, chain=(*chain, called.id))

    def add_parts(self, runbook: Runbook, scope: Scope) -> None:
        whole = self.reach
        for step in runbook.steps:
            with _step_named(step.id):
                if not isinstance(step.action, SubRunbook) or not step.action.independent:
                    raise Refused("other steps beside it are independent calls, and this is none")
                self.add_part(step, step.action, runbook, scope)
        self.reach = whole

    def add_part(self, step: Step, action: SubRunbook, runbook: Runbook, outer: Scope) -> None:
        """Add a part as if no other had run, as far as that makes it safer, and no host were as another left it."""
        needed = self.needed(action.after)
        off: set[str] = set()
        for part, other in self.parts:
            off = (off | other.fenced) - (other.started if part.id in needed else set())
        self.reach = Reach(self.cmdb, self.environment, self.targets, down=off)
        steps, scopes, slots = len(self.steps), len(self.scopes), len(self.slots)
        self.add_called(action, outer, prefix=f"{step.id}/", kinds=(runbook.kind,), chain=(runbook.id,), outermost=True)
        for part, other in self.parts:
            if part.id not in needed and (both := sorted(self.reach.acted & other.acted)):
                raise Refused(
                    f"it acts on {', '.join(both)}, and so does {part.id}, which it does not come after",
                    remedy="what acts on the same host does not stand by itself: add after, or make them one runbook",
                )
        # Alone: a fence of another part is no proof, since that one may have failed before it.
        require_proof(self.cmdb, self.steps[steps:], self.targets)
        self.reach.choose(self.slots[slots:])
        own = self.scopes[scopes:]
        part = PlannedPart(
            id=step.id,
            title=step.title,
            runbook=action.runbook,
            after=action.after,
            protection=own[0].protection,
            reachable=tuple(sorted(self.reach.reachable)),
            locks=tuple(sorted(_locks(self.reach))),
            services=interrupted(self.cmdb, _protections(own), self.reach.changed),
        )
        self.parts.append((part, self.reach))

    def there(self, added: tuple[PlannedPart, Reach]) -> set[str]:
        """Give the hosts that a part needs from the beginning of the whole: one before it may switch others on."""
        part, reach = added
        needed = self.needed(part.after)
        return reach.reachable.difference(*(other.doubtful for before, other in self.parts if before.id in needed))

    def needed(self, after: Sequence[str]) -> set[str]:
        """Give the parts named and all that these come after. Raises Refused when one does not stand before."""
        known = {part.id: part.after for part, _ in self.parts}
        for name in after:
            if name not in known:
                raise Refused(f"it comes after '{name}', which is no part before it")
        return set(after).union(*(self.needed(known[name]) for name in after))


def _locks(reach: Reach) -> set[str]:
    return reach.reachable & reach.changed


def _protections(scopes: Sequence[Scope]) -> list[str]:
    return [scope.protection for scope in scopes if scope.protection]
