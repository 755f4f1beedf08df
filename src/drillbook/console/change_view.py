"""Shows changes: a table of all, one in detail, and the differences that keep one from being signed."""

from __future__ import annotations

import shlex
from datetime import UTC
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from drillbook.change.records.lifecycle import State
from drillbook.change.records.render import window_text
from drillbook.change.records.words import ChangeWords
from drillbook.console.output import console, say_hanging
from drillbook.console.page import print_page
from drillbook.runbook.page import Line, padded
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, tzinfo

    from drillbook.change.gate.emergency import Emergency
    from drillbook.change.gate.standing import Standing
    from drillbook.change.records.difference import Line as Difference
    from drillbook.change.records.model import Request, Window
    from drillbook.change.records.record import Broken
    from drillbook.change.trust.authority import Missing
    from drillbook.cmdb.model import Cmdb, Entry

_STYLES = {
    State.REQUESTED: "dim", State.PLANNED: "yellow", State.APPROVED: "green", State.RUNNING: "bold cyan",
    State.DEBT: "bold red", State.REVIEWED: "yellow", State.ENDED: "yellow", State.CLOSED: "dim",
}  # fmt: skip
_SHOWN = 6  # files, people
_COLUMNS = ("change", "state_column", "what", "where", "window", "approvals", "run")


def show_changes(
    found: Sequence[Standing],
    broken: Sequence[Broken],
    unknown: Sequence[Emergency],
    *,
    now: datetime,
    language: str,
) -> None:
    """Print the table of all changes, then what is broken, and emergencies that have no record here."""
    words = ChangeWords(language)
    if not found and not broken and not unknown:
        console.print(words("no_changes"))
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in _COLUMNS:
        table.add_column(words(name), overflow="fold", no_wrap=name in ("change", "approvals"))
    for each in found:
        request = each.record.request
        mark = Text(each.record.id, style="bold")
        if request.type != "normal":
            mark.append(f"\n{words(request.type)}", style="bold red" if request.type == "emergency" else "dim")
        table.add_row(
            mark,
            _state(each, words),
            _what(each, words),
            request.subject.environment or "—",
            _window(each, now, words),
            _approvals(each, words),
            _runs(each, words),
        )
    if found:
        console.print(table)
    for emergency in unknown:
        console.print(Text(f"! {emergency}: {words('no_record', source=emergency.known_from)}", "bold red"))
    for each_broken in broken:
        say_hanging(Text(f"✗ {each_broken.name}  ", "bold red"), Text(words("broken")))
        for finding in each_broken.error.findings:
            say_hanging(Text("    "), Text(visible(str(finding), limit=400)))
    if found and not found[0].judged:
        console.print(Text(words("no_base"), "yellow"))


def _state(each: Standing, words: ChangeWords) -> Text:
    if not each.differs:
        return Text(words(each.state), style=_STYLES[each.state])
    return Text(f"{words(each.state)}; {words('differs_short')}", style="yellow")


def _what(each: Standing, words: ChangeWords) -> str:
    subject, bound = each.record.request.subject, each.record.bound
    if subject.kind == "runbook":
        return subject.runbook
    if bound is not None and bound.configuration is not None:
        return words("files_short", count=str(len(bound.configuration.paths)))
    return words("configuration")


def _window(each: Standing, now: datetime, words: ChangeWords) -> Text:
    window = each.record.request.window
    if each.state is State.CLOSED:
        return Text("")
    if each.review_due is not None:
        late = each.is_overdue(now)
        left = words.about(now - each.review_due if late else each.review_due - now)
        return Text(words("debt_late" if late else "debt_left", time=left), style="bold red" if late else "yellow")
    if window is None:
        return Text("—")
    if now < window.begins:
        return Text(words("coming", time=words.about(window.begins - now)))
    if window.holds(now):
        return Text(words("open", time=words.about(window.ends - now)), style="green")
    return Text(words("over"), style="" if each.runs else "yellow")


def _approvals(each: Standing, words: ChangeWords) -> Text:
    signed = len(each.record.approvals)
    if not each.judged:
        return Text(words("not_judged", count=str(signed)) if signed else "", style="dim")
    if each.problem:
        return Text("✗", style="bold red")
    if each.record.bound is None or each.state is State.CLOSED or each.record.request.type == "emergency":
        return Text("")
    have, need = len(each.approved.by), each.need
    text = Text(f"{have}/{need}" if need else "—", style="green" if have >= need and need else "")
    if each.approved.refused:
        text.append(f" +{len(each.approved.refused)}✗", style="red")
    return text


