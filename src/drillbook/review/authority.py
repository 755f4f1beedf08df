"""Whose word counts in a review: the people and rules of a base."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.change.trust.base import Base
from drillbook.change.trust.engine import engine_digest
from drillbook.change.trust.pin import place_of
from drillbook.cmdb.load import draft
from drillbook.repo.tree import export
from drillbook.signing.keys import Signers

if TYPE_CHECKING:
    from datetime import datetime, tzinfo
    from pathlib import Path

    from drillbook.cmdb.model import Cmdb
    from drillbook.repo.git import Repository


@dataclass(frozen=True, slots=True)
class Authority:
    """Whose word counts.

    ``pinned``: ``base`` is the trusted base of this machine, not only the base that was named. ``valid``: its CMDB
    breaks no rule. ``at``: now.
    """

    base: Base
    pinned: bool
    valid: bool
    at: datetime
    zone: tzinfo

    @property
    def cmdb_if_valid(self) -> Cmdb | None:
        """The base's CMDB, unless it is a draft."""
        return self.base.cmdb if self.valid else None


def named_base(repo: Repository, commit: str, into: Path, *, at: datetime, zone: tzinfo) -> Authority:
    """Give the authority of a commit that somebody named, where nothing is pinned: in a pipeline, say.

    Args:
        repo: the repository.
        commit: the commit.
        into: a folder for its files, which does not exist yet and is kept for as long as the authority.
        at: now.
        zone: the zone in which days begin.

    Raises:
        Refused: its files cannot be exported, or a key belongs to two people.
    """
    export(repo, commit, into, governed=True)
    cmdb, findings = draft(into)
    repository = repo.repository_id(commit)
    base = Base(
        repository=repository,
        commit=commit,
        digest="",  # nothing is bound to it
        folder=into,
        remote="",
        committed_at=repo.commit(commit).time,
        signers=Signers.of({person.id: person.get("signing_keys", ()) for person in cmdb.people}),
        cmdb=cmdb,
        engine=engine_digest(into),
        ledger="",
        place=place_of(repository),
    )
    return Authority(base, pinned=False, valid=not findings, at=at, zone=zone)
