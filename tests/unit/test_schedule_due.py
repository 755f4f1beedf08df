"""When which drill is due: policy, records and time in, standing out; and the order in which drills run."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from drillbook.change.records.window import Freeze, frozen
from drillbook.cmdb.model import SECTIONS, Cmdb, Entry, Section
from drillbook.evidence.archive import Archive, Distrusted
from drillbook.evidence.verdict import Result
from drillbook.runbook.model import Text
from drillbook.schedule.due import Schedule, Standing, State, in_order, next_due, schedule
from drillbook.schedule.policy import Policy, Wanted, policy_of
from drillbook.schedule.seen import Seen, look, read_seen, write_seen
from tests import drill_values
from tests.archive_values import NOW, archive, kept

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from drillbook.drill.model import Drill

DAY = timedelta(days=1)
NOTHING = Seen()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Drill:
    return drill_values.loaded(tmp_path_factory.mktemp("drill"), drill_values.drill())


def cmdb(policies: dict[str, Any], **services: dict[str, Any]) -> Cmdb:
    title = {"en": "x", "zh": "某"}
    content: dict[str, dict[str, Any]] = {
        "policies": {id_: {"title": title, **each} for id_, each in policies.items()},
        "services": {id_: {"title": title, **each} for id_, each in services.items()},
    }
    sections = {
        name: Section(name, {id_: Entry(name, id_, each, "f", 1) for id_, each in content.get(name, {}).items()})
        for name in SECTIONS
    }
    return Cmdb(organisation="Example", digest="sha256:0", **sections)


TIERS = {"by_tier": {"1": "31 d", "2": "92 d", "3": "183 d"}}


def policy(**services: Any) -> Policy:
    return policy_of(cmdb({"drill-intervals": TIERS}, **(services or {"core": {"tier": 1}})))


def stand(
    base: Drill, *records: Any, at: datetime = NOW, seen: Seen = NOTHING, wanted: Policy | None = None
) -> Standing:
    found = schedule(wanted or policy(), [base], archive(*records), pairs={}, now=at, seen=seen)
    return found.drills[0]


# --- policy --------------------------------------------------------------------------------------


def test_a_tier_gives_the_interval_and_a_service_may_have_its_own() -> None:
    found = policy_of(cmdb({"drill-intervals": {**TIERS, "by_service": {"b": "7 d"}}}, a={"tier": 2}, b={"tier": 1}))
    assert {name: each.interval for name, each in found.wanted.items()} == {"a": 92 * DAY, "b": 7 * DAY}
    assert found.wanted["b"].lead == 0.7 * DAY


@pytest.mark.parametrize(("lead", "is_"), [("3 d", 3 * DAY), ("90 d", 31 * DAY), ("0 s", 0 * DAY)])
def test_policy_may_say_the_lead_which_is_at_most_the_interval(lead: str, is_: timedelta) -> None:
    assert policy_of(cmdb({"drill-intervals": {**TIERS, "lead": lead}}, a={"tier": 1})).wanted["a"].lead == is_


def test_an_interval_of_thousands_of_years_does_not_leave_the_calendar(base: Drill) -> None:
    wanted = policy_of(cmdb({"drill-intervals": {**TIERS, "by_service": {"core": "999999999 d"}}}, core={"tier": 1}))
    assert stand(base, kept(), wanted=wanted).state is State.FRESH


def test_an_estate_without_a_policy_wants_nothing(base: Drill) -> None:
    wanted = policy_of(cmdb({}, core={"tier": 1}))
    found = schedule(wanted, [base], archive(), pairs={}, now=NOW, seen=NOTHING)
    assert [each.state for each in found.drills] == [State.UNWANTED]
    assert found.undrilled == ()
    assert in_order(found) == []


def test_an_estate_without_anything() -> None:
    found = schedule(policy_of(cmdb({})), [], archive(), pairs={}, now=NOW, seen=NOTHING)
    assert (found.drills, found.undrilled, in_order(found), next_due(found)) == ((), (), [], None)


def test_services_without_a_drill_are_not_hidden(base: Drill) -> None:
    wanted = policy(core={"tier": 1}, other={"tier": 3})
    found = schedule(wanted, [base], archive(), pairs={}, now=NOW, seen=NOTHING)
    assert [(each.service, each.tier) for each in found.undrilled] == [("other", 3)]


def test_a_service_that_the_cmdb_has_not_is_never_due(base: Drill) -> None:
    found = schedule(policy(other={"tier": 1}), [base], archive(), pairs={}, now=NOW, seen=NOTHING)
    assert [each.state for each in found.drills] == [State.UNWANTED]


def test_a_drill_about_several_services_is_wanted_as_often_as_the_one_that_wants_it_most(base: Drill) -> None:
    second = replace(base.services[0], service="other")
    both = replace(base, services=(*base.services, second))
    wanted = policy(core={"tier": 2}, other={"tier": 1}, third={"tier": 1})
    found = schedule(wanted, [both], archive(), pairs={}, now=NOW, seen=NOTHING)
    assert [each.wanted and each.wanted.service for each in found.drills] == ["other"]
    assert [each.service for each in found.undrilled] == ["third"]


# --- standing ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "state"),
    [
        (1, State.FRESH), (27.8, State.FRESH), (27.9, State.DUE), (30.99, State.DUE), (31, State.DUE),
        (31.001, State.OVERDUE), (400, State.OVERDUE),
    ],
)  # fmt: skip
def test_days_since_the_last_run(base: Drill, days: float, state: State) -> None:
    record = kept(days=days)
    assert stand(base, replace(record, started=record.ended)).state is state


def test_what_never_ran(base: Drill) -> None:
    found = stand(base, kept("another-drill"))
    assert (found.state, found.last, found.until, found.usual) == (State.NEVER, None, None, None)


def test_a_missed_drill_is_done_and_stays_visible(base: Drill) -> None:
    found = stand(base, kept(days=9), kept(days=2, result=Result.MISSED))
    assert (found.state, found.missed) == (State.FRESH, True)


def test_an_invalid_drill_does_not_count(base: Drill) -> None:
    found = stand(base, kept(days=60), kept(days=1, result=Result.INVALID))
    assert found.state is State.OVERDUE
    assert found.void is not None
    assert stand(base, kept(days=1, result=Result.INVALID)).state is State.NEVER
    assert stand(base, kept(days=2, result=Result.INVALID), kept(days=1)).void is None


def test_a_record_that_is_not_trusted_does_not_count(base: Drill) -> None:
    bad = Distrusted("20261121T000000Z-db-failover", "db-failover", "changed")
    found = schedule(policy(), [base], Archive((), (bad,)), pairs={}, now=NOW, seen=NOTHING)
    assert found.drills[0].state is State.NEVER
    assert found.distrusted == (bad,)


def test_a_drill_whose_file_was_changed_since_says_so(base: Drill) -> None:
    assert stand(base, kept(digest="sha256:other")).changed
    assert not stand(base, kept(digest=base.digest)).changed


def test_summer_time_changes_nothing(base: Drill) -> None:
    # In Berlin the night to 2026-03-29 has 23 hours: 31 days later on the wall are an hour less than 31 d.
    berlin = ZoneInfo("Europe/Berlin")
    began = datetime(2026, 3, 1, 2, 30, tzinfo=berlin)
    record = kept(started=began.astimezone(UTC), ended=began.astimezone(UTC) + timedelta(minutes=1))
    found = stand(base, record, at=datetime(2026, 4, 1, 2, 45, tzinfo=berlin))
    assert found.until == datetime(2026, 4, 1, 1, 30, tzinfo=UTC)
    assert found.state is State.DUE
    assert stand(base, record, at=datetime(2026, 4, 1, 3, 45, tzinfo=berlin)).state is State.OVERDUE


def test_two_runs_in_one_second(base: Drill) -> None:
    moment = NOW - DAY
    first = kept(folder="20261121T120000Z-db-failover", started=moment, ended=moment)
    second = kept(folder="20261121T120000Z-db-failover-2", started=moment, ended=moment, result=Result.MISSED)
    assert stand(base, second, first).missed


# --- a clock that was set back -------------------------------------------------------------------


def test_a_record_in_the_future_is_due_and_never_fresh(base: Drill) -> None:
    found = schedule(policy(), [base], archive(kept(days=-5)), pairs={}, now=NOW, seen=NOTHING)
    assert found.drills[0].state is State.NEVER
    assert len(found.future) == 1
    doubted = stand(base, kept(days=3), kept(days=-5))
    assert (doubted.state, doubted.doubted) == (State.DUE, True)


def test_what_ran_since_it_was_noticed_counts_again(base: Drill) -> None:
    clock, record = Seen(set_back=NOW - 2 * DAY), Seen(claimed=NOW + 5 * DAY, claimed_at=NOW - 2 * DAY)
    assert stand(base, kept(days=3), seen=clock).state is State.DUE
    assert stand(base, kept(days=1), seen=clock).state is State.FRESH
    assert stand(base, kept(days=3), kept(days=-5), seen=record).state is State.DUE
    assert stand(base, kept(days=1), kept(days=-5), seen=record).state is State.FRESH


def test_a_clock_puts_every_drill_in_doubt_and_a_record_its_own(base: Drill) -> None:
    assert stand(base, kept(days=3), seen=Seen(set_back=NOW)).doubted
    assert not stand(
        base, kept(days=3), kept("another", days=-5), seen=Seen(claimed=NOW + 5 * DAY, claimed_at=NOW)
    ).doubted


def test_a_clock_that_was_set_back_is_noticed_once() -> None:
    noticed = look(Seen(last=NOW + 3 * DAY), archive(), NOW)
    assert (noticed.last, noticed.set_back) == (NOW, NOW)
    assert look(noticed, archive(), NOW + DAY).set_back == NOW
    again = look(replace(noticed, last=NOW + DAY), archive(), NOW - 9 * DAY)
    assert again.set_back == NOW - 9 * DAY


def test_records_in_the_future_are_noticed_without_a_state() -> None:
    records = archive(kept(days=-5))
    first = look(Seen(), records, NOW)
    assert (first.claimed_at, first.set_back) == (NOW, None)
    assert look(first, records, NOW + DAY).claimed_at == NOW
    assert look(first, archive(kept(days=-5), kept(days=-9)), NOW + DAY).claimed_at == NOW + DAY
    assert look(first, records, NOW - DAY).claimed_at == NOW - DAY


def test_a_time_service_may_correct_the_clock() -> None:
    assert look(Seen(last=NOW + timedelta(seconds=40)), archive(), NOW).set_back is None
    assert look(Seen(last=NOW + timedelta(seconds=90)), archive(), NOW).set_back == NOW


@pytest.mark.parametrize(
    "text",
    [None, "", "[]", "{", '{"last": 7}', '{"last": "x"}', "null", '{"last": "0001-01-01T00:00:00+14:00"}', os.mkfifo],
)
def test_what_was_seen_is_kept_and_its_loss_loses_little(
    tmp_path: Path, text: str | Callable[[Path], None] | None
) -> None:
    seen = Seen(NOW, NOW - DAY, NOW + DAY, None)
    write_seen(tmp_path, seen)
    assert read_seen(tmp_path) == seen
    if text is None:
        (tmp_path / "last-seen.json").unlink()
    elif not isinstance(text, str):
        (tmp_path / "last-seen.json").unlink()
        text(tmp_path / "last-seen.json")
    else:
        (tmp_path / "last-seen.json").write_text(text)
    assert read_seen(tmp_path) == Seen()


# --- the order -----------------------------------------------------------------------------------


def standing(
    base: Drill, name: str, state: State, *, tier: int = 1, late: float = 0, planned: bool = False, pair: str = "p"
) -> Standing:
    until = None if state is State.NEVER else NOW - late * DAY
    wanted = Wanted("core", Text("x", "x"), tier, 31 * DAY, 3 * DAY)
    drill = replace(base, name=name, faults=() if planned else base.faults)
    return Standing(drill, pair, wanted, state, None, None, until, until, False, False, None)


def ordered(*each: Standing) -> list[str]:
    found = Schedule(NOW, each, (), (), ())
    return [each.drill.name for each in in_order(found)]


def test_never_run_and_overdue_come_before_due_and_fresh_does_not_come(base: Drill) -> None:
    assert ordered(
        standing(base, "due", State.DUE, late=-1), standing(base, "fresh", State.FRESH, late=-20),
        standing(base, "none", State.UNWANTED), standing(base, "overdue", State.OVERDUE, late=2, tier=3),
        standing(base, "never", State.NEVER, tier=2),
    ) == ["never", "overdue", "due"]  # fmt: skip


def test_tier_then_planned_then_longest(base: Drill) -> None:
    assert ordered(
        standing(base, "a-breaks", State.OVERDUE, late=90), standing(base, "b-breaks", State.OVERDUE, late=99),
        standing(base, "c-planned", State.OVERDUE, late=1, planned=True), standing(base, "d-two", State.NEVER, tier=2),
        standing(base, "e-never", State.NEVER),
    ) == ["c-planned", "e-never", "b-breaks", "a-breaks", "d-two"]  # fmt: skip


def test_drills_of_one_pair_follow_one_another(base: Drill) -> None:
    assert ordered(
        standing(base, "a", State.OVERDUE, late=9, pair="one"), standing(base, "b", State.OVERDUE, late=8, pair="two"),
        standing(base, "c", State.OVERDUE, late=7, pair="one"), standing(base, "d", State.DUE, late=-1, pair="one"),
    ) == ["a", "c", "b", "d"]  # fmt: skip


def test_the_order_does_not_depend_on_that_of_the_files(base: Drill) -> None:
    many = [standing(base, f"d{at}", State.OVERDUE, late=at % 3, pair=f"p{at % 2}") for at in range(8)]
    assert ordered(*many) == ordered(*reversed(many))


# --- freeze periods ------------------------------------------------------------------------------


def test_a_freeze_covers_its_last_day_and_its_environments() -> None:
    freeze = Freeze("f", Text("x", "x"), date(2026, 12, 24), date(2027, 1, 5), frozenset({"lab"}))
    longer = replace(freeze, id="g", last=date(2027, 1, 9))
    assert frozen([freeze], "lab", date(2027, 1, 5)) is freeze
    assert frozen([freeze], "lab", date(2027, 1, 6)) is None
    assert frozen([freeze], "site", date(2027, 1, 1)) is None
    assert frozen([longer, freeze], "lab", date(2027, 1, 1)) is longer
