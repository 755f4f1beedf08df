"""Whether a change of a field makes weaker what was promised. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from drillbook.cmdb.durations import seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from drillbook.cmdb.compare.fields import FieldChange, Path


class Judgement(StrEnum):
    """What a change of a field does to what was promised."""

    WEAKER = "weaker"
    STRONGER = "stronger"
    NEUTRAL = ""


_REPLICATION = ("synchronous", "asynchronous", "none")
_KINDS = ("hot_standby", "cold_standby", "backup")


def _length(value: Any) -> float:
    return seconds(value)


def _place(order: tuple[str, ...]) -> Callable[[Any], float]:
    return lambda value: float(order.index(value))


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(value)
    return float(value)


def _day(value: Any) -> float:
    return float(str(value).replace("-", ""))


def _negative(rank: Callable[[Any], float]) -> Callable[[Any], float]:
    return lambda value: -rank(value)


# Of each section the fields in which more is worse, as a number. ``*`` stands for any key.
_WORSE: dict[tuple[str, ...], Callable[[Any], float]] = {
    ("services", "rto"): _length,
    ("services", "rpo"): _length,
    ("services", "tier"): _number,
    ("protections", "replication"): _place(_REPLICATION),
    ("protections", "kind"): _place(_KINDS),
    ("protections", "interval"): _length,
    ("protections", "snapshot", "every"): _length,
    ("protections", "snapshot", "max_age"): _length,
    ("protections", "snapshot", "keep"): _negative(_number),
    ("config_items", "warranty", "until"): _negative(_day),
    ("vendors", "contracts", "*", "until"): _negative(_day),
    ("vendors", "contracts", "*", "answer_within"): _length,
    ("media", "keep_until"): _negative(_day),
    ("policies", "by_environment", "*", "approvals"): _negative(_number),
    ("policies", "rules", "*", "approvals"): _negative(_number),
    ("policies", "rules", "*", "valid_for"): _length,
    ("policies", "at_most"): _number,
    ("policies", "review_within"): _length,
    ("policies", "accepted", "*", "until"): _day,
    ("policies", "by_tier", "*"): _length,
    ("policies", "by_service", "*"): _length,
    ("policies", "yearly"): _length,
    ("policies", "answer_within"): _length,
    ("policies", "on_site_within"): _length,
    ("policies", "asynchronous_rpo"): _length,
    ("policies", "spare_covers"): _number,
}
# What is weaker when it comes, and stronger when it goes away.
_BAD = frozenset({("policies", "accepted", "*")})
# What is weaker when it goes away, and stronger when it comes.
_GOOD = frozenset(
    {
        ("policies", "periods", "*"),
        ("policies", "by_service", "*"),
        ("policies", "rules", "*"),
        ("protections", "snapshot"),
    }
)


def judged(section: str, change: FieldChange) -> Judgement:
    """Tell whether a change makes weaker what was promised: a longer RTO, a shorter warranty, fewer approvals."""
    place = (section, *change.path)
    if change.old is None or change.new is None:
        if any(_fits(place, pattern) for pattern in _BAD):
            return Judgement.STRONGER if change.new is None else Judgement.WEAKER
        if not any(_fits(place, pattern) for pattern in _GOOD):
            return Judgement.NEUTRAL
        return Judgement.WEAKER if change.new is None else Judgement.STRONGER
    rank = next((rank for pattern, rank in _WORSE.items() if _fits(place, pattern)), None)
    if rank is None:
        return Judgement.NEUTRAL
    try:
        old, new = rank(change.old), rank(change.new)
    except (TypeError, ValueError):  # a head that is not valid may say anything
        return Judgement.NEUTRAL
    if old == new:
        return Judgement.NEUTRAL
    return Judgement.WEAKER if new > old else Judgement.STRONGER


def _fits(place: Path, pattern: Path) -> bool:
    return len(place) == len(pattern) and all(want in ("*", key) for want, key in zip(pattern, place, strict=True))
