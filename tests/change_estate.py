"""The shipped estate as a repository of its own, pinned, with keys for some of its people: for tests of tasks."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invoke import Context

from drillbook.change.trust.base import Base, trusted_base
from drillbook.clock import SystemClock, timestamp
from drillbook.errors import ExitCode
from drillbook.repo.git import Repository
from drillbook.signing.sign import Signer
from tests.estate_copy import copy_estate, give_keys
from tests.repo_values import Key, commit, git, new_key
from tests.trust_values import pinned

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

PEOPLE = ("chen-wei", "lin-mei", "zhang-tao", "wang-jing", "gao-fei")
"""approve and manage, approve and manage, operate and approve, operate, operate."""
RUNBOOK, PARAMETER = "RB-DB-SWITCHOVER", "pair=core-db"


@dataclass(frozen=True)
class SignedEstate:
    """The repository and the keys by person; ``stranger`` has a key that nobody knows."""

    root: Path
    keys: Mapping[str, Key]

    @property
    def repo(self) -> Repository:
        return Repository(self.root)

    @property
    def base(self) -> Base:
        return trusted_base(self.root, SystemClock())

    def key(self, person: str) -> str:
        return str(self.keys[person].file)

    def signer(self, person: str) -> Signer:
        return Signer(person, self.keys[person].public, self.keys[person].file)

    def commit(self, files: Mapping[str, str | bytes | None] | None = None) -> str:
        return commit(self.root, files or {}, when=_ago())

    def pin(self, *, remote: str = "") -> None:
        pinned(self.root, remote=remote, last_seen=timestamp(SystemClock().now() - timedelta(minutes=1)))


def _ago() -> str:
    return (SystemClock().now() - timedelta(minutes=10)).isoformat(timespec="seconds")


@functools.cache
def _template() -> Path:
    """Make one estate a test process, from which all others are copied: a check of it and git take half a second."""
    folder = Path(tempfile.mkdtemp(prefix="drillbook-estate-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    root = folder / "estate"
    root.mkdir()
    copy_estate(root)
    give_keys(root, {name: new_key(folder / "keys", name) for name in PEOPLE})
    (root / ".gitignore").write_text("/.drillbook/\n/changes/.*\n")
    git(root, "init", "-q", "-b", "main")
    commit(root, {}, when=_ago())
    return root


def signed_estate(folder: Path) -> SignedEstate:
    """Make it below ``folder``, with one commit that is pinned. XDG_CONFIG_HOME must be the test's own."""
    root = folder / "estate"
    shutil.copytree(_template(), root, symlinks=True)
    estate = SignedEstate(root, {name: new_key(folder / "keys", name) for name in (*PEOPLE, "stranger")})
    estate.pin()
    return estate


def tomorrow(hours: int = 2) -> str:
    """Give a window that opens in a day, as it is typed."""
    begins = datetime.fromisoformat(_ago()) + timedelta(days=1)
    return f"{begins.isoformat(timespec='minutes')}/{hours}h"


def entered_estate(folder: Path, monkeypatch: pytest.MonkeyPatch) -> SignedEstate:
    """Make it, with a trust folder of the test's own, and stand in it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    monkeypatch.delenv("DRILLBOOK_KEY", raising=False)
    made = signed_estate(folder)
    monkeypatch.chdir(made.root)
    return made


def code_of(task: Any, *args: Any, **options: Any) -> object:
    """Run a task as invoke does; give its exit code."""
    try:
        task(Context(), *args, **options)
    except SystemExit as stopped:
        return stopped.code
    return ExitCode.OK
