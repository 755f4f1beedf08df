"""Who answers for a commit: the people of the approved change that it is, else its author, which nobody has proved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.change.trust.approval import valid_approvals
from drillbook.errors import Refused
from drillbook.repo.tree import tree_digest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from drillbook.change.records.model import ChangeRecord
    from drillbook.change.trust.base import Base
    from drillbook.repo.git import Repository


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who, when and why.

    ``time`` is what the commit says of itself, None when it cannot be read. ``person``: who asked for the change,
    else the commit's author. ``change``: id of the configuration change that led to this very tree, "" when there
    is none; ``approved_by``: whose approval of it counts; ``refused``: whose does not, and why; ``unproved``: why
    nothing of the change could be verified ("" when it was).
    """

    commit: str
    time: datetime | None
    person: str
    reason: str
    change: str = ""
    approved_by: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    unproved: str = ""

    @property
    def approved(self) -> bool:
        """Whether the commit is a change that somebody's valid signature approves."""
        return bool(self.change and self.approved_by and not self.unproved)


class Attributions:
    """Attributes commits of one repository; ``base`` None: nothing can be verified here, for the reason ``without``."""

    def __init__(
        self, repo: Repository, records: Iterable[ChangeRecord], *, base: Base | None, without: str = ""
    ) -> None:
        """Take the changes; only those of the configuration matter."""
        self._repo, self._base, self._without = repo, base, without
        self._moves: dict[str, list[ChangeRecord]] = {}
        for record in records:
            if record.bound is not None and record.bound.configuration is not None:
                self._moves.setdefault(record.bound.configuration.new, []).append(record)
        self._known: dict[str, Attribution] = {}

    def of(self, commit: str) -> Attribution:
        """Give who answers for a commit."""
        if commit not in self._known:
            self._known[commit] = self._attributed(commit)
        return self._known[commit]

    def _attributed(self, commit: str) -> Attribution:
        try:
            read = self._repo.commit(commit)
        except Refused as error:
            return Attribution(commit, None, "?", error.message, unproved=error.message)
        author = Attribution(commit, read.time, f"{read.author_name} <{read.author_email}>", read.subject)
        try:
            records = self._moves.get(tree_digest(self._repo, commit), []) if self._moves else []
        except Refused:  # what such a tree holds is in no approved change
            records = []
        found = [self._changed(record, author) for record in records]
        # A tree can be reached twice; what was approved counts before what only claims it.
        return next((each for each in found if each.approved), found[0] if found else author)

    def _changed(self, record: ChangeRecord, author: Attribution) -> Attribution:
        assert author.time is not None
        request = record.request
        by: tuple[str, ...] = ()
        refused: tuple[tuple[str, str], ...] = ()
        unproved = self._without
        if self._base is not None:
            try:
                approved = valid_approvals(record, self._base, at=author.time)
            except Refused as error:
                unproved = error.message
            else:
                by, refused = tuple(sorted(approved.by)), tuple(sorted(approved.refused.items()))
        return Attribution(
            author.commit, author.time, request.requested_by, request.reason, record.id, by, refused, unproved
        )
