"""The frozen CMDB: maps of items keyed by id, each with its fields and the place it stands at.

Fields stay the mapping that the schema has checked, and are read by name: an estate may hold
100,000 items, of which a command touches a few.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drillbook.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SECTIONS = (
    "sites", "networks", "environments", "config_items", "services", "protections",
    "media", "spares", "people", "vendors", "policies",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a section.

    ``section`` is one of SECTIONS, ``id`` its key, ``fields`` what the file says of it (plain
    values as in the schema), ``file`` and ``line`` where it stands.
    """

    section: str
    id: str
    fields: Mapping[str, Any]
    file: str
    line: int

    def get(self, name: str, default: Any = None) -> Any:
        """Give a field, or ``default``."""
        return self.fields.get(name, default)


class Section:
    """The entries of one section by id, in the order of the files."""

    __slots__ = ("_entries", "name")

    def __init__(self, name: str, entries: Mapping[str, Entry]) -> None:
        """Take the entries; the mapping is not copied and must not change."""
        self.name = name
        self._entries = entries

    def __getitem__(self, id_: str) -> Entry:
        """Give an entry. Raises UsageError that names the nearest ids."""
        try:
            return self._entries[id_]
        except KeyError:
            near = difflib.get_close_matches(id_, list(self._entries), n=3)
            hint = f"did you mean {', '.join(near)}?" if near else f"see cmdb.yaml, section {self.name}"
            raise UsageError(f"{self.name} has no '{id_[:80]}'", remedy=hint) from None

    def __contains__(self, id_: object) -> bool:
        """Tell whether an id exists."""
        return id_ in self._entries

    def __iter__(self) -> Iterator[Entry]:
        """Give the entries (not the ids)."""
        return iter(self._entries.values())

    def __len__(self) -> int:
        """Count the entries."""
        return len(self._entries)

    @property
    def by_id(self) -> Mapping[str, Entry]:
        """The entries by id as they are, for loops over many; ``KeyError`` for an unknown one."""
        return self._entries

    def ids(self) -> list[str]:
        """Give the ids in the order of the files."""
        return list(self._entries)


@dataclass(frozen=True, slots=True)
class Cmdb:
    """A validated CMDB. ``organisation`` is its display name, ``digest`` covers all its content."""

    organisation: str
    sites: Section
    networks: Section
    environments: Section
    config_items: Section
    services: Section
    protections: Section
    media: Section
    spares: Section
    people: Section
    vendors: Section
    policies: Section
    digest: str

    def section(self, name: str) -> Section:
        """Give a section by its name in SECTIONS."""
        found = getattr(self, name)
        assert isinstance(found, Section)
        return found

    def rooms(self) -> dict[str, Entry]:
        """Give the site of each room."""
        return {room: site for site in self.sites for room in site.get("rooms", {})}

    def find(self, id_: str, *, also: Iterable[str] = ()) -> Entry:
        """Give the entry of that id in whichever section; ids are unique over all of them.

        Raises UsageError that names the nearest ids, those of ``also`` among them; a room is no entry.
        """
        for name in SECTIONS:
            section = self.section(name)
            if id_ in section:
                return section[id_]
        if (site := self.rooms().get(id_)) is not None:
            raise UsageError(
                f"'{id_}' is a room of the site {site.id}, no entry of its own",
                remedy=f"./inv cmdb.impact {id_} tells what stops with it; ./inv cmdb.find --site {id_} what is in it; "
                f"./inv cmdb.show {site.id} shows its site",
            )
        everything = [*(each for name in SECTIONS for each in self.section(name).ids()), *also]
        near = difflib.get_close_matches(id_, everything, n=3)
        hint = f"did you mean {', '.join(near)}?" if near else "./inv cmdb.list shows all ids"
        raise UsageError(f"the CMDB has no '{id_[:80]}'", remedy=hint)
