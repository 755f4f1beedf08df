"""The commits of a history, newest first, each with the CMDB's files that it changed. Along first parents."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from drillbook.audit.entries import included_by
from drillbook.audit.untouched import Untouched
from drillbook.cmdb.includes import TOP
from drillbook.errors import Finding, InvalidInput
from drillbook.source import MAX_BYTES, parse_yaml
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.node import Map
    from drillbook.repo.git import Repository

_AT_ONCE = 50  # commits whose files are in memory together
_LINK, _SUBMODULE = "120000", "160000"


@dataclass(frozen=True, slots=True)
class File:
    """One version of a file: git's object id, and the content."""

    oid: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Touched:
    """A file of the CMDB that a commit changed: as it was before and after, None where it was no part of the CMDB.

    ``stayed``: it was a file of the repository before and after.
    """

    path: str
    old: File | None
    new: File | None
    stayed: bool


@dataclass(frozen=True, slots=True)
class Step:
    """A commit and what it changed of the CMDB."""

    commit: str
    files: tuple[Touched, ...]


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that could not be read in a commit."""

    commit: str
    finding: Finding


@dataclass(frozen=True, slots=True)
class _Raw:
    commit: str
    files: dict[str, tuple[str | None, str | None]]
    """Path → object ids before and after; None where there was no ordinary file."""


def read_document(file: File, path: str) -> Map:
    """Read a version of a file. Raises InvalidInput as ``drillbook.source`` does."""
    name = visible(path)
    if len(file.data) > MAX_BYTES:
        raise InvalidInput.at(name, 1, "file-size", f"the file has {len(file.data):,} bytes; it must have fewer")
    try:
        return parse_yaml(file.data.decode(), shown_as=name)
    except UnicodeDecodeError as error:
        line = file.data.count(b"\n", 0, error.start) + 1
        raise InvalidInput.at(name, line, "encoding", "the file is not UTF-8; save it as UTF-8") from None


class Steps:
    """Walks back from a commit."""

    def __init__(self, repo: Repository, head: str) -> None:
        """Begin at ``head``, a full id."""
        self._unread: dict[str, list[Unread]] = {}
        self._repo, self._head = repo, head
        self._untouched = Untouched()
        self._include: Map | None = None

    @property
    def unread(self) -> list[Unread]:
        """The versions of cmdb.yaml that could not be read so far."""
        return [each for found in self._unread.values() for each in found]

    def __iter__(self) -> Iterator[Step]:
        """Give the commits that changed the CMDB."""
        top = self._repo.files(self._head, TOP).get(TOP)
        if top is not None and top.mode not in (_LINK, _SUBMODULE):
            data = self._repo.read_blobs([top.oid])[top.oid]
            self._include = self._read_top(self._head, File(top.oid, data), None)
        raw = self._raw()
        while batch := list(islice(raw, _AT_ONCE)):
            yield from self._batch(batch)

    def _raw(self) -> Iterator[_Raw]:
        out = self._repo.git(
            "log", "--first-parent", "--diff-merges=first-parent", "--root", "--raw", "-z", "--no-abbrev",
            "--no-renames", "--no-ext-diff", "--ignore-submodules=none", "-O/dev/null", "--format=%H",
            "--end-of-options", self._head,
        )  # fmt: skip
        words = iter(out.decode("utf-8", "surrogateescape").split("\0"))
        commit, files = "", {}
        for word in words:
            text = word.lstrip("\n")
            if text.startswith(":"):
                old_mode, new_mode, old, new, _ = text[1:].split(" ")
                sides = ((old_mode, old), (new_mode, new))
                before, after = (
                    None if int(mode, 8) == 0 or mode in (_LINK, _SUBMODULE) else oid for mode, oid in sides
                )
                files[next(words)] = (before, after)
            elif text:
                if commit:
                    yield _Raw(commit, files)
                commit, files = text, {}
        if commit:
            yield _Raw(commit, files)

    def _batch(self, batch: list[_Raw]) -> Iterator[Step]:
        tops = {oid for raw in batch for oid in raw.files.get(TOP, ()) if oid is not None}
        kept = self._repo.read_blobs(tops) if tops else {}
        found = [(raw.commit, list(self._of_the_cmdb(raw, kept))) for raw in batch]
        wanted = {oid for _, files in found for _, *oids, _ in files for oid in oids if oid is not None} - kept.keys()
        if wanted:
            kept |= self._repo.read_blobs(wanted)
        for commit, files in found:
            if files:
                yield Step(commit, tuple(self._touched(*file, kept=kept) for file in files))

    @staticmethod
    def _touched(path: str, old: str | None, new: str | None, stayed: bool, *, kept: dict[str, bytes]) -> Touched:
        before, after = (None if oid is None else File(oid, kept[oid]) for oid in (old, new))
        return Touched(path, before, after, stayed)

    def _of_the_cmdb(self, raw: _Raw, tops: dict[str, bytes]) -> Iterator[tuple[str, str | None, str | None, bool]]:
        """Give the files of the CMDB that the commit changed: path, object ids, whether they stayed."""
        after = before = self._include
        if TOP in raw.files:
            old, new = (None if oid is None else File(oid, tops[oid]) for oid in raw.files[TOP])
            if new is not None and new.oid in self._unread:  # this is the commit that made it so
                self._unread[new.oid] = [Unread(raw.commit, each.finding) for each in self._unread[new.oid]]
            before = self._read_top(raw.commit, old, new)
            self._include = before
        for path, (old_oid, new_oid) in raw.files.items():
            sides = (
                old_oid if included_by(before, path) else None,
                new_oid if included_by(after, path) else None,
            )
            if sides != (None, None):
                yield path, *sides, old_oid is not None and new_oid is not None
        if _patterns(before) != _patterns(after):
            for path, blob in self._repo.files(raw.commit).items():
                was, is_ = included_by(before, path), included_by(after, path)
                if path not in raw.files and was != is_ and blob.mode not in (_LINK, _SUBMODULE):
                    yield path, blob.oid if was else None, blob.oid if is_ else None, True

    def _read_top(self, commit: str, old: File | None, new: File | None) -> Map | None:
        """Give what cmdb.yaml included before a commit; what it did after it when that cannot be read."""
        if old is None:
            return None
        if (
            self._include is not None
            and new is not None
            and self._untouched.sure("include", old=(old.oid, old.data), new=(new.oid, new.data))
        ):
            return self._include
        try:
            return read_document(old, TOP)
        except InvalidInput as error:
            self._unread[old.oid] = [Unread(commit, finding) for finding in error.findings]
            return self._include


def _patterns(top: Map | None) -> list[object]:
    entries = top.get("include") if top is not None else None
    return list(entries) if isinstance(entries, list) else []
