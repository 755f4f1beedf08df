"""Which single failures leave a service without a way back within its RTO that did not before, and the reverse. Pure.

What ``standby.nminus1`` tells of each side, and only when a field changes that it reads: it takes a while on a large
CMDB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.coverage.accepted import judge, worse
from drillbook.coverage.nminus1 import nminus1
from drillbook.review.entries import CmdbChange, EntryChange, Kind

if TYPE_CHECKING:
    from datetime import date

    from drillbook.cmdb.model import Cmdb

_READ = {
    "config_items": frozenset({"site", "room", "rack", "depends_on"}),
    "services": frozenset({"tier", "rto", "hours", "depends_on", "provided_by"}),
    "protections": frozenset({"kind", "service", "members", "snapshot"}),
    "policies": frozenset({"shortest_rto", "accepted"}),
}


@dataclass(frozen=True, slots=True)
class SingleFailure:
    """A failure (an item, a rack or a room) and a service that it strands.

    ``why`` is a word of ``drillbook.coverage.nminus1.Why``; ``accepted`` the decision of head that covers it, or None.
    """

    failure: str
    service: str
    why: str
    accepted: str | None


def single_failures(
    base: Cmdb, head: Cmdb, changes: CmdbChange, *, today: date
) -> tuple[tuple[SingleFailure, ...], tuple[SingleFailure, ...]]:
    """Give what head brings and what it mends; both sides are valid."""
    if not any(map(_is_read, changes.entries)):
        return (), ()
    before, after = nminus1(base), nminus1(head)
    found = []
    for cmdb, single, fresh in ((head, after, worse(before, after)), (base, before, worse(after, before))):
        weaknesses = judge(cmdb, single, today=today).weaknesses
        found.append(
            tuple(
                SingleFailure(each.failure.id, each.stranded.service, str(each.stranded.why), each.accepted)
                for each in weaknesses
                if (each.failure.id, each.stranded.service) in fresh
            )
        )
    brought, mended = found
    return brought, mended


def _is_read(change: EntryChange) -> bool:
    fields = _READ.get(change.section)
    if fields is None:
        return False
    return change.kind is not Kind.CHANGED or any(each.path[0] in fields for each in change.fields)
