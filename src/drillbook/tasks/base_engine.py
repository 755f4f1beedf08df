"""Goes on as the trusted base's engine when another one is running: a checkout's code does not judge itself.

The base's code comes from its verified export, with the packages of this environment, which must be those that the
base locks. It is told the estate in a variable, since it does not lie in it. Whoever types ``./inv`` in a checkout of a
hostile branch has run that branch's launcher all the same: see docs/trust.md.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import drillbook
from drillbook.change.engine import running_engine_digest
from drillbook.errors import Refused
from drillbook.tasks.common import ESTATE

if TYPE_CHECKING:
    from drillbook.change.base import Base

_LOCKS = ("requirements.lock", "requirements-uv.lock")


def as_base_engine(base: Base, root: Path) -> None:
    """Return when the running engine is the base's; else become the base's, with the same arguments.

    Raises Refused when that cannot be: the base locks other packages, or its engine is not what its digest says.
    """
    if running_engine_digest() == base.engine:
        return
    if ESTATE in os.environ:
        raise Refused(
            f"the engine that is running is not that of the trusted base {base.commit[:12]}",
            remedy=f"unset {ESTATE}, and use a clone in which that commit is checked out",
        )
    here = Path(drillbook.__file__).resolve().parents[2]
    for name in _LOCKS:
        if _content(here / name) != _content(base.folder / name):
            raise Refused(
                f"the trusted base {base.commit[:12]} locks other packages ({name}) than those that are installed here",
                remedy=f"use a clone in which that commit is checked out: git worktree add ../base {base.commit[:12]}",
            )
    environment = {
        **os.environ,
        ESTATE: str(root),
        "PYTHONPATH": str(base.folder / "src"),
        "PYTHONDONTWRITEBYTECODE": "1",  # nothing is added to the export
    }
    command = [sys.executable, "-m", "invoke", "--search-root", str(base.folder), *sys.argv[1:]]
    sys.stdout.flush()
    os.execve(sys.executable, command, environment)  # noqa: S606 - no shell is wanted


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
