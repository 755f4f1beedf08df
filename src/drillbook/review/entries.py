"""What changed in the CMDB: entries that came, went, were renamed or hold other values. Pure.

Where an entry stands (its file, its line), how it is written and what comments say are no change.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from drillbook.cmdb.compare.fields import FieldChange, differences, renamed, same
from drillbook.cmdb.compare.likeness import renamings
from drillbook.cmdb.model import SECTIONS
from drillbook.review.judgement import Judgement, judged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from drillbook.cmdb.model import Cmdb, Entry


class Kind(StrEnum):
    """What happened to an entry."""

    ADDED = "added"
    REMOVED = "removed"
    RENAMED = "renamed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class EntryChange:
    """What happened to one entry.

    ``id`` is the one that it has now, or had when it is gone; ``old_id`` the one before a renaming, else empty.
    ``fields``: what differs; empty for what was added or removed. ``entry`` is head's, or base's when it is gone.
    """

    kind: Kind
    section: str
    id: str
    old_id: str
    fields: tuple[FieldChange, ...]
    entry: Entry

    @property
    def weaker(self) -> tuple[FieldChange, ...]:
        """The fields whose change makes something weaker."""
        return tuple(each for each in self.fields if judged(self.section, each) is Judgement.WEAKER)


@dataclass(frozen=True, slots=True)
class CmdbChange:
    """All of it. ``entries`` in the order of SECTIONS and of the files.

    ``organisation``: its name before and after, None when it is the same. ``follows``: of each new id of a
    renaming how many other entries name it now in place of the old one; that alone is no change of theirs.
    """

    organisation: tuple[str, str] | None
    entries: tuple[EntryChange, ...]
    follows: Mapping[str, int]

    def of(self, *kinds: Kind) -> list[EntryChange]:
        """Give the changes of some kinds."""
        return [each for each in self.entries if each.kind in kinds]

    def __bool__(self) -> bool:
        """Tell whether anything changed."""
        return bool(self.entries) or self.organisation is not None


def compare(base: Cmdb, head: Cmdb, *, unchanged: frozenset[str] = frozenset()) -> CmdbChange:
    """Give what changed from ``base`` to ``head``.

    Args:
        base: the CMDB before.
        head: the CMDB after; it may be a draft that breaks rules.
        unchanged: files that are byte for byte the same on both sides, which need no look.
    """
    gone: list[Entry] = []
    came: list[Entry] = []
    both: list[tuple[Entry, Entry]] = []
    for name in SECTIONS:
        before, after = base.section(name).by_id, head.section(name).by_id
        gone += [entry for id_, entry in before.items() if id_ not in after]
        came += [entry for id_, entry in after.items() if id_ not in before]
        both += [
            (entry, after[id_])
            for id_, entry in before.items()
            if id_ in after and not (entry.file == after[id_].file and entry.file in unchanged)
        ]
    pairs = renamings(gone, came)
    names = {old.id: new.id for old, new in pairs}
    follows: dict[str, int] = defaultdict(int)
    changes = [*_changed(both, names, follows)]
    renamed_to = {new.id: old for old, new in pairs}
    for entry in came:
        before_it = renamed_to.get(entry.id)
        if before_it is None:
            changes.append(EntryChange(Kind.ADDED, entry.section, entry.id, "", (), entry))
        else:
            fields = tuple(differences(renamed(before_it.fields, names), entry.fields))
            changes.append(EntryChange(Kind.RENAMED, entry.section, entry.id, before_it.id, fields, entry))
    changes += [
        EntryChange(Kind.REMOVED, entry.section, entry.id, "", (), entry) for entry in gone if entry.id not in names
    ]
    order = {name: place for place, name in enumerate(SECTIONS)}
    changes.sort(key=lambda each: order[each.section])
    organisation = None if base.organisation == head.organisation else (base.organisation, head.organisation)
    return CmdbChange(organisation, tuple(changes), dict(follows))


def _changed(
    both: Iterable[tuple[Entry, Entry]], names: Mapping[str, str], follows: dict[str, int]
) -> Iterator[EntryChange]:
    new_ids = set(names.values())
    for old, new in both:
        if same(old.fields, new.fields):
            continue
        fields = tuple(differences(old.fields, new.fields))
        if names:
            own = tuple(differences(renamed(old.fields, names), new.fields))
            if own != fields:
                for id_ in new_ids.intersection(_texts([each.new for each in fields if each not in own])):
                    follows[id_] += 1
                fields = own
        if fields:
            yield EntryChange(Kind.CHANGED, new.section, new.id, "", fields, new)


def _texts(value: Any) -> Iterator[str]:
    """Give every text in a value, keys too."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str):
        yield value
