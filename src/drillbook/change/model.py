"""The files of a change as values. Each file's bytes stay beside what they say: they are what is signed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from drillbook.canonical import digest, digest_bytes
from drillbook.change.strict import parse
from drillbook.errors import InvalidInput
from drillbook.plan.model import Plan, plan_from_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMAT = 1
REQUEST_NAMESPACE = "drillbook-request"
APPROVAL_NAMESPACE = "drillbook-approval"
RESULT_NAMESPACE = "drillbook-result"

ChangeType = Literal["standard", "normal", "emergency"]


@dataclass(frozen=True, slots=True)
class Window:
    """When a change may be applied: from ``begins`` on, before ``ends``; both in UTC."""

    begins: datetime
    ends: datetime

    def holds(self, moment: datetime) -> bool:
        """Tell whether a moment is in it."""
        return self.begins <= moment < self.ends


@dataclass(frozen=True, slots=True)
class Subject:
    """What changes. ``kind``: runbook, or configuration (then the rest is empty)."""

    kind: Literal["runbook", "configuration"]
    runbook: str = ""
    environment: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """request.json. ``raw`` are its bytes."""

    raw: bytes
    change: str
    repository: str
    type: ChangeType
    risk: Literal["low", "medium", "high"]
    reason: str
    window: Window | None
    subject: Subject
    requested_by: str
    requested_at: datetime

    @property
    def digest(self) -> str:
        """``sha256:…`` of the file's bytes."""
        return digest_bytes(self.raw)


@dataclass(frozen=True, slots=True)
class PathChange:
    """One file of a configuration change. ``status``: A, M or D; ``digest`` of the new content, "" when deleted."""

    path: str
    status: Literal["A", "M", "D"]
    digest: str


@dataclass(frozen=True, slots=True)
class Move:
    """The move of the governed tree from one tree digest to another; ``paths`` sorted by path."""

    old: str
    new: str
    paths: tuple[PathChange, ...]


@dataclass(frozen=True, slots=True)
class Bound:
    """plan.json: what is approved. Exactly one of ``plan`` and ``configuration`` is there.

    ``request``: digest of request.json; ``engine``: the base's engine digest; ``value``: the JSON value of ``raw``;
    ``sealed``: path, kind (``-``, ``x`` or ``link``) and digest (or target) of each file of playbooks/.
    """

    raw: bytes
    value: Mapping[str, Any]
    repository: str
    change: str
    request: str
    engine: str
    plan: Plan | None
    sealed: tuple[tuple[str, str, str], ...]
    configuration: Move | None

    @property
    def digest(self) -> str:
        """``sha256:…`` of the file's bytes: what approvals are for."""
        return digest_bytes(self.raw)

    @property
    def environment(self) -> str:
        """The plan's environment; "" for a configuration."""
        return self.plan.environment if self.plan is not None else ""


@dataclass(frozen=True, slots=True)
class Approval:
    """approvals/<person>.json with its signature, which is not verified here.

    ``what``: approval, or review (of an emergency, with ``verdict`` and ``reason``).
    """

    raw: bytes
    signature: bytes
    what: Literal["approval", "review"]
    repository: str
    change: str
    digest: str
    environment: str
    approver: str
    approved_at: datetime
    expires: datetime
    verdict: Literal["", "accepted", "rejected"] = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RunResult:
    """How one run ended. ``head``: hash of the journal's last record; ``journal``: digest of its copy, "" when lost."""

    run: str
    head: str
    journal: str
    result: str


@dataclass(frozen=True, slots=True)
class Deviation:
    """Something that went otherwise than planned.

    ``kind``: failed, repeated, skipped, undone, resumed, stopped, differed, or noted (by whoever closed it).
    """

    run: str
    kind: str
    step: str
    text: str


@dataclass(frozen=True, slots=True)
class Result:
    """result.json with its signature, which is not verified here.

    ``result``: that of the last run (succeeded, failed, rolled_back, abandoned, refused before any effect, lost with
    its machine), or withdrawn (closed without a run).
    """

    raw: bytes
    signature: bytes
    repository: str
    change: str
    digest: str
    result: str
    runs: tuple[RunResult, ...]
    deviations: tuple[Deviation, ...]
    closed_by: str
    closed_at: datetime


@dataclass(frozen=True, slots=True)
class KeptRun:
    """A run's journal as ``changes.close`` copied it, and its signature (b"" when there is none)."""

    run: str
    journal: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """A change. ``folder`` is where it was read; of one that was read from git it may not exist."""

    folder: Path
    request: Request
    request_sig: bytes
    bound: Bound | None
    plan_md: bytes | None
    approvals: tuple[Approval, ...]
    runs: tuple[KeptRun, ...]
    result: Result | None

    @property
    def id(self) -> str:
        """The change's id."""
        return self.request.change


def moment(text: str) -> datetime:
    """Give the moment of a time of the schema's form. Raises ValueError for a day that does not exist."""
    return datetime.fromisoformat(text).astimezone(UTC)


def time_text(value: datetime) -> str:
    """Give a moment as the files have it: UTC, to the second."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


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
