"""What the crash campaign kills the engine over: for each runbook, how to get to its beginning and back to healthy."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Protocol

from tests.crash import standby_subject
from tests.crash.standby_subject import StandbySubject
from tests.harness import FAILBACK, FAILOVER, PAIR, SWITCHOVER, Pair, Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from tests.ground import Ground


class Watch(Protocol):
    """A client that used the service all the time; ``problems`` are what it found, in sentences."""

    problems: list[str]


class Subject(Protocol):
    """``items``: hosts on which effects begin. ``undone``: runbooks of which every step can be undone."""

    ground: Ground
    items: Sequence[str]
    undone: frozenset[str]

    def parameters(self, runbook: str) -> dict[str, str]:
        """What the runbook is given."""
        ...

    def to_begin(self, runbook: str) -> None:
        """Go from healthy hosts to where the runbook begins."""
        ...

    def to_healthy(self, runbook: str) -> None:
        """Go from where the runbook ends to healthy hosts."""
        ...

    def from_undone(self, runbook: str) -> None:
        """Go from where a runbook that was rolled back ends to healthy hosts."""
        ...

    def watched(self) -> AbstractContextManager[Watch]:
        """Use the service all the time."""
        ...

    def state(self) -> dict[str, Any]:
        """Give all that must be the same each time."""
        ...

    def since(self, state: dict[str, Any], first: dict[str, Any]) -> dict[str, Any]:
        """Give a state with what counts on from round to round counted from the round's ``first``."""
        ...

    def kept(self, state: dict[str, Any], first: dict[str, Any]) -> dict[str, Any]:
        """Do the same, without what a rollback need not give back."""
        ...


class PairSubject:
    """The database pair, with a writer that never stops."""

    undone = frozenset({SWITCHOVER})

    def __init__(self) -> None:
        self.ground = self.pair = Pair()
        self.items = (self.pair.first, self.pair.second)

    def parameters(self, runbook: str) -> dict[str, str]:
        """See ``Subject``."""
        role = {"survivor": self.pair.second} if runbook == FAILBACK else {"primary": self.pair.first}
        return {"pair": PAIR, **role}

    def to_begin(self, runbook: str) -> None:
        """See ``Subject``."""
        if runbook in (FAILOVER, FAILBACK):
            self.pair.kill(self.pair.first)
        if runbook == FAILBACK:
            self.pair.run(FAILOVER, primary=self.pair.first)

    def to_healthy(self, runbook: str) -> None:
        """See ``Subject``."""
        if runbook == SWITCHOVER:
            self.pair.run(SWITCHOVER, primary=self.pair.second)
        elif runbook == FAILOVER:
            self.pair.run(FAILBACK, survivor=self.pair.second)

    def from_undone(self, _: str) -> None:
        """See ``Subject``. What can be undone here leaves healthy hosts."""

    def watched(self) -> Writer:
        """See ``Subject``."""
        return Writer(self.pair)

    def state(self) -> dict[str, Any]:
        """See ``Subject``."""
        return self.pair.state()

    def since(self, state: dict[str, Any], first: dict[str, Any]) -> dict[str, Any]:
        """Count timelines from the round's first. Whom a standby would wait for counts from a promotion on."""
        timeline = first[self.pair.first]["timeline"]
        found = deepcopy(state)
        for member in found.values():
            if isinstance(member, dict) and member["timeline"] is not None:
                member["timeline"] -= timeline
            if isinstance(member, dict) and member["role"] == "standby":
                member["waits_for"] = None
        return found

    def kept(self, state: dict[str, Any], first: dict[str, Any]) -> dict[str, Any]:
        """See ``Subject``: all of it is given back."""
        return self.since(state, first)


SUBJECTS: Mapping[str, Callable[[], Subject]] = {
    **dict.fromkeys((SWITCHOVER, FAILOVER, FAILBACK), PairSubject),
    **dict.fromkeys((standby_subject.PROMOTION, standby_subject.FAILBACK), StandbySubject),
}
"""By runbook, in the order of a whole campaign."""


def subject_of(runbook: str) -> Subject:
    """Give the subject of a runbook. Raises KeyError for one that has none."""
    return SUBJECTS[runbook]()
