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
    help={
        "protection": "of this protection alone; else of all that have snapshots",
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


@task(
    touches=Touches.MACHINE,
    help={
        "systemd": "a systemd timer and its service",
        "cron": "a file for /etc/cron.d",
        "minute": "the minute of each hour, from 0 to 59",
        "install": "write it where it takes effect; without, it is only shown",
        "remove": "take it away again",
    },
)
def schedule(
    _: Context,
    *,
    systemd: bool = False,
    cron: bool = False,
    minute: int = 17,
    install: bool = False,
    remove: bool = False,
) -> None:
    """Take the snapshots that are due by itself every hour: print or install a systemd timer or a line for cron."""
    from drillbook.errors import UsageError
    from drillbook.schedule.units import SNAPSHOTS
    from drillbook.tasks.scheduling import Asked, set_up

    if not 0 <= minute <= 59:  # noqa: PLR2004 - minutes of an hour
        raise UsageError(f"--minute {minute}: it must be from 0 to 59")
    set_up(SNAPSHOTS, Asked(systemd=systemd, cron=cron, at=f"0:{minute:02}", install=install, remove=remove))
