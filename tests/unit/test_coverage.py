"""What protects what, who comes first, what shares a fate, what is accepted; and the pages about it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drillbook.cmdb.impact.effects import Part
from drillbook.cmdb.load import load
from drillbook.console.coverage_page.coverage import coverage_page
from drillbook.console.coverage_page.nminus1 import nminus1_page
from drillbook.console.coverage_view import coverage_view
from drillbook.console.nminus1_view import Told, nminus1_view
from drillbook.console.output import console
from drillbook.coverage.accepted import judge, lost_cover, worse
from drillbook.coverage.cover import LEVELS, coverage
from drillbook.coverage.nminus1 import nminus1
from drillbook.coverage.order import first, first_in, order, weekly_hours
from drillbook.coverage.shared import Common
from drillbook.errors import UsageError
from tests.coverage_estates import PROTECTIONS, estate, estates, small

if TYPE_CHECKING:
    from drillbook.cmdb.model import Cmdb

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def shipped() -> Cmdb:
    return load(ROOT)


@pytest.mark.parametrize(
    ("a", "b", "expected", "reason"),
    [
        ({}, {}, "a", ("id", "b-spare", "a-spare")),
        ({"tier": 3}, {"rto": "8 h", "hours": "1x1"}, "b", ("tier", "3", "2")),
        ({"rto": "2 h"}, {"rto": "90 min"}, "b", ("rto", "2 h", "90 min")),
        ({"hours": "5x8"}, {"hours": "7x24"}, "b", ("hours", "5x8", "7x24")),
        ({"hours": "on request"}, {"hours": "1x1"}, "b", ("hours", "on request", "1x1")),
        ({"hours": "7x24"}, {"hours": "7x24", "needed": True}, "b", ("dependents", "0", "1")),
    ],
)
def test_the_first_criterion_that_differs_decides_and_is_told(
    a: dict[str, Any], b: dict[str, Any], expected: str, reason: tuple[str, str, str]
) -> None:
    services = {"a": a, "b": {key: its for key, its in b.items() if key != "needed"}}
    if "needed" in b:
        services["d"] = {"provided_by": [], "depends_on": ["b"]}
    cmdb = small(services)
    winner, loser = order(cmdb, ["b-spare", "a-spare"])
    assert winner.service == expected
    assert (winner.criterion, winner.mine, winner.theirs) == ("", "", "")
    assert (loser.criterion, loser.mine, loser.theirs) == reason
    assert first(cmdb, ["a-spare", "b-spare"]) == winner.protection


@settings(max_examples=100, deadline=None)
@given(estates(), st.randoms())
def test_the_order_is_total_and_does_not_hang_on_how_it_is_asked(cmdb: Cmdb, chance: Any) -> None:
    ids = cmdb.protections.ids()
    places = order(cmdb, ids)
    chance.shuffle(ids)
    assert order(cmdb, [*ids, *ids]) == places
    assert sorted(each.protection for each in places) == sorted(ids)
    for index, one in enumerate(places):
        for other in places[index + 1 :]:
            assert first(cmdb, [other.protection, one.protection]) == one.protection


def test_hours_that_are_said_otherwise_come_last() -> None:
    assert [weekly_hours(each) for each in ("7x24", "5x8", "on request", "", None)] == [168, 40, 0, 0, 0]


def test_nobody_comes_first_among_none_and_an_unknown_one_is_said() -> None:
    with pytest.raises(UsageError, match="nothing stands to choose from"):
        first(small(), [])
    with pytest.raises(UsageError, match="protections has no 'b-spore'") as caught:
        first(small(), ["a-spare", "b-spore"])
    assert "b-spare" in str(caught.value.remedy)


def test_in_the_shipped_estate_the_web_comes_first_when_room_a_is_lost(shipped: Cmdb) -> None:
    """What RB-ROOM-LOSS promotes the spare for; it changes with the objectives of these services."""
    assert first_in(shipped, "spare-1", "hq-room-a") == "web-spare"
    places = order(shipped, ["proxy-spare", "web-spare", "login-spare"])
    assert [(each.protection, each.criterion) for each in places] == [
        ("web-spare", ""), ("login-spare", "hours"), ("proxy-spare", "dependents"),
    ]  # fmt: skip
    assert first_in(shipped, "spare-1", "hq-room-b") is None


def test_items_services_and_spares_are_held_against_what_protects_them() -> None:
    found = coverage(small())
    told = {each.service: each for each in found.services}
    assert {id_: each.cover for id_, each in told.items()} == {"a": "cold", "b": "cold", "c": "hot"}
    assert [(item.item, item.cover) for item in told["c"].items] == [("c-1", "hot"), ("c-2", "standby")]
    (a,) = told["a"].items[0].by
    assert (a.rto, a.rpo, a.keeps_rto, a.keeps_rpo) == ("30 min", "12 h", True, True)
    best, tape = told["b"].items[0].by
    assert (best.protection, best.keeps_rpo, tape.keeps_rto, tape.keeps_rpo) == ("b-spare", False, False, True)
    assert told["b"].keeps_rto
    assert told["b"].keeps_rpo  # by the tape
    (spare,) = found.spares
    assert [(each.place.protection, [left.protection for left in each.fallback]) for each in spare.wanting] == [
        ("a-spare", []), ("b-spare", ["b-tape"]),
    ]  # fmt: skip
    assert spare.contested
    assert spare.losing == ()


def test_a_spare_in_use_covers_nobody_else() -> None:
    found = coverage(small(), in_use=("a-spare",))
    told = {each.service: each for each in found.services}
    assert {id_: each.cover for id_, each in told.items()} == {"a": "cold", "b": "tape", "c": "hot"}
    assert not told["b"].keeps_rto
    assert [each.place.protection for each in found.spares[0].losing] == ["b-spare"]
    assert lost_cover(coverage(small()), found) == (("b", "b-1", "cold", "tape"),)
    assert lost_cover(found, coverage(small())) == ()


@pytest.mark.parametrize(
    ("in_use", "says"),
    [
        (("c-pair",), "'c-pair' is hot_standby, which has no spare"),
        (("a-spare", "b-spare"), "share the spare spare-1"),
        (("a-spore",), "protections has no 'a-spore'"),
    ],
)
def test_what_cannot_be_in_use_is_said(in_use: tuple[str, ...], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        coverage(small(), in_use=in_use)


def test_what_shares_a_rack_a_room_or_power_is_found() -> None:
    found = {(each.protection, each.role, each.what, each.id) for each in coverage(small()).shared}
    assert found == {
        ("a-spare", Part.OTHER, Common.BUILDING, "East"),
        ("a-spare", Part.OTHER, Common.ITEM, "ups-1"),  # through the switch
        ("a-spare", Part.SNAPSHOTS, Common.ROOM, "room-a"),
        ("a-spare", Part.PASSWORD, Common.ROOM, "room-a"),
        ("b-spare", Part.OTHER, Common.BUILDING, "East"),
        ("b-tape", Part.OTHER, Common.ROOM, "room-a"),
        ("c-pair", Part.OTHER, Common.ROOM, "room-c"),
    }


def test_the_witness_of_a_cold_spare_shares_its_fate_and_that_of_a_pair_is_no_need() -> None:
    said = {"settings": {"witness": "keep-2"}}
    given = {**PROTECTIONS, **{each: {**PROTECTIONS[each], **said} for each in ("b-spare", "c-pair")}}
    found = [each for each in coverage(small(protections=given)).shared if each.role is Part.WITNESS]
    assert [(each.protection, each.others, each.what, each.id) for each in found] == [
        ("b-spare", ("keep-2",), Common.RACK, "room-a/a2")
    ]


@settings(max_examples=100, deadline=None)
@given(estates())
def test_the_cover_of_a_service_is_never_better_than_that_of_an_item(cmdb: Cmdb) -> None:
    for each in coverage(cmdb).services:
        for item in each.items:
            if not item.standby:
                assert LEVELS.index(each.cover) <= max(LEVELS.index(item.cover), LEVELS.index("part"))
        assert (each.cover == "part") == (len({item.cover == "none" for item in each.items if not item.standby}) == 2)


def test_estates_with_nothing_in_them_are_told_so() -> None:
    assert coverage(estate()).services == ()
    assert "no services" in _printed(coverage_view(coverage(estate())))
    told = Told(estate(), nminus1(estate()), judge(estate(), nminus1(estate()), today=TODAY), None)
    assert "no items" in _printed(nminus1_view(told))
    assert "The CMDB has no services." in coverage_page(estate(), coverage(estate()), language="en")
    assert "every single failure has a way back" in nminus1_page(told, language="en")


def _printed(what: Any) -> str:
    with console.capture() as caught:
        console.print(what)
    return caught.get()


def _accepting(**decision: Any) -> Cmdb:
    written = {"title": {"en": "We know", "zh": "已知"}, "by": "ann", "until": "2026-11-22", **decision}
    return small(policies={"accepted-single-failures": {"accepted": {"known": written}}})


@pytest.mark.parametrize(
    ("decision", "accepted"),
    [
        ({"services": ["b"]}, {"b"}),
        ({"services": ["a"]}, {"a"}),
        ({"tiers": [2]}, {"a", "b", "c"}),
        ({"tiers": [1, 3]}, set()),
        ({"failures": ["hq"]}, {"a", "b", "c"}),
        ({"failures": ["room-a"], "reasons": ["lost"]}, {"a", "b"}),
        ({"failures": ["room-c"]}, {"c"}),
        ({"failures": ["room-a/a1"], "services": ["b"]}, set()),
        ({"failures": ["hq"], "until": "2026-11-21"}, set()),
    ],
)
def test_a_decision_accepts_what_fits_all_that_it_says_until_its_day(
    decision: dict[str, Any], accepted: set[str]
) -> None:
    cmdb = _accepting(**decision)
    found = judge(cmdb, nminus1(cmdb), today=TODAY)
    assert {each.stranded.service for each in found.weaknesses} == {"a", "b", "c"}
    assert {each.stranded.service for each in found.weaknesses if not each.counts} == accepted
    assert {each.stranded.service for each in found.weaknesses if each.expired} == (
        {"a", "b", "c"} if decision.get("until") else set()
    )


def test_a_decision_that_nothing_needs_any_more_is_told() -> None:
    cmdb = _accepting(failures=["c-1"])
    assert judge(cmdb, nminus1(cmdb), today=TODAY).unneeded == ("known",)


def test_what_a_change_makes_worse_is_what_the_base_does_not_have() -> None:
    base = small()
    bare = small(protections={id_: its for id_, its in PROTECTIONS.items() if id_ != "c-pair"})
    assert worse(nminus1(base), nminus1(base)) == set()
    # The room strands the service as before, though now none of its parts does.
    assert worse(nminus1(bare), nminus1(base)) == set()
    assert worse(nminus1(base), nminus1(bare)) == {("c-1", "c"), ("c-2", "c")}
    promising = small(services={"b": {"rto": "5 min"}})
    assert worse(nminus1(base), nminus1(promising)) == {("b-1", "b")}
    assert worse(nminus1(promising), nminus1(base)) == set()


def test_the_shipped_estate_has_no_single_failure_that_nobody_has_accepted(shipped: Cmdb) -> None:
    found = judge(shipped, nminus1(shipped), today=TODAY)
    assert [(each.failure.id, each.stranded.service) for each in found.counting] == []
    assert found.unneeded == ()
    assert {each.stranded.service for each in found.weaknesses if each.failure.id == "ups-a"} >= {"login", "proxy"}
    later = judge(shipped, nminus1(shipped), today=date(2027, 2, 1)).counting
    assert {each.expired for each in later} == {"room-b-with-its-copies"}
