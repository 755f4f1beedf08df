"""Whom a failure concerns: the people who must be told, with the reason, and the vendors to call."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from drillbook.cmdb.impact.effects import Reason, ToCall, ToTell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from drillbook.cmdb.model import Cmdb

_LAST = 9  # after every line of support


def people_to_tell(cmdb: Cmdb, items: Sequence[str], services: Sequence[str]) -> list[ToTell]:
    """Give the people who must be told, line 1 first, then line 2, then the others.

    Args:
        cmdb: a validated CMDB.
        items: the ids of the items that fail, each once.
        services: the ids of the services that users lose, the most important first.
    """
    reasons: defaultdict[str, dict[str, list[str]]] = defaultdict(dict)
    if services:
        for person in cmdb.people:
            if person.get("line") == 1:
                reasons[person.id]["desk"] = list(services)
    for id_, kind, about in _because_of_items(cmdb, items):
        reasons[id_][kind] = about
    entries = cmdb.services.by_id
    for service in services:
        fields = entries[service].fields
        owner = fields["owner"]
        reasons[owner].setdefault("owns", []).append(service)
        for id_ in fields.get("notify", ()):
            if id_ != owner:
                reasons[id_].setdefault("named", []).append(service)
    told = [
        ToTell(id_, cmdb.people[id_].get("line"), tuple(Reason(kind, tuple(about)) for kind, about in kinds.items()))
        for id_, kinds in reasons.items()
    ]
    return sorted(told, key=lambda each: (each.line or _LAST, each.id))


def _because_of_items(cmdb: Cmdb, items: Sequence[str]) -> Iterator[tuple[str, str, list[str]]]:
    """Give each person with ``looks_after`` or ``owns`` and the items; of one person's two, what comes first.

    Thousands of items have few combinations of class and functions; each is looked up once.
    """
    by_mark: defaultdict[str, list[str]] = defaultdict(list)
    for person in cmdb.people:
        for mark in person.fields.get("looks_after", ()):
            by_mark[mark].append(person.id)
    teams: dict[tuple[str, ...], tuple[set[str], list[int]]] = {}
    owned: defaultdict[str, list[int]] = defaultdict(list)
    entries = cmdb.config_items.by_id
    for place, id_ in enumerate(items):
        fields = entries[id_].fields
        functions = fields.get("functions")
        marks = (fields["class"], *functions) if functions else (fields["class"],)
        found = teams.get(marks)
        if found is None:
            found = teams[marks] = ({each for mark in marks for each in by_mark.get(mark, ())}, [])
        found[1].append(place)
        if fields["owner"] not in found[0]:
            owned[fields["owner"]].append(place)
    looked_after: dict[str, list[int]] = {}
    for team, places in teams.values():
        for id_ in team:
            before = looked_after.get(id_)
            looked_after[id_] = places if before is None else sorted([*before, *places])
    reasons = [
        *((places, id_, "looks_after") for id_, places in looked_after.items()),
        *((places, id_, "owns") for id_, places in owned.items()),
    ]
    for places, id_, kind in sorted(reasons, key=lambda each: each[0][0]):
        yield id_, kind, [items[place] for place in places]


def vendors_to_call(cmdb: Cmdb, items: Iterable[str], services: Iterable[str]) -> Iterator[ToCall]:
    """Give the vendors whose contracts cover what is broken, in the order of what is broken."""
    calls: dict[tuple[str, str | None], list[str]] = {}
    for entry in (*(cmdb.config_items[each] for each in items), *(cmdb.services[each] for each in services)):
        if entry.get("vendor") is not None:
            calls.setdefault((entry.get("vendor"), entry.get("contract")), []).append(entry.id)
    for (vendor_id, contract), about in calls.items():
        vendor = cmdb.vendors[vendor_id]
        terms = vendor.get("contracts", {}).get(contract, {})
        yield ToCall(
            vendor=vendor_id,
            contract=contract,
            phone=terms.get("phone", vendor.get("phone")),
            contacts=tuple(vendor.get("contacts", ())),
            about=tuple(about),
        )
