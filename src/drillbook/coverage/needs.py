"""What a protection needs to bring its service back, and how soon it can. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from drillbook.cmdb.durations import seconds
from drillbook.cmdb.impact.spread import parts_of

if TYPE_CHECKING:
    from drillbook.cmdb.model import Cmdb, Entry

COVERS = {"hot_standby": "hot", "cold_standby": "cold", "backup": "tape"}
"""A word for each kind of protection."""
NONE = "none"


class Way(NamedTuple):
    """A way back for what a primary does for a service.

    ``limit``: seconds that it takes at best, by policy. ``needs``: what it cannot do without, the half that takes over
    first, each as the items of which one is enough. ``spare``: its spare's item when others share it, else None.
    """

    protection: str
    primary: str
    limit: float
    needs: tuple[tuple[str, ...], ...]
    spare: str | None


def needs_of(protection: Entry) -> tuple[tuple[str, ...], ...]:
    """Give what it cannot do without, each once, as the items of which one is enough."""
    return tuple(dict.fromkeys(items for _, items in parts_of(protection)))


def limits(cmdb: Cmdb) -> dict[str, str]:
    """Give the shortest RTO that each kind of protection can keep, by policy; empty where policy says nothing."""
    if "protection-limits" not in cmdb.policies:
        return {}
    return dict(cmdb.policies["protection-limits"].get("shortest_rto"))


def limit_of(cmdb: Cmdb, protection: Entry) -> float:
    """Give the seconds in which a protection can bring its service back at best; 0 where policy says nothing."""
    text = limits(cmdb).get(protection.get("kind"))
    return seconds(text) if text is not None else 0.0


def rpo_of(cmdb: Cmdb, protection: Entry) -> str:
    """Give what a protection may lose, as a duration; empty where neither it nor policy says."""
    replication = protection.get("replication")
    if replication in ("synchronous", "none"):
        return "0 s"
    if replication == "asynchronous" and "protection-limits" in cmdb.policies:
        return str(cmdb.policies["protection-limits"].get("asynchronous_rpo"))
    snapshot = protection.get("snapshot", {})
    return str(snapshot.get("max_age", protection.get("interval", "")))
