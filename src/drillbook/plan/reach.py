"""Which hosts a plan touches, logs in to and changes, and which of them may be off at a point of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.errors import Refused
from drillbook.plan.targets import target_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from drillbook.cmdb.model import Cmdb
    from drillbook.plan.model import PlannedSlot, Target
    from drillbook.runbook.model import Runbook


class Reach:
    """Collected while steps are bound one after the other: of a whole plan, or of one part of it.

    ``asked``: items that it logs in to. ``changed``: items that an effect acts on. ``fenced``, ``started``: items that
    it has switched off, and on. ``by_hand``: items that a person acts on. ``doubtful``: items that some role calls
    unreachable. All are items' ids.
    """

    def __init__(self, cmdb: Cmdb, environment: str, targets: dict[str, Target], *, down: Iterable[str] = ()) -> None:
        """Begin where the items ``down`` may be off. ``targets`` is what every item that is touched is added to."""
        self._cmdb = cmdb
        self._environment = environment
        self._targets = targets
        self.asked: set[str] = set()
        self.changed: set[str] = set()
        self.fenced: set[str] = set()
        self.started: set[str] = set()
        self.by_hand: set[str] = set()
        self.doubtful: set[str] = set()
        self._down = set(down)
        self._required: set[str] = set()  # items that the outermost runbook has to reach

    @property
    def reachable(self) -> set[str]:
        """The items that must let the run in before it acts on any host."""
        return self.asked - self.doubtful

    @property
    def acted(self) -> set[str]:
        """The items that somebody acts on, an effect or a person."""
        return self.changed | self.by_hand

    def enter(self, runbook: Runbook, roles: Mapping[str, str], *, outermost: bool) -> None:
        """Take in what the roles of a runbook say of their items (``roles``: by name)."""
        for name, role in runbook.roles.items():
            item = roles[name]
            if outermost and role.reachable:
                self._required.add(item)
            # What the whole has to reach is there for its parts, whatever a part by itself could do without.
            if not role.reachable and item not in self.doubtful | self._required:
                self.doubtful.add(item)
                self._down.add(item)

    def choose(self, slots: Iterable[PlannedSlot]) -> None:
        """Log in where slots are chosen. Refused on a host that may be off when the slot's runbook begins."""
        for slot in slots:
            item = slot.check.item
            if item in self.doubtful:
                raise Refused(
                    f"the slot {slot.name} is chosen on {item} when the run begins, and that may be off then",
                    remedy="choose it on another host",
                )
            self.touch(item)
            self.asked.add(item)

    def touch(self, item: str) -> None:
        """Note an item. Raises as ``target_of``."""
        if item not in self._targets:
            self._targets[item] = target_of(self._cmdb, item, self._environment)

    def log_in(self, item: str) -> str:
        """Log in to an item. Raises Refused when it may be off."""
        self.touch(item)
        if item in self._down:
            raise Refused(
                f"this logs in to {item}, which may be off at this point",
                remedy="act on another host, or switch it on first with power: on",
            )
        self.asked.add(item)
        return item

    def look_from(self, witnesses: Iterable[str]) -> None:
        """Look at a host from its witnesses, as far as they are there. Raises Refused when all may be off."""
        named = list(witnesses)
        for witness in named:
            self.touch(witness)
        present = [witness for witness in named if witness not in self._down]
        if not present:
            raise Refused(f"every witness may be off: {', '.join(named)}; name one that the run can reach")
        self.asked.update(present)

    def switched_off(self, item: str) -> None:
        """Note that an item is off from here on."""
        self._down.add(item)
        self.fenced.add(item)
        self.started.discard(item)

    def switched_on(self, item: str) -> None:
        """Note that an item is on from here on."""
        self._down.discard(item)
        self.fenced.discard(item)
        self.started.add(item)
