"""Which services stand on what is changed, found through the dependency graph. Pure.

A change of words, people or contracts alone takes nothing down, and is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from drillbook.cmdb.impact.effects import Effect
from drillbook.cmdb.impact.spread import Walk, graph_of
from drillbook.review.entries import CmdbChange, EntryChange, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.cmdb.model import Cmdb, Entry

_WORDS_ONLY = frozenset({
    "title", "owner", "vendor", "contract", "warranty", "service_level", "notify", "brand", "model", "grade", "serial",
    "hours", "ring",
})  # fmt: skip


_PROMISES = frozenset({"tier", "rto", "rpo"})


class Touch(StrEnum):
    """What happens to a service should the change go wrong; the first is the worst."""

    STOPS = "stops"
    RECOVERS = "recovers"
    EXPOSED = "exposed"
    """It goes on, and what would bring it back is missing meanwhile."""
    PROMISED = "promised"
    """Nothing happens to it; what is promised of it changes."""


@dataclass(frozen=True, slots=True)
class Affected:
    """A service that stands on what is changed.

    ``via``: the ids that lead from what is changed to it, both ends included. ``before`` and ``after``: its
    objectives as (tier, RTO, RPO), None where it does not exist.
    """

    id: str
    touch: Touch
    via: tuple[str, ...]
    before: tuple[int, str, str] | None
    after: tuple[int, str, str] | None

    @property
    def tier(self) -> int:
        """The tier on the side where it is more important."""
        return min(each[0] for each in (self.before, self.after) if each is not None)


def affected(base: Cmdb, head: Cmdb, changes: CmdbChange, *, valid: bool) -> list[Affected]:
    """Give the services that what is changed can take down or lay bare, the most important first.

    ``valid``: head breaks no rule. If it does, only what the changes would do to the base is told.
    """
    sides = [(base, _causes(base, changes, old=True))]
    if valid:
        sides.append((head, _causes(head, changes, old=False)))
    found: dict[str, tuple[Touch, tuple[str, ...]]] = {}
    for cmdb, causes in sides:
        for id_, touch, via in _touched(cmdb, causes):
            known = found.get(id_)
            if known is None or list(Touch).index(touch) < list(Touch).index(known[0]):
                found[id_] = (touch, via)
    for change in changes.entries:
        if change.section == "services" and any(each.path[0] in _PROMISES for each in change.fields):
            found.setdefault(change.id, (Touch.PROMISED, (change.id,)))
    result = [
        Affected(id_, touch, via, _objectives(base, id_), _objectives(head, id_)) for id_, (touch, via) in found.items()
    ]
    return sorted(result, key=lambda each: (each.tier, list(Touch).index(each.touch), len(each.via), each.id))


def _touched(cmdb: Cmdb, causes: tuple[str, ...]) -> Iterator[tuple[str, Touch, tuple[str, ...]]]:
    if not causes:
        return
    walk = Walk(graph_of(cmdb), causes)
    walk.spread()
    for service in cmdb.services:
        effect = walk.state.get(service.id)
        if effect is not None:
            touch = Touch.STOPS if effect is Effect.STOPS else Touch.RECOVERS
            yield service.id, touch, walk.way_to(service.id)
    for protection in walk.protections():
        if protection.service not in walk.state and protection.service in cmdb.services:
            yield protection.service, Touch.EXPOSED, (protection.id, protection.service)


def _causes(cmdb: Cmdb, changes: CmdbChange, *, old: bool) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for change in changes.entries:
        if change.kind is (Kind.ADDED if old else Kind.REMOVED) or _in_words_only(change):
            continue
        id_ = change.old_id if old and change.old_id else change.id
        section = cmdb.section(change.section)
        if id_ in section:
            found |= dict.fromkeys(_what_fails(cmdb, section[id_]))
    return tuple(found)


def _in_words_only(change: EntryChange) -> bool:
    harmless = _WORDS_ONLY | _PROMISES
    return bool(change.kind in (Kind.CHANGED, Kind.RENAMED) and all(each.path[0] in harmless for each in change.fields))


def _what_fails(cmdb: Cmdb, entry: Entry) -> Iterator[str]:
    if entry.section in ("config_items", "services"):
        yield entry.id
    elif entry.section == "protections" and entry.get("service") in cmdb.services:
        yield entry.get("service")
    elif entry.section == "spares" and entry.get("item") in cmdb.config_items:
        yield entry.get("item")


def _objectives(cmdb: Cmdb, id_: str) -> tuple[int, str, str] | None:
    if id_ not in cmdb.services:
        return None
    service = cmdb.services[id_]
    return int(service.get("tier")), str(service.get("rto")), str(service.get("rpo"))
