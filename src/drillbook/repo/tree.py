"""One digest over a commit's files, and a copy of them as data.

The digest covers each file's path, kind and the SHA-256 of its content. So it says what git's ids, which are SHA-1
and which git does not check when it reads, cannot promise.
"""

from __future__ import annotations

import hashlib
import os
import stat
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from drillbook.canonical import digest
from drillbook.errors import MissingPrerequisite, Refused
from drillbook.text import forbidden_character, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from drillbook.repo.git import Blob, Repository

# Where records are added, and nothing that decides or runs may lie. All else is governed: a change of it is approved.
FREE = ("changes/", "drills/records/")
# This machine's own: journals, the ledger's copy. What a commit brings there would pass for what happened here.
STATE = ".drillbook"
MAX_FILES = 100_000
_FILE, _PROGRAM, _LINK = "100644", "100755", "120000"
_KINDS = {_FILE, _PROGRAM, _LINK}


def is_free(path: str) -> bool:
    """Tell whether a path of the tree lies where records are added."""
    return path.startswith(FREE)


def tree_digest(repo: Repository, commit: str, *, only: Sequence[str] = ()) -> str:
    """Give ``sha256:…`` over the governed files of a commit.

    ``only`` restricts it: to folders (``src/``), files (``inv``) or names with ``*`` (``requirements*.lock``).
    Raises Refused for what a governed tree may not hold: a submodule, another kind than file, program or link, a path
    that hides what it is, a file over 64 MiB.
    """
    files = governed_files(repo, commit, only=only)
    digests = content_digests(repo, {blob.oid for blob in files.values()})
    return digest_of_entries((path, blob.mode, digests[blob.oid]) for path, blob in files.items())


