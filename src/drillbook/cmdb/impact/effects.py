"""What a failure does to items, services and protections, and whom it concerns.

What there may be thousands of are named tuples, which are made in a third of a dataclass's time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import NamedTuple


class Effect(IntEnum):
    """What happens to an item or a service; the worse is the greater."""

    RECOVERS = 1
    """It is interrupted until a protection has taken over."""
    STOPS = 2
    """It is down until somebody repairs something."""


class Loss(StrEnum):
    """What happens to a protection."""

    TAKES_OVER = "takes_over"
    """Its primary is down and it brings the service back; afterwards there is no second copy."""
    CONTESTED = "contested"
    """Its primary is down, and others need its spare too."""
    GONE = "gone"
    """Its primary is down, and so is what would take over."""
    EXPOSED = "exposed"
    """Its primary works, and what would take over, or a thing that it needs for that, is down or taken."""
    WEAKER = "weaker"
    """It can still act, and some of the places of its snapshots' password are down."""


class Part(StrEnum):
    """What a protection cannot bring a service back without."""

    OTHER = "other"
    """What takes over, or holds the copies."""
    SNAPSHOTS = "snapshots"
    """The host of its snapshots."""
    WITNESS = "witness"
    """Who says which member holds the role."""
    PASSWORD = "password"  # noqa: S105 - a word for people
    """The places that its snapshots' password can be read from: all of them are down."""


class FailedItem(NamedTuple):
    """An item that does not work; ``because`` is what it depends on, or None when it is a cause."""

    id: str
    effect: Effect
    because: str | None


class FailedService(NamedTuple):
    """A service that users lose.

    ``via`` leads from a cause to the service (ids; both ends included). ``back_by`` are the
    protections that take over for it, ``not_back`` its items and services that nothing brings back.
    """

    id: str
    tier: int
    effect: Effect
    via: tuple[str, ...]
    back_by: tuple[str, ...]
    not_back: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FailedProtection:
    """A protection that must act, or has lost what it needs to.

    ``other`` is the item that takes over or holds the copies, or None. ``without`` are the parts that are down, with
    their items; when it is WEAKER, those places of the password that are down.
    """

    id: str
    service: str
    loss: Loss
    other: str | None
    without: tuple[tuple[Part, tuple[str, ...]], ...] = ()


class Reason(NamedTuple):
    """Why a person is told: ``desk``, ``looks_after``, ``owns`` or ``named``, and for which ids."""

    kind: str
    ids: tuple[str, ...]


class ToTell(NamedTuple):
    """A person to be told; ``line`` of support, or None."""

    id: str
    line: int | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class ToCall:
    """A vendor to be called by ``phone``; ``about`` are items and services, ``contract`` may be None."""

    vendor: str
    contract: str | None
    phone: str
    contacts: tuple[str, ...]
    about: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Impact:
    """All that follows when ``id`` fails.

    ``causes`` are what is broken itself. ``services`` stand with the most important first, ``people``
    with line 1 first, then line 2, then the others.
    """

    id: str
    causes: tuple[str, ...]
    items: tuple[FailedItem, ...]
    services: tuple[FailedService, ...]
    protections: tuple[FailedProtection, ...]
    people: tuple[ToTell, ...]
    vendors: tuple[ToCall, ...]
