"""Repositories for the tests of the audit: a commit for each state of the files, with explicit people and dates."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from drillbook.audit.history import EntryHistory, entry_history
from drillbook.repo.git import Repository

if TYPE_CHECKING:
    from pathlib import Path

TOP = "organisation: Example\ninclude:\n  - cmdb.d/*.yaml\n"
START = 1_780_000_000  # 2026-05-28


class Book:
    """A repository that is written commit by commit, an hour apart."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.count = 0
        root.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *argv: str, **env: str) -> str:
        settings = {"HOME": str(self.root), "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ["PATH"]}
        done = subprocess.run(
            ["git", *argv], cwd=self.root, env={**settings, **env}, check=True, capture_output=True, timeout=60
        )
        return done.stdout.decode().strip()

    def identity(self, author: str = "Ann <ann@example.org>") -> dict[str, str]:
        name, _, email = author.rpartition(" <")
        at = f"{START + 3600 * self.count} +0000"
        who = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email.rstrip(">"), "GIT_AUTHOR_DATE": at}
        return {**who, **{key.replace("AUTHOR", "COMMITTER"): value for key, value in who.items()}}

    def write(self, files: dict[str, str | bytes | None]) -> None:
        for path, content in files.items():
            place = self.root / path
            if content is None:
                place.unlink()
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content if isinstance(content, bytes) else content.encode())

    def commit(self, files: dict[str, str | bytes | None], subject: str = "A change", *, author: str = "") -> str:
        """Write files (None: delete) and commit them; give the commit's id."""
        self.write(files)
        self.count += 1
        self.git("add", "--all")
        who = self.identity(author) if author else self.identity()
        self.git("commit", "--quiet", "--allow-empty", "-m", subject, **who)
        return self.git("rev-parse", "HEAD")

    def history(self, id_: str) -> EntryHistory:
        repo = Repository(self.root)
        return entry_history(repo, repo.head(), id_)

    def kinds(self, id_: str) -> list[str]:
        """Give the kinds of an entry's events, oldest first."""
        return [event.kind for event in reversed(self.history(id_).events)]


def items(*entries: str, section: str = "config_items") -> str:
    return f"{section}:\n" + "".join(entries)


def item(id_: str, *, serial: str = "", **fields: str) -> str:
    """Give an entry as the shipped CMDB writes them."""
    values = {"class": "host", "site": "hq", "owner": "ann", "brand": "Cedar", "grade": "enterprise", **fields}
    if serial:
        values["serial"] = serial
    return f"  {id_}:\n" + "".join(f"    {name}: {value}\n" for name, value in values.items())
