"""The trusted base for those who do not need one: None where nothing is pinned, at the price of looking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.change.trust.pin import MACHINE, own_folder, place_of
from drillbook.clock import SystemClock

if TYPE_CHECKING:
    from pathlib import Path

    from drillbook.change.trust.base import Base


def base_if_pinned(root: Path) -> Base | None:
    """Give the trusted base, or None where nothing is pinned for this estate.

    On a machine where nothing is pinned at all no git is run. Raises as ``trusted_base``, but not for a missing pin:
    what is pinned and cannot be trusted now is not passed over.
    """
    folders = (MACHINE, own_folder("any").parent)
    if not any(folder.is_dir() and any(folder.iterdir()) for folder in folders) or not (root / ".git").exists():
        return None
    from drillbook.change.trust.base import trusted_base
    from drillbook.repo.git import Repository

    repo = Repository(root)
    if not place_of(repo.repository_id(repo.head())).file.exists():
        return None
    return trusted_base(root, SystemClock())
