"""Snapshots that cold spares are made from: taking them, how they stand, and what takes them by itself."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from drillbook.tasks.common import Touches, estate_root, state_folder, task

if TYPE_CHECKING:
    from invoke.context import Context

_LANG = "language of titles: en or zh"


@task(
    touches=Touches.HOSTS,
    positional=["protection"],
    help={
        "protection": "of this protection alone; of all that have snapshots when it is left out",
        "due": "only where the newest is older than the CMDB says",
        "holder": "the host that holds the role, when nobody else can tell; the witness's word unless told",
        "env": "environment of the CMDB; the lab's unless told",
        "lang": _LANG,
    },
)
def snapshot(
    _: Context, protection: str = "", *, due: bool = False, holder: str = "", env: str = "", lang: str = "en"
) -> None:
    """Take snapshots now: write out, send to the repository, read through, note, drop the oldest."""
    from drillbook.tasks.snapshots import Wanted, take

    root = estate_root()
    state_folder(root)
    sys.exit(take(root, Wanted(protection, holder, env, due=due), language=lang))


@task(
    touches=Touches.HOSTS,
    help={"json": "print it as JSON, all times in seconds", "lang": _LANG},
)
def status(_: Context, *, json: bool = False, lang: str = "en") -> None:
    """Show how old snapshots are, and whether they can be used; exit code 20 when a promotion has none to use."""
    from drillbook.canonical import canonical_json
    from drillbook.console.output import console
    from drillbook.console.snapshot_view import show_snapshots
    from drillbook.errors import ExitCode
    from drillbook.tasks.snapshots import ask

    found = ask(estate_root())
    if json:
        console.write(canonical_json([each.to_json() for each in found]).decode() + "\n")
    else:
        show_snapshots(found, console, language=lang)
    sys.exit(ExitCode.MISSED if any(each.missed for each in found) else ExitCode.OK)
