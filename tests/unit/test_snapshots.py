"""How snapshots stand: what is due, what a promotion could not use, and how a person is shown it."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from drillbook.canonical import canonical_json
from drillbook.cmdb.load import load
from drillbook.console.snapshot_view import show_snapshots, size_words
from drillbook.facts.snapshots import Standing, covered, read_holder, read_known, standing_of
from tests.estate_copy import ROOT

if TYPE_CHECKING:
    from drillbook.facts.snapshots import Snapshot

HOUR = 3600.0


def archive(hours: float, *, ok: bool | None = True, detail: str = "") -> dict[str, Any]:
    """Give what is known of an archive, as the check of the estate returns it."""
    return {
        "archive": f"web-1.{hours}", "holder": "web-1", "age": hours * HOUR, "ok": ok, "detail": detail,
        "verified_age": None if ok is None else hours * HOUR, "files": 9, "size": 104_883_806, "deduplicated": 627,
    }  # fmt: skip


def standing(*said: dict[str, Any], **fields: Any) -> Standing:
    return Standing("web-spare", "backup-1", "web-1", 6 * HOUR, 24 * HOUR, newest_first=read_known(said), **fields)


def shown(*found: Standing, language: str = "en") -> str:
    out = io.StringIO()
    show_snapshots(found, Console(file=out, width=200), language=language)
    return out.getvalue()


@pytest.mark.parametrize(
    ("said", "due", "missed"),
    [
        ([], True, True),
        ([archive(1)], False, False),
        ([archive(6)], True, False),
        ([archive(24)], True, False),
        ([archive(24.1)], True, True),
        ([archive(1, ok=None)], True, True),
        ([archive(1, ok=False), archive(5)], False, False),
        ([archive(1, ok=False), archive(7)], True, False),
        ([archive(1, ok=False), archive(25)], True, True),
    ],
)
def test_only_what_was_read_through_counts(said: list[dict[str, Any]], due: bool, missed: bool) -> None:
    found = standing(*said)
    assert (found.due, found.missed) == (due, missed)


def test_what_is_not_known_is_missed() -> None:
    assert standing(unknown="backup-1 does not answer").missed


@pytest.mark.parametrize("said", [None, 3, "x", [{}], [{"archive": "a"}], [{"archive": "a", "age": "soon"}], [[]]])
def test_what_is_no_list_of_snapshots_is_refused(said: Any) -> None:
    with pytest.raises(ValueError, match="gave no list of snapshots"):
        read_known(said)


def test_the_json_has_what_a_machine_needs_and_a_canonical_form() -> None:
    found = standing(archive(1, ok=False, detail="broken"), archive(2), places=(("mon-1", "no"),))
    said = json.loads(canonical_json(found.to_json()))
    newest: Snapshot = found.newest_first[0]
    assert said["newest"]["archive"] == newest.archive
    assert said["newest_verified"]["age"] == 2 * HOUR
    assert said["password"] == [{"place": "mon-1", "answers": False, "wrong": "no"}]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["age", "105 MB (+627 B)", "✓ 2 h ago", "in 4 h", "1 of 2", "mon-1: wrong: it said no"]),
        ("zh", ["距今", "105 MB (+627 B)", "✓ 2 h 前", "4 h 后", "1/2"]),
    ],
)
def test_a_person_reads_age_size_and_what_is_wrong(language: str, words: list[str]) -> None:
    said = shown(standing(archive(2), places=(("backup-1", ""), ("mon-1", "wrong: it said no"))), language=language)
    assert all(word in said for word in words), said


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (standing(), "none is verified; no promotion could use it"),
        (standing(archive(48)), "the newest verified is 2 d old, at most 24 h is allowed; no promotion could use it"),
        (standing(archive(1, ok=False, detail="bad [red]piece"), archive(2)), "web-1.1, damaged: bad [red]piece"),
        (standing(unknown="backup-1 does not answer\x1b[2J"), r"backup-1 does not answer\u{1b}[2J"),
    ],
)
def test_what_is_wrong_is_said_as_it_is(found: Standing, words: str) -> None:
    assert words in shown(found)


def test_the_estate_has_snapshots_of_what_its_spare_takes_over() -> None:
    found = covered(load(ROOT))
    assert [each.id for each in found] == ["proxy-spare", "web-spare", "login-spare"]
    made = standing_of(found[1], holder="spare-1", unknown="x")
    assert (made.holder, made.host, made.every, made.max_age) == ("spare-1", "backup-1", 6 * HOUR, 24 * HOUR)


@pytest.mark.parametrize(("size", "words"), [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (3_450_000_000, "3.45 GB")])
def test_sizes_are_short(size: int, words: str) -> None:
    assert size_words(size) == words


@pytest.mark.parametrize(
    ("said", "holder", "why"),
    [
        ("web-1", "web-1", ""),
        ("spare-1", "spare-1", ""),
        # Between the two holders, in the middle of a failback.
        ("nobody", "", "mon-1 says that 'nobody' holds the role, which is no member"),
        ("login-1", "", "mon-1 says that 'login-1' holds the role, which is no member"),
        ("", "", "mon-1 says that '' holds the role, which is no member"),
        (None, "", "mon-1 says that 'None' holds the role, which is no member"),
        ("a\x1b[2J", "", r"a\u{1b}[2J"),
    ],
)
def test_only_a_member_that_the_witness_names_holds_the_role(said: Any, holder: str, why: str) -> None:
    protection = load(ROOT).protections["web-spare"]
    found, doubt = read_holder(protection, said)
    assert found == holder
    assert why in doubt
    assert (doubt == "") == (holder != "")


@pytest.mark.parametrize(("language", "word"), [("en", "nobody"), ("zh", "无人")])
def test_a_role_that_nobody_holds_is_not_shown_as_the_primarys(language: str, word: str) -> None:
    found = standing_of(
        load(ROOT).protections["web-spare"], holder="", unheld="mon-1 says so", newest_first=read_known([archive(1)])
    )
    said = shown(found, language=language)
    row = next(line for line in said.splitlines() if line.startswith("web-spare "))
    assert row.split()[1] == word
    assert "mon-1 says so" in said
    assert found.to_json()["holder"] is None
