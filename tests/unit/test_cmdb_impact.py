"""What follows when something fails: on a small estate case by case, on the shipped one as a whole."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from drillbook.cmdb.impact import Effect, Impact, Loss, impact
from drillbook.cmdb.impact.spread import Walk, graph_of
from drillbook.cmdb.load import load
from drillbook.console.impact_view import impact_view
from drillbook.errors import UsageError
from tests.cmdb_files import write
from tests.cmdb_sample import sample
from tests.nested import Data, drop, put
from tests.runbook_estate import cmdb_of

if TYPE_CHECKING:
    from drillbook.cmdb.model import Cmdb

ROOT = Path(__file__).parents[2]
STOPS, RECOVERS = Effect.STOPS, Effect.RECOVERS


@pytest.fixture(scope="module")
def estate() -> Cmdb:
    return load(ROOT)


def _effects(found: Impact) -> dict[str, Effect]:
    return {each.id: each.effect for each in found.services}


def _losses(found: Impact) -> dict[str, Loss]:
    return {each.id: each.loss for each in found.protections}


def _second_web(data: Data) -> Data:
    """Give the sample a second service on the same spare."""
    put(data, ("config_items", "web-2"), {**data["config_items"]["web-1"], "addresses": {}})
    put(data, ("services", "shop"), {**data["services"]["web"], "provided_by": ["web-2"]})
    put(data, ("protections", "shop-spare"), {**data["protections"]["web-spare"], "service": "shop"})
    put(data, ("protections", "shop-spare", "members"), {"primary": "web-2", "spare": "spare-1"})
    return put(data, ("spares", "office-spare", "covers"), ["web-1", "web-2"])


def _without(*places: tuple[str, ...]) -> Data:
    data = sample()
    for place in places:
        drop(data, place)
    return data


@pytest.mark.parametrize(
    ("what", "data", "services", "protections"),
    [
        # A primary: its standby takes over, what depends on it waits. The backup of it would do too.
        (
            "db-1",
            sample(),
            {"core": RECOVERS, "web": RECOVERS},
            {"core-pair": Loss.TAKES_OVER, "core-tape": Loss.TAKES_OVER},
        ),
        # A standby: nobody notices, and there is no second copy.
        ("db-2", sample(), {}, {"core-pair": Loss.EXPOSED}),
        # A primary without protection.
        ("web-1", _without(("protections", "web-spare")), {"web": STOPS}, {}),
        ("web-1", sample(), {"web": RECOVERS}, {"web-spare": Loss.TAKES_OVER}),
        # The spare alone.
        ("spare-1", sample(), {}, {"web-spare": Loss.EXPOSED}),
        # What an item depends on takes it along.
        (
            "ups-1",
            sample(),
            {"core": RECOVERS, "web": RECOVERS},
            {"core-pair": Loss.TAKES_OVER, "core-tape": Loss.TAKES_OVER},
        ),
        (
            "ups-1",
            put(sample(), ("config_items", "db-2", "depends_on"), ["ups-1"]),
            {"core": RECOVERS, "web": RECOVERS},
            {"core-pair": Loss.GONE, "core-tape": Loss.TAKES_OVER},
        ),
        (
            "ups-1",
            put(_without(("protections", "core-tape")), ("config_items", "db-2", "depends_on"), ["ups-1"]),
            {"core": STOPS, "web": STOPS},
            {"core-pair": Loss.GONE},
        ),
        # A backup without its library.
        ("tapes-1", sample(), {}, {"core-tape": Loss.EXPOSED}),
        # One spare and two that need it.
        ("web-1", _second_web(sample()), {"web": RECOVERS}, {"web-spare": Loss.TAKES_OVER, "shop-spare": Loss.EXPOSED}),
        (
            "room-a",
            _second_web(sample()),
            {"core": RECOVERS, "web": STOPS, "shop": STOPS},
            {
                "core-pair": Loss.TAKES_OVER,
                "core-tape": Loss.TAKES_OVER,
                "web-spare": Loss.CONTESTED,
                "shop-spare": Loss.CONTESTED,
            },
        ),
        # A place.
        ("room-b", sample(), {}, {"core-pair": Loss.EXPOSED, "web-spare": Loss.EXPOSED}),
        ("room-a/a2", sample(), {"web": RECOVERS}, {"web-spare": Loss.TAKES_OVER}),
        (
            "hq",
            sample(),
            {"core": STOPS, "web": STOPS},
            {"core-pair": Loss.GONE, "core-tape": Loss.GONE, "web-spare": Loss.GONE},
        ),
        # A service stops by decree: nothing brings it back.
        ("core", sample(), {"core": STOPS, "web": STOPS}, {}),
        # An item that depends on a service waits with it.
        (
            "db-1",
            put(sample(), ("config_items", "web-1", "depends_on"), ["core"]),
            {"core": RECOVERS, "web": RECOVERS},
            {"core-pair": Loss.TAKES_OVER, "core-tape": Loss.TAKES_OVER},
        ),
    ],
)
def test_what_stops_and_what_protects(
    what: str, data: Data, services: dict[str, Effect], protections: dict[str, Loss], tmp_path: Path
) -> None:
    found = impact(load(write(tmp_path, data)), what)
    assert _effects(found) == services
    assert _losses(found) == protections


def test_the_way_from_the_cause_to_a_service_is_told(tmp_path: Path) -> None:
    found = impact(load(write(tmp_path, sample())), "ups-1")
    via = {each.id: each.via for each in found.services}
    assert via == {"core": ("ups-1", "db-1", "core"), "web": ("ups-1", "db-1", "core", "web")}
    assert [(each.id, each.effect, each.because) for each in found.items] == [
        ("db-1", STOPS, "ups-1"),
        ("ups-1", STOPS, None),
    ]
    core = found.services[0]
    assert (core.back_by, core.not_back) == (("core-pair", "core-tape"), ())


def test_what_nothing_brings_back_is_named(tmp_path: Path) -> None:
    data = _without(("protections", "core-pair"), ("protections", "core-tape"))
    put(data, ("services", "core", "tier"), 2)
    found = impact(load(write(tmp_path, data)), "db-1")
    assert {each.id: each.not_back for each in found.services} == {"core": ("db-1",), "web": ("core",)}


def _told(found: Impact) -> dict[str, dict[str, tuple[str, ...]]]:
    return {each.id: {reason.kind: reason.ids for reason in each.reasons} for each in found.people}


def test_who_must_be_told_and_why(tmp_path: Path) -> None:
    found = impact(load(write(tmp_path, sample())), "db-1")
    assert [each.line for each in found.people] == [1, 2, None]
    assert _told(found) == {
        "sue": {"desk": ("core", "web")},
        "dan": {"looks_after": ("db-1",), "named": ("core",)},
        "ann": {"owns": ("db-1", "core", "web")},
    }


def test_the_vendor_is_called_for_what_is_broken_by_the_phone_of_the_contract(tmp_path: Path) -> None:
    cmdb = load(write(tmp_path, sample()))
    (call,) = impact(cmdb, "db-1").vendors
    assert (call.vendor, call.contract, call.phone) == ("cedar", "servers", "+1 202 555 0111")
    assert call.contacts == ("vic",)
    assert call.about == ("db-1", "core")
    assert impact(cmdb, "web-1").vendors == ()
    (call,) = impact(cmdb, "ups-1").vendors
    assert call.about == ("core",), "db-1 has no power: it is not broken"


def test_without_a_contract_it_is_the_vendors_phone(tmp_path: Path) -> None:
    data = _without(
        ("config_items", "db-1", "contract"), ("services", "core", "vendor"), ("services", "core", "contract")
    )
    (call,) = impact(load(write(tmp_path, data)), "db-1").vendors
    assert (call.contract, call.phone) == (None, "+1 202 555 0110")


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("nothing", "the CMDB has no 'nothing'"),
        ("ann", "'ann' stands in people, of which nothing fails"),
        ("prod-net", "stands in networks"),
        ("room-a/a9", "the room 'room-a' has no rack 'a9'"),
        ("room-z/a1", "the CMDB has no 'room-z/a1'"),
        ("", "the CMDB has no ''"),
    ],
)
def test_what_cannot_fail(what: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        impact(load(write(tmp_path, sample())), what)
    assert caught.value.remedy


def test_a_chain_of_thousands_of_items(tmp_path: Path) -> None:
    data = sample()
    for number in range(3000):
        item: dict[str, Any] = {"class": "host", "title": {"en": "Link", "zh": "链"}, "site": "hq", "owner": "ann"}
        put(data, ("config_items", f"link-{number}"), item | ({"depends_on": [f"link-{number - 1}"]} if number else {}))
    put(data, ("config_items", "web-1", "depends_on"), ["link-2999"])
    found = impact(load(write(tmp_path, data)), "link-0")
    assert _effects(found) == {"web": RECOVERS}
    assert len(found.services[0].via) == 3002


def test_the_primary_of_the_core(estate: Cmdb) -> None:
    found = impact(estate, "core-db-1")
    effects = _effects(found)
    assert effects.keys() >= {"core-business", "order-entry", "settlement", "branch-29-counter"}
    assert set(effects.values()) == {RECOVERS}, "the standby takes over"
    assert _losses(found) == {"core-db": Loss.TAKES_OVER, "core-db-tape": Loss.TAKES_OVER}
    assert {call.vendor for call in found.vendors} == {"cedar-servers", "quill-databases"}
    assert {"gao-fei", "wu-dan", "zhang-tao", "wang-jing", "chen-wei", "ma-chao"} <= {each.id for each in found.people}


def test_the_estate_survives_its_standby_room_and_not_its_office(estate: Cmdb) -> None:
    standby_room = _effects(impact(estate, "hq-room-b"))
    assert {"core-business", "hq-network", "mail"}.isdisjoint(standby_room)
    main_room = _effects(impact(estate, "hq-room-a"))
    assert {main_room[id_] for id_ in ("core-business", "hq-network", "mail")} == {RECOVERS}
    assert set(_effects(impact(estate, "hq")).values()) == {STOPS}


@given(data=st.data())
def test_more_failures_are_never_better(data: st.DataObject, estate: Cmdb) -> None:
    """Whatever else fails, nothing that was down comes back."""
    ids = st.sampled_from(estate.config_items.ids() + estate.services.ids())
    some = tuple(data.draw(st.lists(ids, min_size=1, max_size=4, unique=True)))
    more = tuple(data.draw(st.lists(ids, max_size=3, unique=True)))
    graph = graph_of(estate)
    fewer, larger = Walk(graph, some), Walk(graph, (*some, *(each for each in more if each not in some)))
    fewer.spread()
    larger.spread()
    for id_, effect in fewer.state.items():
        assert larger.state[id_] >= effect


@given(data=st.data())
def test_every_state_follows_from_what_it_needs(data: st.DataObject, estate: Cmdb) -> None:
    """The end of the walk is a fixed point, and every way leads to a cause."""
    ids = st.sampled_from(estate.config_items.ids() + estate.services.ids())
    causes = tuple(data.draw(st.lists(ids, min_size=1, max_size=5, unique=True)))
    walk = Walk(graph_of(estate), causes)
    walk.spread()
    for section in (estate.config_items, estate.services):
        for entry in section:
            worst, _ = walk.worst(entry)
            if entry.id in causes:
                assert walk.state[entry.id] is STOPS
            else:
                assert walk.state.get(entry.id) == worst, entry.id
    for service in estate.services:
        if service.id in walk.state:
            via = walk.service(service).via
            assert via[0] in causes
            assert via[-1] == service.id


def _shown(cmdb: Cmdb, what: str) -> str:
    out = io.StringIO()
    Console(file=out, width=200).print(impact_view(cmdb, impact(cmdb, what)))
    return out.getvalue()


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("mon-1", "cold standby; mon-1 is its witness: without it nobody can be promoted"),
        (
            "backup-1",
            "cold standby; backup-1 keeps its snapshots: without it nobody can be promoted, and none is taken",
        ),
    ],
)
def test_what_a_cold_spare_needs_to_take_over_is_told_in_words(estate: Cmdb, what: str, words: str) -> None:
    found = impact(estate, what)
    assert _losses(found) == dict.fromkeys(("proxy-spare", "web-spare", "login-spare"), Loss.EXPOSED)
    assert words in _shown(estate, what)


def _with_snapshots() -> Data:
    """Give the sample's spare a witness and snapshots; two hosts give their password, and one of them does no more."""
    data = sample()
    for id_ in ("watch-1", "keep-1", "pass-1"):
        put(data, ("config_items", id_), {**data["config_items"]["web-1"], "addresses": {}})
    spare = data["protections"]["web-spare"]
    snapshot = {"host": "keep-1", "password_on": ["keep-1", "pass-1"]}
    return put(data, ("protections", "web-spare"), {**spare, "settings": {"witness": "watch-1"}, "snapshot": snapshot})


@pytest.mark.parametrize(
    ("causes", "loss", "service"),
    [
        (("web-1",), Loss.TAKES_OVER, RECOVERS),
        (("web-1", "watch-1"), Loss.GONE, STOPS),
        (("watch-1", "web-1"), Loss.GONE, STOPS),
        (("web-1", "keep-1"), Loss.GONE, STOPS),
        (("web-1", "pass-1"), Loss.TAKES_OVER, RECOVERS),
        (("watch-1",), Loss.EXPOSED, None),
        (("keep-1",), Loss.EXPOSED, None),
        (("pass-1",), Loss.WEAKER, None),
    ],
)
def test_nobody_is_promoted_without_witness_and_snapshots(
    causes: tuple[str, ...], loss: Loss, service: Effect | None
) -> None:
    cmdb = cmdb_of(_with_snapshots())
    walk = Walk(graph_of(cmdb), causes)
    walk.spread()
    assert {each.id: each.loss for each in walk.protections()}["web-spare"] is loss
    assert walk.state.get("web") is service


def test_a_place_of_the_password_less_is_told() -> None:
    assert "pass-1 gave the password of its snapshots; left to ask: keep-1" in _shown(
        cmdb_of(_with_snapshots()), "pass-1"
    )
