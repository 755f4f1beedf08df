"""Small estates for the tests of coverage: built by hand, or at random by hypothesis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from drillbook.cmdb.model import SECTIONS, Cmdb, Entry, Section

if TYPE_CHECKING:
    from collections.abc import Mapping

LIMITS = {"hot_standby": "30 s", "cold_standby": "30 min", "backup": "4 h"}
_POLICY = {
    "protection-limits": {"shortest_rto": LIMITS, "asynchronous_rpo": "1 min", "spare_covers": 3},
}
_ROOMS = {
    "room-a": {"building": {"en": "East", "zh": "东"}, "racks": {"a1": {}, "a2": {}}},
    "room-b": {"building": {"en": "East", "zh": "东"}, "racks": {"b1": {}}},
    "room-c": {"racks": {}},
}


def estate(**content: Mapping[str, Mapping[str, Any]]) -> Cmdb:
    """Give a CMDB of these sections, by id; items stand in the site hq unless told, services are of tier 2, RTO 1 h."""
    filled: dict[str, dict[str, Mapping[str, Any]]] = {
        "sites": {"hq": {"rooms": _ROOMS}},
        "policies": {**_POLICY, **content.pop("policies", {})},
        "config_items": {id_: {"class": "host", "site": "hq", **its} for id_, its in content.pop("items", {}).items()},
        "services": {
            id_: {"tier": 2, "rto": "1 h", "rpo": "1 d", "provided_by": [], **its}
            for id_, its in content.pop("services", {}).items()
        },
        "protections": {
            id_: {"kind": _kind(its["members"]), **its} for id_, its in content.pop("protections", {}).items()
        },
        **{name: dict(its) for name, its in content.items()},
    }
    sections = {
        name: Section(name, {id_: Entry(name, id_, its, "f", 1) for id_, its in filled.get(name, {}).items()})
        for name in SECTIONS
    }
    return Cmdb(organisation="X", digest=str(id(filled)), **sections)


def _kind(members: Mapping[str, str]) -> str:
    return "hot_standby" if "standby" in members else "cold_standby" if "spare" in members else "backup"


@st.composite
def estates(draw: st.DrawFn) -> Cmdb:
    """Give an estate whose services and items depend on earlier ones only, with few spares, so that some clash."""
    names = [f"i{n}" for n in range(draw(st.integers(1, 8)))]
    service_names = [f"s{n}" for n in range(draw(st.integers(0, 4)))]
    items: dict[str, dict[str, Any]] = {}
    services: dict[str, dict[str, Any]] = {}

    def some(of: list[str], most: int) -> list[str]:
        return draw(st.lists(st.sampled_from(of), max_size=most, unique=True)) if of else []

    # Items and services in turn, so that an item may stand on a service that earlier items provide.
    for place, name in enumerate(names):
        room = draw(st.sampled_from([None, "room-a", "room-b", "room-c"]))
        racks = {"room-a": ["a1", "a2"], "room-b": ["b1"]}.get(room or "", [])
        items[name] = {"depends_on": some([*items, *services], 2)}
        if room is not None:
            items[name]["room"] = room
            if racks and draw(st.booleans()):
                items[name]["rack"] = draw(st.sampled_from(racks))
        if place % 2 and len(services) < len(service_names):
            services[service_names[len(services)]] = {
                "tier": draw(st.integers(1, 3)),
                "rto": draw(st.sampled_from(["10 s", "60 s", "30 min", "1 h", "8 h"])),
                "hours": draw(st.sampled_from(["7x24", "5x8", "on request"])),
                "depends_on": some([*services], 2),
                "provided_by": some([*items], 3) or [name],
            }
    protections: dict[str, dict[str, Any]] = {}
    for service in draw(st.lists(st.sampled_from([*services]), max_size=6)) if services else []:
        provided = services[service]["provided_by"]
        primary = draw(st.sampled_from(provided))
        kind = draw(st.sampled_from(["standby", "spare", "spare", "spare", "library", "none"]))
        among = {"standby": provided, "spare": names[-2:]}.get(kind, names)
        others = [each for each in among if each != primary]
        members = {"primary": primary} | ({kind: draw(st.sampled_from(others))} if others and kind != "none" else {})
        protections[f"p{len(protections)}"] = {"service": service, "members": members}
        keepers = [each for each in names if each not in members.values()]
        if "spare" in members and keepers and draw(st.booleans()):
            places = draw(st.lists(st.sampled_from(keepers), max_size=3, unique=True))
            protections[f"p{len(protections) - 1}"]["snapshot"] = {
                "host": draw(st.sampled_from(keepers)),
                **({"password_on": places} if places else {}),
            }
        if "spare" in members and keepers and draw(st.booleans()):
            protections[f"p{len(protections) - 1}"]["settings"] = {"witness": draw(st.sampled_from(keepers))}
    return estate(items=items, services=services, protections=protections)


ITEMS: dict[str, dict[str, Any]] = {
    "a-1": {"room": "room-a", "rack": "a1", "depends_on": ["ups-1"]},
    "b-1": {"room": "room-a", "rack": "a2"},
    "c-1": {"room": "room-c"},
    "c-2": {"room": "room-c"},
    "ups-1": {"class": "ups", "room": "room-a"},
    "spare-1": {"room": "room-b", "rack": "b1", "depends_on": ["switch-1"]},
    "switch-1": {"depends_on": ["ups-1"]},
    "tapes-1": {"room": "room-a", "rack": "a1"},
    "keep-1": {"room": "room-a", "rack": "a2"},
    "keep-2": {"room": "room-a", "rack": "a2"},
}
SERVICES: dict[str, dict[str, Any]] = {
    "a": {"provided_by": ["a-1"]},
    "b": {"provided_by": ["b-1"]},
    "c": {"provided_by": ["c-1", "c-2"]},
}
PROTECTIONS: dict[str, dict[str, Any]] = {
    "a-spare": {"service": "a", "members": {"primary": "a-1", "spare": "spare-1"}, "interval": "1 d",
                "snapshot": {"host": "keep-1", "password_on": ["keep-1", "keep-2"], "max_age": "12 h"}},
    "b-spare": {"service": "b", "members": {"primary": "b-1", "spare": "spare-1"}, "interval": "2 d"},
    "b-tape": {"service": "b", "members": {"primary": "b-1", "library": "tapes-1"}, "interval": "1 d"},
    "c-pair": {"service": "c", "members": {"primary": "c-1", "standby": "c-2"}, "replication": "asynchronous"},
}  # fmt: skip


def small(services: dict[str, dict[str, Any]] | None = None, **more: Any) -> Cmdb:
    """Give three services with a spare for two of them; ``services`` change or add some, ``more`` replaces sections."""
    changed = {id_: {**its, **(services or {}).get(id_, {})} for id_, its in SERVICES.items()}
    added = {id_: its for id_, its in (services or {}).items() if id_ not in changed}
    return estate(**{"items": ITEMS, "services": changed | added, "protections": PROTECTIONS, **more})
