"""The history of an entry as values: for a page, for JSON, and for a terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drillbook.audit.entries import ROOMS
from drillbook.audit.page import render
from drillbook.audit.page.words import HISTORY, KINDS
from drillbook.clock import timestamp
from drillbook.cmdb.compare.words import NONE, gained_and_lost
from drillbook.cmdb.words import SECTIONS, path_words
from drillbook.node import plain
from drillbook.runbook.model import Text
from drillbook.text import visible

if TYPE_CHECKING:
    from datetime import tzinfo

    from drillbook.audit.attribution import Attribution
    from drillbook.audit.history import EntryHistory, Event

_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Told:
    """A history with who answers for each event, in the same order, and what else must be said of it."""

    history: EntryHistory
    by: tuple[Attribution, ...]
    head: str
    uncommitted: tuple[str, ...] = ()
    without_base: str = ""

    def notes(self) -> list[Text]:
        """Give what limits the whole history."""
        found = []
        if self.history.shallow:
            found.append(HISTORY["shallow"])
        if self.uncommitted:
            found.append(_with(HISTORY["uncommitted"], ", ".join(self.uncommitted)))
        if self.without_base and any(each.change for each in self.by):
            found.append(_with(HISTORY["no_base"], self.without_base))
        newest = self.history.events[0] if self.history.events else None
        if newest is not None and newest.kind in ("removed", "gone"):
            found.append(HISTORY["gone_now"])
        return found


def _with(text: Text, value: str) -> Text:
    return Text(f"{text.en}: {value}", f"{text.zh}：{value}")


def section_name(section: str) -> Text:
    """Give what an entry of a section is called."""
    if section == ROOMS:
        return Text(*path_words([ROOMS]))
    one, _, chinese = SECTIONS[section]
    return Text(one, chinese)


def about(event: Event) -> str:
    """Say what a name or a place was before and after, when that changed; else where the entry stands."""
    old, new = event.old, event.new
    if old is None or new is None:
        return event.entry.file
    if old.id != new.id:
        files = "" if old.file == new.file else f" ({old.file} → {new.file})"
        return f"{old.id} → {new.id}{files}"
    if old.section != new.section:
        return f"{old.section}, {old.file} → {new.section}, {new.file}"
    return old.file if old.file == new.file else f"{old.file} → {new.file}"


def event_notes(event: Event, by: Attribution) -> list[Text]:
    """Give what must be said of one event beside its values."""
    found = []
    if by.unproved and by.change:
        found.append(_with(HISTORY["unproved"], by.unproved))
    found += [_with(HISTORY["refused"], f"{person}: {why}") for person, why in by.refused]
    if event.candidates:
        found.append(_with(HISTORY["candidates"], ", ".join(event.candidates)))
    if event.across:
        found.append(HISTORY["across"])
    return found


def history_page(told: Told, *, zone: tzinfo, language: str) -> str:
    """Give the page; times are in the zone."""
    history = told.history
    facts: list[tuple[Text, Text | str]] = [
        (HISTORY["section"], section_name(history.section)),
        (HISTORY["count"], str(len(history.events))),
        (HISTORY["head"], told.head[:12]),
    ]
    if len(history.ids) > 1:
        facts.insert(1, (HISTORY["ids"], ", ".join(history.ids)))
    title = HISTORY["title"]
    return render(
        "history.html.j2",
        {
            "h": history,
            "w": HISTORY,
            "kind": title,
            "heading": Text(f"{history.id} · {title.en}", f"{title.zh}"),
            "facts": facts,
            "notes": told.notes(),
            "events": [_event(event, by, zone) for event, by in zip(history.events, told.by, strict=True)],
            "unread": history.unread,
        },
        language=language,
    )


def _event(event: Event, by: Attribution, zone: tzinfo) -> dict[str, Any]:
    return {
        "commit": event.commit,
        "time": NONE if by.time is None else f"{by.time.astimezone(zone):%Y-%m-%d %H:%M}",
        "kind": KINDS[event.kind],
        "about": about(event),
        "person": by.person,
        "reason": by.reason,
        "change": by.change,
        "approved": by.approved,
        "approved_by": ", ".join(by.approved_by),
        "notes": event_notes(event, by),
        "both": event.old is not None and event.new is not None,
        "new": event.new is not None,
        "fields": shown_fields(event),
    }


@dataclass(frozen=True, slots=True)
class ShownField:
    """A field in words, before and after, in characters that are safe to show."""

    name: Text
    old: str
    new: str


def shown_fields(event: Event) -> list[ShownField]:
    """Give each field that the event changed."""
    return [
        ShownField(
            Text(*(visible(name) for name in path_words(each.path))),
            *(visible(value, limit=_LONGEST) for value in gained_and_lost(each.old, each.new, limit=_LONGEST)),
        )
        for each in event.fields
    ]


def history_json(told: Told) -> dict[str, Any]:
    """Give everything for machines: times in UTC, values as they are."""
    history = told.history
    return {
        "id": history.id,
        "section": history.section,
        "ids": list(history.ids),
        "head": told.head,
        "shallow": history.shallow,
        "uncommitted": list(told.uncommitted),
        "notes": [each.en for each in told.notes()],
        "events": [_event_json(event, by) for event, by in zip(history.events, told.by, strict=True)],
        "unread": [{"commit": each.commit, "finding": str(each.finding)} for each in history.unread],
    }


def _event_json(event: Event, by: Attribution) -> dict[str, Any]:
    return {
        "commit": event.commit,
        "time": None if by.time is None else timestamp(by.time),
        "kind": event.kind,
        "person": by.person,
        "reason": by.reason,
        "change": by.change or None,
        "approved": by.approved,
        "approved_by": list(by.approved_by),
        "refused": dict(by.refused),
        "unproved": by.unproved or None,
        "from": None if event.old is None else {"id": event.old.id, "file": event.old.file},
        "to": None if event.new is None else {"id": event.new.id, "file": event.new.file},
        "candidates": list(event.candidates),
        "across_unread_versions": event.across,
        "fields": [
            {"field": ".".join(each.path), "old": plain(each.old), "new": plain(each.new)} for each in event.fields
        ],
    }