def _runs(each: Standing, words: ChangeWords) -> Text:
    result = each.record.result
    if result is not None:
        return Text(words(result.result), style="green" if result.result == "succeeded" else "yellow")
    if not each.runs:
        return Text("")
    last = each.runs[-1]
    return Text(words("running") if last.result is None else words(last.result))


def show_change(each: Standing, *, now: datetime, zone: tzinfo, duty: Sequence[str], language: str) -> None:
    """Print how one change stands, and what is to be done next. ``duty``: ids of people on duty in its window."""
    print_page(console, list(_lines(each, now, zone, duty, ChangeWords(language))))


def _lines(each: Standing, now: datetime, zone: tzinfo, duty: Sequence[str], words: ChangeWords) -> Iterator[Line]:
    request, bound = each.record.request, each.record.bound
    subject = request.subject
    what = subject.runbook or words("configuration")
    yield Line("title", f"{each.record.id}: {what}" + (f" → {subject.environment}" if subject.environment else ""))
    standing = words(each.state)
    if (window := _window(each, now, words).plain) and window != "—" and not each.differs:
        standing += f" ({window})"
    yield Line("field", standing, words("state_column"))
    for name, text in (
        ("type", words(request.type)),
        ("risk", words(request.risk)),
        ("reason", request.reason),
        ("window", window_text(request.window, words) + _local(request.window, zone)),
        ("requested_by", words("by_at", person=request.requested_by, time=_at(request.requested_at))),
        ("duty", ", ".join(duty)),
        ("signed", bound.digest if bound is not None else ""),
    ):
        if text:
            yield Line("field", text, words(name))
    for name, value in subject.parameters.items():
        yield Line("field", value, f"--param {name}")
    if each.problem:
        yield Line("field", each.problem, "✗")
    if each.differs:
        yield Line("field", words("differs", what=each.differs), "✗")
    if each.record.approvals or each.missing or each.could:
        yield Line("heading", words("approvals").capitalize())
    yield from _approval_lines(each, words)
    if each.runs:
        yield Line("heading", words("runs"))
        yield from (Line("field", words(run.result or "running"), run.run, 1) for run in each.runs)
    if (result := each.record.result) is not None:
        yield Line("heading", words("result"))
        closed = words("by_at", person=result.closed_by, time=_at(result.closed_at))
        yield Line("field", f"{words(result.result)} ({closed})", words("closed"), 1)
        if result.deviations:
            yield Line("note", words("deviations"), indent=1)
        for deviation in result.deviations:
            yield Line("field", f"{deviation.step}: {deviation.text}".removeprefix(": "), f"• {deviation.kind}", 2)
    if each.next_command:
        yield Line("heading", words("next").capitalize())
        yield Line("code", each.next_command, "$", 1)


def _approval_lines(each: Standing, words: ChangeWords) -> Iterator[Line]:
    for approval in each.record.approvals:
        if approval.what == "review":
            verdict = words(approval.verdict)
            text = words("review_given", verdict=verdict, time=_at(approval.approved_at), reason=approval.reason)
        else:
            text = words("approval_given", time=_at(approval.approved_at), until=_at(approval.expires))
        if (why := each.approved.refused.get(approval.approver)) is not None:
            text = f"✗ {words('counts_not', why=why)}"
        elif each.judged and approval.approver in each.approved.by:
            text = f"✓ {text}"
        yield Line("field", text, approval.approver, 1)
    if each.state in (State.PLANNED, State.REQUESTED):
        yield from (Line("field", _missing(missing, words), words("missing"), 1) for missing in each.missing)
    if each.state is State.DEBT:
        yield Line("field", words("could_review", people=_people(each.could)), words("missing"), 1)


def _missing(missing: Missing, words: ChangeWords) -> str:
    return words(
        "rule_wants",
        rule=missing.rule.name,
        count=str(missing.wanted),
        have=", ".join(missing.have) or "—",
        people=_people(missing.who_could),
    )


def _people(ids: Sequence[str]) -> str:
    shown = ", ".join(ids[:_SHOWN]) or "—"
    return shown + (f" +{len(ids) - _SHOWN}" if len(ids) > _SHOWN else "")


