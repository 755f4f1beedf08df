"""The ledger's own git directory: objects are made and read there, and nothing of the checkout is used or touched.

A bare repository in ``.drillbook/ledger.git``. So neither the checkout's configuration (hooks, rewritten URLs, file
system monitors) nor its index, work tree, refs or depth have a say in what goes to the remote.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

from drillbook.errors import MissingPrerequisite, Refused
from drillbook.repo.process import Done, run_quietly
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

LOCAL_SECONDS = 20.0
_NO_END = -1
_PROTOCOLS = "file:git:http:https:ssh"
_OPTIONS = (
    "core.hooksPath=/dev/null", "core.fsmonitor=false", "gc.auto=0", "maintenance.auto=false",
    "fetch.fsckObjects=true", "push.gpgSign=false", "push.followTags=false", "commit.gpgSign=false",
)  # fmt: skip
# Git's configuration can start programs (core.sshCommand, remote.….uploadpack), and a commit could bring this folder
# into a checkout. So the directory has this configuration and no other, and nothing that leads git to another one.
_CONFIG = b"[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
_LEADING_ELSEWHERE = ("commondir", "config.worktree", "objects/info/alternates", "objects/info/http-alternates")


class Store:
    """The objects that the ledger consists of."""

    def __init__(self, root: Path) -> None:
        """``root`` is the estate. Nothing is made before it is needed."""
        self.root = root
        self.folder = root / ".drillbook" / "ledger.git"

    def git(self, *arguments: str, stdin: bytes = b"", seconds: float = LOCAL_SECONDS, who: str = "") -> Done:
        """Run git in the ledger's directory, with no terminal, for ``seconds`` at most. Never raises for its outcome.

        ``who`` is the person whose name stands in a commit, and its time in seconds since 1970 in the next line; no
        git identity is needed. Raises MissingPrerequisite when there is no git.
        """
        settings = [part for option in _OPTIONS for part in ("-c", option)]
        argv = ["git", f"--git-dir={self.folder}", *settings, *arguments]
        env = _environment(who)
        try:
            self._require_ours()
            return run_quietly(argv, env=env, timeout=seconds, stdin=stdin, cwd=self.root, package="git")
        except Refused as error:
            return Done(_NO_END, b"", error.message.encode())

    def must(self, *arguments: str, stdin: bytes = b"", who: str = "") -> bytes:
        """Run git and give its output. Raises Refused when it fails."""
        done = self.git(*arguments, stdin=stdin, who=who)
        if done.code != 0:
            raise Refused(
                f"the ledger's objects in {self.folder} cannot be used: {visible(done.said)}",
                remedy=f"it is a copy: remove it (rm -r {self.folder}), and it is fetched anew",
            )
        return done.out

    def prepare(self) -> None:
        """Make the directory when there is none. Raises Refused when somebody else made it, or turned it elsewhere."""
        if not (self.folder / "HEAD").is_file():
            self.folder.parent.mkdir(mode=0o700, exist_ok=True)
            self.must("init", "--quiet", "--bare", "--template=")
        self._require_ours()

    def _require_ours(self) -> None:
        if not os.path.lexists(self.folder):
            return
        foreign = next((name for name in _LEADING_ELSEWHERE if os.path.lexists(self.folder / name)), None)
        try:
            made_by = {place.lstat().st_uid for place in (self.folder.parent, self.folder)}
            linked = self.folder.is_symlink() or self.folder.parent.is_symlink()
            if foreign is not None or linked or not made_by <= {os.geteuid(), 0}:
                raise Refused(
                    f"{self.folder} is not what this machine made"
                    + (f": it has {foreign}" if foreign else "; it leads elsewhere, or belongs to another user"),
                    remedy=f"it is a copy: remove it (rm -r {self.folder}), and it is fetched anew; ask who wrote it",
                )
            config = self.folder / "config"
            if config.is_symlink() or config.read_bytes() != _CONFIG:
                fresh = self.folder / f".config.{secrets.token_hex(4)}"
                fresh.write_bytes(_CONFIG)
                fresh.replace(config)
        except OSError as error:
            raise MissingPrerequisite(
                f"{self.folder} cannot be used: {error.strerror}", remedy=f"ls -ld {self.folder}"
            ) from None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes of this checkout from moving the copies of the remote's refs meanwhile."""
        self.prepare()
        with (self.folder / "drillbook.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def commit(
        self, files: Mapping[str, bytes], *, message: str, who: str, seconds: int, parent: str | None = None
    ) -> str:
        """Make a commit that adds files to those of its parent, and give its id.

        ``files`` by path (no folder in a folder); ``seconds`` since 1970 is its time: the same arguments give the
        same commit. No ref is moved.
        """
        self.prepare()
        folders: dict[str, dict[str, str]] = {}
        for path, data in files.items():
            folder, _, name = path.rpartition("/")
            blob = self.must("hash-object", "-w", "--stdin", stdin=data).decode().strip()
            folders.setdefault(folder, {})[name] = f"100644 blob {blob}"
        top = self._tree(f"{parent}^{{tree}}" if parent else None)
        for folder, entries in folders.items():
            if folder:
                whole = {**self._tree(f"{parent}:{folder}" if parent and folder in top else None), **entries}
                top[folder] = f"040000 tree {self._make_tree(whole)}"
            else:
                top |= entries
        parents = ["-p", parent] if parent else []
        tree = self._make_tree(top)
        text = f"{message}\n".encode()
        made = self.must("commit-tree", *parents, tree, stdin=text, who=f"{who}\n{seconds}")
        return made.decode().strip()

    def _tree(self, name: str | None) -> dict[str, str]:
        if name is None:
            return {}
        lines = self.must("ls-tree", "-z", name).decode().split("\0")
        return {name: kind for kind, _, name in (line.partition("\t") for line in lines if line)}

    def _make_tree(self, entries: Mapping[str, str]) -> str:
        lines = "".join(f"{kind}\t{name}\0" for name, kind in entries.items())
        return self.must("mktree", "-z", stdin=lines.encode()).decode().strip()

    def read(self, commit: str, path: str) -> bytes | None:
        """Give a file of a commit, or None when it has no such file."""
        done = self.git("cat-file", "blob", f"{commit}:{path}")
        return done.out if done.code == 0 else None

    def read_all(self, names: Sequence[str]) -> list[bytes]:
        """Give the contents of blobs, in their order, by one git process."""
        if not names:
            return []
        out = self.must("cat-file", "--batch", stdin="".join(f"{name}\n" for name in names).encode())
        found = []
        at = 0
        for name in names:
            end = out.index(b"\n", at)
            head = out[at:end].split(b" ")
            if head[-1] == b"missing" or head[1] != b"blob":
                raise Refused(f"the ledger lacks an object: {visible(name)}", remedy=f"remove {self.folder}; try again")
            size = int(head[2])
            found.append(out[end + 1 : end + 1 + size])
            at = end + 1 + size + 1
        return found

    def is_ancestor(self, old: str, new: str) -> bool:
        """Tell whether ``new`` continues ``old``; not when ``old`` is not there at all."""
        return self.git("merge-base", "--is-ancestor", "--end-of-options", old, new).code == 0


def _environment(who: str) -> dict[str, str]:
    """Give the environment for git: the person's own, without what would lead it elsewhere or ask questions."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name.startswith("GIT_SSH")
    }
    person, _, seconds = who.partition("\n")
    if person:
        for role in ("AUTHOR", "COMMITTER"):
            kept |= {
                f"GIT_{role}_NAME": person,
                f"GIT_{role}_EMAIL": f"{person}@drillbook.invalid",
                f"GIT_{role}_DATE": f"@{seconds} +0000",
            }
    return kept | {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": _PROTOCOLS,
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_DEFAULT_HASH": "sha1",
        "GIT_DEFAULT_REF_FORMAT": "files",
        "SSH_ASKPASS_REQUIRE": "never",
        "LC_ALL": "C",
    }
