"""Values that would become syntax elsewhere, dates that do not exist, and what must be unique."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from drillbook.cmdb.model import SECTIONS
from drillbook.cmdb.naming import RESERVED_GROUPS, RESERVED_PREFIXES, group_name
from drillbook.cmdb.rules.base import Problem, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.cmdb.model import Entry
    from drillbook.cmdb.rules.base import Draft, Path

_TEMPLATE = ("{{", "{%", "{#")


def templates(draft: Draft) -> Iterator[Problem]:
    """Find texts that Ansible would take for a template."""
    if not draft.marked:
        return
    for section in SECTIONS:
        for entry in draft.cmdb.section(section):
            for path, value in _texts(entry.fields, ()):
                mark = next((mark for mark in _TEMPLATE if mark in value), None)
                if mark is not None:
                    yield Problem(
                        entry, path,
                        f"holds '{mark}', which Ansible takes for the beginning of a template; "
                        "write it without",
                    )  # fmt: skip


def _texts(node: Any, at: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(node, str):
        yield at, node
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from _texts(value, (*at, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _texts(value, (*at, index))


def dashes(draft: Draft) -> Iterator[Problem]:
    """Find settings that a command would take for an option."""
    for protection in draft.cmdb.protections:
        for path, value in _texts(protection.get("settings", {}), ("settings",)):
            if value.startswith("-"):
                yield Problem(
                    protection, path,
                    f"is {quoted(value)}, which begins with a dash and could be taken for an option; "
                    "write a value that does not",
                )  # fmt: skip


def dates(draft: Draft) -> Iterator[Problem]:
    """Find dates that the calendar has not, and periods that end before they begin."""
    for item in draft.cmdb.config_items:
        warranty = item.fields.get("warranty")
        if warranty is not None and _day(warranty["until"]) is None:
            yield _no_date(item, ("warranty", "until"), warranty["until"])
    for medium in draft.cmdb.media:
        for field in ("written", "keep_until"):
            if medium.get(field) is not None and _day(medium.get(field)) is None:
                yield _no_date(medium, (field,), medium.get(field))
    for vendor in draft.cmdb.vendors:
        for id_, contract in vendor.get("contracts", {}).items():
            if _day(contract["until"]) is None:
                yield _no_date(vendor, ("contracts", id_, "until"), contract["until"])
    for person in draft.cmdb.people:
        for index, key in enumerate(person.fields.get("signing_keys", ())):
            for field in ("from", "until", "revoked") if isinstance(key, dict) else ():
                if field in key and _day(key[field]) is None:
                    yield _no_date(person, ("signing_keys", index, field), key[field])
    yield from _periods(draft, "freeze-periods", "periods", "the period begins")
    yield from _periods(draft, "pre-approved", "changes", "it is approved")
    policy = draft.entry("policies", "accepted-single-failures")
    for id_, decision in policy.get("accepted").items() if policy is not None else ():
        if policy is not None and _day(decision["until"]) is None:
            yield _no_date(policy, ("accepted", id_, "until"), decision["until"])


def _periods(draft: Draft, policy: str, field: str, begins: str) -> Iterator[Problem]:
    entry = draft.entry("policies", policy)
    for id_, period in entry.get(field).items() if entry is not None else ():
        assert entry is not None
        first, last = _day(period["from"]), _day(period["until"])
        for name, day in (("from", first), ("until", last)):
            if day is None:
                yield _no_date(entry, (field, id_, name), period[name])
        if first is not None and last is not None and last < first:
            yield Problem(entry, (field, id_, "until"), f"is {last}, before {begins} on {first}")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _no_date(entry: Entry, path: Path, text: str) -> Problem:
    return Problem(entry, path, f"is {quoted(text)}, a day that the calendar has not; write a real date")


def serials(draft: Draft) -> Iterator[Problem]:
    """Find serial numbers and barcodes that two things have."""
    taken: dict[tuple[str, str], str] = {}
    for item in draft.cmdb.config_items:
        serial = item.fields.get("serial")
        if serial is not None:
            first = taken.setdefault((item.get("brand", ""), serial), item.id)
            if first != item.id:
                yield Problem(
                    item, ("serial",),
                    f"is {quoted(serial)}, which config_items.{first} of the same brand has too; "
                    "a serial number is unique",
                )  # fmt: skip
    barcodes: dict[str, str] = {}
    for medium in draft.cmdb.media:
        first = barcodes.setdefault(medium.get("barcode"), medium.id)
        if first != medium.id:
            yield Problem(
                medium, ("barcode",),
                f"is {quoted(medium.get('barcode'))}, which media.{first} has too; a barcode is unique",
            )  # fmt: skip


def groups(draft: Draft) -> Iterator[Problem]:
    """Find names that would be the same group of the inventory, or a group and a host."""
    for section in ("sites", "services", "protections"):
        taken: dict[str, str] = {}
        for entry in draft.cmdb.section(section):
            first = taken.setdefault(group_name(section, entry.id), entry.id)
            if first != entry.id:
                yield Problem(
                    entry, (),
                    f"and {section}.{first} would be one group of the inventory, "
                    f"{group_name(section, first)}; ids must differ in more than dots and dashes",
                )  # fmt: skip
    for item in draft.cmdb.config_items:
        for index, function in enumerate(item.fields.get("functions", ())):
            if function in RESERVED_GROUPS or function.startswith(RESERVED_PREFIXES):
                yield Problem(
                    item, ("functions", index),
                    f"is {quoted(function)}, a group that the inventory has for something else; "
                    "name the function otherwise",
                )  # fmt: skip
            elif draft.known.get(function) == "config_items":
                yield Problem(
                    item, ("functions", index),
                    f"is {quoted(function)}, which is the id of an item; a group and a host of the "
                    "inventory cannot have one name",
                )  # fmt: skip
