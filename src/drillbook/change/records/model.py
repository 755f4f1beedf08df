"""The files of a change as values. Each file's bytes stay beside what they say: they are what is signed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from drillbook.canonical import digest_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from drillbook.plan.model import Plan

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
