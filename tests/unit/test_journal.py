"""The journal: durable, chained, and honest about what was done to it."""

from __future__ import annotations

import json
import os
import random
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from drillbook.canonical import canonical_json, digest_bytes
from drillbook.clock import SystemClock
from drillbook.errors import JournalError, Locked
from drillbook.journal.record import GENESIS, head, parse_records, read_journal
from drillbook.journal.writer import RESERVE_BYTES, Journal
from drillbook.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class StillClock(SystemClock):
    """A clock that stands."""

    def now(self) -> datetime:
        return datetime(2026, 11, 22, 5, 30, 0, 123456, tzinfo=UTC)

    def monotonic(self) -> float:
        return 12.5


def write(path: Path, count: int) -> None:
    journal = Journal.create(path, StillClock())
    for number in range(count):
        journal.append("note", number=number, text='中文 "quoted" $(x)')
    journal.close()


def test_what_is_appended_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    write(path, 3)
    records = read_journal(path)
    assert [record.data["number"] for record in records] == [0, 1, 2]
    assert [record.seq for record in records] == [0, 1, 2]
    assert records[0].prev == GENESIS
    assert records[2].prev == records[1].hash
    assert records[0].time == "2026-11-22T05:30:00.123456Z"
    assert path.stat().st_mode & 0o777 == 0o600


def test_same_events_give_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "a", 3)
    write(tmp_path / "b", 3)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_hash_is_over_the_canonical_record(tmp_path: Path) -> None:
    write(tmp_path / "j", 1)
    value = json.loads((tmp_path / "j").read_bytes())
    claimed = value.pop("hash")
    assert claimed == digest_bytes(canonical_json(value))


def test_every_flipped_bit_is_found(tmp_path: Path) -> None:
    write(tmp_path / "j", 4)
    good = (tmp_path / "j").read_bytes()
    chance = random.Random(7)
    whole = head(parse_records(good, name="j")[0])
    for _ in range(300):
        bad = bytearray(good)
        bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
        try:
            records, torn = parse_records(bytes(bad), name="j")
        except JournalError:
            continue
        # Only the line feed at the very end can be lost without breaking the chain: then the line is torn.
        assert torn
        assert head(records) != whole


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda lines: [lines[0], *lines[2:]], 2),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], 2),
        (lambda lines: [*lines[:2], lines[1], *lines[2:]], 3),
        (lambda lines: lines[1:], 1),
        (lambda lines: [*lines[:2], b"{}", *lines[2:]], 3),
        (lambda lines: [*lines[:2], b"\xff\xfe", *lines[2:]], 3),
        (lambda lines: [*lines[:2], b"[" * 100_000, *lines[2:]], 3),
    ],
    ids=["removed", "reordered", "doubled", "beheaded", "added", "not text", "deep"],
)
def test_changed_journals_are_refused_with_the_line(tmp_path: Path, change, line: int) -> None:
    write(tmp_path / "j", 4)
    lines = (tmp_path / "j").read_bytes().splitlines()
    (tmp_path / "j").write_bytes(b"\n".join(change(lines)) + b"\n")
    with pytest.raises(JournalError, match=f"j:{line}:"):
        read_journal(tmp_path / "j")


def test_a_torn_last_line_is_left_out_and_kept_aside(tmp_path: Path) -> None:
    path = tmp_path / "j"
    write(path, 3)
    whole = path.read_bytes()
    for cut in range(1, len(whole.splitlines()[-1]) + 1):
        path.write_bytes(whole[:-cut])
        assert len(read_journal(path)) == 2
        journal, records = Journal.reopen(path, StillClock())
        assert len(records) == 2
        assert (tmp_path / "j.torn").read_bytes() == whole.splitlines()[-1][: len(whole.splitlines()[-1]) - cut + 1]
        journal.append("after")
        journal.close()
        assert [record.kind for record in read_journal(path)] == ["note", "note", "after"]


def test_two_processes_cannot_write_one_journal(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "j", StillClock())
    journal.append("note")
    with pytest.raises(Locked):
        Journal.reopen(tmp_path / "j", StillClock())
    journal.close()
    Journal.reopen(tmp_path / "j", StillClock())[0].close()


def test_a_journal_is_not_begun_twice(tmp_path: Path) -> None:
    write(tmp_path / "j", 1)
    with pytest.raises(JournalError, match="exists already"):
        Journal.create(tmp_path / "j", StillClock())


def test_a_secret_is_never_journalled(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "j", StillClock())
    with pytest.raises(TypeError):
        journal.append("note", password=Secret("hunter2"))
    journal.append("note", password=str(Secret("hunter2")))
    journal.close()
    assert b"hunter2" not in (tmp_path / "j").read_bytes()


def test_an_empty_or_missing_journal_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for name, words in (("empty", "no record"), ("missing", "cannot be read")):
        with pytest.raises(JournalError, match=words):
            read_journal(tmp_path / name)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte, which can be filled for real."""
    if os.geteuid() != 0:
        pytest.skip("filling a disk needs a disk of its own, and mounting one needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "drillbook-test", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: Path) -> None:
    with (folder / "ballast").open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            pass


def test_a_full_disk_spends_the_reserve_then_refuses_and_loses_nothing(small_disk: Path) -> None:
    path = small_disk / "j"
    journal = Journal.create(path, StillClock())
    journal.append("before")
    fill(small_disk)
    count = 0

    def until_full() -> None:
        nonlocal count
        while True:
            journal.append("note", text="x" * 200)
            count += 1

    with pytest.raises(JournalError, match="is full"):
        until_full()
    assert not journal.has_reserve()
    assert count * 200 > RESERVE_BYTES / 4
    assert len(read_journal(path)) == count + 1
    (small_disk / "ballast").unlink()
    journal.append("after")
    journal.close()
    assert read_journal(path)[-1].kind == "after"


def test_a_journal_cannot_begin_on_a_full_disk(small_disk: Path) -> None:
    fill(small_disk)
    with pytest.raises(JournalError, match="is full"):
        Journal.create(small_disk / "j", StillClock())
