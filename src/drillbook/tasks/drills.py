"""Drills: rehearse a recovery on real hosts, and measure it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from drillbook.tasks.common import Touches, estate_root, state_folder, task

if TYPE_CHECKING:
    from invoke.context import Context

    from drillbook.schedule.due import Standing


@task(touches=Touches.NOTHING, name="list", help={"lang": "language: en or zh"})
def list_(_: Context, lang: str = "en") -> None:
    """List the drills: how each last came out, and when it is due."""
    from drillbook.console.output import console
    from drillbook.console.schedule_view import show_list
    from drillbook.console.schedule_words import ScheduleWords
    from drillbook.tasks.drill_run import look_at, tell_wrong

    words = ScheduleWords(lang)
    at = look_at(estate_root())
    show_list(at.schedule, console, zone=at.zone, words=words)
    sys.exit(tell_wrong(at, words))


@task(
    touches=Touches.HOSTS,
    help={"drill": "the drill's name, see drills.list", "lang": "language of titles: en or zh"},
)
def run(_: Context, drill: str, lang: str = "en") -> None:
    """Run a drill now, on the lab's hosts, and write its record."""
    from drillbook.clock import SystemClock
    from drillbook.drill.load import find_drill
    from drillbook.errors import InvalidInput
    from drillbook.schedule.lock import only_one
    from drillbook.tasks.drill_run import Ground, mark_seen, sound_estate, wrong_with

    root = estate_root()
    state = state_folder(root)
    found = find_drill(root, drill)
    estate, wrong = sound_estate(root)  # a mistake in a runbook that it does not need is not in its way
    if findings := wrong_with(found, estate, wrong):
        raise InvalidInput(findings)
    with only_one(state, what=f"the drill {found.name}", clock=SystemClock()):
        mark_seen(state)
        ground = Ground(estate, state, language=lang)
        ended = ground.run(found, ground.bring_up(found.environment))
    sys.exit(ended.code)


@task(
    touches=Touches.HOSTS,
    default=True,
    help={
        "dry_run": "only show what would be run, in which order and why",
        "max_": "run at most so many drills",
        "for_": "begin none that would not be over by then, such as --for 2h",
        "lang": "language of titles: en or zh",
    },
)
def run_due(_: Context, dry_run: bool = False, max_: int = 0, for_: str = "", lang: str = "en") -> None:
    """Run every drill that is due, and say what came of it; one whose file is wrong is told of, and left out."""
    from drillbook.clock import SystemClock
    from drillbook.console.output import console, say_error
    from drillbook.console.schedule_view import log_line, show_doubts, show_order, show_series
    from drillbook.console.schedule_words import ScheduleWords
    from drillbook.errors import ExitCode
    from drillbook.schedule.due import in_order
    from drillbook.schedule.lock import only_one
    from drillbook.schedule.seen import write_seen
    from drillbook.schedule.series import Doing, not_planned, run_series
    from drillbook.tasks.drill_run import Ground, look_at, not_now, parse_window, schedule_after, tell_wrong

    words, window = ScheduleWords(lang), parse_window(max_, for_)
    root = estate_root()
    state = state_folder(root)
    clock = SystemClock()
    with only_one(state, what="the drills that are due", clock=clock) as what:
        at = look_at(root)
        queue = in_order(at.schedule)
        skip = not_now(queue, at)
        show_doubts(at.schedule, console, words)
        if queue:
            shown = not_planned(queue, window=window, skip=skip) if dry_run else skip
            show_order(queue, shown, at.schedule, console, zone=at.zone, words=words)
        if dry_run:
            console.print("planned; nothing was run" if queue else "planned; nothing is due")
            sys.exit(tell_wrong(at, words))
        write_seen(state, at.seen)
        ground = Ground(at.estate, state, language=lang)

        def begins(number: int, each: Standing) -> None:
            what(f"./inv drills, {each.drill.name}")
            console.print(f"\n── {number}. ", end="")

        doing = Doing(ground=ground.bring_up, run=ground.run, begins=begins, says=console.print)
        series = run_series(queue, doing, window=window, skip=skip, clock=clock)
        if series.done or series.left:
            show_series(series, console)
        after = schedule_after(root) if series.done else at.schedule
        if series.ended_by is not None:
            say_error(series.ended_by)
        wrong = tell_wrong(at, words)
        console.print(log_line(series, after, zone=at.zone, wrong=sorted(at.wrong)))
    sys.exit(series.code or (ExitCode.INVALID if after is None else wrong))
