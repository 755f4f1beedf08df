"""Entries of invented runs, and a remote on this disk, for tests of the ledger."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

from drillbook.ledger.entries import Entry, SignedEntry
from drillbook.ledger.remote import Remote

if TYPE_CHECKING:
    from pathlib import Path

REPOSITORY = "0123456789abcdef0123456789abcdef01234567"


def bare(folder: Path) -> Path:
    """Make a bare repository, as a git server has it."""
    subprocess.run(["git", "init", "--quiet", "--bare", folder], check=True)
    return folder


def remote(root: Path, url: object, **options: Any) -> Remote:
    root.mkdir(exist_ok=True)
    return Remote(root, str(url), **options)


def entry(run: str, what: str = "opened", **changes: Any) -> Entry:
    given: dict[str, Any] = {
        "what": what, "repository": REPOSITORY, "run": run, "change": "CHG-2026-0001", "type": "normal",
        "environment": "rehearsal", "plan": "sha256:" + "a" * 64, "head": "sha256:" + "b" * 64, "count": 1,
        "services": ("billing",), "items": ("db-1", "db-2"), "executor": "ada", "machine": "desk-1",
        "time": "2026-11-22T12:00:00.000000Z", "reason": "monthly rehearsal",
    }  # fmt: skip
    return Entry(**{**given, **changes})


def loose(of: Entry) -> SignedEntry:
    """An entry whose signature nobody looks at."""
    return SignedEntry(of, of.to_bytes(), b"no signature\n")
