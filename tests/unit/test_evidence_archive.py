"""All records together: what is counted, what is not and why, in which order."""

from __future__ import annotations

import json
import os
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from drillbook.canonical import digest
from drillbook.errors import ExitCode
from drillbook.evidence import archive as module
from drillbook.evidence.archive import read_archive
from drillbook.evidence.verdict import Expectation, Result
from tests.archive_values import NOW, written

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def newer(folder: Path) -> None:
    value = json.loads((folder / "record.json").read_text())
    value["format"] = 99
    value["digest"] = digest({key: each for key, each in value.items() if key != "digest"})
    (folder / "record.json").write_text(json.dumps(value))


def test_an_estate_without_records(tmp_path: Path) -> None:
    assert read_archive(tmp_path) == module.Archive((), ())


def test_a_record_as_it_is_counted(tmp_path: Path) -> None:
    written(tmp_path, steps={"fence": 0.25, "promote": 0.5}, rto_actual=1.5)
    (kept,) = read_archive(tmp_path).kept
    assert (kept.drill, kept.service, kept.result) == ("db-failover", "core", Result.MET)
    assert (kept.outage, kept.not_back, kept.lost, kept.rto, kept.seconds) == (1.5, False, 0, 60.0, 20.0)
    assert [(step.step, step.part, step.seconds) for step in kept.steps] == [
        ("fence", "main", 0.25), ("promote", "main", 0.5),
    ]  # fmt: skip
    assert kept.started == NOW - timedelta(days=1)
    assert not kept.is_future(NOW)
    assert kept.is_future(NOW - timedelta(days=2))
    assert kept.is_future(kept.ended - timedelta(seconds=1))


def test_a_drill_that_is_to_refuse(tmp_path: Path) -> None:
    written(tmp_path, expectation=Expectation(ExitCode.NOT_FENCED))
    (kept,) = read_archive(tmp_path).kept
    assert (kept.refusal, kept.outage, kept.not_back) == (True, None, False)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda f: change(f / "record.json", '"met"', '"missed"'), "changed after"),
        (lambda f: change(f / "journal.jsonl", "run-1", "run-2"), "changed after"),
        (lambda f: change(f / "summary.md", "MET", "met"), "changed after"),
        (lambda f: (f / "record.json").write_text("{"), "not JSON"),
        (lambda f: (f / "record.json").write_text("[" * 100_000), "not JSON"),
        (lambda f: (f / "record.json").write_bytes(b"\xff\xfe\x00"), "not JSON"),
        (lambda f: (f / "record.json").write_text('"text"'), "not a record"),
        (lambda f: (f / "record.json").unlink(), "cannot be read"),
        (lambda f: (f / "journal.jsonl").unlink(), "cannot be read"),
        (newer, "format 99, which is newer"),
        (lambda f: (f / "record.json").unlink() or os.mkfifo(f / "record.json"), "a pipe"),
    ],
)  # fmt: skip
def test_what_is_not_as_it_was_written_is_shown_and_never_counted(
    tmp_path: Path, damage: Callable[[Path], object], says: str
) -> None:
    damage(written(tmp_path, at=NOW - timedelta(days=3)))
    written(tmp_path)
    found = read_archive(tmp_path)
    assert len(found.kept) == 1
    (bad,) = found.distrusted
    assert says in bad.reason
    assert str(tmp_path) not in bad.reason
    assert bad.drill == "db-failover"
    assert found.of("db-failover") == found
    assert found.of("db-failover-other") == module.Archive((), ())


