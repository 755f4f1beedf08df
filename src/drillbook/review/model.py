"""A review: everything that an approver must know of a pull request, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from drillbook.errors import ExitCode
from drillbook.review.drills import Fate
from drillbook.review.entries import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drillbook.errors import Finding
    from drillbook.review.drills import DrillChange
    from drillbook.review.entries import CmdbChange
    from drillbook.review.guarded import Forbidden, Power
    from drillbook.review.inventories import InventoryChange
    from drillbook.review.procedures import FileChange
    from drillbook.review.proposals import Proposals
    from drillbook.review.range import Range
    from drillbook.review.services import Affected
    from drillbook.review.single_failures import SingleFailure


class Verdict(StrEnum):
    """What to do with the pull request, in one word."""

    INVALID = "invalid"
    """The files of head are wrong; it cannot be merged."""
    FORBIDDEN = "forbidden"
    """It does what no approval makes right."""
    LOOK = "look"
    """A person must look at something before approving."""
    PLAIN = "plain"
    """Nothing that promises less, and nothing is missing."""


@dataclass(frozen=True, slots=True)
class Review:
    """All of it.

    ``valid``: head's files can be loaded. ``cmdb`` None: head's CMDB cannot be read at all. ``new`` and ``mended``:
    findings that head has and base has not, and the other way round; ``kept``: those that both have. ``pinned``: who
    may approve was read from this machine's trusted base. ``looked_past``: files that changed and of which nothing
    was said, as number by top folder. ``alone`` and ``not_alone``: single failures after which a service has no way
    back in time in head and had one in base, and the other way round.
    """

    range: Range
    valid: bool
    cmdb: CmdbChange | None
    inventories: tuple[InventoryChange, ...]
    services: tuple[Affected, ...]
    procedures: tuple[FileChange, ...]
    drills: tuple[DrillChange, ...]
    new: tuple[Finding, ...]
    kept: tuple[Finding, ...]
    mended: tuple[Finding, ...]
    forbidden: tuple[Forbidden, ...]
    powers: tuple[Power, ...]
    proposals: Proposals
    pinned: bool
    looked_past: Mapping[str, int]
    alone: tuple[SingleFailure, ...] = ()
    not_alone: tuple[SingleFailure, ...] = ()

    @property
    def weaker(self) -> int:
        """How many promises get weaker: fields, and protections that go."""
        if self.cmdb is None:
            return 0
        fields = sum(len(each.weaker) for each in self.cmdb.entries)
        return fields + sum(each.section == "protections" for each in self.cmdb.of(Kind.REMOVED))

    @property
    def unaccepted(self) -> int:
        """How many single failures head brings that nobody has accepted."""
        return sum(each.accepted is None for each in self.alone)

    @property
    def stale(self) -> list[DrillChange]:
        """The drills that had evidence, which does not hold any more, and those that cannot be run any more."""
        return [
            each for each in self.drills
            if each.fate is Fate.BROKEN or (each.fate is Fate.STALE and each.last is not None and not each.proved)
        ]  # fmt: skip

    @property
    def verdict(self) -> Verdict:
        """What to do with it."""
        if not self.valid:
            return Verdict.INVALID
        if self.forbidden:
            return Verdict.FORBIDDEN
        told = (
            self.weaker,
            self.powers,
            self.new,
            self.stale,
            self.range.both,
            self.proposals.wanting,
            self.unaccepted,
        )
        if any(told):
            return Verdict.LOOK
        return Verdict.PLAIN

    @property
    def exit_code(self) -> ExitCode:
        """The exit code that the verdict is."""
        codes = {Verdict.INVALID: ExitCode.INVALID, Verdict.FORBIDDEN: ExitCode.REFUSED}
        return codes.get(self.verdict, ExitCode.OK)
