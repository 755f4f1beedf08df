"""What differs between two values of one entry, field by field. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drillbook.canonical import canonical_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field at ``path`` (keys below the entry) with its values; None stands for "not there", as no field holds it."""

    path: Path
    old: Any
    new: Any


def same(old: object, new: object) -> bool:
    """Tell whether two values are the same, type and all: ``1``, ``1.0`` and ``true`` are three."""
    return old == new and canonical_json(old) == canonical_json(new)


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any], path: Path = (), *, apart: bool = False
) -> Iterator[FieldChange]:
    """Give what differs, in the order of the fields; of mappings only what differs within, lists as a whole.

    A mapping that came or went is one change; with ``apart`` it is one for each value in it.
    """
    for key in dict.fromkeys((*old, *new)):
        before, after = old.get(key), new.get(key)
        if same(before, after):
            continue
        mappings = [isinstance(each, dict) for each in (before, after)]
        if all(mappings) or (apart and any(mappings) and (before or {}) != (after or {}) and None in (before, after)):
            yield from differences(before or {}, after or {}, (*path, key), apart=apart)
        else:
            yield FieldChange((*path, key), before, after)


def list_parts(old: list[Any], new: list[Any]) -> tuple[list[Any], list[Any]]:
    """Give what a list gained and what it lost; both are empty when only the order differs."""
    known_old, known_new = ({canonical_json(each) for each in values} for values in (old, new))
    gained = [each for each in new if canonical_json(each) not in known_old]
    lost = [each for each in old if canonical_json(each) not in known_new]
    return gained, lost


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Give a value in which every text that is an old id is the new one, as keys too."""
    if isinstance(value, dict):
        return {names.get(key, key): renamed(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [renamed(each, names) for each in value]
    return names.get(value, value) if isinstance(value, str) else value
