"""Single failures that are accepted: each decision says of what, in ids that exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.cmdb.rules.base import Problem, quoted, similar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.cmdb.rules.base import Draft

_ABOUT = ("failures", "services", "tiers")


def decisions(draft: Draft) -> Iterator[Problem]:
    """Find decisions that would accept everything, and failures of what does not exist."""
    policy = draft.entry("policies", "accepted-single-failures")
    if policy is None:
        return
    rooms = draft.cmdb.rooms()
    for id_, decision in policy.get("accepted").items():
        if not any(each in decision for each in _ABOUT):
            yield Problem(
                policy, ("accepted", id_),
                f"does not say what it accepts, which would be everything; add one of {', '.join(_ABOUT)}",
            )  # fmt: skip
        for index, name in enumerate(decision.get("failures", ()) if draft.complete else ()):
            room, slash, rack = name.partition("/")
            if slash:
                exists = room in rooms and rack in rooms[room].get("rooms")[room].get("racks", {})
            else:
                exists = draft.known.get(name) in ("config_items", "sites") or name in rooms
            if not exists:
                ids = [*(each for each, its in draft.known.items() if its in ("config_items", "sites")), *rooms]
                yield Problem(
                    policy, ("accepted", id_, "failures", index),
                    f"names {quoted(name)}, which is no item, rack (as room/rack), room or site; {similar(room, ids)}",
                )  # fmt: skip
