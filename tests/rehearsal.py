"""An estate of its own with people who have keys, a remote and a pinned base: changes as users make them.

Every command is the real one in a process of its own, with a HOME of its own: what is proved here is
what people type. Run in the lab it acts on real hosts; what is refused needs none.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[1]

# People of the shipped estate: two who operate, two who approve and manage, one who approves.
REQUESTER, EXECUTOR, APPROVER, SECOND, SPECIALIST = "wang-jing", "sun-lei", "chen-wei", "lin-mei", "zhang-tao"
KEYED = (REQUESTER, EXECUTOR, APPROVER, SECOND, SPECIALIST)
RUNBOOK = "RB-DB-REPLICATION-MODE"
"""It sets what is set already, so that one run after another finds the pair as its plan assumes."""
GIVEN = ("--param", "pair=core-db", "--param", "mode=synchronous")


@dataclass(frozen=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    text: str

    def refused(self, *words: str) -> None:
        """Hold it against a refusal that says these words, by a gate or because a file is wrong."""
        assert self.code in (3, 4), self.text
        for word in words:
            assert word in self.text, self.text
        assert "Traceback" not in self.text


@dataclass
class Rehearsal:
    """The estate below ``folder``: ``work`` is the clone that people work in, ``remote`` what they push to.

    ``checkout`` is another clone, for somebody who works beside them.
    """

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    checkout: Path | None = None

    @property
    def work(self) -> Path:
        """The clone in which people work."""
        return self.checkout or self.folder / "work"

    @property
    def remote(self) -> Path:
        """The bare repository."""
        return self.folder / "remote.git"

    def key(self, person: str) -> Path:
        """Give a person's private key."""
        return self.folder / "keys" / person

    # --- commands ----------------------------------------------------------------------------------

    def environ(self, **more: str) -> dict[str, str]:
        """Give the environment of every command: a HOME of its own and nothing of the caller's."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder / "home"),
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": str(self.work / "src"),
            "GIT_AUTHOR_NAME": "Somebody",
            "GIT_AUTHOR_EMAIL": "somebody@harbour.example",
            "GIT_COMMITTER_NAME": "Somebody",
            "GIT_COMMITTER_EMAIL": "somebody@harbour.example",
            **self.environment,
            **more,
        }

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """Start a task, with nobody at a terminal."""
        return subprocess.Popen(
            [sys.executable, "-m", "invoke", *arguments],
            cwd=self.work, env=self.environ(**more), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def inv(self, *arguments: str, **more: str) -> Said:
        """Run a task to its end."""
        child = self.start(*arguments, **more)
        text, _ = child.communicate(timeout=300)
        return Said(child.returncode, text)

    def ok(self, *arguments: str, **more: str) -> str:
        """Run a task that must succeed; give what it said."""
        said = self.inv(*arguments, **more)
        assert said.code == 0, f"{arguments}: {said.code}\n{said.text}"
        return said.text

    def git(self, *arguments: str, folder: Path | None = None) -> str:
        """Run git, which must succeed."""
        done = subprocess.run(
            ["git", *arguments], cwd=folder or self.work, env=self.environ(), capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"git {arguments}: {done.stderr}"
        return done.stdout.strip()

    def commit(self, why: str) -> str:
        """Commit everything, and give the commit's id."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", why)
        return self.git("rev-parse", "HEAD")

    def push(self) -> None:
        """Push main."""
        self.git("push", "--quiet", "origin", "HEAD:main")

    # --- changes -----------------------------------------------------------------------------------

    def new(self, *more: str, runbook: str = RUNBOOK, by: str = REQUESTER) -> str:
        """Ask for a change in rehearsal, whose window is open from now on, and give its id."""
        window = () if "--window" in more else ("--window", f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}/4h")
        said = self.ok(
            "changes.new", "--runbook", runbook, "--env", "rehearsal", *GIVEN, "--reason", "a rehearsal",
            "--key", str(self.key(by)), *window, *more,
        )  # fmt: skip
        return next(word.strip("/.,:") for word in said.replace("/", " ").split() if word.startswith("CHG-"))

    def planned(self, *more: str, runbook: str = RUNBOOK) -> str:
        """Ask for a change and plan it."""
        change = self.new(*more, runbook=runbook)
        self.ok("changes.plan", change)
        return change

    def approve(self, change: str, by: str = APPROVER, *more: str) -> Said:
        """Approve as a person."""
        return self.inv("changes.approve", change, "--yes", "--key", str(self.key(by)), *more)

    def approved(self, *more: str, runbook: str = RUNBOOK) -> str:
        """Ask for a change, plan it, have it approved by all who are needed, and commit it."""
        change = self.planned(*more, runbook=runbook)
        for person in (APPROVER, SECOND):
            said = self.approve(change, person)
            assert said.code == 0, said.text
        self.commit(f"{change}: approved")
        self.push()
        return change

    def apply(self, change: str, by: str = EXECUTOR, **more: str) -> Said:
        """Apply as a person."""
        return self.inv("changes.apply", change, "--yes", "--key", str(self.key(by)), **more)

    def raced(self, change: str, folder: Path) -> list[Said]:
        """Apply a change at the same moment as two people, each in a clone of their own below ``folder``."""
        clones = [replace(self, checkout=folder / person) for person in (EXECUTOR, REQUESTER)]
        for clone in clones:
            if clone.work.is_dir():
                clone.git("pull", "--quiet", "origin", "main")
            else:
                self.git("clone", "--quiet", str(self.remote), str(clone.work))
        children = [
            clone.start("changes.apply", change, "--yes", "--key", str(self.key(clone.work.name))) for clone in clones
        ]
        texts = [child.communicate(timeout=300)[0] for child in children]
        return [Said(child.returncode, text) for child, text in zip(children, texts, strict=True)]


def make_rehearsal(folder: Path) -> Rehearsal:
    """Make an estate from this checkout's committed files, with keys for four people, and pin its base."""
    made = Rehearsal(folder)
    for name in ("home", "keys"):
        (folder / name).mkdir(parents=True)
    made.work.mkdir()
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout.decode().split("\0")  # fmt: skip
    for name in filter(None, listed):
        source = ROOT / name
        if source.is_file() or source.is_symlink():
            (made.work / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, made.work / name, follow_symlinks=False)
    made.git("init", "--quiet", "--initial-branch", "main")
    made.git("init", "--quiet", "--bare", "--initial-branch", "main", str(made.remote))
    made.git("remote", "add", "origin", str(made.remote))
    for person in KEYED:
        make_key(made.key(person))
        made.ok("trust.enrol", person, str(made.key(person)) + ".pub")
    people = made.work / "cmdb.d/people.yaml"
    for person in KEYED:
        text = people.read_text()
        if f"  {person}:\n    forge:" not in text and f"forge: harbour-{person}\n" not in text:
            people.write_text(text.replace(f"  {person}:\n", f"  {person}:\n    forge: harbour-{person}\n"))
    made.ok("trust.owners")
    commit = made.commit("An estate whose people have keys")
    made.push()
    made.ok("trust.pin", commit, "--remote", str(made.remote), "--yes")
    return made


def make_key(path: Path) -> None:
    """Make a key without a passphrase."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)],
        check=True, capture_output=True, timeout=30,
    )  # fmt: skip
