"""Entries of the CMDB in one file of one commit: found by id."""

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

_SITE = "site"


@dataclass(frozen=True, slots=True)
class Seen:
    """An entry as a file had it. ``fields`` are plain values; of a room with ``site``, the site that it is in."""

    section: str
    id: str
    file: str
    fields: Mapping[str, Any]


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