def folder_digest(folder: Path, *, only: Sequence[str] = (), left_out: Sequence[str] = ()) -> str:
    """Give the digest that ``tree_digest`` gives of a commit whose governed files are all files of the folder.

    ``only`` as there; ``left_out`` are names of folders that are not looked into. Raises OSError: it cannot be read.
    """
    entries = []
    for path in _walk(folder, "", only, frozenset(left_out)):
        place = folder / path
        mode = place.lstat().st_mode
        if stat.S_ISLNK(mode):
            data, kind = os.fsencode(place.readlink()), _LINK
        else:
            with os.fdopen(os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
                data, kind = file.read(), _PROGRAM if mode & stat.S_IXUSR else _FILE
        entries.append((path, kind, hashlib.sha256(data).hexdigest()))
    return digest_of_entries(entries)


def digest_of_entries(entries: Iterable[tuple[str, str, str]]) -> str:
    """Give the digest of (path, git's mode, SHA-256 of the content in hex), whatever their order."""
    return digest(sorted([path, mode, content] for path, mode, content in entries))


def governed_files(repo: Repository, commit: str, *, only: Sequence[str] = ()) -> Mapping[str, Blob]:
    """Give the governed files of a commit by path. Raises Refused as ``tree_digest``."""
    found = {path: blob for path, blob in repo.files(commit).items() if not is_free(path) and _is_meant(path, only)}
    if len(found) > MAX_FILES:
        raise Refused(f"commit {commit[:12]} has {len(found):,} files; at most {MAX_FILES:,} are read")
    for path, blob in found.items():
        if (problem := _problem(path, blob.mode)) is not None:
            raise Refused(f"commit {commit[:12]}: '{visible(path)}' {problem}")
    return found


def content_digests(repo: Repository, oids: Iterable[str]) -> Mapping[str, str]:
    """Give the SHA-256 (hex) of objects' content by their ids; each is read once in a process."""
    known = repo.content_digests
    for oid, data in repo.blobs(oid for oid in oids if oid not in known):
        known[oid] = hashlib.sha256(data).hexdigest()
    return known


def export(repo: Repository, commit: str, into: Path, *prefixes: str, governed: bool = False) -> None:
    """Write a commit's files, or those below the prefixes, into a folder that is new or empty.

    ``governed``: without those that are free. They are data: no filter and no hook runs, and nothing leads out of the
    folder. Raises Refused for what ``tree_digest`` refuses and for links that lead outside, before anything is written;
    MissingPrerequisite when the folder cannot be written.
    """
    files = {path: blob for path, blob in repo.files(commit, *prefixes).items() if not (governed and is_free(path))}
    for path, blob in files.items():
        if (problem := _problem(path, blob.mode)) is not None:
            raise Refused(f"commit {commit[:12]}: '{visible(path)}' {problem}")
    _require_one_meaning(commit, files)
    content = repo.read_blobs(blob.oid for blob in files.values())
    links = {path: content[blob.oid] for path, blob in files.items() if blob.mode == _LINK}
    for path, target in links.items():
        _require_inside(commit, path, target)
    try:
        into.mkdir(parents=True, exist_ok=True)
        if any(into.iterdir()):
            raise Refused(f"{into} is not empty: nothing is written there")
        for path, blob in files.items():
            place = into / path
            place.parent.mkdir(parents=True, exist_ok=True)
            if blob.mode != _LINK:
                with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    file.write(content[blob.oid])
                    os.fchmod(file.fileno(), 0o755 if blob.mode == _PROGRAM else 0o644)
        for path, target in links.items():
            (into / path).symlink_to(os.fsdecode(target))
    except OSError as error:
        raise MissingPrerequisite(
            f"the files of commit {commit[:12]} cannot be written to {into}: {error.strerror}",
            remedy=f"make room or make it writable: df -h {into.parent}",
        ) from None


def _is_meant(path: str, only: Sequence[str]) -> bool:
    return not only or any(
        path.startswith(each) if each.endswith("/") else fnmatchcase(path, each) and path.count("/") == each.count("/")
        for each in only
    )


def _walk(folder: Path, prefix: str, only: Sequence[str], left_out: frozenset[str]) -> Iterator[str]:
    with os.scandir(folder / prefix) as found:
        entries = list(found)
    for entry in entries:
        path = f"{prefix}{entry.name}"
        if not entry.is_dir(follow_symlinks=False):
            if _is_meant(path, only):
                yield path
        elif entry.name not in left_out and (not only or any(_meet(f"{path}/", each) for each in only)):
            yield from _walk(folder, f"{path}/", only, left_out)


def _meet(folder: str, pattern: str) -> bool:
    """Tell whether something in a folder can be meant by a pattern: it is below the other, or above."""
    above = pattern[: pattern.rfind("/") + 1]
    return (
        pattern.startswith(folder)
        or (pattern.endswith("/") and folder.startswith(pattern))
        or (above.count("/") == folder.count("/") and fnmatchcase(folder, above))
    )


def _problem(path: str, mode: str) -> str | None:
    parts = path.split("/")
    if forbidden_character(path) is not None or "\\" in path:
        return "has a character in its name that hides what it is"
    if any(part in {"", ".", ".."} or part.lower() == ".git" for part in parts):
        return "is a path that leads elsewhere"
    if parts[0] == STATE:
        return "would be the state of this machine, which no commit brings"
    if any(part == "__pycache__" for part in parts):
        return "is a compiled program, which nobody can have read"
    if any(part.startswith("-") for part in parts):
        return "has a name that could be taken for an option"
    if mode == "160000":
        return "is a submodule: its content is not in the commit, so nobody can have read it"
    if mode not in _KINDS:
        return f"has the mode {visible(mode)}, which is no file, program or link"
    return None


def _require_one_meaning(commit: str, files: Mapping[str, Blob]) -> None:
    """Refuse a tree that has one name as a file and as a folder, which only a program could have made."""
    for path in files:
        parts = path.split("/")
        for count in range(1, len(parts)):
            if "/".join(parts[:count]) in files:
                raise Refused(f"commit {commit[:12]}: '{visible('/'.join(parts[:count]))}' is both a file and a folder")


def _require_inside(commit: str, path: str, target: bytes) -> None:
    """Refuse a link that leads out of the tree, however the links that it passes lead.

    ``..`` may only stand at its beginning: after a name that is itself a link it would leave where that leads.
    """
    text = target.decode("utf-8", "surrogateescape")
    parts = text.split("/")
    up = next((number for number, part in enumerate(parts) if part != ".."), len(parts))
    if (
        not text
        or text.startswith("/")
        or forbidden_character(text) is not None
        or up > path.count("/")
        or ".." in parts[up:]
        or any(part.lower() == ".git" for part in parts)
    ):
        raise Refused(f"commit {commit[:12]}: the link '{visible(path)}' leads to '{visible(text)}', outside the tree")
