"""Review never runs the proposal: what judges a change is the trusted base's engine, not that of the work tree.

Honestly: whoever types ``./inv`` in a checkout of somebody's branch has started that branch's launcher, and nothing
that comes after it can help. What this does is to let one's own checkout, which may be ahead of the base or behind it,
judge as the base does. Who wants to be sure starts ``base/inv`` in the trust folder (``./inv trust.status`` shows it).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from drillbook.change.trust.base import exported, pin_of, pinned_commit, point_to
from drillbook.change.trust.engine import engine_digest, running_engine_digest
from drillbook.errors import MissingPrerequisite, Refused
from drillbook.repo.git import Repository
from drillbook.tasks.common import ESTATE

_STARTED = "DRILLBOOK_AS_BASE"
_LOCKS = ("requirements-uv.lock", "requirements.lock")


def run_as_base(root: Path) -> None:
    """Go on as the trusted base's engine, with the same arguments; return when it is that which runs already.

    Call it before other parts of the engine are loaded, and again after the base was moved. The base's engine runs in
    this environment when its lock files are those that this was built from, and otherwise by its own launcher, which
    builds one on first use.

    Raises Refused: nothing is pinned, or what was started as the base's engine is another one.
    """
    repo = Repository(root)
    place, pin = pin_of(repo)
    pinned_commit(repo, pin)
    folder = exported(repo, place, pin)
    point_to(place, folder)
    if engine_digest(folder) == running_engine_digest():
        return
    if os.environ.get(_STARTED) == pin.commit:
        raise Refused(
            "the engine of the trusted base was started, and it is another one that runs",
            remedy=f"unset {_STARTED} PYTHONPATH, then {place.folder}/base/inv …",
        )
    program, argv = _command(folder)
    env = os.environ | {ESTATE: str(repo.root), _STARTED: pin.commit}
    if program == sys.executable:
        caches = {"PYTHONPYCACHEPREFIX": str(place.folder / "pycache")}
        env |= {"PYTHONPATH": str(folder / "src"), "PYTHONSAFEPATH": "1", **caches}
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execve(program, argv, env)  # noqa: S606 - no shell is wanted
    except OSError as error:
        raise MissingPrerequisite(
            f"the trusted base's engine cannot be started: {program}: {error.strerror}", remedy=f"ls -l {program}"
        ) from None


def _command(folder: Path) -> tuple[str, list[str]]:
    typed = sys.argv[1:]
    if _locks_of_this_environment() == _content(folder):
        return sys.executable, [sys.executable, "-m", "invoke", "--search-root", str(folder), *typed]
    return str(folder / "inv"), [str(folder / "inv"), *typed]


def _locks_of_this_environment() -> bytes | None:
    """Give the lock files that ``inv`` built this environment from: after the first line of its stamp."""
    try:
        return (Path(sys.prefix) / ".complete").read_bytes().partition(b"\n")[2]
    except OSError:
        return None


def _content(folder: Path) -> bytes:
    try:
        return b"".join((folder / name).read_bytes() for name in _LOCKS)
    except OSError:
        return b""
