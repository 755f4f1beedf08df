"""Shows how drills stand, in what order they will run and why, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from drillbook.cmdb.durations import UNITS
from drillbook.console.schedule_words import ENGLISH
from drillbook.errors import ExitCode
from drillbook.evidence.verdict import Result
from drillbook.schedule.due import TO_RUN, Schedule, Standing, State, next_due
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, tzinfo

    from rich.console import Console

    from drillbook.change.records.window import Freeze
    from drillbook.console.schedule_words import ScheduleWords
    from drillbook.schedule.policy import Wanted
    from drillbook.schedule.series import Series

_STYLES = {State.NEVER: "bold red", State.OVERDUE: "bold red", State.DUE: "yellow", State.FRESH: "green"}
_RESULTS = {Result.MET: "green", Result.MISSED: "bold red", Result.INVALID: "yellow"}


def when(moment: datetime, zone: tzinfo) -> str:
    """Give a moment as a person reads it: in the zone, to the minute."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def day(moment: datetime, zone: tzinfo) -> str:
    """Give the day of a moment in the zone."""
    return f"{moment.astimezone(zone):%Y-%m-%d}"


def stands(each: Standing, now: datetime, zone: tzinfo, words: ScheduleWords = ENGLISH) -> str:
    """Give in words how a drill stands."""
    said = when if each.until is not None and each.wanted is not None and _is_short(each.wanted) else day
    if each.until is None or each.from_ is None:
        return words("unwanted") if each.state is State.UNWANTED else words.state(each.state)
    if each.state is State.OVERDUE:
        told = words("overdue_about", day=said(each.until, zone), about=words.about(now - each.until))
    elif each.state is State.DUE:
        told = words("due_until", day=said(each.until, zone))
    else:
        told = words("next", day=said(each.from_, zone))
    return told + (words("doubted") if each.doubted else "")


def _is_short(wanted: Wanted) -> bool:
    """Tell whether days are too coarse for an interval."""
    return wanted.interval is not None and wanted.interval.total_seconds() < 2 * UNITS["d"]


def stands_shortly(each: Standing, zone: tzinfo, words: ScheduleWords) -> Text:
    """Give how a drill stands in a few words."""
    told = words.state(each.state)
    if each.state is State.OVERDUE and each.until is not None:
        told = words("overdue_since", day=day(each.until, zone))
    elif each.state is State.FRESH and each.from_ is not None:
        told = words("next", day=day(each.from_, zone))
    return Text(told, style=_STYLES.get(each.state, ""))


def last_words(each: Standing, zone: tzinfo, words: ScheduleWords) -> Text:
    """Give the last result: of the run that counts, and of a later one that does not."""
    told = Text(words.state(State.NEVER) if each.last is None else "")
    if each.last is not None:
        told = Text(words.result(each.last.result), style=_RESULTS[each.last.result])
        told.append(f" {day(each.last.started, zone)}", style="default not bold")
        if each.changed:
            told.append(words("changed"), style="dim not bold")
    if each.void is not None:
        told.append(f"; {words.result(Result.INVALID)} {day(each.void.started, zone)}", style="yellow")
    return told


def show_list(found: Schedule, console: Console, *, zone: tzinfo, words: ScheduleWords) -> None:
    """Print every drill: how it last came out, how it stands, what happens in it."""
    if not found.drills:
        console.print(words("empty"))
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("drill", "last", "stands"):
        table.add_column(words(column), no_wrap=True)
    table.add_column(words("what"))
    for each in found.drills:
        last, state = last_words(each, zone, words), stands_shortly(each, zone, words)
        table.add_row(each.drill.name, last, state, words.text(each.drill.title))
    console.print(table)
    show_doubts(found, console, words)


def show_due(
    found: Schedule, console: Console, *, zone: tzinfo, everything: bool, words: ScheduleWords = ENGLISH
) -> None:
    """Print what is due, overdue and never run; with ``everything`` the rest too."""
    shown = [each for state in State for each in found.of(state) if everything or state in TO_RUN]
    # What was run long ago comes first among its like.
    shown.sort(key=lambda each: ([*State].index(each.state), each.until or found.now, each.drill.name))
    if shown:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for name in ("drill", "tier", "stands", "last", "service"):
            table.add_column(words(name), overflow="fold", no_wrap=name in ("drill", "tier", "service"))
        for each in shown:
            table.add_row(
                visible(each.drill.name),
                str(each.wanted.tier) if each.wanted else "",
                Text(stands(each, found.now, zone, words), style=_STYLES.get(each.state, "")),
                last_words(each, zone, words),
                visible(each.drill.service),
            )
        console.print(table)
    elif found.drills:
        console.print(words("nothing_due") + ("" if everything else words("see_all")))
    else:
        console.print(words("empty"))
    _notes(found, console, words, everything=everything)


