"""The record of a drill: a folder that an auditor can check years later.

``drills/records/<time>-<drill>/`` holds ``record.json`` (its schema: ``record.schema.json`` beside this
module), the journals of its runs, and ``summary.md``. It is made whole under another name and then
renamed. Samples are large and stay outside git; the record cites them by digest.

Every digest in a record can be checked: ``read_record`` does, and so does anyone with sha256sum.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
from dataclasses import dataclass
from datetime import UTC
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from drillbook.canonical import canonical_json, digest, digest_bytes
from drillbook.clock import timestamp
from drillbook.errors import JournalError
from drillbook.evidence.result import MAIN
from drillbook.evidence.summary import summary
from drillbook.journal.record import head, parse_records
from drillbook.schema import read_schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drillbook.evidence.result import DrillResult

FOLDER = "drills/records"
SAMPLES = ".drillbook/samples"
RECORD, SUMMARY = "record.json", "summary.md"
FORMAT = 1
"""The number of the format. It changes when an old reader would misread a new record."""


@cache
def schema() -> dict[str, Any]:
    """Give the JSON Schema of ``record.json``; it must not be changed."""
    return read_schema(Path(__file__).with_name("record.schema.json"))


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

    Args:
        result: what is to be written.
        root: the estate's folder; the record goes below ``drills/records``.
        journals: the journal of each run in ``result.runs``, by run id.

    Raises:
        JournalError: it cannot be written, a journal's chain is broken, or there is such a record already.
    """
    copies = {run.run: journals[run.run].read_bytes() for run in result.runs}
    name = f"{result.started.astimezone(UTC):%Y%m%dT%H%M%SZ}-{result.drill.name}"
    folder = root / FOLDER / name
    value = _to_json(result, copies)
    page = summary(value).encode()
    value["summary"] = digest_bytes(page)
    value["digest"] = digest(value)
    errors = [error.message for error in jsonschema_rs.Draft202012Validator(schema()).iter_errors(value)]
    if errors:
        raise JournalError(f"the record does not fit its schema: {'; '.join(errors[:3])}")
    fresh = folder.with_name(f".{name}.new")
    try:
        if folder.exists():
            raise JournalError(f"{FOLDER}/{name} exists already; a record is never written over")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        _write(fresh / RECORD, json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n")
        _write(fresh / SUMMARY, page)
        for entry in value["runs"]:
            _write(fresh / entry["journal"]["file"], copies[entry["run"]])
        _sync(fresh)
        fresh.rename(folder)
        _sync(folder.parent)
    except OSError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        raise _cannot(folder, error) from None
    return folder


@dataclass(frozen=True, slots=True)
class CheckedRecord:
    """A record whose digests hold. ``absent``: samples that are not kept on this machine, by writer."""

    value: Mapping[str, Any]
    absent: tuple[str, ...]


def read_record(folder: Path, *, root: Path) -> CheckedRecord:
    """Read a record and check everything that it cites: itself, journals, summary, and samples in ``root``.

    Raises JournalError that names the first thing that is not as it was written.
    """
    value = _read_json(folder / RECORD)
    errors = [error.message for error in jsonschema_rs.Draft202012Validator(schema()).iter_errors(value)]
    if errors:
        raise JournalError(f"{folder / RECORD}: not a record of this format: {errors[0][:300]}")
    if digest({key: each for key, each in value.items() if key != "digest"}) != value["digest"]:
        raise JournalError(f"{folder / RECORD}: it was changed after it was written")
    for entry in value["runs"]:
        cited = entry["journal"]
        path = folder / cited["file"]
        data = _read(path)
        records, torn = parse_records(data, name=str(path))
        if torn or digest_bytes(data) != cited["digest"] or head(records) != cited["head"]:
            raise JournalError(f"{path}: it is not the journal that the record cites")
    if digest_bytes(_read(folder / SUMMARY)) != value["summary"]:
        raise JournalError(f"{folder / SUMMARY}: it was changed after it was written")
    absent = []
    for sample in value["samples"]:
        path = root / sample["kept_as"]
        if not path.exists():
            absent.append(sample["writer"])
        elif digest_bytes(_unpacked(path)) != sample["digest"]:
            raise JournalError(f"{path}: these are not the samples that the record cites")
    return CheckedRecord(value, tuple(absent))


def _to_json(result: DrillResult, journals: Mapping[str, bytes]) -> dict[str, Any]:
    timeline, drill = result.timeline, result.drill

    def moment(at: int | None) -> float | None:
        return None if at is None else round((at - timeline.steady) / 1e9, 6)

    numbers: dict[str, int] = {}
    runs = []
    for run in result.runs:
        numbers[run.part] = numbers.get(run.part, 0) + 1
        file = "journal.jsonl" if run.part == MAIN else f"journal-{run.part}-{numbers[run.part]}.jsonl"
        records, torn = parse_records(journals[run.run], name=run.run)
        if torn:
            raise JournalError(f"the journal of {run.run} ends in the middle of a record")
        runs.append(
            {
                "part": run.part,
                "run": run.run,
                "runbook": run.runbook,
                "parameters": dict(run.parameters),
                "plan": run.plan_digest,
                "result": run.result,
                "exit_code": run.exit_code,
                "message": run.message,
                "steps": [step.to_json() for step in run.steps],
                "journal": {
                    "file": file,
                    "digest": digest_bytes(journals[run.run]),
                    "head": head(records),
                    "records": len(records),
                },
            }
        )
    reason = result.objectives_reason
    refused = result.expectation.refused
    value = {
        "format": FORMAT,
        "drill": {
            "name": drill.name,
            "title": {"en": drill.title.en, "zh": drill.title.zh},
            "kind": drill.kind,
            "scenario": {"en": drill.scenario.en, "zh": drill.scenario.zh},
            "service": drill.service,
            "environment": drill.environment,
            "file": drill.file,
            "digest": drill.digest,
            "hosts": list(drill.hosts),
        },
        "engine": result.engine,
        "started": timestamp(result.started),
        "ended": timestamp(result.ended),
        "verdict": {
            "result": str(result.verdict.result),
            "exit_code": int(result.verdict.exit_code),
            "reasons": list(result.verdict.reasons),
        },
        "objectives": {
            "rto": result.objectives.rto,
            "rpo": result.objectives.rpo,
            "reason": None if reason is None else {"en": reason.en, "zh": reason.zh},
            "expected_refusal": None if refused is None else int(refused),
        },
        "trigger": result.trigger,
        "timeline": {
            "fault": moment(timeline.fault),
            "trigger": moment(timeline.trigger),
            "run": moment(timeline.run),
            "run_ended": moment(timeline.run_ended),
            "recovered": moment(timeline.recovered),
            "end": moment(timeline.end),
        },
        "measures": result.measures.to_json(timeline),
        "steady_before": [_check(each) for each in result.steady_before],
        "steady_after": [_check(each) for each in result.steady_after],
        "faults": [
            {
                "kind": fault.kind,
                "item": fault.item,
                "description": fault.description,
                "began": moment(fault.began),
                "effective": moment(fault.effective),
                "verified": fault.verified,
                "detail": fault.detail,
                "healed": moment(fault.healed),
            }
            for fault in result.faults
        ],
        "runs": runs,
        "participants": [{"name": each.name, "part": each.part} for each in result.participants],
        "fidelity": {
            "real": list(result.fidelity.real),
            "stubbed": list(result.fidelity.stubbed),
            "skipped": list(result.fidelity.skipped),
        },
        "clocks": {
            host: {
                "offset_ns": clock.offset_ns,
                "uncertainty_ns": clock.uncertainty_ns,
                "method": clock.method,
            }
            for host, clock in result.clocks.items()
        },
        "samples": [
            {
                "writer": each.writer,
                "from": each.source,
                "to": each.target,
                "attempts": each.attempts,
                "digest": each.digest,
                "kept_as": each.kept_as,
            }
            for each in result.samples
        ],
        "rows": None if result.rows is None else result.rows.to_json(),
        "machine": dict(result.machine),
    }
    # What is written is what was digested: JSON knows no tuples and no number types of ours.
    plain: dict[str, Any] = json.loads(canonical_json(value))
    return plain


def _check(check: Any) -> dict[str, Any]:
    return {"text": check.text, "held": check.held, "detail": check.detail}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise JournalError(f"{path}: cannot be read: {error.strerror}") from None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(_read(path))
    except (ValueError, RecursionError):
        raise JournalError(f"{path}: this is not JSON") from None
    if not isinstance(value, dict):
        raise JournalError(f"{path}: this is not a record")
    return value


def _unpacked(path: Path) -> bytes:
    try:
        return gzip.decompress(_read(path))
    except (OSError, EOFError, ValueError):
        raise JournalError(f"{path}: these samples cannot be unpacked") from None


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cannot(path: Path, error: OSError) -> JournalError:
    return JournalError(
        f"{path} cannot be written: {error.strerror}",
        remedy="free some space there; the journals of the runs are still in .drillbook/runs",
    )
