"""Puts changes of one kind together, so that fifty clients with the same change are one line. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.canonical import canonical_json
from drillbook.review.entries import EntryChange, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from drillbook.cmdb.compare.fields import FieldChange, Path

_MANY = 4  # entries in which the same fields changed to values of their own, from which they are one line


@dataclass(frozen=True, slots=True)
class Group:
    """Changes that are told in one line.

    ``what``: the class of items or the kind of protections, empty for other sections. ``fields``: what changed
    alike in all of them; ``paths``: the fields that changed in each in its own way (then ``fields`` is empty).
    """

    kind: Kind
    section: str
    what: str
    changes: tuple[EntryChange, ...]
    fields: tuple[FieldChange, ...] = ()
    paths: tuple[Path, ...] = ()


def groups(changes: Iterable[EntryChange]) -> list[Group]:
    """Give the groups in the order in which their first changes come."""
    found: list[tuple[int, Group]] = []
    waiting: dict[tuple[str, str, str], list[tuple[int, EntryChange]]] = defaultdict(list)
    alike: dict[bytes, list[tuple[int, EntryChange]]] = defaultdict(list)
    for place, change in enumerate(changes):
        if change.kind is Kind.CHANGED:
            alike[_key(change)].append((place, change))
        else:
            waiting[change.kind, change.section, what_of(change)].append((place, change))
    found += [(each[0][0], _group(each)) for each in waiting.values()]
    by_paths: dict[tuple[str, str, tuple[Path, ...]], list[tuple[int, EntryChange]]] = defaultdict(list)
    for each in alike.values():
        if len(each) > 1:
            found.append((each[0][0], _group(each, fields=each[0][1].fields)))
        else:
            _, change = each[0]
            paths = tuple(field.path for field in change.fields)
            by_paths[change.section, what_of(change), paths].append(each[0])
    for (_, _, paths), each in by_paths.items():
        if len(each) >= _MANY:
            found.append((each[0][0], _group(each, paths=paths)))
        else:
            found += [(place, _group([(place, change)], fields=change.fields)) for place, change in each]
    return [group for _, group in sorted(found, key=lambda each: each[0])]


def what_of(change: EntryChange) -> str:
    """Give the class of an item or the kind of a protection, else an empty text."""
    name = {"config_items": "class", "protections": "kind", "sites": "kind", "environments": "kind"}
    field = name.get(change.section)
    return str(change.entry.get(field, "")) if field is not None else ""


def _key(change: EntryChange) -> bytes:
    fields = [[each.path, each.old, each.new] for each in change.fields]
    return canonical_json([change.section, what_of(change), fields])


def _group(
    each: Sequence[tuple[int, EntryChange]], *, fields: tuple[FieldChange, ...] = (), paths: tuple[Path, ...] = ()
) -> Group:
    changes = tuple(change for _, change in each)
    return Group(changes[0].kind, changes[0].section, what_of(changes[0]), changes, fields, paths)
