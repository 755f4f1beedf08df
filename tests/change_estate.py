"""The shipped estate as a repository of its own, pinned, with keys for some of its people: for tests of tasks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from drillbook.change.base import Base, trusted_base
from drillbook.change.pin import Pin, place_of, write_pin
from drillbook.clock import SystemClock, timestamp
from drillbook.repo.git import Repository
from drillbook.repo.tree import tree_digest
from drillbook.signing.sign import Signer
from tests.estate_copy import copy_estate
from tests.repo_values import Key, commit, git, new_key

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

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

    def pin(self, rev: str = "HEAD", *, remote: str = "") -> None:
        repo = self.repo
        at = repo.resolve(rev)
        now = timestamp(SystemClock().now() - timedelta(minutes=1))
        pin = Pin(repo.repository_id(at), at, tree_digest(repo, at), remote, now)
        write_pin(place_of(pin.repository), pin)


def _ago() -> str:
    return (SystemClock().now() - timedelta(minutes=10)).isoformat(timespec="seconds")


def signed_estate(folder: Path) -> SignedEstate:
    """Make it below ``folder``, with one commit that is pinned. XDG_CONFIG_HOME must be the test's own."""
    root = folder / "estate"
    root.mkdir(parents=True)
    copy_estate(root)
    keys = {name: new_key(folder / "keys", name) for name in (*PEOPLE, "stranger")}
    people = root / "cmdb.d/people.yaml"
    text = people.read_text()
    for name in PEOPLE:
        text, count = re.subn(rf"(?m)^  {name}:\n", f"  {name}:\n    signing_keys: [{keys[name].public}]\n", text)
        assert count == 1, name
    people.write_text(text)
    (root / ".gitignore").write_text("/.drillbook/\n/changes/.*\n")
    git(root, "init", "-q", "-b", "main")
    commit(root, {}, when=_ago())
    estate = SignedEstate(root, keys)
    estate.pin()
    return estate


def tomorrow(hours: int = 2) -> str:
    """Give a window that opens in a day, as it is typed."""
    begins = datetime.fromisoformat(_ago()) + timedelta(days=1)
    return f"{begins.isoformat(timespec='minutes')}/{hours}h"
