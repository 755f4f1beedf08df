"""Which entry that went and which one that came are one thing under another id. Pure.

What says so, in this order: the same serial number (of one brand) or barcode, the same fields, nearly the same
fields; each only when it points to one entry alone, from either side. Two serial numbers or barcodes are two things.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from drillbook.canonical import canonical_json
from drillbook.cmdb.compare.fields import Path, differences

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping

_ALIKE = 0.8  # of all values: from there on, two entries are taken for one under another id
_FEW = 4  # values under which two entries are alike by chance
_MARKS = (("serial", "brand"), ("barcode", ""))
_PAIRS = 10_000  # pairs of entries that are compared value by value; beyond, only marks and equal fields count

_Values = frozenset[tuple[Path, bytes]]


class Thing(Protocol):
    """An entry, wherever it was read."""

    @property
    def section(self) -> str:
        """Its section."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def fields(self) -> Mapping[str, Any]:
        """What is said of it."""


_T = TypeVar("_T", bound=Thing)


def renamings(gone: Iterable[_T], came: Iterable[_T]) -> list[tuple[_T, _T]]:
    """Pair what went with what came, old and new; what could be several others stays alone."""
    pairs: list[tuple[_T, _T]] = []
    sides: dict[str, tuple[list[_T], list[_T]]] = defaultdict(lambda: ([], []))
    for place, things in enumerate((gone, came)):
        for thing in things:
            sides[thing.section][place].append(thing)
    for left, right in sides.values():
        for key in (_mark, _content):
            found = _by_key(left, right, key)
            pairs += found
            taken = {id(each) for pair in found for each in pair}
            left[:] = [each for each in left if id(each) not in taken]
            right[:] = [each for each in right if id(each) not in taken]
        if len(left) * len(right) <= _PAIRS:
            pairs += _nearest(left, right)
    return pairs


def candidates(one: Thing, others: Iterable[_T]) -> list[_T]:
    """Give those of ``others`` that may be ``one`` under another id."""
    values = _values(one)
    return [each for each in others if each.section == one.section and _alike(one, values, each)]


def _mark(thing: Thing) -> tuple[str, ...] | None:
    """Give what is on the thing itself and on no other one; None when nothing is."""
    for name, also in _MARKS:
        if thing.fields.get(name):
            return (name, str(thing.fields[name]), str(thing.fields.get(also, "")))
    return None


def _content(thing: Thing) -> bytes | None:
    return canonical_json(thing.fields) if len(_values(thing)) >= _FEW else None


def _by_key(left: list[_T], right: list[_T], key: Callable[[_T], Hashable]) -> list[tuple[_T, _T]]:
    """Pair those that have one key, when it is the only one on both sides."""
    if not left or not right:
        return []
    keys: dict[Hashable, tuple[list[_T], list[_T]]] = defaultdict(lambda: ([], []))
    for place, things in enumerate((left, right)):
        for thing in things:
            if (found := key(thing)) is not None:
                keys[found][place].append(thing)
    return [(old[0], new[0]) for old, new in keys.values() if len(old) == 1 and len(new) == 1]


def _nearest(left: list[_T], right: list[_T]) -> list[tuple[_T, _T]]:
    """Pair those of which each is like the other, and like no other one."""
    found = [(old, candidates(old, right)) for old in left]
    claimed = Counter(new.id for _, news in found for new in news)
    return [(old, news[0]) for old, news in found if len(news) == 1 and claimed[news[0].id] == 1]


def _values(thing: Thing) -> _Values:
    return frozenset((each.path, canonical_json(each.new)) for each in differences({}, thing.fields, apart=True))


def _alike(one: Thing, values: _Values, other: Thing) -> bool:
    if any(one.fields.get(name) and other.fields.get(name) not in (None, one.fields[name]) for name, _ in _MARKS):
        return False
    if _mark(one) is not None and _mark(one) == _mark(other):
        return True
    its = _values(other)
    count = len(values) + len(its)
    return count >= 2 * _FEW and 2 * len(values & its) >= _ALIKE * count
