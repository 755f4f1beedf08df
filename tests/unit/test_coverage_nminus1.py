"""Every single failure, held against what the texts say, worked out the slow way; and cases that people argue about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drillbook.cmdb.durations import seconds
from drillbook.cmdb.impact import Effect
from drillbook.cmdb.impact.spread import Walk, graph_of
from drillbook.coverage.nminus1 import Failure, Why, nminus1, stranded
from drillbook.coverage.order import order
from drillbook.coverage.recovery import Recovery, network_of
from tests.coverage_estates import LIMITS, estate, estates

if TYPE_CHECKING:
    from drillbook.cmdb.model import Cmdb, Entry

Times = dict[str, float | None]


def _needs(protection: Entry) -> list[list[str]]:
    """Give what it needs: of each list one."""
    members = protection.get("members")
    other = [members[each] for each in ("standby", "spare", "library") if each in members]
    witness = protection.get("settings", {}).get("witness")
    snapshot = protection.get("snapshot", {})
    host, places = snapshot.get("host"), snapshot.get("password_on")
    return [[each] for each in (*other, host, witness) if each] + ([list(places)] if places else [])


def _slowest(times: Times, needs: list[list[str]]) -> float | None:
    found = [
        min((time for time in map(times.__getitem__, any_of) if time is not None), default=None) for any_of in needs
    ]
    return None if None in found else max((each for each in found if each is not None), default=0.0)


def _could(times: Times, protection: Entry) -> float | None:
    ready = _slowest(times, _needs(protection))
    return None if ready is None else max(ready, seconds(LIMITS[protection.get("kind")]))


def _shared(cmdb: Cmdb, protection: Entry) -> bool:
    """Tell whether its spare is wanted for two items."""
    spare = protection.get("members").get("spare")
    of = {each.get("members")["primary"] for each in cmdb.protections if each.get("members").get("spare") == spare}
    return spare is not None and len(of) > 1


def _by_item(cmdb: Cmdb, times: Times, given_to: dict[str, str], service: Entry, item: str) -> float | None:
    own = [each for each in cmdb.protections if each.get("service") == service.id]
    mine = [each for each in own if each.get("members")["primary"] == item]
    if not mine and any(each.get("members").get("standby") == item for each in own):
        return 0.0
    usable = [each for each in mine if not _shared(cmdb, each) or given_to.get(each.get("members")["spare"]) == item]
    ways = [times[item], *(_could(times, each) for each in usable)]
    return min((each for each in ways if each is not None), default=None)


def _times(cmdb: Cmdb, causes: set[str], given_to: dict[str, str]) -> Times:
    """Begin with nothing working, and go over everything until nothing changes: what nothing brings back stays None."""
    times: Times = dict.fromkeys([*cmdb.config_items.ids(), *cmdb.services.ids()])
    for _ in range(200):
        before = dict(times)
        for entry in (*cmdb.config_items, *cmdb.services):
            if entry.id in causes:
                continue
            parts = [times[need] for need in entry.get("depends_on", ())]
            parts += [_by_item(cmdb, times, given_to, entry, item) for item in entry.get("provided_by", ())]
            times[entry.id] = None if None in parts else max((each for each in parts if each is not None), default=0.0)
        if times == before:
            return times
    raise AssertionError("the times never settle")


def _dead(cmdb: Cmdb, causes: set[str], item: str) -> bool:
    needs = [each for each in cmdb.config_items[item].get("depends_on") if each in cmdb.config_items]
    return item in causes or any(_dead(cmdb, causes, each) for each in needs)


def _settled(cmdb: Cmdb, causes: set[str]) -> tuple[Times, dict[str, str]]:
    """Give spares away until nobody asks for one."""
    given_to: dict[str, str] = {}
    while True:
        times = _times(cmdb, causes, given_to)
        firsts = {}
        for spare in {each.get("members").get("spare") for each in cmdb.protections} - {None, *given_to}:
            asking = []
            for each in cmdb.protections:
                members, service = each.get("members"), cmdb.services[each.get("service")]
                if members.get("spare") != spare or not _shared(cmdb, each):
                    continue
                done, could = _by_item(cmdb, times, given_to, service, members["primary"]), _could(times, each)
                late = done is None or done > seconds(service.get("rto"))
                if late and could is not None and (done is None or could < done):
                    asking.append(each.id)
            if asking:
                firsts[spare] = cmdb.protections[order(cmdb, asking)[0].protection].get("members")["primary"]
        if not firsts:
            return times, given_to
        broken = {spare: item for spare, item in firsts.items() if _dead(cmdb, causes, item)}
        given_to |= broken or firsts


def _failures(cmdb: Cmdb) -> dict[str, set[str]]:
    """Give every single failure with the items that it breaks."""
    found: dict[str, set[str]] = {}
    for item in cmdb.config_items:
        found[item.id] = {item.id}
        if item.get("room"):
            found.setdefault(item.get("room"), set()).add(item.id)
            if item.get("rack"):
                found.setdefault(f"{item.get('room')}/{item.get('rack')}", set()).add(item.id)
    return found


@settings(max_examples=150, deadline=None)
@given(estates(), st.data())
def test_times_and_spares_are_those_of_the_slow_way(cmdb: Cmdb, data: st.DataObject) -> None:
    causes = set(data.draw(st.lists(st.sampled_from(cmdb.config_items.ids()), min_size=1, max_size=3)))
    recovery = Recovery(network_of(cmdb), causes)
    times, given_to = _settled(cmdb, causes)
    assert {id_: recovery.back(id_) for id_ in times} == times
    assert recovery.given == given_to


@settings(max_examples=100, deadline=None)
@given(estates())
def test_every_single_failure_that_strands_something_is_found_and_no_other(cmdb: Cmdb) -> None:
    late: dict[str, dict[str, float | None]] = {}
    causes_of = _failures(cmdb)
    for name, causes in causes_of.items():
        times, _ = _settled(cmdb, causes)
        late[name] = {
            each.id: times[each.id]
            for each in cmdb.services
            if (back := times[each.id]) is None or back > seconds(each.get("rto"))
        }
    found = nminus1(cmdb)
    told: dict[str, Failure] = {name: each for each in found.failures for name in (each.id, *each.same)}
    for name, services in late.items():
        relevant = {each for each in causes_of[name] if network_of(cmdb).matters(each)}
        parts = [
            other
            for other, causes in causes_of.items()
            if causes & relevant
            and {each for each in causes if network_of(cmdb).matters(each)} < relevant
            and (other in cmdb.config_items or name.partition("/")[1] == "")
        ]
        own = {
            id_: back
            for id_, back in services.items()
            if not any(id_ in late[part] and (late[part][id_] is None or back is not None) for part in parts)
        }
        assert {each.service: each.back for each in (told[name].own if name in told else ())} == own, name
        if name in told:
            assert {each.service: each.back for each in told[name].services} == services
    assert [each.badness for each in found.failures] == sorted(each.badness for each in found.failures)


@settings(max_examples=100, deadline=None)
@given(estates(), st.data())
def test_what_the_impact_says_is_down_is_not_back_here(cmdb: Cmdb, data: st.DataObject) -> None:
    causes = tuple(data.draw(st.sets(st.sampled_from(cmdb.config_items.ids()), min_size=1, max_size=3)))
    spares = [each.get("members").get("spare") for each in cmdb.protections if "spare" in each.get("members")]
    if len(spares) > len(set(spares)):
        return  # there the impact gives a spare to nobody
    walk = Walk(graph_of(cmdb), causes)
    walk.spread()
    recovery = Recovery(network_of(cmdb), causes)
    for id_, effect in walk.state.items():
        assert effect is not Effect.STOPS or recovery.back(id_) is None
    for id_ in (*cmdb.config_items.ids(), *cmdb.services.ids()):
        assert id_ in walk.state or recovery.back(id_) == 0


@settings(max_examples=100, deadline=None)
@given(estates(), st.data())
def test_every_reason_is_true(cmdb: Cmdb, data: st.DataObject) -> None:
    causes = tuple(data.draw(st.sets(st.sampled_from(cmdb.config_items.ids()), min_size=1, max_size=3)))
    recovery = Recovery(network_of(cmdb), causes)
    found = stranded(network_of(cmdb), causes)
    names = {each.service for each in found}
    for each in found:
        assert each.blocked
        needs = {*cmdb.services[each.service].get("provided_by"), *cmdb.services[each.service].get("depends_on")}
        for blocked in each.blocked:
            assert blocked.through[-1] in needs
            if blocked.why is Why.WAITS:
                assert blocked.need in names
            if blocked.why is Why.NOTHING:
                assert not blocked.tried
            for tried in blocked.tried:
                if tried.why is Why.LOST:
                    assert recovery.back(tried.what) is None
                elif tried.why is Why.CONTESTED:
                    mine, theirs = cmdb.protections[tried.protection], cmdb.protections[tried.what]
                    assert mine.get("members")["spare"] == theirs.get("members")["spare"]
                else:
                    assert tried.seconds is not None


ONE_SPARE = {
    "items": {
        "web-1": {"room": "room-a", "depends_on": ["ups-1"]},
        "login-1": {"room": "room-a", "depends_on": ["ups-1"]},
        "ups-1": {"class": "ups", "room": "room-a"},
        "spare-1": {"room": "room-b"},
        "store-1": {"room": "room-c"},
        "tapes-1": {"room": "room-c"},
        "idle-1": {"room": "room-a"},
    },
    "services": {
        "web": {"provided_by": ["web-1"], "hours": "7x24"},
        "login": {"provided_by": ["login-1"], "hours": "5x8"},
        "shop": {"provided_by": [], "depends_on": ["login"], "tier": 1},
    },
    "protections": {
        "web-spare": {"service": "web", "members": {"primary": "web-1", "spare": "spare-1"}},
        "login-spare": {"service": "login", "members": {"primary": "login-1", "spare": "spare-1"}},
    },
}


def _with(*changes: tuple[str, str, dict[str, Any]]) -> Cmdb:
    content = {name: dict(its) for name, its in ONE_SPARE.items()}
    for section, id_, fields in changes:
        content[section][id_] = {**content[section].get(id_, {}), **fields}
    return estate(**content)


def _of(cmdb: Cmdb, failure: str) -> dict[str, tuple[str, str]]:
    """Give what a failure strands: why, and by what of the first need."""
    for each in nminus1(cmdb).failures:
        if failure in (each.id, *each.same):
            return {
                one.service: (str(one.why), one.blocked[0].tried[0].what if one.blocked[0].tried else "")
                for one in each.own
            }
    return {}


@pytest.mark.parametrize(
    ("changes", "failure", "expected"),
    [
        ((), "web-1", {}),
        ((), "ups-1", {"login": ("contested", "web-spare"), "shop": ("waits", "")}),
        ((), "room-a", {}),  # its UPS alone does it
        ((), "spare-1", {}),
        ((("services", "login", {"tier": 1}),), "ups-1", {"web": ("contested", "login-spare")}),
        ((("services", "web", {"rto": "10 min"}),), "web-1", {"web": ("slow", "")}),
        ((("items", "web-1", {"depends_on": []}),), "room-a",
         {"login": ("contested", "web-spare"), "shop": ("waits", "")}),
        ((("items", "spare-1", {"room": "room-a", "depends_on": ["ups-1"]}),), "ups-1",
         {"web": ("lost", "spare-1"), "login": ("lost", "spare-1"), "shop": ("waits", "")}),
        ((("protections", "web-spare", {"snapshot": {"host": "store-1"}}),
          ("items", "store-1", {"depends_on": ["ups-1"]})), "ups-1", {"web": ("lost", "store-1")}),
        ((("protections", "web-spare", {"settings": {"witness": "store-1"}}),
          ("items", "store-1", {"depends_on": ["ups-1"]})), "ups-1", {"web": ("lost", "store-1")}),
        # Of the places of the password one is enough.
        *(((("protections", "web-spare", {"snapshot": {"host": "spare-1", "password_on": ["store-1", other]}}),
            ("items", "store-1", {"depends_on": ["ups-1"]})), "ups-1", expected)
          for other, expected in (("spare-1", {"login": ("contested", "web-spare"), "shop": ("waits", "")}),
                                  ("ups-1", {"web": ("lost", "store-1")}))),
        ((("protections", "login-tape", {"service": "login", "members": {"primary": "login-1", "library": "tapes-1"}}),
          ("services", "login", {"rto": "8 h"}), ("services", "shop", {"rto": "8 h"})), "ups-1", {}),
        # A spare that stands on what it is to bring back brings back nothing.
        ((("items", "spare-1", {"depends_on": ["web"]}),), "web-1", {"web": ("lost", "spare-1")}),
    ],
)  # fmt: skip
def test_who_gets_the_spare_and_who_is_left_without(
    changes: tuple[tuple[str, str, dict[str, Any]], ...], failure: str, expected: dict[str, tuple[str, str]]
) -> None:
    assert _of(_with(*changes), failure) == expected


def test_a_tape_that_is_too_slow_is_told_beside_the_contested_spare() -> None:
    tape = {"service": "login", "members": {"primary": "login-1", "library": "tapes-1"}}
    cmdb = _with(("protections", "login-tape", tape))
    assert Recovery(network_of(cmdb), ("login-1",)).back("login") == 30 * 60  # the spare, since the tape is too slow
    found = stranded(network_of(cmdb), ("ups-1",))
    (login,) = (each for each in found if each.service == "login")
    assert login.back == 4 * 3600
    assert login.why is Why.SLOW
    assert [(each.protection, each.why) for each in login.blocked[0].tried] == [
        ("login-spare", Why.CONTESTED), ("login-tape", Why.SLOW),
    ]  # fmt: skip
    assert login.blocked[0].through == ("ups-1", "login-1")


def test_a_spare_that_is_not_back_itself_takes_as_long_as_that() -> None:
    """The spare stands on what a tape brings back after 4 h: not after the half hour of a cold spare."""
    cmdb = estate(
        items={"web-1": {"depends_on": ["ups-1"]}, "spare-1": {"depends_on": ["machines"]},
               "vh-1": {"depends_on": ["ups-1"]}, "ups-1": {}, "tapes-1": {}},
        services={"web": {"provided_by": ["web-1"]}, "machines": {"provided_by": ["vh-1"], "rto": "8 h"}},
        protections={
            "web-spare": {"service": "web", "members": {"primary": "web-1", "spare": "spare-1"}},
            "machines-tape": {"service": "machines", "members": {"primary": "vh-1", "library": "tapes-1"}},
        },
    )  # fmt: skip
    recovery = Recovery(network_of(cmdb), ("ups-1",))
    assert recovery.back("machines") == 4 * 3600
    assert recovery.back("web") == 4 * 3600
    (web,) = stranded(network_of(cmdb), ("ups-1",))
    assert (web.service, web.why, web.blocked[0].tried[0].seconds) == ("web", Why.SLOW, 4 * 3600)


def test_what_only_waits_claims_no_spare_before_what_it_waits_for_may_be_back() -> None:
    """Machines have a spare, and so has a host on them; while the first is being brought back the second waits."""
    cmdb = estate(
        items={id_: {} for id_ in ("vm-2", "vh-1", "other-1", "spare-1", "spare-2")}
        | {"vm-1": {"depends_on": ["machines"]}},
        services={
            "machines": {"provided_by": ["vh-1"], "tier": 3}, "other": {"provided_by": ["other-1"], "tier": 3},
            "shop": {"provided_by": ["vm-1"], "tier": 1}, "blog": {"provided_by": ["vm-2"], "tier": 1},
        },
        protections={
            "machines-spare": {"service": "machines", "members": {"primary": "vh-1", "spare": "spare-1"}},
            "other-spare": {"service": "other", "members": {"primary": "other-1", "spare": "spare-1"}},
            "shop-spare": {"service": "shop", "members": {"primary": "vm-1", "spare": "spare-2"}},
            "blog-spare": {"service": "blog", "members": {"primary": "vm-2", "spare": "spare-2"}},
        },
    )  # fmt: skip
    assert Recovery(network_of(cmdb), ("vh-1",)).given == {"spare-1": "vh-1"}
    # With the spare of the machines gone, the host on them is not coming back by itself, and has the other one.
    assert Recovery(network_of(cmdb), ("vh-1", "spare-1")).given == {"spare-2": "vm-1"}


def test_items_on_which_nothing_depends_are_left_out_and_the_same_is_worked_out_once() -> None:
    found = nminus1(_with(("items", "web-1", {"room": "room-c"})))
    assert found.items == 7
    names = {name for each in found.failures for name in (each.id, *each.same)}
    assert "idle-1" not in names
    assert found.computed < 7 + found.racks + found.rooms


@pytest.mark.parametrize("content", [{}, {"items": {"a": {}}}, {"items": {"a": {}}, "services": {"s": {}}}])
def test_an_estate_without_services_items_or_protections_has_nothing_to_lose(content: dict[str, Any]) -> None:
    assert nminus1(estate(**content)).failures == ()


def test_a_policy_that_says_nothing_of_limits_promises_nothing_either() -> None:
    cmdb = _with()
    bare = estate(**ONE_SPARE, policies={"protection-limits": {"shortest_rto": {}, "spare_covers": 3}})
    assert {each.id for each in nminus1(bare).failures} == {each.id for each in nminus1(cmdb).failures}


@pytest.mark.parametrize(("rto", "back"), [("8 h", 0), ("1 h", 0), ("10 s", 30 * 60)])
def test_a_host_that_waits_too_long_for_a_tape_gets_the_spare_that_nobody_else_needs(rto: str, back: int) -> None:
    """It would be back by itself after 4 h, with what it stands on; what is broken can wait for its tape."""
    cmdb = estate(
        items={"vh-1": {}, "web-1": {"depends_on": ["machines"]}, "spare-1": {}, "tapes-1": {}},
        services={"machines": {"provided_by": ["vh-1"], "rto": "8 h"}, "web": {"provided_by": ["web-1"], "rto": rto}},
        protections={
            "machines-tape": {"service": "machines", "members": {"primary": "vh-1", "library": "tapes-1"}},
            "machines-spare": {"service": "machines", "members": {"primary": "vh-1", "spare": "spare-1"}},
            "web-spare": {"service": "web", "members": {"primary": "web-1", "spare": "spare-1"}},
        },
    )  # fmt: skip
    assert Recovery(network_of(cmdb), ("vh-1",)).back("machines") == 4 * 3600
    found = stranded(network_of(cmdb), ("vh-1",))
    assert [(each.service, each.back) for each in found] == ([("web", back)] if back else [])
    tried = [each for one in found for blocked in one.blocked for each in blocked.tried]
    assert [(each.protection, each.why, each.seconds) for each in tried] == (
        [("web-spare", Why.SLOW, back)] if back else []
    )
