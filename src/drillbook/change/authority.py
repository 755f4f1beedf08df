"""Who may request, approve and run a change, by the rules of the policy ``approvals``. Pure.

The CMDB that is asked is always the trusted base's: whoever could bring rules, roles or tiers along with a change
would approve it to himself. Every rule whose conditions match must be satisfied, so that a rule can only ask for
more. Where no rule matches, nobody may.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from drillbook.cmdb.durations import seconds
from drillbook.errors import Refused
from drillbook.plan.model import Command, FenceRun, Plan, PlaybookRun, PowerRun

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from drillbook.change.record import ChangeRecord
    from drillbook.cmdb.model import Cmdb

RUNBOOK = "runbook"
CONFIGURATION = "configuration"

_EFFECTS = (Command, PlaybookRun, FenceRun, PowerRun)


@dataclass(frozen=True, slots=True)
class Case:
    """What rules are held against.

    ``subject``: runbook or configuration. ``type``: standard, normal or emergency. ``environment``: an id, ""
    for a configuration. ``services``: ids of what a run can interrupt. ``items``: ids that a run touches.
    ``paths``: files that a configuration changes, both names of one that was renamed.
    """

    subject: str
    type: str
    environment: str = ""
    services: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the policy. Empty conditions match everything; empty roles ask nothing of that part.

    ``paths``: a name that ends with ``/`` stands for all below it. ``valid_for``: the longest life of an
    approval, None when the rule does not say.
    """

    name: str
    subjects: frozenset[str]
    environments: frozenset[str]
    types: frozenset[str]
    tiers: frozenset[int]
    classes: frozenset[str]
    paths: tuple[str, ...]
    approvals: int
    requested_by: frozenset[str]
    approved_by: frozenset[str]
    run_by: frozenset[str]
    valid_for: timedelta | None


@dataclass(frozen=True, slots=True)
class Missing:
    """Approvals that a rule wants and that are not there yet. ``who_could``: ids of people whose would count."""

    rule: Rule
    wanted: int
    have: tuple[str, ...]
    who_could: tuple[str, ...]

    def __str__(self) -> str:
        """Say it in a sentence."""
        have = f"{len(self.have)} ({', '.join(self.have)})" if self.have else "none"
        could = ", ".join(self.who_could) or "nobody else"
        return (
            f"the rule {self.rule.name} wants {self.wanted} approval{'s' if self.wanted != 1 else ''} by "
            f"{_any_of(self.rule.approved_by)} and has {have}; could approve: {could}"
        )


def case_of(subject: ChangeRecord | Plan, cmdb: Cmdb, *, change_type: str = "normal") -> Case:
    """Give the case of a planned change, or of a plan that would be a change of ``change_type``.

    ``cmdb`` is the base's: it says which services the items serve. Raises Refused for a change that is not
    planned yet, and for a service or item that the base does not know.
    """
    if isinstance(subject, Plan):
        return _case_of_plan(subject, cmdb, change_type)
    bound = subject.bound
    if bound is None:
        raise Refused(
            f"{subject.request.change} is not planned yet", remedy=f"./inv changes.plan {subject.request.change}"
        )
    if bound.plan is not None:
        return _case_of_plan(bound.plan, cmdb, subject.request.type)
    assert bound.configuration is not None
    return Case(CONFIGURATION, subject.request.type, paths=tuple(each.path for each in bound.configuration.paths))


def _case_of_plan(plan: Plan, cmdb: Cmdb, change_type: str) -> Case:
    if plan.environment not in cmdb.environments:
        raise Refused(
            f"the trusted base has no environment '{plan.environment[:60]}', so nobody has authority there",
            remedy="get it into the base first: a change of the configuration, approved and merged",
        )
    for kind, ids, known in (
        ("item", plan.targets, cmdb.config_items),
        ("service", plan.services, cmdb.services),
    ):
        strange = sorted(id_ for id_ in ids if id_ not in known)
        if strange:
            raise Refused(
                f"the trusted base does not know the {kind} {', '.join(strange)[:200]}",
                remedy="get it into the base first: a change of the configuration, approved and merged",
            )
    return Case(
        RUNBOOK,
        change_type,
        environment=plan.environment,
        services=services_of(plan, cmdb),
        items=tuple(sorted(plan.targets)),
    )


def services_of(plan: Plan, cmdb: Cmdb) -> tuple[str, ...]:
    """Give the services that a plan can interrupt: those that it names, and those that the CMDB adds to them.

    In break-glass a plan may come from a changed tree, and name too few.
    """
    items = {step.item for step in plan.steps if isinstance(step.action, _EFFECTS)}
    found = list(plan.services)
    if plan.protection is not None and plan.protection in cmdb.protections:
        found.append(cmdb.protections[plan.protection].get("service"))
    found += [service.id for service in cmdb.services if items & set(service.get("provided_by", ()))]
    found = list(dict.fromkeys(found))
    for id_ in found:  # grows while it is walked: what depends on a dependant depends too
        found += [
            service.id for service in cmdb.services if id_ in service.get("depends_on", ()) and service.id not in found
        ]
    return tuple(found)


def tier_of(case: Case, cmdb: Cmdb) -> int | None:
    """Give the strongest tier (the lowest number) of the services; None when there are none."""
    return min((int(cmdb.services[id_].get("tier")) for id_ in case.services), default=None)


