"""A drill's result as the JSON value of ``record.json`` (its schema: ``record.schema.json``). Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from drillbook.canonical import canonical_json, digest_bytes
from drillbook.clock import timestamp
from drillbook.errors import JournalError
from drillbook.evidence.fidelity import KINDS
from drillbook.evidence.result import MAIN
from drillbook.journal.record import head, parse_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from drillbook.evidence.result import DrillResult, RunNote, ServiceResult
    from drillbook.evidence.verdict import SteadyCheck
    from drillbook.runbook.model import Text

FORMAT = 3
"""The number of the format. It changes when an old reader would misread a new record."""


def text(value: Text) -> dict[str, str]:
    """Give a text as a JSON value."""
    return {"en": value.en, "zh": value.zh}


def texts(values: Iterable[Text]) -> list[dict[str, str]]:
    """Give texts as a JSON value."""
    return [text(each) for each in values]


def plan_bytes(run: RunNote) -> bytes:
    """Give the plan's file: the canonical bytes that its digest is over."""
    return canonical_json(run.plan.to_json())


def kind_words(kind: str) -> dict[str, Any]:
    """Give what the kind of a drill means, as a JSON value."""
    words = KINDS[kind]
    return {"label": text(words.label), "means": text(words.means), "limits": text(words.limits)}


def to_json(result: DrillResult, journals: Mapping[str, bytes]) -> dict[str, Any]:
    """Give the value, without the digests over itself and over the pages made from it.

    ``journals``: by run id, the bytes of the journal. Raises JournalError when one of them is broken.
    """
    timeline, drill = result.timeline, result.drill

    def moment(at: int | None) -> float | None:
        return None if at is None else round((at - timeline.steady) / 1e9, 6)

    refused = result.expectation.refused
    wall = (result.ended - result.started).total_seconds()
    value = {
        "format": FORMAT,
        "drill": {
            "name": drill.name,
            "title": text(drill.title),
            "kind": drill.kind,
            "scenario": text(drill.scenario),
            "environment": drill.environment,
            "file": drill.file,
            "digest": drill.digest,
        },
        "engine": result.engine,
        "started": timestamp(result.started),
        "ended": timestamp(result.ended),
        "elapsed": round(result.elapsed, 3),
        "clock_moved": round(wall - result.elapsed, 3),
        "verdict": {
            "result": str(result.verdict.result),
            "exit_code": int(result.verdict.exit_code),
            "reasons": texts(result.verdict.reasons),
        },
        "expected_refusal": None if refused is None else int(refused),
        "services": [_service(each, result) for each in result.services],
        "trigger": text(result.trigger),
        "timeline": {
            "fault": moment(timeline.fault),
            "trigger": moment(timeline.trigger),
            "run": moment(timeline.run),
            "run_ended": moment(timeline.run_ended),
            "recovered": moment(timeline.recovered),
            "end": moment(timeline.end),
        },
        "seen": result.seen.to_json(timeline),
        "steady_before": [_check(each) for each in result.steady_before],
        "steady_after": [_check(each) for each in result.steady_after],
        "faults": [
            {
                "kind": fault.kind,
                "item": fault.item,
                "description": text(fault.description),
                "began": moment(fault.began),
                "effective": moment(fault.effective),
                "verified": fault.verified,
                "detail": text(fault.detail),
                "healed": moment(fault.healed),
            }
            for fault in result.faults
        ],
        "runs": _runs(result, journals),
        "participants": [{"name": each.name, "part": text(each.part)} for each in result.participants],
        "fidelity": {
            "kind": kind_words(drill.kind),
            "real": texts(result.fidelity.real),
            "stubbed": texts(result.fidelity.stubbed),
            "skipped": texts(result.fidelity.skipped),
            "steps": [each.to_json() for each in result.fidelity.steps],
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
                "kind": each.kind,
                "from": each.source,
                "to": each.target,
                "attempts": each.attempts,
                "digest": each.digest,
                "kept_as": each.kept_as,
            }
            for each in result.samples
        ],
        "machine": dict(result.machine),
    }
    # What is written is what was digested: JSON knows no tuples and no number types of ours.
    plain: dict[str, Any] = json.loads(canonical_json(value))
    return plain


def led(record: Mapping[str, Any], number: int = 0) -> dict[str, Any]:
    """Give a record as it is for one of its services: the service's own fields stand beside the drill's."""
    service = record["services"][number]
    return {
        **record,
        "service": service,
        "objectives": {**service["objectives"], "expected_refusal": record["expected_refusal"]},
        "measures": service["measures"],
        "rows": service["rows"],
    }


def _service(service: ServiceResult, result: DrillResult) -> dict[str, Any]:
    reason = service.objectives_reason
    return {
        "service": service.service,
        "title": text(service.title),
        "protection": service.protection,
        "hosts": list(service.hosts),
        "probes": list(service.probes),
        "users": service.users,
        "not_back": None if service.not_back is None else text(service.not_back),
        "objectives": {
            "rto": service.objectives.rto,
            "rpo": service.objectives.rpo,
            "reason": None if reason is None else text(reason),
        },
        "result": str(service.verdict.result),
        "reasons": texts(service.verdict.reasons),
        "measures": service.measures.to_json(result.timeline),
        "rows": None if service.rows is None else service.rows.to_json(),
    }


def _runs(result: DrillResult, journals: Mapping[str, bytes]) -> list[dict[str, Any]]:
    numbers: dict[str, int] = {}
    found = []
    for run in result.runs:
        numbers[run.part] = numbers.get(run.part, 0) + 1
        suffix = "" if run.part == MAIN else f"-{run.part}-{numbers[run.part]}"
        records, torn = parse_records(journals[run.run], name=run.run)
        if torn:
            raise JournalError(f"the journal of {run.run} ends in the middle of a record")
        opened = (records[0].mono - result.timeline.steady / 1e9) if records else None
        found.append(
            {
                "part": run.part,
                "run": run.run,
                "runbook": run.plan.runbook,
                "title": text(run.plan.title),
                "parameters": dict(run.plan.parameters),
                "plan": run.plan.digest,
                "plan_file": f"plan{suffix}.json",
                "began": None if opened is None else round(opened, 6),
                "result": run.result,
                "exit_code": run.exit_code,
                "message": text(run.message),
                "steps": [step.to_json() for step in run.steps],
                **({"parts": [part.to_json() for part in run.parts]} if run.parts else {}),
                "journal": {
                    "file": f"journal{suffix}.jsonl",
                    "digest": digest_bytes(journals[run.run]),
                    "head": head(records),
                    "records": len(records),
                },
            }
        )
    return found


def _check(check: SteadyCheck) -> dict[str, Any]:
    return {"text": text(check.text), "held": check.held, "detail": text(check.detail)}
