"""Entries of the CMDB in one file of one commit: found by id, compared field by field, recognised under another id."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from posixpath import normpath
from typing import TYPE_CHECKING, Any

from drillbook.cmdb.includes import TOP
from drillbook.cmdb.model import SECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOMS = "rooms"
"""What stands for the section of a room, which is a part of its site."""

_ALIKE = 0.8  # of all fields: from there on, two entries are taken for one under another id
_SITE = "site"


@dataclass(frozen=True, slots=True)
class Seen:
    """An entry as a file had it. ``fields`` are plain values; of a room with ``site``, the site that it is in."""

    section: str
    id: str
    file: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field; ``field`` is its path with dots, ``old`` or ``new`` is None where there was none."""

    field: str
    old: Any
    new: Any


def entries_of(document: Mapping[str, Any], file: str) -> Iterator[Seen]:
    """Give every entry of a document, and every room; what has not the shape of one is passed over."""
    for section in SECTIONS:
        entries = document.get(section)
        if not isinstance(entries, dict):
            continue
        for id_, fields in entries.items():
            whole = fields if isinstance(fields, dict) else {"": fields}
            yield Seen(section, id_, file, whole)
            rooms = whole.get(ROOMS) if section == "sites" else None
            if isinstance(rooms, dict):
                for room, its in rooms.items():
                    yield Seen(ROOMS, room, file, {_SITE: id_, **(its if isinstance(its, dict) else {"": its})})


def included_by(top: Mapping[str, Any] | None, path: str) -> bool:
    """Tell whether a path is a file of the CMDB, by what its top file includes (see ``cmdb.includes``)."""
    if path == TOP:
        return True
    entries = top.get("include") if top is not None else None
    return isinstance(entries, list) and any(isinstance(each, str) and _matches(path, each) for each in entries)


def _matches(path: str, pattern: str) -> bool:
    parts, wanted = path.split("/"), normpath(pattern).split("/")
    return len(parts) == len(wanted) and all(
        fnmatchcase(part, want) and (not part.startswith(".") or want.startswith("."))
        for part, want in zip(parts, wanted, strict=True)
    )


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """Give what differs, field by field, in the order of the new one; a list is one value."""
    before, after = dict(_flat(old)), dict(_flat(new))
    return tuple(
        FieldChange(name, before.get(name), after.get(name))
        for name in [*after, *(name for name in before if name not in after)]
        if name not in before or name not in after or not _equal(before[name], after[name])
    )


def _equal(one: Any, other: Any) -> bool:
    """Compare as YAML does: 1, true and '1' are three values."""
    return bool(one == other) and repr(one) == repr(other)


def _flat(fields: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        path = f"{above}.{name}" if above else name
        if isinstance(value, dict) and value:
            yield from _flat(value, path)
        else:
            yield path, value


def may_be_same(one: Seen, other: Seen) -> bool:
    """Tell whether two entries may be one thing under two ids: the same serial, or nearly the same fields.

    Two serials that differ are two things.
    """
    if one.section != other.section:
        return False
    serials = (one.fields.get("serial"), other.fields.get("serial"))
    if all(serials):
        return bool(serials[0] == serials[1])
    before, after = ({(name, repr(value)) for name, value in _flat(each.fields)} for each in (one, other))
    return bool(before or after) and 2 * len(before & after) >= _ALIKE * (len(before) + len(after))
