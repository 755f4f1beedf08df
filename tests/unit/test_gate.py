"""The gate for approved changes: the right one passes, and each wrong one is refused with its reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from drillbook.canonical import digest_bytes
from drillbook.change.gate.emergency import Emergency
from drillbook.change.gate.gate import permit_again, permit_change, permit_emergency
from drillbook.change.records.strict import encoded
from drillbook.errors import Refused
from tests import change_values as values
from tests.gate_values import LAB, NOW, POLICIES, SAMPLE, around, base, cmdb, record

if TYPE_CHECKING:
    from drillbook.change.gate.gate import Permission
    from drillbook.change.records.model import ChangeRecord


def permit(change: ChangeRecord, executor: str = "dan", **world: Any) -> Permission:
    assert change.bound is not None
    would_run = world.pop("would_run", change.bound.raw)
    return permit_change(change, executor, around(**world), would_run=would_run)


def request(**fields: Any) -> dict[str, Any]:
    return values.request(**fields)


def changed(**fields: Any) -> ChangeRecord:
    """A change whose request differs from the right one."""
    return record(request=request(**fields))


def debt(**fields: Any) -> Emergency:
    known: dict[str, Any] = {
        "change": "CHG-2026-0003",
        "plan": "sha256:" + "f" * 64,
        "environment": "rehearsal",
        "services": ("reports",),
        "items": ("db-1",),
        "executor": "fay",
        "at": NOW - timedelta(hours=4),
        "reason": "the ledger answers nobody",
        "known_from": "changes/",
    }
    return Emergency(**{**known, **fields})


def test_an_approved_change_is_permitted_on_its_hosts_alone() -> None:
    permission = permit(record())
    assert (permission.change_type, permission.change, permission.executor) == ("normal", values.CHANGE, "dan")
    assert permission.approved_by == ("ben",)
    assert permission.plan_digest == values.plan().digest
    assert dict(permission.hosts) == {"db-1": "10.213.0.11", "db-2": "10.213.0.12"}
    permission.require("db-1", "10.213.0.11")
    for item, address in (("db-1", "10.213.0.12"), ("mon-1", "10.213.0.31")):
        with pytest.raises(Refused, match="nothing permits a connection"):
            permission.require(item, address)


def test_who_asked_may_run_it_too() -> None:
    assert permit(record(), "ann").executor == "ann"


SECOND = {"ben": {}, "cem": {}}
TIER_ONE = {"services": {**SAMPLE["services"], "ledger": {**SAMPLE["services"]["ledger"], "tier": 1}}}

REFUSALS: dict[str, tuple[Any, str]] = {
    "nobody approved": (lambda: permit(record(approvals={})), "is not approved: the rule rehearsal-runs wants 1"),
    "the requester approved": (
        lambda: permit(record(request=request(requested_by="fay"), approvals={"fay": {}})),
        "approval of fay does not count: who asks for a change does not approve it",
    ),
    "the executor approved": (
        lambda: permit(record(approvals={"fay": {}}), "fay"),
        "fay has approved CHG-2026-0007, and who approves a change does not run it",
    ),
    "the executor approved, beside others": (
        lambda: permit(record(approvals={"fay": {}, "ben": {}, "cem": {}}), "fay"),
        "fay has approved CHG-2026-0007, and who approves a change does not run it",
    ),
    "approved by a role that may not": (lambda: permit(record(approvals={"eve": {}})), "wants 1 approval by the role"),
    "run by a role that may not": (lambda: permit(record(), "eve"), "eve may not run this: .* has audit"),
    "run by nobody known": (lambda: permit(record(), "zoe"), "zoe is nobody whom the trusted base knows"),
    "asked by a role that may not": (
        lambda: permit(record(request=request(requested_by="eve"))),
        "eve may not request this",
    ),
    "a stronger rule too": (
        lambda: permit(record(), of=base(**TIER_ONE)),
        "the rule tier-one wants 1 approval by the role manage and has none; could approve: cem",
    ),
    "no rule for it": (
        lambda: permit(record(), of=base(policies={"approvals": {"rules": {}}})),
        "no rule of the policy approvals is about a normal change of a runbook in rehearsal",
    ),
    "a service that the base does not know": (
        lambda: permit(record(), of=base(services={})),
        "the trusted base does not know the service ledger",
    ),
    "an item that the base does not know": (
        lambda: permit(record(), of=base(config_items={})),
        "the trusted base does not know the item db-1, db-2",
    ),
    "request signed by another": (
        lambda: permit(record(signed_by={"request": "dan"})),
        "the signature of ann was made with the key of dan",
    ),
    "request signed for another purpose": (
        lambda: permit(record(namespaces={"request": "drillbook-approval"})),
        "was made for drillbook-approval, not for drillbook-request",
    ),
    "approval signed by another": (
        lambda: permit(record(signed_by={"ben": "ann"})),
        "approval of ben does not count: the signature of ben was made with the key of ann",
    ),
    "approval signed for another purpose": (
        lambda: permit(record(namespaces={"ben": "drillbook-request"})),
        "was made for drillbook-request, not for drillbook-approval",
    ),
    "approval of another plan": (
        lambda: permit(record(approvals={"ben": {"digest": "sha256:" + "0" * 64}})),
        "it is for another plan",
    ),
    "approval for another environment": (
        lambda: permit(record(approvals={"ben": {"environment": "production"}})),
        "it is for another environment",
    ),
    "approval that expired": (
        lambda: permit(record(approvals={"ben": {"expires": "2026-11-23T20:29:00Z"}})),
        "it expired at 2026-11-23T20:29:00Z",
    ),
    "approval that says it lives longer than policy lets it": (
        lambda: permit(
            changed(window={"from": "2026-12-07T20:00:00Z", "until": "2026-12-07T22:00:00Z"}),
            at=datetime.fromisoformat("2026-12-07T21:00:00Z"),
        ),
        "it expired at",
    ),
    "a revoked key": (
        lambda: permit(record(), of=base(keys={"ben": {"revoked": "2026-11-23"}})),
        "approval of ben does not count: .* revoked on 2026-11-23",
    ),
    "an ended key": (
        lambda: permit(record(), of=base(keys={"ben": {"until": "2026-11-22"}})),
        "approval of ben does not count: .* ended on 2026-11-22",
    ),
    "before the window": (
        lambda: permit(record(), at=NOW - timedelta(hours=1)),
        "it is 2026-11-23 19:30 .*, and the window of this change is from 2026-11-23 20:00",
    ),
    "at the window's end": (lambda: permit(record(), at=NOW + timedelta(minutes=90)), "the window .* was from"),
    "without a window": (lambda: permit(changed(window=None)), "this change has no window"),
    "in a freeze": (
        lambda: permit(
            record(),
            of=base(
                policies={
                    "freeze-periods": {
                        "periods": {
                            "fair": {
                                "title": {"en": "The fair", "zh": "展会"}, "from": "2026-11-23",
                                "until": "2026-11-23", "environments": ["rehearsal"], "on_duty": ["cem", "dan"],
                            }
                        }
                    }
                }
            ),
        ),
        "frozen until the end of 2026-11-23: The fair .fair.; on duty: cem, dan",
    ),
    "a debt on a service that depends on it": (
        lambda: permit(record(), known=(debt(),)),
        "an emergency change of the same service .reports. is not reviewed yet: CHG-2026-0003 by fay",
    ),
    "a debt on an item alone": (
        lambda: permit(record(), known=(debt(services=()),)),
        "an emergency change of the same item .db-1. is not reviewed yet",
    ),
    "not what was approved": (
        lambda: permit(
            record(), would_run=encoded(values.bound(plan=values.plan(address="10.213.0.99").to_json(),
                                                     request=digest_bytes(encoded(request()))))
        ),
        "what would run is not what was approved of CHG-2026-0007, so nothing was run:(.|\n)*10.213.0.99",
    ),
    "a host that moved in the base": (
        lambda: permit(record(), of=base(config_items={
            **SAMPLE["config_items"],
            "db-1": {**SAMPLE["config_items"]["db-1"], "addresses": {"lab": "10.213.0.77"}},
        })),
        "the plan reaches db-1 as root at 10.213.0.11 .*, and the trusted base has it as root at 10.213.0.77",
    ),
    "a host that is not the lab's": (
        lambda: permit(record(), lab={"db-2": LAB["db-2"]}),
        "db-1 at 10.213.0.11 is not a host that this machine's lab made",
    ),
    "closed": (lambda: permit(record(result=values.result())), "is closed .succeeded.: a change is applied once"),
    "an emergency": (lambda: permit(changed(type="emergency")), "is an emergency: it ran already"),
    "a standard change that policy has not": (
        lambda: permit(
            changed(type="standard", subject={**request()["subject"], "parameters": {"pair": "db-pair", "more": "1"}})
        ),
        "with more=1, pair=db-pair is no standard change of the policy pre-approved .monthly has pair=db-pair.",
    ),
    "a standard change after its days": (
        lambda: permit(record(request=request(type="standard", window=None), approvals={}),
                       at=datetime.fromisoformat("2026-12-01T00:00:00Z")),
        "the standard change monthly is approved from 2026-11-01 until 2026-11-30, and it is 2026-12-01",
    ),
    "a standard change by a role that may not": (
        lambda: permit(record(request=request(type="standard", window=None), approvals={}), "ben"),
        "the rule pre-approved monthly wants the role operate, and ben has approve",
    ),
    "of another repository": (
        lambda: permit(record(), of=replace(base(), repository="9" * 40)),
        "was requested in another repository",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_refused(name: str) -> None:
    attempt, reason = REFUSALS[name]
    with pytest.raises(Refused, match=f"(?s){reason}"):
        attempt()


def test_every_rule_that_matches_is_satisfied_by_two_people() -> None:
    assert permit(record(approvals=SECOND), of=base(**TIER_ONE)).approved_by == ("ben", "cem")


def test_one_person_with_both_roles_satisfies_both_rules() -> None:
    assert permit(record(approvals={"cem": {}}), of=base(**TIER_ONE)).approved_by == ("cem",)


def test_a_standard_change_needs_no_approval_and_no_window() -> None:
    permission = permit(record(request=request(type="standard", window=None), approvals={}))
    assert (permission.change_type, permission.approved_by) == ("standard", ())


def test_a_debt_that_is_reviewed_or_about_something_else_refuses_nothing() -> None:
    known = (debt(reviewed_by="ben"), debt(services=("mail",), items=("fw-1",)))
    assert permit(record(), known=known).change == values.CHANGE


# --- going on ---------------------------------------------------------------------------------------


def again(change: ChangeRecord, executor: str = "dan", **world: Any) -> Permission:
    return permit_again(change, executor, around(**world), plan=values.plan(), began=NOW)


def test_going_on_in_time_has_no_deviation() -> None:
    assert again(record()).deviations == ()


LATE = NOW + timedelta(days=20)


def test_going_on_late_is_let_through_and_told() -> None:
    frozen = {"periods": {"fair": {**POLICIES["freeze-periods"]["periods"]["year-end"], "from": "2026-12-01"}}}
    told = again(record(), at=LATE, of=base(policies={"freeze-periods": frozen})).deviations
    assert len(told) == 3
    for sentence, word in zip(told, ("approvals that counted", "the window", "is frozen"), strict=True):
        assert word in sentence


def other_plan() -> ChangeRecord:
    plan = values.bound(plan=values.plan(address="10.213.0.12").to_json(), request=digest_bytes(encoded(request())))
    return record(plan=plan)


AGAIN_REFUSED: dict[str, tuple[Any, str]] = {
    "by an approver": (lambda: again(record(approvals={"fay": {}}), "fay"), "who approves a change does not run it"),
    "by a role that may not": (lambda: again(record(), "ben"), "ben may not run this"),
    "of another plan": (lambda: again(other_plan()), "the plan of this run is not the plan of CHG-2026-0007"),
    "never approved": (lambda: again(record(approvals={})), "is not approved"),
    "of an emergency, by a role that may not": (
        lambda: again(record(request=request(type="emergency", window=None), approvals={}), "eve"),
        "the rule emergencies wants the role operate",
    ),
}


@pytest.mark.parametrize("name", AGAIN_REFUSED)
def test_going_on_refused(name: str) -> None:
    attempt, reason = AGAIN_REFUSED[name]
    with pytest.raises(Refused, match=reason):
        attempt()


def test_an_emergency_goes_on_without_approvals_and_by_another_person() -> None:
    of = record(request=request(type="emergency", window=None), approvals={})
    assert again(of, "ann", known=(debt(), debt())).change_type == "emergency"


# --- break-glass ------------------------------------------------------------------------------------


def emergency(
    executor: str = "dan", *, plan: Any = None, reason: str = "db-1 answers nobody", **world: Any
) -> Permission:
    return permit_emergency(plan or values.plan(), "CHG-2026-0009", executor, around(**world), reason=reason)


def test_break_glass_asks_no_approval_and_no_window_and_tells_of_a_freeze() -> None:
    permission = emergency(at=datetime.fromisoformat("2026-12-31T03:00:00Z"), reason="  db-1 answers\tnobody ")
    assert (permission.change_type, permission.executor, permission.approved_by) == ("emergency", "dan", ())
    assert permission.reason == "db-1 answers nobody"
    assert "is frozen until the end of 2027-01-05" in permission.deviations[0]


def test_break_glass_may_be_ahead_of_the_base_with_services_but_not_with_hosts() -> None:
    assert emergency(plan=values.plan(services=("ledger", "brand-new"))).change == "CHG-2026-0009"


mine = debt(executor="dan", environment="rehearsal")
EMERGENCY_REFUSED: dict[str, tuple[Any, str]] = {
    "no reason": (lambda: emergency(reason=" "), "needs a reason that others can understand"),
    "a reason that says nothing": (lambda: emergency(reason="now!!"), "needs a reason"),
    "a reason that reads otherwise": (lambda: emergency(reason="db-1 is \u202enwod"), "could make it read as"),
    "a role that may not": (lambda: emergency("ben"), "ben may not run this: the rule emergencies"),
    "nobody": (lambda: emergency("zoe"), "zoe is nobody"),
    "too often": (lambda: emergency(known=(mine, replace(mine, change="CHG-2026-0004", reviewed_by="ben"))),
                  "dan used break-glass 2 times in rehearsal within 30 days, and 2 is the most"),
    "no policy": (lambda: emergency(of=replace(base(), cmdb=without("emergencies"))), "no policy emergencies"),
    "another host under the item's name": (
        lambda: emergency(plan=values.plan(address="10.213.0.99")),
        "the plan reaches db-1 as root at 10.213.0.99",
    ),
    "in the lab": (
        lambda: emergency(plan=values.plan(cmdb_slice={"environments": {"rehearsal": {"kind": "lab"}}})),
        "nothing there needs break-glass",
    ),
}  # fmt: skip


def without(policy: str) -> Any:
    full = cmdb()
    kept = {each.id: each for each in full.policies if each.id != policy}
    return replace(full, policies=type(full.policies)("policies", kept))


@pytest.mark.parametrize("name", EMERGENCY_REFUSED)
def test_break_glass_refused(name: str) -> None:
    attempt, reason = EMERGENCY_REFUSED[name]
    with pytest.raises(Refused, match=reason):
        attempt()


def test_others_and_other_places_and_long_ago_do_not_use_up_a_persons_break_glass() -> None:
    known = (
        debt(executor="ann"), debt(executor="ann", change="CHG-2026-0004"),
        replace(mine, environment="production"), replace(mine, at=NOW - timedelta(days=31)), mine,
    )  # fmt: skip
    assert emergency(known=known).executor == "dan"
