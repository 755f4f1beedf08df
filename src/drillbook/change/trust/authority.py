"""Who may request, approve and run a change, by the rules of the policy. Pure.

The CMDB that is asked is always the trusted base's: whoever could bring rules, roles or tiers along with a change
would approve it to himself. Every rule whose conditions match must be satisfied, so that a rule can only ask for
more. Where no rule matches, nobody may. A standard change and an emergency have a rule of their own in place of these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.change.trust.engine import is_beside
from drillbook.change.trust.rules import Rule, approval_rules, emergencies
from drillbook.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

    from drillbook.change.trust.case import Case
    from drillbook.cmdb.model import Cmdb

TASKS = "tasks.py"

_SHOWN = 6  # people


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
        and (not rule.tiers or case.anything or bool(case.tiers & rule.tiers))
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
