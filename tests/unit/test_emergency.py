"""Break-glass as debt: from where it is known, what settles it, and what it does to others meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from drillbook.change.gate.emergency import (
    debt_lines,
    known_emergencies,
    owed,
    require_below_cap,
    require_no_debt,
    reviewers,
)
from drillbook.change.gate.standing import standing_of
from drillbook.change.records.model import time_text
from drillbook.change.trust.case import Case
from drillbook.errors import Refused
from drillbook.ledger.entries import Entry, SignedEntry, signed
from tests import change_values as values
from tests.gate_values import NOW, POLICIES, base, cmdb, record, signer

if TYPE_CHECKING:
    from drillbook.change.gate.emergency import Emergency
    from drillbook.change.records.model import ChangeRecord

REVIEW = {"what": "review", "verdict": "rejected", "reason": "It was not down", "approved_at": "2026-11-23T20:00:00Z"}


def emergency(*, by: str = "dan", reviews: dict[str, Any] | None = None, **more: Any) -> ChangeRecord:
    asked = values.request(type="emergency", window=None, requested_by=by, reason="db-1 answers nobody")
    return record(request=asked, approvals=reviews or {}, **more)


def entry(*, by: str = "dan", signed_by: str = "", **fields: Any) -> SignedEntry:
    told = Entry(
        what="opened", repository=values.REPOSITORY, run="20261123T120000Z-00000001", change="CHG-2026-0012",
        type="emergency", environment="rehearsal", plan="sha256:" + "5" * 64, head="sha256:" + "6" * 64, count=1,
        services=("reports",), items=("db-2",), executor=by, machine="desk", time="2026-11-23T12:00:00.000000Z",
        reason="reports stand",
    )  # fmt: skip
    return signed(replace(told, **fields), signer(signed_by or by))


def known(records: list[ChangeRecord], entries: list[SignedEntry] = [], **changes: Any) -> tuple[Emergency, ...]:  # noqa: B006
    return known_emergencies(records, entries, base(**changes), at=NOW)


def test_a_record_is_a_debt_with_the_services_that_the_base_says() -> None:
    (found,) = known([emergency()])
    assert (found.change, found.executor, found.reviewed_by) == (values.CHANGE, "dan", "")
    assert found.services == ("ledger", "reports")
    assert found.items == ("db-1", "db-2")


@pytest.mark.parametrize("verdict", ["accepted", "rejected"])
def test_either_verdict_of_somebody_else_settles_it(verdict: str) -> None:
    (found,) = known([emergency(reviews={"ben": {**REVIEW, "verdict": verdict}})])
    assert found.reviewed_by == "ben"
    assert owed([found]) == ()


NOT_SETTLED: dict[str, dict[str, Any]] = {
    "by who ran it": {"by": "fay", "reviews": {"fay": REVIEW}},
    "by a role that may not": {"reviews": {"eve": REVIEW}},
    "by an approval in place of a review": {"reviews": {"ben": {}}},
    "signed by another": {"reviews": {"ben": REVIEW}, "signed_by": {"ben": "dan"}},
    "signed for another purpose": {"reviews": {"ben": REVIEW}, "namespaces": {"ben": "drillbook-result"}},
    "of another plan": {"reviews": {"ben": {**REVIEW, "digest": "sha256:" + "0" * 64}}},
    "from the future": {"reviews": {"ben": {**REVIEW, "approved_at": "2026-11-24T20:00:00Z"}}},
}


@pytest.mark.parametrize("name", NOT_SETTLED)
def test_not_settled(name: str) -> None:
    (found,) = known([emergency(**NOT_SETTLED[name])])
    assert found.reviewed_by == ""


def test_a_review_counts_as_of_its_day_since_people_leave() -> None:
    late = {**REVIEW, "approved_at": "2026-11-23T18:00:00Z", "expires": "2026-11-23T19:00:00Z"}
    (found,) = known([emergency(reviews={"ben": late})])
    assert found.reviewed_by == "ben"


@pytest.mark.parametrize(
    "record_of",
    [
        lambda: emergency(signed_by={"request": "ann"}),
        lambda: emergency(namespaces={"request": "drillbook-approval"}),
        record,
    ],
)
def test_what_nobody_signed_as_an_emergency_is_no_debt(record_of: Any) -> None:
    assert known([record_of()]) == ()


def test_what_only_the_ledger_knows_is_a_debt_too() -> None:
    (found,) = known([], [entry()])
    assert (found.change, found.services, found.known_from) == ("CHG-2026-0012", ("reports",), "the ledger")


@pytest.mark.parametrize(
    "other",
    [
        lambda: entry(signed_by="ann"),
        lambda: entry(type="normal"),
        lambda: entry(repository="9" * 40),
    ],
)
def test_entries_that_are_no_emergency_of_here(other: Any) -> None:
    assert known([], [other()]) == ()


def test_record_and_entry_of_one_are_one_and_touch_what_either_says() -> None:
    same = entry(change=values.CHANGE, plan=values.plan().digest, services=("mail",), items=("fw-1",))
    (found,) = known([emergency(reviews={"ben": REVIEW})], [same])
    assert found.services == ("ledger", "reports", "mail")
    assert found.reviewed_by == "ben"


def test_reviewing_one_settles_no_other_that_got_the_same_id_elsewhere() -> None:
    other = entry(change=values.CHANGE, by="ann")
    found = known([emergency(reviews={"ben": REVIEW})], [other])
    assert sorted((each.executor, each.reviewed_by) for each in found) == [("ann", ""), ("dan", "ben")]


def test_a_debt_whose_record_is_lost_is_settled_by_policy() -> None:
    settled = {**POLICIES["emergencies"], "settled": ["CHG-2026-0012"]}
    (found,) = known([], [entry()], policies={"emergencies": settled})
    assert found.reviewed_by


ENDED: dict[str, tuple[list[dict[str, str]], int]] = {
    "refused, as who ran it says": ([{"result": "refused"}], 1),
    "it did something": ([{"result": "succeeded"}], 1),
    "given up": ([{"result": "abandoned"}], 1),
    "its end is signed by another": ([{"result": "refused", "signed_by": "ann"}], 1),
    "another run of it is open": ([{"result": "refused"}, {"what": "opened", "run": "20261123T130000Z-00000002"}], 1),
    "the end of another plan": ([{"result": "refused", "plan": "sha256:" + "7" * 64, "change": "CHG-2026-0013"}], 2),
}


@pytest.mark.parametrize("name", ENDED)
def test_whatever_the_ledger_says_of_its_end_it_owes_a_review_and_counts(name: str) -> None:
    ends, debts = ENDED[name]
    found = known([], [entry(), *(entry(**{"what": "closed", **each}) for each in ends)])
    assert len(owed(found)) == debts
    with pytest.raises(Refused, match="used break-glass"):
        require_below_cap(found * 9, "dan", "rehearsal", cmdb(), at=NOW)


def test_the_service_that_is_named_is_of_the_strongest_tier() -> None:
    of = cmdb()
    by_tier = sorted(of.services, key=lambda each: int(each.get("tier")))
    names = tuple(each.id for each in reversed(by_tier))
    assert by_tier[0].get("tier") != by_tier[-1].get("tier")
    case = Case("runbook", "normal", "rehearsal", services=names)
    with pytest.raises(Refused, match=rf"same service \({by_tier[0].id}\)"):
        require_no_debt(case, known([], [entry(services=names)]), of)


def test_who_may_review() -> None:
    assert reviewers(cmdb(), "dan") == ("ben", "cem", "fay")
    assert reviewers(cmdb(), "fay") == ("ben", "cem")


def test_the_refusal_says_who_when_why_and_what_settles_it() -> None:
    case = Case("runbook", "normal", "rehearsal", services=("reports",), items=("db-9",))
    with pytest.raises(Refused) as told:
        require_no_debt(case, known([], [entry()]), cmdb())
    assert "CHG-2026-0012 by dan in rehearsal, 2026-11-23T12:00:00Z: reports stand" in told.value.message
    assert "known from the ledger" in told.value.message
    assert "one of ben, cem, fay reviews it" in told.value.remedy
    require_no_debt(replace(case, services=("mail",)), known([], [entry()]), cmdb())


def test_debts_are_shown_and_so_is_routine() -> None:
    old = time_text(NOW - timedelta(days=4))
    found = known([], [entry(), entry(change="CHG-2026-0013", time=old), entry(change="CHG-2026-0014", by="ann")])
    lines = debt_lines(found, cmdb(), at=NOW)
    assert [line.split(":")[0] for line in lines[:3]] == ["OVERDUE", "owed", "owed"]
    assert "used 3 times within 30 days" in lines[3]
    assert debt_lines((), cmdb(), at=NOW) == []


def test_hostile_reasons_are_shown_as_they_are() -> None:
    (found,) = known([], [entry()])
    assert "\u202e" not in str(replace(found, reason="a\u202eb", executor="x\ny"))
    assert "\n" not in str(replace(found, reason="a", executor="x\ny"))


def test_a_result_that_nobody_signed_is_said_to_be_none() -> None:
    """Anybody can put one beside a change, in the name of another."""
    closed = record(result=values.result(closed_by="ben"))
    stands = standing_of(closed, base(), runs=[], now=NOW)
    assert stands.problem.startswith("its result does not count: ")
    assert stands.problem != standing_of(record(), base(), runs=[], now=NOW).problem
