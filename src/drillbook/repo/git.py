"""A git repository, read as data.

A repository can hold configuration that runs programs (hooks, filters, fsmonitor, textconv, ssh commands), objects
that stand in for others (replacements, grafts, a commit graph) and names that look like options. None of it is
followed here: the environment is our own, values come after ``--end-of-options`` or ``--``, pathspecs are literal,
the work tree's files are compared by us and not by git's filters, and commit objects are held against their ids.
Git itself does not hold an object against its id when it reads it; what must be certain is digested by ``tree.py``.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from drillbook.errors import Refused, UsageError
from drillbook.repo.command import run_git
from drillbook.repo.commit import Commit, object_id, parse_commit
from drillbook.repo.worktree import is_as_committed
from drillbook.text import forbidden_character, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from drillbook.repo.process import Done

_ID = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
MAX_BLOB = 64 * 1024 * 1024  # bytes
MAX_BLOBS = 512 * 1024 * 1024  # bytes of one reading
_SECONDS = 60.0
_BATCH = 5_000  # objects that one process reads


@dataclass(frozen=True, slots=True)
class Blob:
    """A file of a commit: git's mode (``100644``, ``100755``, ``120000`` a link, ``160000`` a submodule), object id."""

    mode: str
    oid: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A file that differs: ``status`` A, M, D, R (renamed), T (kind); ``old_path`` is ``path`` unless renamed."""

    status: str
    path: str
    old_path: str


class Repository:
    """The repository whose work tree is ``root``.

    Raises Refused when there is none, or when ``root`` is a folder inside one. MissingPrerequisite: no git.
    """

    def __init__(self, root: Path) -> None:
        """Look at it once: that it is a repository, and whether its history is whole."""
        self.root = Path(os.path.abspath(root))  # noqa: PTH100 - links stay as they were typed
        done = self._run(
            ["rev-parse", "--is-inside-work-tree", "--show-prefix", "--is-shallow-repository"], check=False
        )
        lines = done.out.decode("utf-8", "replace").split("\n")
        if done.code != 0 or lines[0] != "true":
            raise Refused(
                f"{self.root} is not the folder of a git repository",
                remedy="a change needs history: git init && git add -A && git commit",
            )
        if lines[1]:
            raise Refused(
                f"{self.root} lies inside a repository, which must have the estate at its top",
                remedy="make the estate's folder a repository of its own",
            )
        self.shallow = lines[2] == "true"
        self.content_digests: dict[str, str] = {}  # an object's id → sha256 of its content, as read in this process

    # --- commits

    def head(self) -> str:
        """Give the id of the commit that is checked out. Raises Refused when there is none yet."""
        done = self._run(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], check=False)
        if done.code != 0:
            raise Refused("the repository has no commit yet", remedy="git add -A && git commit")
        return _id_of(done.out)

    def resolve(self, rev: str) -> str:
        """Give the full id of the commit that a name, an id or an abbreviation means. Raises UsageError: none."""
        hint = "name a commit, such as a branch, a tag or the first digits of its id: git log --oneline"
        shown = visible(rev, limit=80)
        if not rev or rev.startswith("-") or len(rev) > 1000 or forbidden_character(rev) is not None:  # noqa: PLR2004
            raise UsageError(f"'{shown}' cannot name a commit", remedy=hint)
        done = self._run(["rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}"], check=False)
        if done.code != 0:
            raise UsageError(f"there is no commit '{shown}' in this repository", remedy=hint)
        return _id_of(done.out)

    def repository_id(self, commit: str) -> str:
        """Give the id of the first commit that ``commit`` descends from by first parents. Raises Refused: shallow."""
        self.require_whole()
        return _id_of(self.git("rev-list", "--first-parent", "--max-parents=0", "--end-of-options", _known(commit)))

    def require_whole(self) -> None:
        """Raise Refused for a shallow clone, whose history cannot be judged."""
        if self.shallow:
            raise Refused("this clone is shallow: it lacks history", remedy="git fetch --unshallow")

    def is_ancestor(self, old: str, new: str) -> bool:
        """Tell whether ``new`` is ``old`` or descends from it."""
        self.require_whole()
        done = self._run(["merge-base", "--is-ancestor", _known(old), _known(new)], check=False)
        if done.code not in (0, 1):
            raise Refused(f"git cannot compare {old[:12]} and {new[:12]}: {visible(done.said)}")
        return done.code == 0

    def first_parents(self, old: str, new: str) -> list[str]:
        """Give the commits after ``old`` up to ``new`` along first parents, the oldest first.

        Raises Refused when ``old`` is not on that chain: ``new`` is older, another line, or has it as a second parent.
        """
        self.require_whole()
        if old == new:
            return []
        listed = self.git("rev-list", "--first-parent", "--parents", "--reverse", _known(new), f"^{_known(old)}")
        chain = [line.split() for line in listed.decode("ascii").splitlines()]
        if not chain or chain[-1][0] != new or chain[0][1:2] != [old]:
            raise Refused(f"commit {new[:12]} does not follow {old[:12]} along first parents")
        return [words[0] for words in chain]

    def commit(self, commit: str) -> Commit:
        """Read a commit, and hold it against its id. Raises Refused when it is none, or another than its id says."""
        raw = self.git("cat-file", "commit", _known(commit))
        if object_id("commit", raw, len(commit)) != commit:
            raise Refused(
                f"the object of commit {commit[:12]} is not what its id says: this clone is damaged, or forged",
                remedy="git fsck; then make a new clone",
            )
        return parse_commit(commit, raw)

    # --- files of a commit

    def files(self, commit: str, *prefixes: str) -> dict[str, Blob]:
        """Give the files of a commit by path, in git's order; only below the prefixes when there are any."""
        listed = self.git("ls-tree", "-r", "-z", "--full-tree", _known(commit), "--", *prefixes)
        found = {}
        for entry in listed.split(b"\0")[:-1]:
            head, _, path = entry.partition(b"\t")
            mode, _, oid = head.decode("ascii").split(" ")
            found[path.decode("utf-8", "surrogateescape")] = Blob(mode, oid)
        return found

    def read(self, commit: str, path: str) -> bytes:
        """Give a file's content in a commit. Raises UsageError when that has no such file."""
        blob = self.files(commit, path).get(path)
        if blob is None or blob.mode == "160000":
            raise UsageError(f"commit {commit[:12]} has no file '{visible(path)}'")
        return self.read_blobs([blob.oid])[blob.oid]

    def read_blobs(self, oids: Iterable[str]) -> dict[str, bytes]:
        """Give the content of objects by their ids. Raises Refused for one that is missing or too large."""
        return dict(self.blobs(oids))

    def blobs(self, oids: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Give each object once, one at a time, read by a single process. Raises as ``read_blobs``."""
        wanted = list(dict.fromkeys(oids))
        total = 0
        for start in range(0, len(wanted), _BATCH):
            batch = wanted[start : start + _BATCH]
            total += self._require_small(batch)
            if total > MAX_BLOBS:
                raise Refused(f"the commit's files have over {MAX_BLOBS:,} bytes", remedy="keep large files elsewhere")
            yield from self._batch(batch)

    def each_blob(self, oids: Iterable[str], sizes: Mapping[str, int]) -> Iterator[tuple[str, bytes]]:
        """Give each object, one at a time, however much they are together; ``sizes`` as ``sizes`` gives them."""
        part: list[str] = []
        total = 0
        for oid in oids:
            if part and total + sizes[oid] > MAX_BLOB:
                yield from self._batch(part)
                part, total = [], 0
            part.append(oid)
            total += sizes[oid]
        if part:
            yield from self._batch(part)

    def sizes(self, oids: Iterable[str]) -> dict[str, int]:
        """Give the size of objects in bytes by their ids. Raises Refused for one that is missing."""
        wanted = list(dict.fromkeys(oids))
        listed = self.git(
            "cat-file", "--batch-check", "--buffer", stdin="".join(f"{_known(oid)}\n" for oid in wanted).encode()
        )
        found = {}
        for line in listed.decode("ascii", "replace").splitlines():
            words = line.split(" ")
            if words[-1] == "missing":
                raise Refused(f"this clone lacks the object {words[0][:12]}", remedy="git fsck; git fetch")
            found[words[0]] = int(words[2])
        return found

    def changed(self, old: str, new: str, *prefixes: str, renames: bool = True) -> list[Changed]:
        """Give the files that differ between two commits, by path; ``renames`` off: as one gone and one added."""
        listed = self.git(
            "diff-tree", "-r", "-z", "--name-status", "--no-ext-diff", "--no-textconv", "--ignore-submodules=none",
            "-O/dev/null", "-M" if renames else "--no-renames", _known(old), _known(new), "--", *prefixes,
        )  # fmt: skip
        words = iter(part.decode("utf-8", "surrogateescape") for part in listed.split(b"\0")[:-1])
        found = []
        for status in words:
            old_path = next(words)
            found.append(Changed(status[0], next(words) if status[0] in "RC" else old_path, old_path))
        return sorted(found, key=lambda each: each.path)

    # --- the clone

    def uncommitted(self, *prefixes: str) -> list[str]:
        """Give the paths whose files are not those of the commit that is checked out, staged ones and new ones too.

        Ignored files do not count. Bytes are compared as they are, so a clone that turns line ends differs throughout.
        """
        committed = self.files(self.head(), *prefixes)
        staged = self.git("diff-index", "-r", "-z", "--cached", "--name-only", "--no-renames", "HEAD", "--", *prefixes)
        new = self.git("ls-files", "-z", "--others", "--exclude-standard", "--", *prefixes)
        found = {part.decode("utf-8", "surrogateescape") for part in (staged + new).split(b"\0") if part}
        found |= {
            path
            for path, blob in committed.items()
            if not is_as_committed(self.root / path, mode=blob.mode, oid=blob.oid, at_most=MAX_BLOB)
        }
        return sorted(found)

    def tracked(self, *prefixes: str) -> list[str]:
        """Give the paths below the prefixes that git keeps in this checkout: committed, or about to be."""
        listed = self.git("ls-files", "-z", "--cached", "--", *prefixes)
        return [part.decode("utf-8", "surrogateescape") for part in listed.split(b"\0") if part]

    def remote_url(self) -> str | None:
        """Give the URL of the remote ``origin`` as the clone's configuration has it, or None."""
        done = self._run(["config", "--local", "--get", "remote.origin.url"], check=False)
        return done.out.decode("utf-8", "surrogateescape").rstrip("\n") or None if done.code == 0 else None

    def branch(self) -> str | None:
        """Give the name of the branch that is checked out, or None when HEAD is detached."""
        done = self._run(["symbolic-ref", "--quiet", "--short", "HEAD"], check=False)
        return done.out.decode("utf-8", "replace").strip() or None if done.code == 0 else None

    # --- running git

    def git(
        self,
        *argv: str,
        stdin: bytes = b"",
        timeout: float = _SECONDS,
        network: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> bytes:
        """Run git and give what it printed. Raises Refused with git's words when it fails.

        ``network``: it may talk to a remote, with the person's own configuration of git; otherwise no protocol is
        allowed. ``env`` adds variables, such as the identity for a commit.
        """
        return self._run(list(argv), stdin=stdin, timeout=timeout, network=network, env=env).out

    def try_git(
        self,
        *argv: str,
        timeout: float = _SECONDS,
        network: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> Done:
        """Run git as ``git`` does, and give how it ended, whatever its exit code."""
        return self._run(list(argv), timeout=timeout, network=network, env=env, check=False)

    def _run(
        self,
        argv: list[str],
        *,
        stdin: bytes = b"",
        timeout: float = _SECONDS,
        network: bool = False,
        env: Mapping[str, str] | None = None,
        check: bool = True,
    ) -> Done:
        done = run_git(self.root, argv, stdin=stdin, timeout=timeout, network=network, env=env)
        if check and done.code != 0:
            raise Refused(f"git {argv[0]} failed: {visible(done.said, limit=400) or f'exit code {done.code}'}")
        return done

    def _require_small(self, oids: list[str]) -> int:
        sizes = self.sizes(oids)
        for oid, size in sizes.items():
            if size > MAX_BLOB:
                raise Refused(f"the object {oid[:12]} has {size:,} bytes; at most {MAX_BLOB:,} are read")
        return sum(sizes.values())

    def _batch(self, oids: list[str]) -> Iterator[tuple[str, bytes]]:
        out = self.git("cat-file", "--batch", "--buffer", stdin="".join(f"{oid}\n" for oid in oids).encode())
        place = 0
        for oid in oids:
            end = out.index(b"\n", place)
            found, _, size = out[place:end].decode("ascii").split(" ")
            assert found == oid
            place = end + 1 + int(size)
            yield oid, out[end + 1 : place]
            place += 1


def _known(commit: str) -> str:
    """Let only a full object id through, so that nothing else is ever an argument."""
    if not _ID.fullmatch(commit):
        raise UsageError(f"'{visible(commit, limit=80)}' is no full id of a commit")
    return commit


def _id_of(out: bytes) -> str:
    return _known(out.decode("ascii", "replace").strip())
