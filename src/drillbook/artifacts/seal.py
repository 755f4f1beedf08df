"""Sealing playbooks/: one digest over the whole tree, and the read-only copy that a run uses.

The digest covers each entry's path, whether it is executable, and its content; nothing else of the
file system (times, owners, other mode bits), so that every checkout of one commit has one digest.
The bytes that are copied are the bytes that were digested: each file is read once.
"""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from drillbook.canonical import digest, digest_bytes
from drillbook.durable import sync_folder
from drillbook.errors import Finding, InvalidInput, MissingPrerequisite, Refused
from drillbook.text import forbidden_character, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = "playbooks"
MAX_FILES = 20_000
MAX_DEPTH = 40
MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_BYTES = 256 * 1024 * 1024

# Python's caches are made anew at will, and would be loaded in place of the source beside them.
_LEFT_OUT = frozenset({"__pycache__"})


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed copy: ``path`` holds what playbooks/ held, ``digest`` is ``sha256:…`` over it."""

    digest: str
    path: Path

    def read(self, name: str) -> bytes:
        """Give a file of the copy: bytes that were held against the digest with all the others, in one reading.

        Raises Refused when the copy is another one by now, FileNotFoundError.
        """
        found: list[bytes] = []
        self._hold(name, found)
        if not found:
            raise FileNotFoundError(2, "there is no such file", name)
        return found[0]

    def verify(self) -> None:
        """Hold the copy against its digest; nothing is left out here, so that nothing can be added.

        Raises Refused when it is missing or another tree.
        """
        self._hold("", [])

    def _hold(self, name: str, into: list[bytes]) -> None:
        def passing() -> Iterator[_Entry]:
            for entry in _entries(self.path, frozenset()):
                if entry.path == name and entry.link is None:
                    into.append(entry.data)
                yield entry

        try:
            found = _digest(passing())
        except InvalidInput as error:
            raise Refused(
                f"the sealed copy in {self.path} cannot be trusted: {error.findings[0].message}",
                remedy="make a new plan and run that",
            ) from None
        if found != self.digest:
            raise Refused(
                f"the sealed copy in {self.path} was changed: its digest is {found[:19]}…, not {self.digest[:19]}…",
                remedy="make a new plan and run that",
            )


class _Entry(NamedTuple):
    """A file (``data``) or a symbolic link (``link``) of the tree; ``path`` is relative, with slashes."""

    path: str
    executable: bool
    data: bytes
    link: str | None


def digest_of(root: Path) -> str:
    """Give the digest of the playbooks/ of the estate at ``root``, without a copy.

    Raises InvalidInput for what a sealed copy may not hold.
    """
    return _digest(_entries(root / FOLDER, _LEFT_OUT))


def listing(root: Path) -> list[list[str]]:
    """Give path, kind (``-``, ``x`` or ``link``) and digest (of a link: its target) of each file.

    ``canonical.digest`` of the list is ``digest_of``. Raises InvalidInput as that does.
    """
    return _listed(_entries(root / FOLDER, _LEFT_OUT))


def seal(root: Path, into: Path) -> Sealed:
    """Copy the playbooks/ of the estate at ``root`` to ``into``, durably and read-only.

    Args:
        root: the estate's folder.
        into: where the copy goes, in a folder that exists; it appears whole or not at all. When it
            is there already (a run that is resumed) it must be the same.

    Raises:
        InvalidInput: the tree holds what a copy may not: a link that leads outside, a device, a file
            too large, too many files, or a name that hides what it is.
        Refused: ``into`` is there and is another tree.
        MissingPrerequisite: the disk is full or cannot be written.
    """
    if into.exists():
        there = Sealed(digest_of(root), into)
        there.verify()
        return there
    part = into.with_name(f"{into.name}.part-{os.getpid()}")
    try:
        if part.exists():
            _remove(part)
        part.mkdir(mode=0o755)
        sealed = _digest(_written(_entries(root / FOLDER, _LEFT_OUT), part))
        _close_folders(part)
        part.rename(into)
        sync_folder(into.parent)
    except OSError as error:
        _remove(part)
        raise MissingPrerequisite(
            f"the run's files cannot be copied to {into}: {error.strerror}",
            remedy=f"make room or make it writable: df -h {into.parent}",
        ) from None
    except InvalidInput:
        _remove(part)
        raise
    return Sealed(sealed, into)


def _digest(entries: Iterator[_Entry]) -> str:
    return digest(_listed(entries))


def _listed(entries: Iterator[_Entry]) -> list[list[str]]:
    return [
        [entry.path, "link" if entry.link is not None else "x" if entry.executable else "-",
         entry.link if entry.link is not None else digest_bytes(entry.data)]
        for entry in entries
    ]  # fmt: skip


def _entries(folder: Path, left_out: frozenset[str]) -> Iterator[_Entry]:
    """Give files and links in the order of their paths. Raises InvalidInput with every problem of a name."""
    if folder.is_symlink() or not folder.is_dir():
        raise InvalidInput.at(folder.name, 1, "artifacts", "the folder does not exist; it holds what steps call")
    paths = sorted(_walk(folder, "", left_out))
    if len(paths) > MAX_FILES:
        raise InvalidInput.at(
            folder.name, 1, "artifacts", f"it holds {len(paths):,} files; at most {MAX_FILES:,} are sealed"
        )
    problems = [problem for name in paths if (problem := _problem(folder, name))]
    if problems:
        raise InvalidInput(problems)
    total = 0
    for name in paths:
        entry = _read(folder, name)
        total += len(entry.data)
        if total > MAX_BYTES:
            raise InvalidInput.at(
                folder.name, 1, "artifacts", f"it holds over {MAX_BYTES:,} bytes; move large files elsewhere"
            )
        yield entry


def _walk(folder: Path, prefix: str, left_out: frozenset[str]) -> Iterator[str]:
    if prefix.count("/") > MAX_DEPTH:
        raise InvalidInput.at(
            folder.name, 1, "artifacts", f"its folders are nested over {MAX_DEPTH} levels; make them flatter"
        )
    with os.scandir(folder / prefix) as found:
        entries = list(found)
    for entry in entries:
        if entry.name in left_out:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(folder, f"{prefix}{entry.name}/", left_out)
        else:
            yield f"{prefix}{entry.name}"


def _problem(folder: Path, name: str) -> Finding | None:
    def found(message: str) -> Finding:
        return Finding(f"{folder.name}/{visible(name)}", 1, "artifacts", message)

    if forbidden_character(name) is not None or "\\" in name:
        return found("its name holds a character that hides what it is; rename it")
    path = folder / name
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return found(problem) if (problem := _link_problem(folder, path)) else None
    if not stat.S_ISREG(status.st_mode):
        return found("it is neither a file nor a folder nor a link; remove it")
    if status.st_size > MAX_FILE_BYTES:
        return found(f"it has {status.st_size:,} bytes; at most {MAX_FILE_BYTES:,} are sealed")
    return None


def _link_problem(folder: Path, path: Path) -> str | None:
    target = path.readlink()
    shown = visible(str(target))
    try:
        reached = path.resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: a loop of links
        return f"the link leads to '{shown}', which does not exist; remove it"
    top = folder.resolve()
    if target.is_absolute() or not reached.is_relative_to(top):
        return f"the link leads to '{shown}', outside {folder.name}/; copy that in"
    if _LEFT_OUT & set(reached.relative_to(top).parts):
        return f"the link leads to '{shown}', which is not sealed; remove it"
    return None


def _read(folder: Path, name: str) -> _Entry:
    path = folder / name
    try:
        if path.is_symlink():
            return _Entry(name, executable=False, data=b"", link=str(path.readlink()))
        # O_NOFOLLOW: what was a file a moment ago must not be a link to elsewhere now.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            executable = bool(os.fstat(file.fileno()).st_mode & stat.S_IXUSR)
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InvalidInput.at(
            f"{folder.name}/{visible(name)}", 1, "artifacts", f"cannot be read: {error.strerror}"
        ) from None
    if len(data) > MAX_FILE_BYTES:
        raise InvalidInput.at(f"{folder.name}/{visible(name)}", 1, "artifacts", "it grew while it was read")
    return _Entry(name, executable, data, None)


def _written(entries: Iterator[_Entry], into: Path) -> Iterator[_Entry]:
    """Write each entry as it passes, so that what is digested and what is written are the same bytes."""
    for entry in entries:
        path = into / entry.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if entry.link is not None:
            path.symlink_to(entry.link)
        else:
            mode = 0o555 if entry.executable else 0o444
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
                file.write(entry.data)
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
        yield entry


def _close_folders(top: Path) -> None:
    for folder, _, _ in os.walk(top, topdown=False):
        sync_folder(Path(folder))
        Path(folder).chmod(0o555)


def _remove(part: Path) -> None:
    for folder, _, _ in os.walk(part):
        Path(folder).chmod(0o755)
    shutil.rmtree(part, ignore_errors=True)
