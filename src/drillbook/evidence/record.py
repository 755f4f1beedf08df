"""The record of a drill: a folder that an auditor can check years later.

``drills/records/<time>-<drill>/`` holds ``record.json`` (its schema: ``record.schema.json`` beside this
module), the journals and the plans of its runs, and two pages made from it: ``report.html`` and
``summary.md``. It is made whole under another name and then renamed. Samples are large and stay outside
git; the record cites them by digest. Records of formats 1 and 2 (``record-1.schema.json`` and so on) are still read.

Every digest in a record can be checked: ``read_record`` does, and so does anyone with sha256sum.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import json
import os
import shutil
import stat
import zlib
from dataclasses import dataclass
from datetime import UTC
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from drillbook.canonical import digest, digest_bytes
from drillbook.durable import sync_folder
from drillbook.errors import JournalError
from drillbook.evidence.older import upgraded
from drillbook.evidence.page import page
from drillbook.evidence.summary import summary
from drillbook.evidence.to_json import FORMAT, plan_bytes, to_json
from drillbook.journal.record import head, parse_records
from drillbook.plan.reading import plan_from_json
from drillbook.schema import read_schema
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drillbook.evidence.result import DrillResult
    from drillbook.plan.model import Plan

FOLDER = "drills/records"
SAMPLES = ".drillbook/samples"
RECORD, SUMMARY, REPORT = "record.json", "summary.md", "report.html"
MAX_BYTES = 32 * 1024 * 1024  # of one file of a record; the largest that a drill wrote has a hundredth of it
_SCHEMAS = {1: "record-1.schema.json", 2: "record-2.schema.json", FORMAT: "record.schema.json"}


@cache
def schema(number: int = FORMAT) -> dict[str, Any]:
    """Give the JSON Schema of ``record.json`` in a format; it must not be changed."""
    return read_schema(Path(__file__).with_name(_SCHEMAS[number]))


def store_samples(root: Path, data: bytes) -> str:
    """Keep a writer's file in the checkout at ``root``, compressed, and give its path there.

    The same bytes are kept once. Raises JournalError when it cannot be written.
    """
    name = f"{SAMPLES}/{digest_bytes(data).removeprefix('sha256:')}.jsonl.gz"
    path = root / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _write(path.with_name(path.name + ".new"), gzip.compress(data, mtime=0))
            path.with_name(path.name + ".new").replace(path)
    except OSError as error:
        raise _cannot(path, error) from None
    return name


def write_record(result: DrillResult, *, root: Path, journals: Mapping[str, Path]) -> Path:
    """Write the record of a drill, and give its folder.

    Two drills that began in the same second get a folder each: the later one's name ends in ``-2``.

    Args:
        result: what is to be written.
        root: the estate's folder; the record goes below ``drills/records``.
        journals: the journal of each run in ``result.runs``, by run id.

    Raises:
        JournalError: it cannot be written, or a journal's chain is broken.
    """
    copies = {run.run: journals[run.run].read_bytes() for run in result.runs}
    plans = {run.run: run.plan for run in result.runs}
    value = to_json(result, copies)
    files = {entry["journal"]["file"]: copies[entry["run"]] for entry in value["runs"]}
    files |= {entry["plan_file"]: plan_bytes(run) for entry, run in zip(value["runs"], result.runs, strict=True)}
    files |= {SUMMARY: summary(value).encode(), REPORT: page(value, plans).encode()}
    value["summary"], value["report"] = digest_bytes(files[SUMMARY]), digest_bytes(files[REPORT])
    value["digest"] = digest(value)
    errors = _errors(value, FORMAT)
    if errors:
        raise JournalError(f"the record does not fit its schema: {'; '.join(errors[:3])}")
    files[RECORD] = json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n"
    name = f"{result.started.astimezone(UTC):%Y%m%dT%H%M%SZ}-{result.drill.name}"
    fresh = root / FOLDER / f".{name}.{os.getpid()}.new"
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        for file, data in files.items():
            _write(fresh / file, data)
        sync_folder(fresh)
        folder = _named(fresh, name)
        sync_folder(folder.parent)
    except OSError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        raise _cannot(root / FOLDER / name, error) from None
    return folder


def _named(fresh: Path, name: str) -> Path:
    """Give a whole record the first of its names that is free; a folder that holds anything is never replaced."""
    for number in count(1):
        folder = fresh.with_name(name if number == 1 else f"{name}-{number}")
        try:
            fresh.rename(folder)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                raise
        else:
            return folder
    raise AssertionError("the numbers never end")


@dataclass(frozen=True, slots=True)
class CheckedRecord:
    """A record whose digests hold.

    ``value`` has the shape of the newest format, whatever ``format`` it was written in. ``absent``: samples
    that are not kept on this machine, by writer.
    """

    value: Mapping[str, Any]
    absent: tuple[str, ...]
    format: int


def read_record(folder: Path, *, root: Path) -> CheckedRecord:
    """Read a record and check all that it cites: itself, journals, plans, pages, and samples in ``root``.

    Raises JournalError that names the first thing that is not as it was written.
    """
    value = _read_json(folder / RECORD)
    number = value.get("format")
    if isinstance(number, int) and number > FORMAT:
        raise JournalError(
            f"{folder / RECORD}: it is of format {str(number)[:40]}, which is newer than this drillbook reads "
            f"(up to {FORMAT})",
            remedy="read it with a newer drillbook",
        )
    if not isinstance(number, int) or isinstance(number, bool) or number not in _SCHEMAS:
        raise JournalError(f"{folder / RECORD}: not a record of a known format: {visible(str(number), limit=40)}")
    errors = _errors(value, number)
    if errors:
        raise JournalError(f"{folder / RECORD}: not a record of this format: {errors[0][:300]}")
    if _digest({key: each for key, each in value.items() if key != "digest"}) != value["digest"]:
        raise JournalError(f"{folder / RECORD}: it was changed after it was written")
    shaped = upgraded(value) if number < FORMAT else value
    for entry in shaped["runs"]:
        _check_run(entry, folder)
    for file, cited in ((SUMMARY, shaped["summary"]), (REPORT, shaped["report"])):
        if cited is not None and digest_bytes(_read(folder / file)) != cited:
            raise JournalError(f"{folder / file}: it was changed after it was written")
    absent = []
    for sample in shaped["samples"]:
        path = root / sample["kept_as"]
        if not path.exists():
            absent.append(sample["writer"])
        elif _unpacked_digest(path) != sample["digest"]:
            raise JournalError(f"{path}: these are not the samples that the record cites")
    return CheckedRecord(shaped, tuple(absent), number)


def _check_run(entry: Mapping[str, Any], folder: Path) -> None:
    cited = entry["journal"]
    path = folder / cited["file"]
    data = _read(path)
    records, torn = parse_records(data, name=str(path))
    if torn or digest_bytes(data) != cited["digest"] or head(records) != cited["head"]:
        raise JournalError(f"{path}: it is not the journal that the record cites")
    opened = records[0].data if records else {}
    if any(opened.get(name, entry[name]) != entry[name] for name in ("run", "plan")):
        raise JournalError(f"{path}: it is the journal of another run than the record says")
    if entry["plan_file"] is not None and digest_bytes(_read(folder / entry["plan_file"])) != entry["plan"]:
        raise JournalError(f"{folder / entry['plan_file']}: it is not the plan that the record cites")


def plans_of(folder: Path, value: Mapping[str, Any]) -> dict[str, Plan]:
    """Give the plans of a record that was read, by run id; a record of format 1 holds none.

    Raises JournalError for a file that is no plan.
    """
    found = {}
    for entry in value["runs"]:
        if entry["plan_file"] is not None:
            path = folder / entry["plan_file"]
            try:
                plan = plan_from_json(_read_json(path))
                same = plan.digest == entry["plan"]
            except (KeyError, TypeError, ValueError):
                same = False
            if not same:
                raise JournalError(f"{path}: this is not a plan that this drillbook can read")
            found[entry["run"]] = plan
    return found


def _errors(value: Mapping[str, Any], number: int) -> list[str]:
    return [error.message for error in jsonschema_rs.Draft202012Validator(schema(number)).iter_errors(value)]


def _digest(value: Mapping[str, Any]) -> str:
    try:
        return digest(value)
    except ValueError:
        return ""  # it holds a number that JSON does not have: we never wrote it


def _read(path: Path, *, at_most: int | None = MAX_BYTES) -> bytes:
    """Give an ordinary file's bytes: a pipe would keep us waiting, and a device has no end. Raises JournalError."""
    try:
        # Opened without waiting, and looked at when it is open: nobody can put another in its place meanwhile.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            status = os.fstat(file.fileno())
            if stat.S_ISDIR(status.st_mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            if not stat.S_ISREG(status.st_mode):
                raise JournalError(f"{path}: cannot be read: it is a pipe, a device or a socket, and no file")
            if at_most is not None and status.st_size > at_most:
                raise JournalError(
                    f"{path}: cannot be read: it has {status.st_size:,} bytes, and {at_most:,} are the most"
                )
            return file.read()
    except OSError as error:
        raise JournalError(f"{path}: cannot be read: {error.strerror}") from None


class _TwiceError(ValueError):
    """A key that stands twice: who reads the file by eye and who digests it could each see another value."""


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _TwiceError(next(key for key in keys if keys.count(key) > 1))
    return found


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(_read(path), object_pairs_hook=_each_once)
    except _TwiceError as error:
        raise JournalError(f"{path}: '{visible(str(error), limit=60)}' stands there twice") from None
    except (ValueError, RecursionError):
        raise JournalError(f"{path}: this is not JSON") from None
    if not isinstance(value, dict):
        raise JournalError(f"{path}: this is not a record")
    return value


def _unpacked_digest(path: Path) -> str:
    """Give the digest of what a compressed file holds: in parts, since a small file can hold more than any memory."""
    found = hashlib.sha256()
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(_read(path, at_most=None))) as file:
            while part := file.read(1 << 20):
                found.update(part)
    except (OSError, EOFError, ValueError, zlib.error):
        raise JournalError(f"{path}: these samples cannot be unpacked") from None
    return f"sha256:{found.hexdigest()}"


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _cannot(path: Path, error: OSError) -> JournalError:
    return JournalError(
        f"{path} cannot be written: {error.strerror}",
        remedy="free some space there; the journals of the runs are still in .drillbook/runs",
    )