def test_texts_of_a_record_cannot_move_a_cursor_or_break_a_drawing(tmp_path: Path) -> None:
    bad = "a\x1b[2Jb\n\u202ec"
    folder = written(tmp_path, steps={bad: 0.1})
    value = json.loads((folder / "record.json").read_text())
    value["drill"]["title"] = {"en": bad, "zh": bad}
    value["digest"] = digest({key: each for key, each in value.items() if key != "digest"})
    (folder / "record.json").write_text(json.dumps(value))
    (kept,) = read_archive(tmp_path).kept
    for text in (kept.title.en, kept.title.zh, kept.steps[0].step):
        assert text == "a\\u{1b}[2Jb\\u{a}\\u{202e}c"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["started"], "0001-01-01T00:00:00.000000Z"),
        (["ended"], "9999-12-31T23:59:59.999999Z"),
        (["services", 0, "measures", "rto_actual"], 1e308),
        (["services", 0, "measures", "rto_actual"], -5),
        (["services", 0, "objectives", "rto"], 1e308),
        (["runs", 0, "steps", 0, "seconds"], 1e308),
        (["runs", 0, "steps", 0, "seconds"], -1e9),
        (["runs", 0, "steps", 0, "began"], -1e300),
    ],
)  # fmt: skip
def test_what_no_drill_can_have_measured_is_not_counted(tmp_path: Path, path: list[Any], value: Any) -> None:
    folder = written(tmp_path)
    whole = json.loads((folder / "record.json").read_text())
    part = whole
    for each in path[:-1]:
        part = part[each]
    part[path[-1]] = value
    whole["digest"] = digest({key: each for key, each in whole.items() if key != "digest"})
    (folder / "record.json").write_text(json.dumps(whole))
    found = read_archive(tmp_path)
    assert found.kept == ()
    assert "no drill " in found.distrusted[0].reason


def test_half_written_folders_and_files_are_not_records(tmp_path: Path) -> None:
    folder = written(tmp_path)
    shutil.copytree(folder, folder.with_name(f".{folder.name}.new"))
    (folder.parent / "README").write_text("x")
    found = read_archive(tmp_path)
    assert len(found.kept) == 1
    assert not found.distrusted


def test_a_run_is_shown_by_one_record_and_two_that_differ_count_for_nothing(tmp_path: Path) -> None:
    folder = written(tmp_path)
    other = shutil.copytree(folder, folder.with_name("20260101T000000Z-db-switchover"))
    value = json.loads((other / "record.json").read_text())
    value["drill"]["name"] = "db-switchover"
    value["digest"] = digest({name: each for name, each in value.items() if name != "digest"})
    (other / "record.json").write_text(json.dumps(value))
    found = read_archive(tmp_path)
    assert found.kept == ()
    assert [(each.folder, each.reason) for each in found.distrusted] == [
        (one, f"it shows a run that {two} shows too, with other figures; neither is counted")
        for one, two in ((other.name, folder.name), (folder.name, other.name))
    ]


def test_a_copy_is_counted_once(tmp_path: Path) -> None:
    folder = written(tmp_path)
    shutil.copytree(folder, folder.with_name("20270101T000000Z-db-failover"))
    found = read_archive(tmp_path)
    assert [each.folder for each in found.kept] == [folder.name]
    assert found.distrusted[0].reason == f"it is a copy of {folder.name}, which is counted"


def test_order_is_that_of_time_and_stable_within_a_moment(tmp_path: Path) -> None:
    # Folder names sort by the second only; times to the microsecond decide, then the names.
    moment = NOW - timedelta(days=2)
    late = written(tmp_path, drill="a-drill", at=moment + timedelta(milliseconds=900))
    early = written(tmp_path, drill="b-drill", at=moment + timedelta(milliseconds=100))
    same = written(tmp_path, drill="c-drill", at=moment + timedelta(milliseconds=100))
    assert [each.folder for each in read_archive(tmp_path).kept] == [early.name, same.name, late.name]


@pytest.mark.parametrize(
    ("folder", "drill"),
    [
        ("20261122T053000Z-db-failover", "db-failover"),
        ("20261122T053000Z-db-failover-2", "db-failover"),
        ("20261122T053000Z-db-failover.2", "db-failover"),
        ("notes", ""),
    ],
)
def test_the_drill_of_a_broken_record_is_what_its_folder_says(tmp_path: Path, folder: str, drill: str) -> None:
    (tmp_path / "drills/records" / folder).mkdir(parents=True)
    (bad,) = read_archive(tmp_path).distrusted
    assert bad.drill == drill


def test_many_records_are_read_by_several_processes_with_the_same_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for days in range(1, 7):
        written(tmp_path, at=NOW - timedelta(days=days))
    change(written(tmp_path, at=NOW - timedelta(days=9)) / "record.json", '"met"', '"missed"')
    alone = read_archive(tmp_path)
    monkeypatch.setattr(module, "_MANY", 2)
    assert read_archive(tmp_path) == alone
    assert (len(alone.kept), len(alone.distrusted)) == (6, 1)
