"""Reads the bytes of a change's files, each held against its form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drillbook.canonical import digest
from drillbook.change.records.model import (
    Approval,
    Bound,
    Deviation,
    Move,
    PathChange,
    Request,
    Result,
    RunResult,
    Subject,
    Window,
    moment,
)
from drillbook.change.records.strict import parse
from drillbook.errors import InvalidInput
from drillbook.plan.reading import plan_from_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from drillbook.plan.model import Plan


def read_request(data: bytes, *, name: str = "request.json") -> Request:
    """Give the request that bytes hold. Raises InvalidInput, with ``name`` in its findings."""
    value = parse(data, "request", name=name)
    subject = value["subject"]
    window = None
    if value["window"] is not None:
        window = Window(_moment(value["window"]["from"], name), _moment(value["window"]["until"], name))
        if window.begins >= window.ends:
            raise InvalidInput.at(name, 1, "window", "the window ends before it begins; it must end after")
    return Request(
        raw=data,
        change=value["change"],
        repository=value["repository"],
        type=value["type"],
        risk=value["risk"],
        reason=value["reason"],
        window=window,
        subject=Subject(**subject),
        requested_by=value["requested_by"],
        requested_at=_moment(value["requested_at"], name),
    )


def read_bound(data: bytes, *, name: str = "plan.json") -> Bound:
    """Give what a plan.json's bytes hold. Raises InvalidInput, with ``name`` in its findings."""
    value = parse(data, "bound", name=name)
    plan = _plan(value["plan"], name) if value["plan"] is not None else None
    if (digest(value["sealed"]) != plan.artifacts_digest) if plan is not None else value["sealed"]:
        raise InvalidInput.at(
            name, 1, "sealed", "'sealed' is not what the plan's artifacts_digest covers; make it anew"
        )
    return Bound(
        raw=data,
        value=value,
        repository=value["repository"],
        change=value["change"],
        request=value["request"],
        engine=value["engine"],
        plan=plan,
        sealed=tuple((path, kind, content) for path, kind, content in value["sealed"]),
        configuration=_move(value["configuration"], name) if value["configuration"] is not None else None,
    )


def _plan(value: Mapping[str, Any], name: str) -> Plan:
    try:
        plan = plan_from_json(value)
        same = digest(value) == plan.digest
    except (AttributeError, KeyError, TypeError, ValueError):
        same = False
    if not same:
        raise InvalidInput.at(name, 1, "plan", "'plan' is no plan that this drillbook can read; make it anew")
    return plan


def _move(value: Mapping[str, Any], name: str) -> Move:
    paths = tuple(PathChange(**each) for each in value["paths"])
    names = [each.path for each in paths]
    if names != sorted(set(names)):
        raise InvalidInput.at(name, 1, "paths", "'paths' are not sorted, or name a file twice; make it anew")
    if any((each.status == "D") != (each.digest == "") for each in paths):
        raise InvalidInput.at(name, 1, "paths", "a deleted file has no digest, and every other one has; make it anew")
    return Move(old=value["from"], new=value["to"], paths=paths)


def read_approval(data: bytes, signature: bytes, *, name: str = "approval") -> Approval:
    """Give the approval that bytes hold. Raises InvalidInput, with ``name`` in its findings."""
    value = parse(data, "approval", name=name)
    return Approval(
        raw=data,
        signature=signature,
        **{key: value[key] for key in ("what", "repository", "change", "digest", "environment", "approver")},
        approved_at=_moment(value["approved_at"], name),
        expires=_moment(value["expires"], name),
        verdict=value.get("verdict", ""),
        reason=value.get("reason", ""),
    )


def read_result(data: bytes, signature: bytes, *, name: str = "result.json") -> Result:
    """Give the result that bytes hold. Raises InvalidInput, with ``name`` in its findings."""
    value = parse(data, "result", name=name)
    return Result(
        raw=data,
        signature=signature,
        **{key: value[key] for key in ("repository", "change", "digest", "result", "closed_by")},
        runs=tuple(RunResult(**each) for each in value["runs"]),
        deviations=tuple(Deviation(**each) for each in value["deviations"]),
        closed_at=_moment(value["closed_at"], name),
    )


def _moment(text: str, name: str) -> datetime:
    try:
        return moment(text)
    except (OverflowError, ValueError):
        raise InvalidInput.at(name, 1, "time", f"there is no time {text}") from None