def all_rules(cmdb: Cmdb) -> tuple[Rule, ...]:
    """Give the rules of the policy ``approvals``, in its order; none when there is no such policy."""
    if "approvals" not in cmdb.policies:
        return ()
    return tuple(_rule(name, value) for name, value in cmdb.policies["approvals"].get("rules", {}).items())


def _rule(name: str, value: Mapping[str, Any]) -> Rule:
    return Rule(
        name=name,
        subjects=frozenset(value.get("subjects", ())),
        environments=frozenset(value.get("environments", ())),
        types=frozenset(value.get("types", ())),
        tiers=frozenset(value.get("tiers", ())),
        classes=frozenset(value.get("classes", ())),
        paths=tuple(value.get("paths", ())),
        approvals=int(value["approvals"]),
        requested_by=frozenset(value.get("requested_by", ())),
        approved_by=frozenset(value.get("approved_by", ())),
        run_by=frozenset(value.get("run_by", ())),
        valid_for=timedelta(seconds=seconds(value["valid_for"])) if "valid_for" in value else None,
    )


def rules_for(case: Case, cmdb: Cmdb) -> tuple[Rule, ...]:
    """Give every rule that matches. Raises Refused when none does."""
    tier = tier_of(case, cmdb)
    classes = {cmdb.config_items[id_].get("class") for id_ in case.items}
    found = tuple(
        rule
        for rule in all_rules(cmdb)
        if (not rule.subjects or case.subject in rule.subjects)
        and (not rule.environments or case.environment in rule.environments)
        and (not rule.types or case.type in rule.types)
        and (not rule.tiers or tier in rule.tiers)
        and (not rule.classes or classes & rule.classes)
        and (not rule.paths or any(_below(path, rule.paths) for path in case.paths))
    )
    if not found:
        where = f" in {case.environment}" if case.environment else ""
        raise Refused(
            f"no rule of the policy approvals is about a {case.type} change of a {case.subject}{where}, "
            "so nobody may make it",
            remedy="add a rule to policies.approvals.rules: that is a change of its own, approved and merged first",
        )
    return found


def _below(path: str, places: Iterable[str]) -> bool:
    return any(path.startswith(place) if place.endswith("/") else path == place for place in places)


def may_request(person: str, case: Case, cmdb: Cmdb) -> None:
    """Raises Refused when a person may not request the change, with the roles that would do and who has them."""
    _may(person, "request", [(rule, rule.requested_by) for rule in rules_for(case, cmdb)], cmdb)


def may_run(person: str, case: Case, cmdb: Cmdb) -> None:
    """Raises Refused when a person may not run the change, with the roles that would do and who has them."""
    _may(person, "run", [(rule, rule.run_by) for rule in rules_for(case, cmdb)], cmdb)


def may_approve(person: str, case: Case, cmdb: Cmdb) -> None:
    """Raises Refused when the approval of a person would count for no rule."""
    asked = [(rule, rule.approved_by) for rule in rules_for(case, cmdb) if rule.approvals > 0]
    if any(_roles(person, cmdb) & roles for _, roles in asked):
        return
    _may(person, "approve", asked, cmdb)


def _may(person: str, act: str, asked: Iterable[tuple[Rule, frozenset[str]]], cmdb: Cmdb) -> None:
    having = [(rule, roles) for rule, roles in asked if roles]
    if not having:
        raise Refused(f"no rule that is about this change says who may {act} it, so nobody may")
    own = _roles(person, cmdb)
    for rule, roles in having:
        if not own & roles:
            has = f"has {', '.join(sorted(own))}" if own else "is nobody whom the trusted base knows"
            raise Refused(
                f"{person} may not {act} this: the rule {rule.name} wants {_any_of(roles)}, and {person} {has}",
                remedy=f"who may: {', '.join(holders(roles, cmdb)) or 'nobody has that role'}",
            )


def missing_approvals(
    case: Case, approvers: Iterable[str], cmdb: Cmdb, *, besides: Iterable[str] = ()
) -> list[Missing]:
    """Give what rules still want.

    ``approvers``: whose valid approvals there are. ``besides``: who does not count, such as requester and executor.
    """
    others = set(besides)
    given = [person for person in dict.fromkeys(approvers) if person not in others]
    found = []
    for rule in rules_for(case, cmdb):
        have = tuple(person for person in given if _roles(person, cmdb) & rule.approved_by)
        if len(have) < rule.approvals:
            could = tuple(
                person for person in holders(rule.approved_by, cmdb) if person not in others and person not in have
            )
            found.append(Missing(rule, rule.approvals, have, could))
    return found


def life_of_approval(case: Case, cmdb: Cmdb) -> timedelta | None:
    """Give how long an approval counts at most: the shortest that a matching rule says; None when none says it."""
    return min((rule.valid_for for rule in rules_for(case, cmdb) if rule.valid_for is not None), default=None)


def holders(roles: Iterable[str], cmdb: Cmdb) -> tuple[str, ...]:
    """Give the ids of the people who have one of the roles, in the order of the files."""
    wanted = frozenset(roles)
    return tuple(person.id for person in cmdb.people if wanted & frozenset(person.get("roles", ())))


def _roles(person: str, cmdb: Cmdb) -> frozenset[str]:
    return frozenset(cmdb.people[person].get("roles", ())) if person in cmdb.people else frozenset()


def _any_of(roles: Iterable[str]) -> str:
    return "the role " + " or ".join(sorted(roles)) if roles else "nobody"
