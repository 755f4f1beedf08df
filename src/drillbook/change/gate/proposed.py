"""The CMDB that a change of the configuration moves to, as its commit has it: by it, rules see what is touched."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from drillbook.cmdb.load import load
from drillbook.errors import InvalidInput, Refused
from drillbook.repo.tree import export, tree_digest

if TYPE_CHECKING:
    from drillbook.change.records.model import ChangeRecord
    from drillbook.change.trust.base import Base
    from drillbook.cmdb.model import Cmdb
    from drillbook.repo.git import Repository


def proposed_cmdb(record: ChangeRecord, *, repo: Repository, base: Base, head: str) -> Cmdb | None:
    """Give the CMDB that a configuration moves to, for ``case.case_of``.

    None when the commit ``head`` does not have the files that the change is bound to, when its CMDB cannot be read,
    and for a change that is no configuration: then nobody knows what it touches. ``trust.advance`` reads the same
    from the commit that it moves to, so that all name the same rules.
    """
    move = record.bound.configuration if record.bound is not None else None
    if move is None:
        return None
    if base.digest == move.new:
        return base.cmdb
    try:
        if tree_digest(repo, head) != move.new:
            return None
        with tempfile.TemporaryDirectory(prefix="drillbook-proposed-") as name:
            export(repo, head, Path(name), governed=True)
            return load(Path(name))
    except (InvalidInput, Refused):
        return None
