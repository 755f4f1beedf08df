"""The log of changes as values: for a page, for JSON, and for a terminal."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from drillbook.audit.log import EMERGENCY, STANDARD, UNAPPROVED, Mark
from drillbook.audit.page import render
from drillbook.audit.page.words import LOG, RESULTS, REVIEWS, TYPES
from drillbook.clock import timestamp
from drillbook.cmdb.compare.words import NONE
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, tzinfo

    from drillbook.audit.log import Line, Log

_GOOD = ("succeeded", "merged")
_BAD = ("failed", "unknown", "lost")
_OPEN = ("owed", "overdue")
_MINUTE, _HOUR = 60, 3600


def result_words(line: Line) -> Text:
    """Give how it ended; an outcome of another engine as it is."""
    return RESULTS.get(line.result, Text(line.result, line.result))


def result_class(line: Line) -> str:
    """Give ``good``, ``bad`` or ``warn``."""
    return "good" if line.result in _GOOD else "bad" if line.result in _BAD else "warn"


def type_words(line: Line) -> Text:
    """Give its type."""
    return TYPES.get(line.type, Text(line.type, line.type))


def seconds_words(seconds: float | None) -> str:
    """Give a duration as a person reads it."""
    if seconds is None:
        return NONE
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    if seconds < _HOUR:
        return f"{int(seconds // _MINUTE)} min {int(seconds % _MINUTE)} s"
    return f"{int(seconds // _HOUR)} h {int(seconds % _HOUR // _MINUTE)} min"


def approved_words(line: Line) -> Text:
    """Say who approved it: only whose signature counts; when that is nobody, what that means."""
    if line.approved_by:
        people = ", ".join(line.approved_by)
        return Text(people, people)
    if line.type == EMERGENCY:
        return LOG["later"]
    if line.type == STANDARD:
        return LOG["preapproved" if line.change else "lab"]
    return LOG["none"]


def head_words(line: Line) -> str:
    """Give the journal's head (or the commit), short."""
    return line.head.removeprefix("sha256:").removeprefix("git:")[:12] or NONE


def sums(log: Log) -> list[tuple[Text, int, str]]:
    """Give the figures at the top: a name, a number, and how to show it."""
    lines = log.told(every=False)
    emergencies = {each.change or each.run for each in lines if each.type == EMERGENCY}
    owed = {each.change for each in lines if each.review in _OPEN}
    wrong = sum(each.wrong for each in lines)
    return [
        (LOG["count"], len(lines), ""),
        (LOG["emergencies"], len(emergencies), "bad" if emergencies else ""),
        (LOG["owed"], len(owed), "bad" if owed else ""),
        (LOG["wrong"], wrong, "bad" if wrong else ""),
    ]


def log_page(log: Log, *, asked: str, every: bool, now: datetime, zone: tzinfo, language: str) -> str:
    """Give the page. ``asked``: what was asked for, in words of the command line; times are in the zone."""
    lines = log.told(every=every)
    return render(
        "log.html.j2",
        {
            "w": LOG,
            "kind": Text("drillbook", "drillbook"),
            "heading": Text(LOG["title"].en, LOG["title"].zh),
            "asked": asked or None,
            "now": f"{now.astimezone(zone):%Y-%m-%d %H:%M %Z}",
            "sums": sums(log),
            "lines": [_line(number, each, zone) for number, each in enumerate(lines, 1)],
            "routine": [] if every else [_routine(each, zone) for each in log.routine()],
            "break_glass": log.break_glass(),
            "unreadable": log.unreadable,
            "sources": log.sources,
        },
        language=language,
    )


def _line(number: int, line: Line, zone: tzinfo) -> dict[str, Any]:
    return {
        "number": number,
        "at": f"{line.at.astimezone(zone):%Y-%m-%d %H:%M}",
        "seconds_at": f"{line.at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}",
        "type": line.type,
        "type_words": type_words(line),
        "type_class": {EMERGENCY: "emergency", UNAPPROVED: "warn"}.get(line.type, "normal" if line.change else "plain"),
        "emergency": line.type == EMERGENCY,
        "kind": line.kind,
        "change": line.change,
        "what": line.what,
        "detail": line.detail,
        "environment": line.environment or NONE,
        "items": ", ".join(line.items),
        "services": ", ".join(line.services),
        "requested_by": line.requested_by,
        "approved": approved_words(line),
        "approvers": ", ".join(line.approved_by),
        "executor": (line.executed_by or (line.requested_by if line.kind == "commit" else "")).partition(" <")[0],
        "approved_class": "" if line.approved_by or line.type == STANDARD else "warn",
        "refused": line.refused,
        "executed_by": line.executed_by,
        "reason": line.reason,
        "result": result_words(line),
        "result_class": result_class(line),
        "duration": seconds_words(line.seconds),
        "run": line.run,
        "head": head_words(line),
        "review": REVIEWS.get(line.review),
        "review_class": "bad" if line.review in _OPEN else "warn" if line.review == "rejected" else "good",
        "reviewed_by": line.reviewed_by,
        "proofs": line.proofs,
        "wrong": line.wrong,
        "unproved": any(each.mark is not Mark.PROVED for each in line.proofs),
    }


def results_words(results: Sequence[tuple[str, int]]) -> Text:
    """Give how many ended how."""
    words = [(RESULTS.get(name, Text(name, name)), number) for name, number in results]
    return Text(
        ", ".join(f"{text.en.split(':')[0]} {number}" for text, number in words),
        "，".join(f"{text.zh.split('：')[0]} {number}" for text, number in words),
    )


def _routine(each: Any, zone: tzinfo) -> dict[str, Any]:
    return {
        "runbook": each.runbook,
        "what": each.what,
        "environment": each.environment,
        "count": each.count,
        "results": results_words(each.results),
        "first": f"{each.first.astimezone(zone):%Y-%m-%d}",
        "last": f"{each.last.astimezone(zone):%Y-%m-%d}",
        "people": ", ".join(each.people),
    }


def log_json(log: Log, *, every: bool) -> dict[str, Any]:
    """Give everything for machines: times in UTC, digests whole."""
    return {
        "sources": [{"mark": str(each.mark), "text": each.text.en} for each in log.sources],
        "lines": [_line_json(each) for each in log.told(every=every)],
        "routine": []
        if every
        else [
            {**asdict(each), "results": dict(each.results), "what": asdict(each.what), "count": each.count,
             "first": timestamp(each.first), "last": timestamp(each.last)}
            for each in log.routine()
        ],
        "break_glass": [asdict(each) for each in log.break_glass()],
        "unreadable": [asdict(each) for each in log.unreadable],
        "types": dict(Counter(each.type for each in log.lines)),
    }  # fmt: skip


def _line_json(line: Line) -> dict[str, Any]:
    return {
        **asdict(line),
        "at": timestamp(line.at),
        "refused": dict(line.refused),
        "proofs": [{"mark": str(each.mark), "text": each.text.en} for each in line.proofs],
        "wrong": line.wrong,
    }
