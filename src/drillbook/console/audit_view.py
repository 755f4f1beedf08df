"""Shows an auditor's answers in the terminal: how an entry came to be, and the log of changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from drillbook.audit.page.history import about, event_notes, section_name, shown_fields
from drillbook.audit.page.words import HISTORY, KINDS
from drillbook.cmdb.compare.words import NONE
from drillbook.text import visible

if TYPE_CHECKING:
    from datetime import tzinfo

    from rich.console import Console

    from drillbook.audit.attribution import Attribution
    from drillbook.audit.history import Event
    from drillbook.audit.page.history import Told
    from drillbook.runbook.model import Text as Said

_LONGEST = 2000
_STYLES = {"added": "green", "came": "green", "removed": "red", "gone": "red"}


def show_entry_history(told: Told, console: Console, *, zone: tzinfo, language: str) -> None:
    """Print the history, newest first. Times are in the zone."""
    history = told.history
    section, count = (_in(each, language) for each in (section_name(history.section), HISTORY["count"]))
    about_it = f"  {section} · {count}: {len(history.events)}"
    console.print(Text(visible(history.id), style="bold").append(about_it, style="default not bold"))
    if len(history.ids) > 1:
        console.print(Text(f"{_in(HISTORY['ids'], language)}: {visible(', '.join(history.ids))}", style="dim"))
    for note in told.notes():
        console.print(Text(f"! {visible(_in(note, language), limit=_LONGEST)}", style="yellow"))
    for event, by in zip(history.events, told.by, strict=True):
        _event(event, by, console, zone, language)
    for each in history.unread:
        console.print(Text(f"! {each.commit[:12]}: {visible(str(each.finding), limit=400)}", style="yellow"))


def _event(event: Event, by: Attribution, console: Console, zone: tzinfo, language: str) -> None:
    at = NONE if by.time is None else f"{by.time.astimezone(zone):%Y-%m-%d %H:%M}"
    head = Text(f"\n{at}  ", style="bold").append(_in(KINDS[event.kind], language), _STYLES.get(event.kind, "bold"))
    head.append(f"  {visible(about(event))}", style="default not bold")
    console.print(head)
    who = Text(f"  {visible(by.person)}")
    if by.change:
        approved = ", ".join(by.approved_by) or _in(HISTORY["none"], language)
        who.append(f"  {by.change}  {_in(HISTORY['approved_by'], language)}: {visible(approved)}", style="cyan")
    else:
        who.append(f"  {_in(HISTORY['not_approved'], language)}", style="yellow")
    console.print(who.append(f"  {event.commit[:12]}", style="dim"))
    console.print(Text(f"  {visible(by.reason)}", style="italic"))
    for note in event_notes(event, by):
        console.print(Text(f"  ! {visible(_in(note, language), limit=_LONGEST)}", style="yellow"))
    if not event.fields:
        return
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(style="cyan", overflow="fold")
    table.add_column(overflow="fold")
    for each in shown_fields(event):
        value = f"{each.old} → {each.new}" if event.old and event.new else each.new if event.new else each.old
        table.add_row(Text(_in(each.name, language)), Text(value))
    console.print(Padding(table, (0, 0, 0, 4), expand=False))


def _in(text: Said, language: str) -> str:
    return text.zh if language == "zh" else text.en
