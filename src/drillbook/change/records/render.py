"""A change's plan as a page: made from the bytes of request.json and plan.json, and from nothing else.

What an approver is shown and what plan.md holds are this page. Who may approve and who is on duty is not in it:
the base says that, and it changes while the plan does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drillbook.change.records.words import LANGUAGES, ChangeWords
from drillbook.plan.render import plan_page
from drillbook.runbook.page import Line, as_markdown
from drillbook.runbook.words import Words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from drillbook.change.records.model import Bound, Move, Request, Window
    from drillbook.plan.model import Plan

_EACH = 4  # services of the same worth that have a line each; more of them share one
_NO_TIER = 1_000_000  # after all others


def change_page(request: Request, bound: Bound, language: str = "en") -> list[Line]:
    """Lay out what is signed.

    Args:
        request: what was asked for.
        bound: what was planned for it.
        language: ``en`` or ``zh``.

    Raises:
        UsageError: another language.
    """
    return list(_lines(request, bound, ChangeWords(language)))


def plan_file(request: Request, bound: Bound, language: str = "en") -> bytes:
    """Give the bytes of plan.md. Arguments and errors as ``change_page``."""
    return as_markdown(change_page(request, bound, language)).encode()


def is_rendering(data: bytes | None, request: Request, bound: Bound) -> bool:
    """Tell whether the bytes of a plan.md are what is signed, in any language."""
    return any(data == plan_file(request, bound, language) for language in LANGUAGES)


def _lines(request: Request, bound: Bound, words: ChangeWords) -> Iterator[Line]:
    plan = bound.plan
    what = f"{plan.runbook}  {words.text(plan.title)}" if plan is not None else words("configuration")
    yield Line("title", f"{bound.change}: {what}")
    for label, text in (
        ("type", words(request.type)),
        ("risk", words(request.risk)),
        ("reason", request.reason),
        ("window", window_text(request.window, words)),
        ("requested_by", words("by_at", person=request.requested_by, time=_time(request.requested_at))),
        ("signed", bound.digest),
        ("repository", request.repository),
        ("engine", bound.engine),
    ):
        yield Line("field", text, words(label))
    if plan is not None:
        yield from _services(plan, words)
        yield from _irreversible(plan, words)
        yield Line("heading", words("plan"))
        said = Words(words.language)("interrupts")  # above, with what each service is worth
        yield from (line for line in plan_page(plan, words.language)[1:] if line.label != said)
        yield Line("heading", words("sealed"))
        for path, kind, content in bound.sealed:
            yield Line("field", f"→ {content}" if kind == "link" else content, f"playbooks/{path}", 1)
    elif bound.configuration is not None:
        yield from _move(bound.configuration, words)


def window_text(window: Window | None, words: ChangeWords) -> str:
    """Give a window in UTC, or that there is none."""
    if window is None:
        return words("any_time")
    begins, ends = _time(window.begins), _time(window.ends)
    if window.begins.date() == window.ends.date():
        ends = ends.split(" ", 1)[1]
    return f"{begins.removesuffix(' UTC')} – {ends}"


def _time(value: datetime) -> str:
    return f"{value:%Y-%m-%d %H:%M} UTC"


def _services(plan: Plan, words: ChangeWords) -> Iterator[Line]:
    yield Line("heading", words("services"))
    if not plan.services:
        yield Line("note", words("no_service"), indent=1)
    entries = plan.cmdb_slice["services"]
    alike: dict[str, list[str]] = {}
    # The strongest tier first: it is what the approver must not overlook. Every service is named.
    for id_ in sorted(plan.services, key=lambda each: _tier(entries.get(each, {}))):
        known = entries.get(id_, {})
        about = [f"{words(name)} {known[name]}" for name in ("tier", "rto", "rpo") if name in known]
        alike.setdefault(words.listed(about), []).append(id_)
    for text, ids in alike.items():
        if len(ids) > _EACH:
            yield Line("field", words.listed(ids), f"{text} ({len(ids)})".strip(), 1)
        else:
            yield from (Line("field", text, id_, 1) for id_ in ids)


def _tier(service: Mapping[str, Any]) -> int:
    tier = service.get("tier")
    return tier if isinstance(tier, int) else _NO_TIER


def _irreversible(plan: Plan, words: ChangeWords) -> Iterator[Line]:
    found = [step for step in plan.steps if step.undo.irreversible is not None]
    if not found:
        return
    yield Line("heading", words("irreversible"))
    for step in found:
        assert step.undo.irreversible is not None
        yield Line("field", words.text(step.undo.irreversible), step.id, 1)


def _move(move: Move, words: ChangeWords) -> Iterator[Line]:
    yield Line("heading", words("state"))
    yield Line("field", move.old, words("from"), 1)
    yield Line("field", move.new, words("to"), 1)
    yield Line("heading", words("files", count=str(len(move.paths))))
    for each in move.paths:
        yield Line("field", " ".join(part for part in (words(each.status), each.digest) if part), each.path, 1)
