"""The shipped estate in a repository of its own: people with keys, a remote, a pinned base; and its commands, run."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.estate_copy import copy_checkout, give_keys
from tests.repo_values import new_key

if TYPE_CHECKING:
    from pathlib import Path

OPERATOR, APPROVER, MANAGER, OTHER = "wang-jing", "zhang-tao", "chen-wei", "sun-lei"
"""An operator; an operator who approves; a manager who approves; another operator."""

_PEOPLE = (OPERATOR, APPROVER, MANAGER, OTHER)


@dataclass
class Clone:
    """A checkout below ``top``, with ``remote.git``, ``keys/<person>`` and ``config`` beside it.

    ``primaries``: the pair's members, the one first that is primary now.
    """

    top: Path
    primaries: list[str] = field(default_factory=lambda: ["core-db-1", "core-db-2"])
    env: dict[str, str] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.top / "estate"

    @classmethod
    def make(cls, top: Path) -> Clone:
        """Copy what is tracked or new in this checkout, give people keys, commit, push and pin."""
        made = cls(top)
        copy_checkout(made.root)
        give_keys(made.root, {person: new_key(top / "keys", person) for person in _PEOPLE})
        made.git("init", "--quiet", "--initial-branch=main")
        made.commit("The estate")
        subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", top / "remote.git"], check=True)
        made.git("remote", "add", "origin", str(top / "remote.git"))
        made.push()
        made.pin()
        return made

    def key(self, person: str) -> Path:
        return self.top / "keys" / person

    def git(self, *arguments: str) -> str:
        env = {"PATH": os.environ["PATH"], "HOME": str(self.top), "GIT_CONFIG_NOSYSTEM": "1"}
        who = ("-c", "user.name=Test", "-c", "user.email=test@example.invalid")
        done = subprocess.run(
            ["git", *who, *arguments], cwd=self.root, env=env, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, message: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def push(self) -> None:
        self.git("push", "--quiet", "origin", "HEAD:main")

    def pin(self) -> None:
        self.must("trust.pin", self.git("rev-parse", "HEAD"), "--yes")

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in ("SSH_AUTH_SOCK", "DRILLBOOK_ESTATE")}
        return {
            **kept,
            "HOME": str(self.top),
            "XDG_CONFIG_HOME": str(self.top / "config"),
            "PYTHONPATH": str(self.root / "src"),
            **self.env,
            **more,
        }

    def inv(self, *arguments: str, before: tuple[str, ...] = (), **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the estate, with this environment's packages and the clone's own engine."""
        return subprocess.run(
            [*before, sys.executable, "-m", "invoke", *arguments],
            cwd=self.root, env=self.environment(**more), capture_output=True, text=True, timeout=300,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip

    def must(self, *arguments: str) -> str:
        done = self.inv(*arguments)
        if done.returncode != 0:
            raise AssertionError(f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def switchover(self) -> tuple[str, ...]:
        """Give the options that name a switchover in rehearsal, from who is primary now."""
        return ("--env", "rehearsal", "--param", "pair=core-db", "--param", f"primary={self.primaries[0]}")

    def new_change(self) -> str:
        """Request, plan, commit and push a switchover in rehearsal, from now on for a day; give its id."""
        window = f"{datetime.now(UTC):%Y-%m-%dT%H:%M}+00:00/1d"
        self.must(
            "changes.new", "--runbook", "RB-DB-SWITCHOVER", *self.switchover(), "--window", window,
            "--reason", "A test of the gate", "--key", str(self.key(OPERATOR)),
        )  # fmt: skip
        change = max(path.name for path in (self.root / "changes").iterdir() if path.name.startswith("CHG-"))
        self.must("changes.plan", change)
        self.commit(f"{change} is planned")
        self.push()
        return change

    def approve(self, change: str, *people: str) -> None:
        for person in people:
            self.must("changes.approve", change, "--yes", "--key", str(self.key(person)))
        self.commit(f"{change} is approved")
        self.push()
