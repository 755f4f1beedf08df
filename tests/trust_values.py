"""An estate with people, keys and rules, whose base moves by changes that were really signed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from drillbook.canonical import digest_bytes
from drillbook.change.records.model import time_text
from drillbook.change.records.reading import read_request
from drillbook.change.records.strict import encoded
from drillbook.change.trust.bound import bind_configuration
from drillbook.change.trust.engine import running_engine_digest
from drillbook.change.trust.pin import Pin, place_of, write_pin
from drillbook.repo.git import Repository
from drillbook.repo.tree import tree_digest
from drillbook.signing.sign import Signer
from tests.repo_values import Key, commit, git, new_key, new_repository

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SEEN = "2026-11-22T11:00:00.000000Z"
CHANGE = "CHG-2026-0007"
PEOPLE = {"ann": ["approve", "manage"], "bob": ["approve"], "cid": ["operate", "approve"], "dan": ["operate"]}
RULES = {
    "title": {"en": "Who approves", "zh": "审批"},
    "rules": {
        "configuration": {
            "subjects": ["configuration"], "requested_by": ["operate", "approve", "manage"],
            "approvals": 1, "approved_by": ["approve"], "valid_for": "7 d",
        },
        "authority": {
            "subjects": ["configuration"], "paths": ["cmdb.yaml", "src/", "tasks.py"],
            "requested_by": ["operate", "approve", "manage"],
            "approvals": 2, "approved_by": ["approve"], "valid_for": "7 d",
        },
        "any-run": {
            "subjects": ["runbook"], "requested_by": ["operate"], "approvals": 1, "approved_by": ["approve"],
            "run_by": ["operate"], "valid_for": "7 d",
        },
    },
}  # fmt: skip


@dataclass(frozen=True)
class At:
    """A clock that stands still."""

    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError

    def token(self) -> str:
        return "00000000"


def cmdb(people: Mapping[str, Mapping[str, Any]], **more: Any) -> str:
    """Give a CMDB with these people; what they lack is filled in."""
    filled = {
        name: {"name": {"en": name, "zh": "名"}, "contact": {"phone": "+1 202 555 0101"}, **fields}
        for name, fields in people.items()
    }
    return (
        json.dumps({"organisation": "X", "people": filled, "policies": {"approvals": RULES}, **more}, indent=1) + "\n"
    )


def pinned(root: Path, rev: str = "HEAD", **fields: str) -> Pin:
    """Pin a commit as the trusted base."""
    repo = Repository(root)
    at = repo.resolve(rev)
    values = {
        "repository": repo.repository_id(at), "commit": at, "digest": tree_digest(repo, at),
        "remote": "", "last_seen": SEEN, **fields,
    }  # fmt: skip
    pin = Pin(**values)
    write_pin(place_of(pin.repository), pin)
    return pin


@dataclass
class Estate:
    """A repository, and the keys of its people."""

    root: Path
    keys: Mapping[str, Key]
    people: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def repo(self) -> Repository:
        return Repository(self.root)

    @property
    def head(self) -> str:
        return git(self.root, "rev-parse", "HEAD")

    def cmdb(self, **more: Any) -> str:
        return cmdb(self.people, include=["notes/*.yaml"], **more)

    def sign(self, person: str, data: bytes, namespace: str) -> bytes:
        return Signer(person, self.keys[person].public, self.keys[person].file).sign(data, namespace=namespace)

    def pin(self, rev: str = "HEAD", **fields: str) -> Pin:
        return pinned(self.root, rev, **fields)

    def record(
        self,
        old: str,
        new: str,
        *,
        change: str = CHANGE,
        by: str = "dan",
        approved_by: Sequence[str] = ("ann", "bob"),
        at: datetime = NOW - timedelta(hours=3),
        expires: datetime | None = None,
        namespace: str = "drillbook-approval",
        signed_by: Mapping[str, str] | None = None,
        approval: Mapping[str, Any] | None = None,
        request: Mapping[str, Any] | None = None,
    ) -> dict[str, bytes]:
        """Give the files of a signed change that moves the configuration from one commit to another."""
        repo = self.repo
        repository = repo.repository_id(old)
        asked = encoded({
            "format": 1, "change": change, "repository": repository, "type": "normal", "risk": "low",
            "reason": "Because", "window": None, "subject": {"kind": "configuration"}, "requested_by": by,
            "requested_at": time_text(at), **(request or {}),
        })  # fmt: skip
        bound = bind_configuration(read_request(asked), repo, old, new, running_engine_digest())
        files = {
            "request.json": asked,
            "request.sig": self.sign((signed_by or {}).get(by, by), asked, "drillbook-request"),
            "plan.json": bound,
            "plan.md": b"# Plan\n",
        }
        for person in approved_by:
            data = encoded({
                "format": 1, "what": "approval", "repository": repository, "change": change,
                "digest": digest_bytes(bound), "environment": "", "approver": person, "approved_at": time_text(at),
                "expires": time_text(expires or at + timedelta(days=3)), **(approval or {}),
            })  # fmt: skip
            files[f"approvals/{person}.json"] = data
            files[f"approvals/{person}.sig"] = self.sign((signed_by or {}).get(person, person), data, namespace)
        return {f"changes/{change}/{path}": data for path, data in files.items()}

    def move(
        self, files: Mapping[str, str | bytes | None], *, when: str = "2026-11-22T10:00:00+00:00", **how: Any
    ) -> str:
        """Commit a change of files together with its signed record, as a merged pull request does; give the commit."""
        old = self.head
        new = commit(self.root, files, when=when)
        record = self.record(old, new, **how)
        git(self.root, "reset", "-q", "--hard", old)
        return commit(self.root, {**files, **record}, when=when)


def new_estate(folder: Path) -> Estate:
    """Make the estate, with one commit that is pinned."""
    keys = {name: new_key(folder / "keys", name) for name in (*PEOPLE, "eve")}
    people = {name: {"roles": list(roles), "signing_keys": [keys[name].public]} for name, roles in PEOPLE.items()}
    estate = Estate(folder / "estate", keys, people)
    new_repository(estate.root, {"cmdb.yaml": estate.cmdb(), "runbooks/notes": "one\n", "notes/one.yaml": "{}\n"})
    estate.pin()
    return estate
