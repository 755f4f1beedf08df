"""Which runs there are to look at: this machine's own, and those that came with changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.change.records.record import CHANGE_ID, FOLDER
from drillbook.errors import UsageError
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from drillbook.journal.verify import Verified


def find_runs(root: Path) -> list[Path]:
    """Give the folders of ``.drillbook/runs`` and of ``changes/*/runs``, by run; a run may be in both."""
    folders = [*root.glob(".drillbook/runs/*"), *root.glob(f"{FOLDER}/*/runs/*")]
    return sorted((each for each in folders if each.is_dir()), key=lambda each: (each.name, str(each)))


def chosen(runs: Sequence[Verified], name: str) -> list[Verified]:
    """Give the runs of a change, or the run whose id is ``name`` or begins or ends with it; ``last`` is the newest.

    Raises UsageError when there is none, or when several runs are named so.
    """
    if CHANGE_ID.fullmatch(name):
        found = [each for each in runs if each.opened("change_id") == name or name in each.folder.parts]
    elif name == "last":
        newest = max((each.run for each in runs), default="")
        found = [each for each in runs if each.run == newest]
    else:
        found = [each for each in runs if each.run.startswith(name) or each.run.endswith(name)]
        if len({each.run for each in found}) > 1:
            raise UsageError(
                f"{len({each.run for each in found})} runs are named '{visible(name, limit=60)}'",
                remedy="./inv journal.verify --all lists the runs",
            )
    if not found:
        raise UsageError(f"there is no run of '{visible(name, limit=60)}'", remedy="./inv journal.verify --all")
    return found
