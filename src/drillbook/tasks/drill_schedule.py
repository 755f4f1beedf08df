"""When drills run: what is due, what runs them by itself, and a calendar. Part of the namespace ``drills``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from drillbook.tasks.common import Touches, estate_root, task

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    touches=Touches.NOTHING,
    name="due",
    help={"all_": "what is fresh, and drills without an interval, too", "lang": "language: en or zh"},
)
def due(_: Context, all_: bool = False, lang: str = "en") -> None:
    """List what is due, overdue and never run; exit code 20 when something is overdue or never ran."""
    from drillbook.console.output import console
    from drillbook.console.schedule_view import show_due
    from drillbook.console.schedule_words import ScheduleWords
    from drillbook.errors import ExitCode
    from drillbook.schedule.due import State
    from drillbook.tasks.drill_run import look_at, tell_wrong

    words = ScheduleWords(lang)
    at = look_at(estate_root())
    show_due(at.schedule, console, zone=at.zone, everything=all_, words=words)
    wrong = tell_wrong(at, words)
    sys.exit(ExitCode.MISSED if at.schedule.of(State.NEVER, State.OVERDUE) else wrong)


@task(
    touches=Touches.MACHINE,
    help={
        "systemd": "a systemd timer and its service",
        "cron": "a file for /etc/cron.d",
        "at": "time of day, such as 02:30",
        "install": "write it where it takes effect; without, it is only shown",
        "remove": "take it away again",
    },
)
def schedule(
    _: Context,
    systemd: bool = False,
    cron: bool = False,
    at: str = "02:30",
    install: bool = False,
    remove: bool = False,
) -> None:
    """Make ./inv drills run by itself every day: print or install a systemd timer or a line for cron."""
    from drillbook.schedule.units import DRILLS
    from drillbook.tasks.scheduling import Asked, set_up

    set_up(DRILLS, Asked(systemd=systemd, cron=cron, at=at, install=install, remove=remove))


@task(
    touches=Touches.FILES,
    help={"out": "the file; without it the calendar is printed", "months": "how far ahead", "lang": "en or zh"},
)
def calendar(_: Context, out: str = "", months: int = 12, lang: str = "en") -> None:
    """Write the next dates of all drills as iCalendar."""
    from pathlib import Path

    from drillbook.console.files import write_file
    from drillbook.console.output import console
    from drillbook.console.schedule_words import ScheduleWords
    from drillbook.errors import UsageError
    from drillbook.schedule.calendar import MOST_MONTHS, dates
    from drillbook.schedule.calendar import calendar as calendar_of
    from drillbook.tasks.drill_run import look_at, tell_wrong

    words = ScheduleWords(lang)
    if not 1 <= months <= MOST_MONTHS:
        raise UsageError(f"--months {months}: it must be from 1 to {MOST_MONTHS}")
    at = look_at(estate_root())
    rows = dates(at.schedule, at.policy.freezes, months=months, zone=at.zone)
    data = calendar_of(rows, organisation=at.estate.cmdb.organisation, now=at.schedule.now, language=lang)
    if not out:
        console.write(data.decode())
        sys.exit(tell_wrong(at, words))
    write_file(Path(out), data)
    console.print(f"✓ written  {out}  {len(rows)} dates of {len({row.standing.drill.name for row in rows})} drills")
    sys.exit(tell_wrong(at, words))
