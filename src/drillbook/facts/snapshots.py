"""How the snapshots of the cold spares stand: read from the hosts by the estate's own checks, and judged. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drillbook.cmdb.durations import seconds
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drillbook.cmdb.model import Cmdb, Entry

CHECKS = "checks/snapshots.py"
"""The estate's checks of snapshots, below playbooks/: ``known``, ``holder`` and ``password_place`` are asked."""
RUNBOOK = "RB-STANDBY-SNAPSHOT"
"""The estate's runbook that takes one; its parameters are ``protection`` and ``holder``."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One archive. Ages in seconds by the repository's host; sizes in bytes; ``ok`` None: never read through."""

    archive: str
    holder: str
    age: float
    verified: float | None
    ok: bool | None
    detail: str
    files: int
    size: int
    deduplicated: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How one protection's snapshots stand.

    ``host`` is the repository's; ``holder`` is "" when no member holds the role or it cannot be told, and ``unheld``
    says why; ``every`` and ``max_age`` in seconds; ``newest_first`` what is kept; ``unknown`` why nothing could be
    learned, "" when it could; ``places`` has each place of the password with what is wrong there.
    """

    protection: str
    host: str
    holder: str
    every: float
    max_age: float
    newest_first: tuple[Snapshot, ...] = ()
    unknown: str = ""
    unheld: str = ""
    places: tuple[tuple[str, str], ...] = ()

    @property
    def verified(self) -> Snapshot | None:
        """The newest that was read through and is whole."""
        return next((each for each in self.newest_first if each.ok), None)

    @property
    def due(self) -> bool:
        """Whether another is to be taken; also when nothing is known of those that there are."""
        return self.verified is None or self.verified.age >= self.every

    @property
    def missed(self) -> bool:
        """Whether no promotion could be made from them: none is verified, or the newest verified is too old."""
        return self.verified is None or self.verified.age > self.max_age

    def to_json(self) -> dict[str, Any]:
        """Give it as a JSON value, all times in seconds."""
        newest, verified = next(iter(self.newest_first), None), self.verified
        return {
            "protection": self.protection,
            "host": self.host,
            "holder": self.holder or None,
            "unheld": self.unheld,
            "every": self.every,
            "max_age": self.max_age,
            "kept": len(self.newest_first),
            "newest": _fields(newest),
            "newest_verified": _fields(verified),
            "due": self.due,
            "missed": self.missed,
            "unknown": self.unknown,
            "password": [{"place": place, "answers": not wrong, "wrong": wrong} for place, wrong in self.places],
        }


def _fields(snapshot: Snapshot | None) -> dict[str, Any] | None:
    return None if snapshot is None else {name: getattr(snapshot, name) for name in Snapshot.__slots__}


def covered(cmdb: Cmdb) -> list[Entry]:
    """Give the protections that have snapshots, in the order of the files."""
    return [each for each in cmdb.protections if each.get("snapshot") is not None]


def standing_of(protection: Entry, *, holder: str, **known: Any) -> Standing:
    """Give how a protection stands; ``known`` are further fields."""
    snapshot = protection.get("snapshot")
    return Standing(
        protection.id,
        snapshot["host"],
        holder,
        seconds(snapshot["every"]),
        seconds(snapshot["max_age"]),
        **known,
    )


def read_holder(protection: Entry, said: Any) -> tuple[str, str]:
    """Give the member that a witness names, or "" and why: in the middle of a failback it names nobody.

    ``said`` is what the check ``holder`` returned.
    """
    if isinstance(said, str) and said in protection.get("members").values():
        return said, ""
    witness = protection.get("settings")["witness"]
    return "", f"{witness} says that '{visible(str(said), limit=60)}' holds the role, which is no member"


def read_known(said: Any) -> tuple[Snapshot, ...]:
    """Read what the check ``known`` returns, the newest first. Raises ValueError when that is not its form."""
    try:
        return tuple(_read(each) for each in said)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{CHECKS} gave no list of snapshots: {error}") from None


def _read(each: Mapping[str, Any]) -> Snapshot:
    verified = each.get("verified_age")
    return Snapshot(
        archive=str(each["archive"]),
        holder=str(each.get("holder", "")),
        age=float(each["age"]),
        verified=float(verified) if verified is not None else None,
        ok=each.get("ok"),
        detail=str(each.get("detail") or ""),
        files=int(each.get("files") or 0),
        size=int(each.get("size") or 0),
        deduplicated=int(each.get("deduplicated") or 0),
    )
