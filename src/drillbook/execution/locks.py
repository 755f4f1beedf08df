"""A run's locks on its hosts: taken before anything is changed, given back at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.errors import DrillbookError, Refused
from drillbook.execution.actions import operator
from drillbook.hosts.agent import Mark

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from drillbook.execution.actions import World
    from drillbook.execution.state import RunState
    from drillbook.journal.writer import Journal


class RunLocks:
    """The locks of one run. ``state`` knows the fencing tokens that the journal has."""

    def __init__(self, world: World, journal: Journal, state: RunState) -> None:
        """Remember where; nothing is locked yet."""
        self._world = world
        self._journal = journal
        self._state = state

    def take(self, items: Iterable[str], *, anew: Collection[str] = ()) -> None:
        """Take the lock of each host, in one order for all runs, so that no two wait for each other.

        ``anew``: hosts that this run has done nothing on, so that it does not matter who had them since.
        Raises Locked when another run holds one, Refused when another had it since this run stopped.
        """
        for item in sorted(items):
            self._take(item, anew=item in anew)

    def token(self, item: str) -> int:
        """Give the fencing token of a host that a step is about to change; lock it when it is not yet."""
        token = self._state.tokens.get(item)
        return self._take(item) if token is None else token

    def give_back(self, items: Collection[str] | None = None) -> list[str]:
        """Give the locks back, or only those of ``items``.

        Gives a sentence for each host that keeps its lock since it cannot be reached. Of a run that can go on the
        journal has it, since such a run takes them anew; a closed journal stays as it is.
        """
        kept = []
        for item in sorted(self._state.tokens if items is None else self._state.tokens.keys() & set(items)):
            try:
                self._world.agent(item).unlock(self._world.run, self._mark())
            except DrillbookError as error:
                kept.append(
                    f"{item} keeps this run's lock ({error.message}); once it answers: "
                    f"./inv runbooks.abandon {self._world.run}"
                )
                continue
            if self._state.closed is None:
                self._journal.append("lock.given_back", item=item)
        return kept

    def _mark(self) -> Mark:
        return Mark(self._journal.head, self._world.change_type, self._world.executor)

    def _take(self, item: str, *, anew: bool = False) -> int:
        token = self._world.agent(item).lock(self._world.run, operator(), self._mark())
        known = self._state.tokens.get(item)
        if known == token:
            return token
        if known is not None and self._state.touched and not anew:
            self._world.agent(item).unlock(self._world.run, self._mark())
            raise Refused(
                f"{item} was used by another run since this one stopped; going on would not be what was planned",
                remedy=f"./inv runbooks.abandon {self._world.run}, then plan anew from how the hosts are now",
            )
        self._journal.append("lock.taken", item=item, token=token)
        return token
