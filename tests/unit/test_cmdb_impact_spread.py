"""The walk over random small estates, held against what its text says, worked out the slow way."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from drillbook.cmdb.impact import Effect, Impact, Loss, impact
from drillbook.cmdb.model import SECTIONS, Cmdb, Entry, Section

STOPS, RECOVERS = Effect.STOPS, Effect.RECOVERS
CLASSES, FUNCTIONS = ("host", "router"), ("sql", "web")


def _cmdb(content: dict[str, dict[str, dict[str, Any]]]) -> Cmdb:
    sections = {
        name: Section(name, {id_: Entry(name, id_, fields, "f", 1) for id_, fields in content.get(name, {}).items()})
        for name in SECTIONS
    }
    return Cmdb(organisation="X", digest=str(id(content)), **sections)


@st.composite
def _estates(draw: st.DrawFn) -> Cmdb:
    """Give an estate whose ids hang only on earlier ones, so that there is no cycle."""
    people = [f"p{n}" for n in range(draw(st.integers(1, 4)))]
    item_ids = [f"i{n}" for n in range(draw(st.integers(1, 7)))]
    service_ids = [f"s{n}" for n in range(draw(st.integers(0, 4)))]
    person = st.sampled_from(people)

    def some(of: list[str], most: int = 2) -> list[str]:
        return draw(st.lists(st.sampled_from(of), max_size=most, unique=True)) if of else []

    items: dict[str, dict[str, Any]] = {}
    services: dict[str, dict[str, Any]] = {}
    for id_ in item_ids:
        items[id_] = {
            "class": draw(st.sampled_from(CLASSES)), "site": "x", "owner": draw(person),
            "depends_on": some([*items]), "functions": some([*FUNCTIONS]),
        }  # fmt: skip
    for id_ in service_ids:
        services[id_] = {
            "tier": draw(st.integers(1, 3)), "owner": draw(person), "notify": some(people),
            "depends_on": some([*services]), "provided_by": some(item_ids, 3) or item_ids[:1],
        }  # fmt: skip
    protections: dict[str, dict[str, Any]] = {}
    for service in draw(st.lists(st.sampled_from(service_ids), max_size=5)) if service_ids else []:
        provided = services[service]["provided_by"]
        primary = draw(st.sampled_from(provided))
        kind = draw(st.sampled_from(("standby", "spare", "spare", "library", "none")))
        among = {"standby": provided, "spare": item_ids[-2:]}.get(kind, item_ids)  # few spares, so that some are shared
        others = [each for each in among if each != primary]
        members = {"primary": primary} | ({kind: draw(st.sampled_from(others))} if others and kind != "none" else {})
        protections[f"x{len(protections)}"] = {"service": service, "members": members}
        if kind == "spare" and draw(st.booleans()):
            hosts = st.sampled_from(item_ids)
            places = draw(st.lists(hosts, min_size=1, max_size=2, unique=True))
            protections[f"x{len(protections) - 1}"] |= {
                "kind": draw(st.sampled_from(("cold_standby", "hot_standby"))),
                "settings": {"witness": draw(hosts)},
                "snapshot": {"host": draw(hosts), "password_on": places},
            }
    return _cmdb({
        "sites": {"x": {}},
        "config_items": items,
        "services": services,
        "protections": protections,
        "people": {
            id_: {"line": draw(st.sampled_from((1, 2, 3, None))), "looks_after": some([*CLASSES, *FUNCTIONS])}
            for id_ in people
        },
    })  # fmt: skip


def _lost(cmdb: Cmdb, state: dict[str, Effect], protection: Entry) -> Loss | None:
    members = protection.get("members")
    other = next((members[name] for name in ("standby", "spare", "library") if name in members), None)
    wanted = any(
        each is not protection
        and "spare" in members
        and each.get("members").get("spare") == members["spare"]
        and state.get(each.get("members")["primary"]) is STOPS
        for each in cmdb.protections
    )
    snapshot = protection.get("snapshot", {})
    witness = protection.get("settings", {}).get("witness") if protection.get("kind") == "cold_standby" else None
    places = [state.get(each) is STOPS for each in snapshot.get("password_on", ())]
    lacks = any(state.get(each) is STOPS for each in (other, snapshot.get("host"), witness) if each is not None)
    lacks = lacks or (places != [] and all(places))
    if state.get(members["primary"]) is STOPS:
        if lacks:
            return Loss.GONE
        return Loss.CONTESTED if wanted else Loss.TAKES_OVER
    if wanted or lacks:
        return Loss.EXPOSED
    return Loss.WEAKER if any(places) else None


def _by_item(cmdb: Cmdb, state: dict[str, Effect], service: Entry, item: str) -> Effect | None:
    """Tell what an item does to a service: nothing, when it is only the idle half of a pair."""
    own = [each for each in cmdb.protections if each.get("service") == service.id]
    first = [each for each in own if each.get("members")["primary"] == item]
    idle = any(each.get("members").get("standby") == item for each in own)
    effect = state.get(item)
    if effect is None or (not first and idle):
        return None
    saved = any(_lost(cmdb, state, each) is Loss.TAKES_OVER for each in first)
    return RECOVERS if effect is STOPS and saved else effect


def _states(cmdb: Cmdb, causes: tuple[str, ...]) -> dict[str, Effect]:
    """Work out all states by going over everything until nothing changes."""
    state = dict.fromkeys(causes, STOPS)
    for _ in range(100):
        before = dict(state)
        for entry in (*cmdb.config_items, *cmdb.services):
            effects = [state.get(need) for need in entry.get("depends_on", ())]
            effects += [_by_item(cmdb, state, entry, item) for item in entry.get("provided_by", ())]
            worst = max((each for each in effects if each is not None), default=None)
            if worst is not None and worst > state.get(entry.id, 0):
                state[entry.id] = worst
        if state == before:
            return state
    raise AssertionError("the states never settle")


def _told(cmdb: Cmdb, found: Impact) -> set[tuple[str, str, str]]:
    """Give who must be told, why and about what, as the issue of it says."""
    expected: set[tuple[str, str, str]] = set()
    items = [each.id for each in found.items]
    if not items:
        items = [item for each in found.causes for item in cmdb.services[each].get("provided_by")]
    for person in cmdb.people:
        for id_ in items:
            item = cmdb.config_items[id_]
            marks = {item.get("class"), *item.get("functions")}
            if marks & set(person.get("looks_after")):
                expected.add((person.id, "looks_after", id_))
            elif item.get("owner") == person.id:
                expected.add((person.id, "owns", id_))
        for each in found.services:
            service = cmdb.services[each.id]
            if person.get("line") == 1:
                expected.add((person.id, "desk", each.id))
            if service.get("owner") == person.id:
                expected.add((person.id, "owns", each.id))
            elif person.id in service.get("notify"):
                expected.add((person.id, "named", each.id))
    return expected


@settings(max_examples=200, deadline=None)
@given(_estates(), st.data())
def test_a_failure_reaches_what_it_should_and_nothing_else(cmdb: Cmdb, data: st.DataObject) -> None:
    what = data.draw(st.sampled_from(["x", *cmdb.config_items.ids(), *cmdb.services.ids()]))
    found = impact(cmdb, what)
    state = _states(cmdb, found.causes)

    assert found.causes == (tuple(cmdb.config_items.ids()) if what == "x" else (what,))
    assert [(each.id, each.effect) for each in found.items] == [
        (id_, state[id_]) for id_ in cmdb.config_items.ids() if id_ in state
    ]
    assert {each.id: each.effect for each in found.services} == {
        id_: state[id_] for id_ in cmdb.services.ids() if id_ in state
    }
    order = [(each.tier, -each.effect, len(each.via), each.id) for each in found.services]
    assert order == sorted(order)
    losses = {each.id: _lost(cmdb, state, each) for each in cmdb.protections}
    assert [(each.id, each.loss) for each in found.protections] == [
        (id_, loss) for id_, loss in losses.items() if loss is not None
    ]
    for each in found.services:
        service = cmdb.services[each.id]
        assert each.back_by == tuple(
            other.id
            for other in cmdb.protections
            if other.get("service") == each.id and losses[other.id] is Loss.TAKES_OVER
        )
        assert each.not_back == (
            *(item for item in service.get("provided_by") if _by_item(cmdb, state, service, item) is STOPS),
            *(need for need in service.get("depends_on") if state.get(need) is STOPS),
        )


@settings(max_examples=120, deadline=None)
@given(_estates(), st.data())
def test_every_way_goes_from_a_cause_along_what_is_needed(cmdb: Cmdb, data: st.DataObject) -> None:
    found = impact(cmdb, data.draw(st.sampled_from(["x", *cmdb.config_items.ids(), *cmdb.services.ids()])))
    reasons = {each.id: each.because for each in found.items}
    for item, because in reasons.items():
        assert (because is None) == (item in found.causes)
        assert because is None or because in cmdb.config_items[item].get("depends_on")
    for service in found.services:
        assert service.via[0] in found.causes
        assert service.via[-1] == service.id
        for need, entry in zip(service.via, service.via[1:], strict=False):
            needs = cmdb.find(entry)
            assert need in (*needs.get("depends_on", ()), *needs.get("provided_by", ()))


@settings(max_examples=120, deadline=None)
@given(_estates(), st.data())
def test_everybody_is_told_once_and_nobody_else(cmdb: Cmdb, data: st.DataObject) -> None:
    found = impact(cmdb, data.draw(st.sampled_from(["x", *cmdb.config_items.ids(), *cmdb.services.ids()])))
    told = [(person.id, reason.kind, id_) for person in found.people for reason in person.reasons for id_ in reason.ids]
    assert len(told) == len(set(told))
    assert set(told) == _told(cmdb, found)
    order = [(each.line or 9, each.id) for each in found.people]
    assert order == sorted(order)
    items, services = [each.id for each in found.items], [each.id for each in found.services]
    for person in found.people:
        for reason in person.reasons:
            wanted = [*items, *services] if items else [*reason.ids]
            assert [id_ for id_ in wanted if id_ in reason.ids] == [*reason.ids]
