"""Coverage and single failures as plain values, for JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from drillbook.coverage.accepted import Judged, Weakness
    from drillbook.coverage.cover import Coverage, ItemCover
    from drillbook.coverage.nminus1 import Single


def coverage_data(found: Coverage) -> dict[str, Any]:
    """Give a coverage; times are durations as the CMDB writes them."""
    return {
        "in_use": list(found.in_use),
        "services": [
            {
                "id": each.service, "tier": each.tier, "hours": each.hours, "rto": each.rto, "rpo": each.rpo,
                "cover": each.cover, "keeps_rto": each.keeps_rto, "keeps_rpo": each.keeps_rpo,
                "items": [_item(one) for one in each.items],
            }
            for each in found.services
        ],
        "spares": [
            {
                "item": each.item, "taken_by": each.taken_by, "contested": each.contested, "unused": list(each.unused),
                "order": [
                    {**asdict(one.place), "primary": one.primary, "fallback": [asdict(left) for left in one.fallback]}
                    for one in each.wanting
                ],
                "losing": [one.place.protection for one in each.losing],
            }
            for each in found.spares
        ],
        "shared": [{**asdict(each), "others": list(each.others)} for each in found.shared],
    }  # fmt: skip


def _item(item: ItemCover) -> dict[str, Any]:
    return {"id": item.item, "cover": item.cover, "by": [asdict(each) for each in item.by]}


def nminus1_data(found: Single, judged: Judged, worse: Iterable[tuple[str, str]] | None) -> dict[str, Any]:
    """Give the single failures; seconds are numbers, None means never. ``worse``: what a base does not have."""
    accepted = {(each.failure.id, each.stranded.service): each for each in judged.weaknesses}
    fresh = None if worse is None else set(worse)
    return {
        "tried": {"items": found.items, "racks": found.racks, "rooms": found.rooms, "computed": found.computed},
        "counting": len(judged.counting),
        "unneeded": list(judged.unneeded),
        "failures": [
            {
                "id": failure.id, "kind": failure.kind, "same": list(failure.same),
                "all_services": [each.service for each in failure.services],
                "services": [
                    {
                        **asdict(each), "blocked": [asdict(one) for one in each.blocked], "why": str(each.why),
                        **_decision(accepted.get((failure.id, each.service))),
                        **({} if fresh is None else {"new": (failure.id, each.service) in fresh}),
                    }
                    for each in failure.own
                ],
            }
            for failure in found.failures
        ],
    }  # fmt: skip


def _decision(weakness: Weakness | None) -> dict[str, str | None]:
    if weakness is None:
        return {"accepted": None, "expired": None}
    return {"accepted": weakness.accepted, "expired": weakness.expired}
