"""Hosts that know locks and effects and nothing else, as ``hosts.agent.Agent`` and power control show them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from drillbook.errors import Locked
from drillbook.hosts.agent import Effect, Ended
from drillbook.hosts.power import PowerState

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class LockedHost:
    """One host: who holds it, the fencing token that it gave last, and the effects that it ran, by run and key.

    ``unlocked``: called after a lock was given back, once; it may raise.
    """

    item: str
    holder: str = ""
    token: int = 0
    ran: list[tuple[str, str]] = field(default_factory=list)
    unlocked: Callable[[], None] | None = None

    def lock(self, run: str, *_: Any) -> int:
        if self.holder not in ("", run):
            raise Locked(f"{self.item} is held by run {self.holder}")
        self.token += self.holder == ""
        self.holder = run
        return self.token

    def unlock(self, run: str, *_: Any) -> None:
        if self.holder == run:
            self.holder = ""
        told, self.unlocked = self.unlocked, None
        if told is not None:
            told()

    def effect(self, run: str, key: str, token: int, *_: Any, **__: Any) -> Effect:
        if (self.holder, self.token) != (run, token):
            return Effect(Ended.REFUSED, None, "", "not the lock's token")
        self.ran.append((run, key))
        return Effect(Ended.SUCCEEDED, 0, "", "")


class Power:
    """Power control of a host that is on."""

    def on(self) -> None:
        """Nothing to do."""

    def state(self) -> PowerState:
        return PowerState.ON


@dataclass
class Fleet:
    """The hosts by item."""

    hosts: dict[str, LockedHost] = field(default_factory=dict)

    def agent(self, item: str) -> LockedHost:
        return self.hosts.setdefault(item, LockedHost(item))
