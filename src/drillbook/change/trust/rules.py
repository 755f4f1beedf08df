"""The policy's decisions about changes, as values: rules of approval, standard changes, emergencies. Pure.

Read from the trusted base's CMDB alone. See ``cmdb/schema.json`` for what each part says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from drillbook.cmdb.durations import seconds
from drillbook.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from drillbook.cmdb.model import Cmdb


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the policy ``approvals``. Empty conditions match everything; empty roles ask nothing of that part.

    ``paths``: a name that ends with ``/`` stands for all below it. ``valid_for``: the longest life of an
    approval, None when the rule does not say.
    """

    name: str
    approvals: int
    requested_by: frozenset[str] = frozenset()
    approved_by: frozenset[str] = frozenset()
    run_by: frozenset[str] = frozenset()
    valid_for: timedelta | None = None
    subjects: frozenset[str] = frozenset()
    environments: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    tiers: frozenset[int] = frozenset()
    classes: frozenset[str] = frozenset()
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standard:
    """A standard change: a runbook with just these parameters, approved beforehand from one day to another."""

    name: str
    runbook: str
    environment: str
    parameters: Mapping[str, str]
    first: date
    last: date
    run_by: frozenset[str]

    @property
    def rule(self) -> Rule:
        """The rule that it comes to: nobody approves again."""
        return Rule(f"pre-approved {self.name}", 0, requested_by=self.run_by, run_by=self.run_by)


@dataclass(frozen=True, slots=True)
class Emergencies:
    """Break-glass: at most so many in a span, each reviewed in time; who may, and who may review.

    ``settled``: changes whose record is lost, so that nobody could review it; naming them here settles them.
    """

    at_most: int
    within: timedelta
    review_within: timedelta
    run_by: frozenset[str]
    approved_by: frozenset[str]
    settled: frozenset[str] = frozenset()

    @property
    def rule(self) -> Rule:
        """The rule that it comes to before the work: nobody approves."""
        return Rule("emergencies", 0, requested_by=self.run_by, run_by=self.run_by)


def approval_rules(cmdb: Cmdb) -> tuple[Rule, ...]:
    """Give the rules of the policy ``approvals``, in its order; none when there is no such policy."""
    if "approvals" not in cmdb.policies:
        return ()
    return tuple(_rule(name, value) for name, value in cmdb.policies["approvals"].get("rules").items())


def _rule(name: str, value: Mapping[str, Any]) -> Rule:
    return Rule(
        name=name,
        approvals=int(value["approvals"]),
        requested_by=frozenset(value.get("requested_by", ())),
        approved_by=frozenset(value.get("approved_by", ())),
        run_by=frozenset(value.get("run_by", ())),
        valid_for=_span(value["valid_for"]) if "valid_for" in value else None,
        subjects=frozenset(value.get("subjects", ())),
        environments=frozenset(value.get("environments", ())),
        types=frozenset(value.get("types", ())),
        tiers=frozenset(value.get("tiers", ())),
        classes=frozenset(value.get("classes", ())),
        paths=tuple(value.get("paths", ())),
    )


def standard_change(cmdb: Cmdb, *, runbook: str, environment: str, parameters: Mapping[str, str]) -> Standard:
    """Give the standard change of that runbook, environment and parameters, whatever the day.

    Raises Refused when policy has none: one parameter more or another value is another change.
    """
    found = [each for each in standard_changes(cmdb) if (each.runbook, each.environment) == (runbook, environment)]
    for each in found:
        if dict(each.parameters) == {name: str(value) for name, value in parameters.items()}:
            return each
    near = "; ".join(f"{each.name} has {_words(each.parameters)}" for each in found)
    raise Refused(
        f"{runbook} in {environment} with {_words(parameters)} is no standard change of the policy pre-approved"
        + (f" ({near})" if near else ""),
        remedy="request it as a normal change",
    )


def standard_changes(cmdb: Cmdb) -> tuple[Standard, ...]:
    """Give the standard changes of the policy ``pre-approved``, in its order."""
    if "pre-approved" not in cmdb.policies:
        return ()
    return tuple(
        Standard(
            name=name,
            runbook=value["runbook"],
            environment=value["environment"],
            parameters={key: str(text) for key, text in value.get("parameters", {}).items()},
            first=date.fromisoformat(value["from"]),
            last=date.fromisoformat(value["until"]),
            run_by=frozenset(value["run_by"]),
        )
        for name, value in cmdb.policies["pre-approved"].get("changes").items()
    )


def emergencies(cmdb: Cmdb) -> Emergencies:
    """Give the policy ``emergencies``. Raises Refused when there is none: then there is no break-glass."""
    if "emergencies" not in cmdb.policies:
        raise Refused(
            "the trusted base has no policy emergencies, so there is no break-glass here",
            remedy="add policies.emergencies: that is a change of its own, approved and merged first",
        )
    policy = cmdb.policies["emergencies"]
    return Emergencies(
        at_most=int(policy.get("at_most")),
        within=_span(policy.get("within")),
        review_within=_span(policy.get("review_within")),
        run_by=frozenset(policy.get("run_by")),
        approved_by=frozenset(policy.get("approved_by")),
        settled=frozenset(policy.get("settled", ())),
    )


def _span(written: str) -> timedelta:
    return timedelta(seconds=seconds(written))


def _words(parameters: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={str(value)[:40]}" for name, value in parameters.items()) or "no parameter"
