"""A review as a JSON value for machines, format 1. Its shape is described in docs/review.md and is kept."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from drillbook.clock import timestamp
from drillbook.review.groups import what_of
from drillbook.review.judgement import judged
from drillbook.source import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from drillbook.change.records.difference import Line
    from drillbook.change.trust.authority import Missing
    from drillbook.cmdb.compare.fields import FieldChange
    from drillbook.errors import Finding
    from drillbook.review.drills import DrillChange
    from drillbook.review.entries import EntryChange
    from drillbook.review.model import Review
    from drillbook.review.proposals import Proposal
    from drillbook.review.services import Affected

FORMAT = 1


def to_json(review: Review) -> dict[str, Any]:
    """Give the JSON value of a review."""
    what, cmdb, found = review.range, review.cmdb, review.proposals
    return {
        "format": FORMAT,
        "verdict": str(review.verdict),
        "exit_code": int(review.exit_code),
        "base": {"name": what.base_name or None, "commit": what.base, "pinned": review.pinned},
        "head": {"name": what.head_name, "commit": what.head},
        "merge_base": what.old,
        "base_moved_on": what.moved_on,
        "changed_on_both_sides": list(what.both),
        "forbidden": [{"rule": e.rule, "path": e.path, "line": e.line, "what": e.what} for e in review.forbidden],
        "authority": [
            {"kind": e.kind, "about": list(e.about), "old": plain(e.old), "new": plain(e.new)} for e in review.powers
        ],
        "findings": {"new": _findings(review.new), "kept": _findings(review.kept), "mended": _findings(review.mended)},
        "changes": [_proposal(each) for each in found.each],
        "uncovered": {"files": found.uncovered, "missing": [_missing(each) for each in found.missing]},
        "cmdb": None
        if cmdb is None
        else {
            "organisation": None
            if cmdb.organisation is None
            else {"old": cmdb.organisation[0], "new": cmdb.organisation[1]},
            "entries": [_entry(each) for each in cmdb.entries],
            "follow_renaming": dict(cmdb.follows),
        },
        "inventories": [
            {
                "environment": each.environment,
                "added": list(each.added),
                "removed": list(each.removed),
                "changed": {id_: [_field(field) for field in fields] for id_, fields in each.changed.items()},
            }
            for each in review.inventories
        ],
        "services": [_service(each) for each in review.services],
        "single_failures": {
            "new": [asdict(each) for each in review.alone],
            "mended": [asdict(each) for each in review.not_alone],
        },
        "drills": [_drill(each) for each in review.drills],
        "procedures": [
            {
                "path": each.path,
                "old_path": each.old_path,
                "status": each.status,
                "called_by": list(each.called_by),
                "added": each.added,
                "removed": each.removed,
                "lines": None if each.lines is None else list(each.lines),
            }
            for each in review.procedures
        ],
        "not_looked_into": dict(review.looked_past),
    }


def _findings(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    return [{"file": e.file, "line": e.line, "rule": e.rule, "message": e.message} for e in findings]


def _field(change: FieldChange, section: str = "") -> dict[str, Any]:
    return {
        "path": list(change.path),
        "old": plain(change.old),
        "new": plain(change.new),
        "judgement": str(judged(section, change)) or None,
    }


def _entry(change: EntryChange) -> dict[str, Any]:
    return {
        "kind": str(change.kind),
        "section": change.section,
        "what": what_of(change),
        "id": change.id,
        "old_id": change.old_id or None,
        "file": change.entry.file,
        "line": change.entry.line,
        "fields": [_field(each, change.section) for each in change.fields],
    }


def _service(service: Affected) -> dict[str, Any]:
    def side(objectives: tuple[int, str, str] | None) -> dict[str, Any] | None:
        return None if objectives is None else dict(zip(("tier", "rto", "rpo"), objectives, strict=True))

    return {
        "service": service.id,
        "if_it_goes_wrong": str(service.touch),
        "via": list(service.via),
        "old": side(service.before),
        "new": side(service.after),
    }


def _drill(change: DrillChange) -> dict[str, Any]:
    last = change.last
    return {
        "drill": change.name,
        "fate": str(change.fate),
        "proved_in_this_pull_request": change.proved,
        "reasons": [{"kind": each.kind, "about": list(each.about)} for each in change.reasons],
        "last": None
        if last is None
        else {"record": last.folder, "started": timestamp(last.started), "result": str(last.result)},
    }


def _missing(missing: Missing) -> dict[str, Any]:
    return {
        "rule": missing.rule.name,
        "wanted": missing.wanted,
        "have": list(missing.have),
        "approved_by": sorted(missing.rule.approved_by),
        "who_could": list(missing.who_could),
    }


def _lines(lines: Iterable[Line]) -> list[dict[str, str]]:
    return [{"where": each.where, "old": each.approved, "new": each.would_run} for each in lines]


def _proposal(proposal: Proposal) -> dict[str, Any]:
    record, freeze = proposal.record, proposal.freeze
    request = record.request if record is not None else None
    window = request.window if request is not None else None
    return {
        "change": proposal.id,
        "ready": proposal.ready,
        "findings": _findings(proposal.findings),
        "refusal": proposal.refusal or None,
        "type": request.type if request is not None else None,
        "risk": request.risk if request is not None else None,
        "reason": request.reason if request is not None else None,
        "requested_by": request.requested_by if request is not None else None,
        "subject": None
        if request is None
        else {
            "kind": request.subject.kind,
            "runbook": request.subject.runbook,
            "environment": request.subject.environment,
            "parameters": dict(request.subject.parameters),
        },
        "window": None if window is None else {"from": timestamp(window.begins), "until": timestamp(window.ends)},
        "plan": record.bound.digest if record is not None and record.bound is not None else None,
        "approved_by": list(proposal.by),
        "refused": dict(proposal.refused),
        "missing": [_missing(each) for each in proposal.missing],
        "differs_from_head": _lines(proposal.drift),
        "cannot_be_planned": proposal.trouble or None,
        "planned_anew": _lines(proposal.replanned),
        "plan_md_differs": proposal.forged,
        "freeze": None if freeze is None else {"id": freeze.id, "until": freeze.last.isoformat()},
        "on_duty": list(proposal.duty),
    }