def _local(window: Window | None, zone: tzinfo) -> str:
    if window is None or window.begins.astimezone(zone).utcoffset() == window.begins.astimezone(UTC).utcoffset():
        return ""
    return f" ({window.begins.astimezone(zone):%Y-%m-%d %H:%M} – {window.ends.astimezone(zone):%H:%M %Z})"


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def show_difference(lines: Sequence[Difference]) -> None:
    """Print what differs: what was approved or planned, and what would run."""
    for line in lines:
        console.print(Text(f"  {line.where}", style="bold"))
        say_hanging(Text("    approved:   ", "red"), Text(line.approved))
        say_hanging(Text("    would run:  ", "green"), Text(line.would_run))


def show_requested(request: Request, risk_why: str, *, zone: tzinfo, language: str = "en") -> None:
    """Print that a change was requested, and what comes next."""
    words = ChangeWords(language)
    subject = request.subject
    what = f"{subject.runbook} → {subject.environment}" if subject.runbook else words("configuration")
    console.print(Text.assemble(("✓ ", "green"), (request.change, "bold"), f"  {what}"))
    risk = words(request.risk) + (f": {risk_why}" if risk_why else "")
    window = window_text(request.window, words) + _local(request.window, zone)
    by = words("by_at", person=request.requested_by, time=_at(request.requested_at))
    for name, text in (("requested_by", by), ("window", window), ("risk", risk)):
        say_hanging(Text(f"  {padded(words(name), 14)}", "dim"), Text(text))
    say_hanging(Text(f"  {padded(words('next'), 14)}", "dim"), Text(f"./inv changes.plan {request.change}", "cyan"))


def show_planned(stands: Standing, apart: Sequence[str], duty: Sequence[str], cmdb: Cmdb, *, language: str) -> None:
    """Print what a plan needs before it can be applied: whose approval, what is not in the base yet, who is on duty."""
    words = ChangeWords(language)
    console.print()
    if stands.problem:
        say_hanging(Text("  ✗ ", "bold red"), Text(stands.problem))
    for missing in stands.missing:
        say_hanging(Text(f"  {padded(words('missing'), 14)}", "yellow"), Text(_missing(missing, words)))
    if not stands.missing and not stands.problem:
        console.print(Text(f"  {words('approvals')}: {words('no_approval')}", "green"))
    if duty:
        named = [f"{id_} ({_name(cmdb.people[id_], words)})" for id_ in duty]
        say_hanging(Text(f"  {padded(words('duty'), 14)}", "dim"), Text(words.listed(named)))
    if apart:
        shown = ", ".join(visible(path, limit=100) for path in apart[:_SHOWN])
        more = f" +{len(apart) - _SHOWN}" if len(apart) > _SHOWN else ""
        say_hanging(Text("  ! ", "yellow"), Text(words("apart", count=str(len(apart)), files=shown + more)))
    id_ = stands.record.id
    say_hanging(
        Text(f"  {padded(words('next'), 14)}", "dim"), Text(words("push", change=id_, files=f"changes/{id_}"), "cyan")
    )


def show_signed(stands: Standing, person: str, *, elsewhere: str | None, language: str) -> None:
    """Print that somebody signed, and what is still missing. ``elsewhere``: the branch that has the change."""
    words = ChangeWords(language)
    record = stands.record
    said = words("has_signed", person=person, change=record.id)
    console.print(Text.assemble(("✓ ", "green"), (said, "bold"), f"  changes/{record.id}/approvals/{person}.json"))
    for missing in stands.missing:
        say_hanging(Text(f"  {padded(words('missing'), 14)}", "yellow"), Text(_missing(missing, words)))
    command = f"git add changes/{record.id} && git commit && git push"
    if elsewhere is not None:
        say_hanging(Text("  ! ", "yellow"), Text(words("elsewhere", change=record.id)))
        command = f"git switch {shlex.quote(elsewhere)} && {command}"
    say_hanging(Text(f"  {padded(words('next'), 14)}", "dim"), Text(command, "cyan"))
    if not stands.missing and stands.next_command:
        say_hanging(Text(" " * 16), Text(stands.next_command, "cyan"))


def _name(person: Entry, words: ChangeWords) -> str:
    return str(person.fields["name"][words.language])