def _notes(found: Schedule, console: Console, words: ScheduleWords, *, everything: bool) -> None:
    missed = [visible(each.drill.name) for each in found.drills if each.missed]
    if missed:
        console.print(Text(f"  {words('missed_last', names=', '.join(missed))}", "bold red"))
    unwanted = found.of(State.UNWANTED)
    if unwanted and not everything:
        names = ", ".join(visible(each.drill.name) for each in unwanted)
        console.print(Text(f"  {words('no_interval', names=names)}", "yellow"))
    if found.undrilled:
        count = len(found.undrilled)
        console.print(f"  {words('undrilled', count=str(count)) if count > 1 else words('undrilled_one')}")
        for tier in sorted({each.tier for each in found.undrilled}):
            names = ", ".join(visible(each.service) for each in found.undrilled if each.tier == tier)
            console.print(f"    {words('of_tier', tier=str(tier), names=names)}")
    show_doubts(found, console, words)


def show_doubts(found: Schedule, console: Console, words: ScheduleWords = ENGLISH) -> None:
    """Print what cannot be believed: records in the future, records that are not as they were written."""
    for record in found.future:
        console.print(Text(f"  ! {words('future', folder=visible(record.folder))}", "yellow"))
    for each in found.distrusted:
        told = words("distrusted", folder=visible(each.folder), reason=visible(each.reason, limit=300))
        console.print(Text(f"  ✗ {told}", "yellow"))


def show_order(
    queue: Sequence[Standing],
    skip: Mapping[str, str],
    found: Schedule,
    console: Console,
    *,
    zone: tzinfo,
    words: ScheduleWords = ENGLISH,
) -> None:
    """Print what will be run, in which order and why."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(justify="right", style="dim")
    table.add_column(overflow="fold", style="bold")
    table.add_column(overflow="fold")
    number = 0
    for each in queue:
        why = skip.get(each.drill.name)
        number += why is None
        told = words("not_now", why=why or "")
        if why is None:
            tier = "" if each.wanted is None else words("in_tier", tier=str(each.wanted.tier))
            usual = "" if each.usual is None else words("usual", seconds=f"{each.usual:.0f}")
            kind = words("destroys" if each.drill.faults else "planned")
            told = f"{stands(each, found.now, zone, words)}{tier}{words.then}{kind}{usual}"
        table.add_row("–" if why else f"{number}.", visible(each.drill.name), told)
    console.print(table)
    console.print(Text(f"  {words('order')}", style="dim"))


def frozen_words(freeze: Freeze) -> str:
    """Say which freeze period holds."""
    return f"freeze period '{visible(freeze.id)}' until {freeze.last} ({visible(freeze.title.en)})"


def show_series(series: Series, console: Console) -> None:
    """Print the drills of a series and how each ended, and those that were left."""
    console.print()
    for done in series.done:
        result = done.ended.result
        word = Text(result.upper() if result else "NOT RUN", style=_RESULTS[result] if result else "bold red")
        console.print(
            Text("  ")
            + word
            + Text(
                f"  {visible(done.standing.drill.name)}  {done.seconds:.0f} s  {visible(done.ended.message)}".rstrip()
            )
        )
    for left in series.left:
        console.print(Text(f"  left  {visible(left.standing.drill.name)}: {visible(left.why)}", style="dim"))


def _ahead(found: Schedule | None, zone: tzinfo) -> str:
    if found is None:
        return "what is due now cannot be told, since the estate's files are wrong"
    soon, waiting = next_due(found), len(found.of(*TO_RUN))
    ahead = f"{waiting} still due" if waiting else "nothing due"
    if soon is not None and soon.from_ is not None:
        ahead += f"; next {soon.drill.name} {when(soon.from_, zone)}"
    return ahead


def log_line(series: Series, found: Schedule | None, *, zone: tzinfo, wrong: Sequence[str] = ()) -> str:
    """Give the one line that a log needs; ``wrong``: drills left out.

    ``found`` is how things stand afterwards, None when the estate can no longer be read.
    """
    ran = ", ".join(
        f"{done.standing.drill.name} {done.ended.result or f'not run (exit code {int(done.ended.code)})'}"
        for done in series.done
    )
    left = f"; {len(series.left)} left" if series.left else ""
    ahead = _ahead(found, zone)
    if wrong:
        left += f"; wrong: {', '.join(wrong)}"
    code = series.code or (ExitCode.INVALID if wrong or found is None else ExitCode.OK)
    ended = "ok" if code is ExitCode.OK else f"exit code {int(code)} {code.name}"
    return visible(
        f"drills: {ended}; ran {len(series.done)}: {ran or 'none'}{left}; {series.seconds:.0f} s; {ahead}", limit=4000
    )
