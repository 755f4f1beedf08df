"""Who may: every rule that matches must be satisfied, none that matches is a refusal, and the base alone decides."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest

from drillbook.change.trust.authority import (
    life_of_approval,
    may_approve,
    may_request,
    may_run,
    missing_approvals,
    rules_for,
)
from drillbook.change.trust.case import Case, case_of, case_of_paths
from drillbook.change.trust.rules import emergencies, standard_change
from drillbook.errors import Refused
from drillbook.plan.model import FenceRun
from tests import change_values as values
from tests.gate_values import POLICIES, SAMPLE, cmdb

RUN = Case("runbook", "normal", "rehearsal", services=("ledger",), tiers=frozenset({2}))


def names(case: Case, **changes: Any) -> list[str]:
    return [rule.name for rule in rules_for(case, cmdb(**changes))]


@pytest.mark.parametrize(
    ("case", "rules"),
    [
        (RUN, ["rehearsal-runs"]),
        (Case("runbook", "normal", "rehearsal", tiers=frozenset({1, 3})), ["rehearsal-runs", "tier-one"]),
        (Case("runbook", "normal", "production", tiers=frozenset({1})), ["tier-one"]),
        (Case("runbook", "normal", "production", classes=frozenset({"host", "firewall"})), ["firewalls"]),
        (Case("configuration", "normal", paths=("docs/a.md",)), ["files"]),
        (Case("configuration", "normal", paths=("docs/a.md", "src/drillbook/x.py")), ["files", "people"]),
        (Case("configuration", "normal", paths=("cmdb.d/people.yaml",)), ["files", "people"]),
        (Case("configuration", "normal", paths=("cmdb.d/people.yaml.old", "srcs/x")), ["files"]),
        (Case("configuration", "normal", classes=frozenset({"firewall"})), ["files", "firewall-files"]),
        (Case("configuration", "normal", anything=True), ["files", "firewall-files"]),
        (Case("runbook", "emergency", "production"), ["emergencies"]),
    ],
)
def test_which_rules_match(case: Case, rules: list[str]) -> None:
    assert names(case) == rules


@pytest.mark.parametrize(
    "case", [Case("runbook", "normal", "production", tiers=frozenset({2})), Case("runbook", "standard", "production")]
)
def test_where_no_rule_matches_nobody_may(case: Case) -> None:
    with pytest.raises(Refused, match="no rule of the policy approvals is about a"):
        rules_for(case, cmdb())
    with pytest.raises(Refused):
        may_run("dan", case, cmdb())


def test_the_tier_is_the_strongest_of_the_services_that_depend_too() -> None:
    services = {**SAMPLE["services"], "trading": {"tier": 1, "provided_by": [], "depends_on": ["reports"]}}
    case = case_of(values.plan(), cmdb(services=services))
    assert case.services == ("ledger", "reports", "trading")
    assert 1 in case.tiers


def test_services_of_hosts_that_a_step_acts_on_count_though_the_plan_names_none() -> None:
    plan = values.plan(values.step(action=FenceRun("db-1", ("db-2",), (5432,))), services=(), protection=None)
    assert case_of(plan, cmdb()).services == ("ledger", "reports")


def test_a_plan_cannot_lower_a_tier_it_is_the_bases() -> None:
    slice_ = {**values.plan().cmdb_slice, "services": {"ledger": {"tier": 3}}}
    tier_one = {**SAMPLE["services"], "ledger": {**SAMPLE["services"]["ledger"], "tier": 1}}
    assert case_of(values.plan(cmdb_slice=slice_), cmdb(services=tier_one)).tiers >= {1}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"environment": "moon", "cmdb_slice": {}}, "does not know the environment moon"),
        ({"services": ("ledger", "unheard")}, "does not know the service unheard"),
    ],
)
def test_what_the_base_does_not_know_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words):
        case_of(values.plan(**fields), cmdb())


def test_roles_that_would_do_and_who_has_them_are_named() -> None:
    with pytest.raises(Refused, match="eve may not run this: the rule rehearsal-runs wants the role operate") as told:
        may_run("eve", RUN, cmdb())
    assert told.value.remedy == "who may: ann, dan, fay"
    with pytest.raises(Refused, match="wants the role approve or operate, and eve has audit"):
        may_request("eve", RUN, cmdb())
    with pytest.raises(Refused, match="ann may not approve this"):
        may_approve("ann", RUN, cmdb())
    may_approve("fay", RUN, cmdb())


def test_rules_that_name_nobody_let_nobody() -> None:
    rules = {"any": {"approvals": 0}}
    with pytest.raises(Refused, match="no rule that is about this change says who may run it"):
        may_run("dan", RUN, cmdb(policies={"approvals": {"rules": rules}}))


def test_missing_approvals_leave_out_who_does_not_count() -> None:
    rules = copy.deepcopy(POLICIES["approvals"]["rules"])
    rules["rehearsal-runs"]["approvals"] = 2
    of = cmdb(policies={"approvals": {"rules": rules}})
    (missing,) = missing_approvals(RUN, ["fay", "cem", "cem", "eve"], of, besides=("fay",))
    assert (missing.wanted, missing.have, missing.who_could) == (2, ("cem",), ("ben",))
    assert missing_approvals(RUN, ["ben", "cem"], of) == []


def test_the_shortest_life_counts() -> None:
    both = Case("runbook", "normal", "rehearsal", tiers=frozenset({1}))
    assert life_of_approval(both, cmdb()) == timedelta(days=7)
    assert life_of_approval(RUN, cmdb()) == timedelta(days=14)
    assert life_of_approval(Case("configuration", "normal"), cmdb()) is None


# --- what a configuration changes ---------------------------------------------------------------------


def proposed(**changes: Any) -> Any:
    return cmdb(**{name: {**SAMPLE[name], **fields} for name, fields in changes.items()})


def test_what_changes_in_the_cmdb_decides_not_the_name_of_its_file() -> None:
    quiet = case_of_paths(["cmdb.d/x.yaml"], cmdb(), "normal", proposed(config_items={"db-9": {"class": "host"}}))
    assert (quiet.items, quiet.classes, quiet.anything) == (("db-9",), frozenset({"host"}), False)
    loud = case_of_paths(["cmdb.d/x.yaml"], cmdb(), "normal", proposed(config_items={"fw-2": {"class": "firewall"}}))
    assert "firewall-files" in names(loud)


def test_a_class_or_tier_that_is_lowered_counts_as_it_was() -> None:
    disguised = proposed(config_items={"fw-1": {**SAMPLE["config_items"]["fw-1"], "class": "host"}})
    case = case_of_paths(["cmdb.d/x.yaml"], cmdb(), "normal", disguised)
    assert case.classes == {"firewall", "host"}
    lowered = proposed(services={"mail": {**SAMPLE["services"]["mail"], "tier": 3}})
    assert case_of_paths(["cmdb.yaml"], cmdb(), "normal", lowered).tiers >= {1}


@pytest.mark.parametrize(
    ("path", "anything"),
    [("cmdb.d/x.yaml", True), ("elsewhere/x.yml", True), ("runbooks/RB-X.yaml", False), ("docs/x.md", False)],
)
def test_without_the_new_cmdb_every_class_and_tier_is_meant(path: str, anything: bool) -> None:
    assert case_of_paths([path], cmdb(), "normal", None).anything is anything


# --- standard changes and emergencies ------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {"runbook": "RB-OTHER"}, {"environment": "production"}, {"parameters": {}},
        {"parameters": {"pair": "db-pair", "mode": "sync"}}, {"parameters": {"pair": "other"}},
    ],
)  # fmt: skip
def test_a_standard_change_is_just_that(fields: dict[str, Any]) -> None:
    right: dict[str, Any] = {
        "runbook": "RB-SWITCHOVER", "environment": "rehearsal", "parameters": {"pair": "db-pair"},
    }  # fmt: skip
    assert standard_change(cmdb(), **right).name == "monthly"
    with pytest.raises(Refused, match="is no standard change of the policy pre-approved"):
        standard_change(cmdb(), **{**right, **fields})


def test_policy_of_emergencies() -> None:
    policy = emergencies(cmdb())
    assert (policy.at_most, policy.within, policy.review_within) == (2, timedelta(days=30), timedelta(days=3))
    assert policy.settled == frozenset()
