"""Values that would like to be syntax: in commits, in names of files, in the CMDB, in records of changes."""

from __future__ import annotations

import html
import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from drillbook.audit.attribution import Attributions
from drillbook.audit.history import entry_history
from drillbook.audit.log import Line, Log, Mark, Proof, Unreadable
from drillbook.audit.page.history import Told, history_json, history_page
from drillbook.audit.page.log import log_page
from drillbook.console.audit_log_view import show_log
from drillbook.console.audit_view import show_entry_history
from drillbook.repo.git import Repository
from drillbook.runbook.model import Text
from drillbook.text import forbidden_character
from tests.audit_help import TOP, Book, item, items

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = [
    "<script>alert(1)</script>", "</title><svg onload=x>", "{{ 7*7 }}", "\x1b[2J\x1b]0;x\x07", "\u202egnp.exe",
    "[bold]x[/bold]", "a\u2028b", "'\"><img src=x>", "\u200bzero", "\x9b31m",
]  # fmt: skip


def told(book: Book, id_: str) -> Told:
    repo = Repository(book.root)
    head = repo.head()
    history = entry_history(repo, head, id_)
    attributions = Attributions(repo, (), base=None)
    return Told(history, tuple(attributions.of(each.commit) for each in history.events), head)


def printed(show: object, *args: object, **how: object) -> str:
    out = io.StringIO()
    show(*args, Console(file=out, width=120, markup=False, highlight=False), **how)  # type: ignore[operator]
    return out.getvalue()


def require_harmless(page: str, text: str) -> None:
    for shown in (page, text):
        assert forbidden_character(shown, multiline=True) is None
    assert "<script>" not in page
    assert "<img" not in page
    assert "<svg" not in page


@pytest.mark.parametrize("value", HOSTILE)
def test_in_commits_names_and_values(tmp_path: Path, value: str) -> None:
    book = Book(tmp_path / "estate")
    quoted = '"' + "".join(f"\\u{ord(c):04x}" if ord(c) < 0x10000 else c for c in value) + '"'
    subject = value.replace("\n", " ")
    author = f"{value.replace('<', '(').replace('>', ')')} <a@example.org>"
    name = f"cmdb.d/{value.replace('/', '-')}.yaml"
    book.commit({"cmdb.yaml": TOP, name: items(item("db-1", owner=quoted))}, subject, author=author)
    book.commit({name: items(item("db-1", owner="ann", note=quoted))}, subject, author=author)
    book.commit({name: "config_items:\n  db-1: [" + value + "\n"}, subject, author=author)
    found = told(book, "db-1")
    assert [each.kind for each in found.history.events][-2:] == ["changed", "added"]
    page = history_page(found, zone=UTC, language="en")
    text = printed(show_entry_history, found, zone=UTC, language="en")
    require_harmless(page, text)
    if "<" in value:
        assert html.escape(value, quote=True).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in page
    assert history_json(found)["events"][0]["fields"]


@pytest.mark.parametrize("value", HOSTILE)
def test_in_the_log(value: str) -> None:
    line = Line(
        "run", datetime(2026, 11, 22, tzinfo=UTC), value, Text(value, value), detail=value, change=value,
        environment=value, items=(value,), services=(value,), requested_by=value, reason=value, approved_by=(value,),
        refused=((value, value),), executed_by=value, result=value, run=value, head=value, reviewed_by=value,
        proofs=(Proof(Mark.WRONG, Text(value, value)),),
    )  # fmt: skip
    log = Log((line,), (Unreadable(value, value),), (Proof(Mark.PROVED, Text(value, value)),))
    page = log_page(log, asked=value, every=True, now=line.at, zone=UTC, language="en")
    require_harmless(page, printed(show_log, log, every=True, zone=UTC, language="zh"))


def test_a_name_with_a_line_break_forges_no_line(tmp_path: Path) -> None:
    book = Book(tmp_path / "estate")
    name = "cmdb.d/a\n:100644 100644 0000 0000 M\nb.yaml"
    book.commit({"cmdb.yaml": TOP, name: items(item("db-1"))})
    book.commit({name: items(item("db-1", owner="eve"))})
    assert book.kinds("db-1") == ["added", "changed"]
    text = printed(show_entry_history, told(book, "db-1"), zone=UTC, language="en")
    assert "a\\u{a}:100644" in text


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    book = Book(tmp_path / "estate")
    book.commit({"cmdb.yaml": TOP, "cmdb.d/x.yaml": items(item("db-1"))})
    book.commit({"cmdb.d/x.yaml": items(item("db-1")).encode() + b"\xff\xfe db-1\n"})
    (book.root / "cmdb.d").joinpath("\udcff.yaml").write_text(items(item("db-2")))
    book.commit({})
    found = told(book, "db-1")
    assert [each.finding.rule for each in found.history.unread] == ["encoding"]
    text = printed(show_entry_history, told(book, "db-2"), zone=UTC, language="en")
    assert "\\u{dcff}" in text
    history_page(told(book, "db-2"), zone=UTC, language="zh").encode()
