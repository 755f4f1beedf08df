"""Reads a change from a commit that is not checked out: who approves has their own branch checked out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.change.gate.propose import used_ids
from drillbook.change.records.record import FOLDER, REQUEST, find_change, matching, record_from_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from drillbook.change.records.model import ChangeRecord
    from drillbook.repo.git import Repository

_FILES = ("100644", "100755")


@dataclass(frozen=True, slots=True)
class Found:
    """A change, and where it was read. ``files``: those of the commit; None when it is that of the work tree."""

    record: ChangeRecord
    files: Mapping[str, bytes] | None = None

    def signed(self, root: Path, more: Mapping[str, bytes]) -> ChangeRecord:
        """Give it again with files that were added since. Raises InvalidInput when they do not fit."""
        if self.files is None:
            return find_change(root, self.record.id)
        return record_from_files({**self.files, **more}, folder=self.record.folder)


def find_at(repo: Repository, name: str, head: str) -> Found:
    """Give a change by its id or the end of it: of the work tree, or of a commit when it is only there.

    Args:
        repo: the repository.
        name: the id, or its end.
        head: the commit's id; "" for the work tree alone.

    Raises:
        UsageError: there is none, or more than one.
        InvalidInput: it cannot be read.
    """
    ids = matching(sorted(used_ids(repo, head)), name) if head else []
    if len(ids) != 1 or (repo.root / FOLDER / ids[0] / REQUEST).exists():
        return Found(find_change(repo.root, ids[0] if len(ids) == 1 else name))
    prefix = f"{FOLDER}/{ids[0]}/"
    blobs = {path: blob for path, blob in repo.files(head, prefix).items() if blob.mode in _FILES}
    content = repo.read_blobs(blob.oid for blob in blobs.values())
    files = {path.removeprefix(prefix): content[blob.oid] for path, blob in blobs.items()}
    return Found(record_from_files(files, folder=repo.root / FOLDER / ids[0]), files)


def branch_of(repo: Repository, rev: str) -> str:
    """Give the branch to switch to for a revision, such as ``move`` for ``origin/move``; "" when it names none."""
    if rev.startswith("-"):
        return ""
    for kind, name in (("refs/heads", rev), ("refs/remotes", rev.partition("/")[2])):
        if name and repo.try_git("rev-parse", "--verify", "--quiet", f"{kind}/{rev}").code == 0:
            return name
    return ""
