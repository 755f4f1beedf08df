"""One record of a journal, and the chain over records.

A journal is a file of JSON lines. Each record holds its number, its time, what happened, the hash of
the record before it (``prev``; of the first: 64 zeros) and its own hash: SHA-256 over the canonical
JSON of all its other fields. Nothing is ever changed or removed; ``verify_chain`` finds it if it was.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drillbook.canonical import canonical_json, digest_bytes
from drillbook.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

GENESIS = "sha256:" + "0" * 64


@dataclass(frozen=True, slots=True)
class Record:
    """One record. ``seq`` from 0; ``time`` ISO 8601 UTC; ``mono`` seconds of the writer's monotonic clock."""

    seq: int
    time: str
    mono: float
    kind: str
    data: Mapping[str, Any]
    prev: str
    hash: str

    def line(self) -> bytes:
        """Give the line of the file, with its line feed."""
        return canonical_json({**_body(self), "hash": self.hash}) + b"\n"


def _body(record: Record) -> dict[str, Any]:
    return {
        "seq": record.seq,
        "time": record.time,
        "mono": record.mono,
        "kind": record.kind,
        "data": record.data,
        "prev": record.prev,
    }


def make_record(*, seq: int, time: str, mono: float, kind: str, data: Mapping[str, Any], prev: str) -> Record:
    """Give the record with its hash. Raises TypeError for a value that is not JSON (a Secret, say)."""
    unhashed = Record(seq=seq, time=time, mono=mono, kind=kind, data=data, prev=prev, hash="")
    return Record(
        seq=seq, time=time, mono=mono, kind=kind, data=data, prev=prev,
        hash=digest_bytes(canonical_json(_body(unhashed))),
    )  # fmt: skip


def parse_records(data: bytes, *, name: str) -> tuple[list[Record], bytes]:
    """Give the records of a journal's bytes, and the torn rest of a last line without line feed.

    Raises JournalError, with the line's number, at the first line that is not a record or does not
    continue the chain.
    """
    *lines, torn = data.split(b"\n")
    records: list[Record] = []
    prev = GENESIS
    for number, line in enumerate(lines, start=1):
        try:
            value = json.loads(line)
            record = Record(**value)
            whole = record.line() == line + b"\n"
            expected = digest_bytes(canonical_json(_body(record)))
        except (ValueError, TypeError, RecursionError):
            raise JournalError(f"{name}:{number}: this line is not a journal record") from None
        if not whole or record.hash != expected:
            raise JournalError(f"{name}:{number}: this record was changed after it was written")
        if record.prev != prev or record.seq != number - 1:
            raise JournalError(f"{name}:{number}: records are missing, added or in another order here")
        records.append(record)
        prev = record.hash
    return records, torn


def read_journal(path: Path) -> list[Record]:
    """Read and verify a journal; a torn last line (the writer died in it) is left out.

    Raises JournalError when the file cannot be read, is empty, or its chain is broken.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise JournalError(f"{path}: cannot be read: {error.strerror}") from None
    records, _ = parse_records(data, name=str(path))
    if not records:
        raise JournalError(f"{path}: there is no record in it")
    return records


def head(records: Iterable[Record]) -> str:
    """Give the hash of the last record: it stands for the whole journal."""
    last = GENESIS
    for record in records:
        last = record.hash
    return last
