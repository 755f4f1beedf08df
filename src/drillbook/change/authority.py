"""Who may request, approve and run a change, by the rules of the policy. Pure.

The CMDB that is asked is always the trusted base's: whoever could bring rules, roles or tiers along with a change
would approve it to himself. Every rule whose conditions match must be satisfied, so that a rule can only ask for
more. Where no rule matches, nobody may. A standard change and an emergency have a rule of their own in place of these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.change.engine import is_beside
from drillbook.change.rules import Rule, Standard, approval_rules, emergencies, standard_change
from drillbook.errors import Refused
from drillbook.plan.model import Command, FenceRun, Plan, PlaybookRun, PowerRun
from drillbook.source import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import timedelta

    from drillbook.change.record import ChangeRecord
    from drillbook.cmdb.model import Cmdb, Section

RUNBOOK = "runbook"
CONFIGURATION = "configuration"
TASKS = "tasks.py"

_SHOWN = 6  # people
_EFFECTS = (Command, PlaybookRun, FenceRun, PowerRun)


@dataclass(frozen=True, slots=True)
class Case:
    """What rules are held against.

    ``subject``: runbook or configuration. ``type``: standard, normal or emergency. ``environment``: an id, ""
    for a configuration. ``services``: ids of what a run can interrupt, or of what a configuration says anew.
    ``items``: ids that a run touches, or that a configuration says anew. ``classes`` and ``tiers``: theirs.
    ``paths``: files that a configuration changes, both names of one that was renamed. ``anything``: it is not known
    what of the CMDB a configuration changes, so that every class and tier is meant. ``standard``: the standard
    change that it is.
    """

    subject: str
    type: str
    environment: str = ""
    services: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    classes: frozenset[str] = frozenset()
    tiers: frozenset[int] = frozenset()
    paths: tuple[str, ...] = ()
    anything: bool = False
    standard: Standard | None = None

    @property
    def tier(self) -> int | None:
        """The strongest tier (the lowest number); None when there is none."""
        return min(self.tiers, default=None)


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
        more = len(self.who_could) - _SHOWN
        could = ", ".join(self.who_could[:_SHOWN]) + (f" and {more} more" if more > 0 else "") or "nobody else"
        return (
            f"the rule {self.rule.name} wants {self.wanted} approval{'s' if self.wanted != 1 else ''} by "
            f"{_any_of(self.rule.approved_by)} and has {have}; could approve: {could}"
        )


def case_of(
    subject: ChangeRecord | Plan,
    cmdb: Cmdb,
    *,
    change_type: str = "normal",
    parameters: Mapping[str, str] | None = None,
    proposed: Cmdb | None = None,
) -> Case:
    """Give the case of a planned change, or of a plan that would be a change.

    Args:
        subject: the change; or a plan, and then ``change_type`` and the ``parameters`` as they were given are asked.
        cmdb: the base's.
        change_type: standard, normal or emergency, for a plan.
        parameters: what a person gave, without the defaults that a plan has besides; needed for a standard change.
        proposed: the CMDB that a configuration moves to. Without it every rule by class or tier is meant as soon
            as files change that may be of the CMDB.

    Raises Refused for a change that is not planned yet, for a service, item or environment that the base does not
    know, and for a standard change that policy has not.
    """
    if isinstance(subject, Plan):
        return _case_of_plan(subject, cmdb, change_type, subject.parameters if parameters is None else parameters)
    bound = subject.bound
    if bound is None:
        raise Refused(
            f"{subject.request.change} is not planned yet", remedy=f"./inv changes.plan {subject.request.change}"
        )
    if bound.plan is not None:
        return _case_of_plan(bound.plan, cmdb, subject.request.type, subject.request.subject.parameters)
    assert bound.configuration is not None
    return case_of_paths((each.path for each in bound.configuration.paths), cmdb, subject.request.type, proposed)


def case_of_paths(paths: Iterable[str], cmdb: Cmdb, change_type: str, proposed: Cmdb | None) -> Case:
    """Give the case of a configuration that changes these files. See ``case_of``."""
    named = tuple(paths)
    if proposed is None:
        anything = any(path.endswith((".yaml", ".yml")) and not path.startswith(_NO_CMDB) for path in named)
        return Case(CONFIGURATION, change_type, paths=named, anything=anything)
    items = _different(cmdb.config_items, proposed.config_items)
    services = set(_different(cmdb.services, proposed.services))
    both = (cmdb, proposed)
    services |= {each.id for of in both for each in of.services if set(items) & set(each.get("provided_by", ()))}
    return Case(
        CONFIGURATION,
        change_type,
        services=tuple(sorted(services)),
        items=items,
        classes=frozenset(of.config_items[id_].get("class") for of in both for id_ in items if id_ in of.config_items),
        tiers=frozenset(int(of.services[id_].get("tier")) for of in both for id_ in services if id_ in of.services),
        paths=named,
    )


_NO_CMDB = ("runbooks/", "playbooks/", "drills/", "inventories/", "changes/", "src/", "tests/", ".github/", ".gitlab")


def _different(old: Section, new: Section) -> tuple[str, ...]:
    before, after = old.by_id, new.by_id
    return tuple(
        sorted(
            id_
            for id_ in before.keys() | after.keys()
            if id_ not in before or id_ not in after or plain(before[id_].fields) != plain(after[id_].fields)
        )
    )


def _case_of_plan(plan: Plan, cmdb: Cmdb, change_type: str, parameters: Mapping[str, str]) -> Case:
    # In break-glass the tree may be ahead of the base with services, which then are of no tier; never with hosts.
    services = plan.services if change_type != "emergency" else ()
    for kind, ids, known in (
        ("environment", (plan.environment,), cmdb.environments),
        ("item", plan.targets, cmdb.config_items),
        ("service", services, cmdb.services),
    ):
        strange = sorted(id_ for id_ in ids if id_ not in known)
        if strange:
            raise Refused(
                f"the trusted base does not know the {kind} {', '.join(strange)[:200]}, so nobody has authority there",
                remedy="get it into the base first: a change of the configuration, approved and merged",
            )
    services = services_of(plan, cmdb)
    standard = None
    if change_type == "standard":
        standard = standard_change(cmdb, runbook=plan.runbook, environment=plan.environment, parameters=parameters)
    return Case(
        RUNBOOK,
        change_type,
        environment=plan.environment,
        services=services,
        items=tuple(sorted(plan.targets)),
        classes=frozenset(cmdb.config_items[id_].get("class") for id_ in plan.targets),
        tiers=frozenset(int(cmdb.services[id_].get("tier")) for id_ in services if id_ in cmdb.services),
        standard=standard,
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


def rules_for(case: Case, cmdb: Cmdb) -> tuple[Rule, ...]:
    """Give every rule that matches. Raises Refused when none does."""
    if case.standard is not None:
        return (case.standard.rule,)
    if case.type == "emergency":
        return (emergencies(cmdb).rule,)
    found = tuple(rule for rule in approval_rules(cmdb) if _matches(rule, case))
    if not found:
        where = f" in {case.environment}" if case.environment else ""
        raise Refused(
            f"no rule of the policy approvals is about a {case.type} change of a {case.subject}{where}, "
            "so nobody may make it",
            remedy="add a rule to policies.approvals.rules: that is a change of its own, approved and merged first",
        )
    return found


def _matches(rule: Rule, case: Case) -> bool:
    return (
        (not rule.subjects or case.subject in rule.subjects)
        and (not rule.environments or case.environment in rule.environments)
        and (not rule.types or case.type in rule.types)
        and (not rule.tiers or case.anything or bool({case.tier} & rule.tiers))
        and (not rule.classes or case.anything or bool(case.classes & rule.classes))
        and (not rule.paths or any(_is_guarded(path, rule.paths) for path in case.paths))
    )


def _is_guarded(path: str, places: Iterable[str]) -> bool:
    # What would be loaded as tasks.py is, by whatever name it was added, is changed by those who may change that.
    return _below(path, places) or (is_beside(path) and _below(TASKS, places))


def _below(path: str, places: Iterable[str]) -> bool:
    return any(path.startswith(place) if place.endswith("/") else path == place for place in places)


def may_request(person: str, case: Case, cmdb: Cmdb) -> None:
    """Raises Refused when a person may not request the change, with the roles that would do and who has them."""
    _may(person, "request", [(rule, rule.requested_by) for rule in rules_for(case, cmdb)], cmdb)


def may_run(person: str, case: Case, cmdb: Cmdb) -> None:
    """Raises Refused when a person may not run the change, with the roles that would do and who has them."""
    _may(person, "run", [(rule, rule.run_by) for rule in rules_for(case, cmdb)], cmdb)


def runners(case: Case, cmdb: Cmdb) -> tuple[str, ...]:
    """Give the ids of those who may run the change. Raises Refused when no rule matches."""
    asked = [set(holders(rule.run_by, cmdb)) for rule in rules_for(case, cmdb) if rule.run_by]
    return tuple(person.id for person in cmdb.people if asked and all(person.id in each for each in asked))


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
