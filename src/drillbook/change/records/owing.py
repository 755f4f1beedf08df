"""The records of emergencies, wherever they are: in the work tree and in a commit, also those with damage beside them.

A record that cannot be read is refused everywhere else. Here that would settle a debt: whoever adds a file to it, or
puts another change of that id into the work tree, would have it forgotten. So what is whole in it is taken.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from drillbook.change.records.reading import read_request
from drillbook.change.records.record import (
    CHANGE_ID,
    FOLDER,
    LARGEST_PLAN,
    PLAN,
    REQUEST,
    REQUEST_SIG,
    change_ids,
    record_from_files,
)
from drillbook.change.records.strict import read_bounded
from drillbook.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from drillbook.change.records.model import ChangeRecord
    from drillbook.repo.git import Repository

_WHOLE = (REQUEST, REQUEST_SIG, PLAN)
_APPROVALS = "approvals/"
_LARGEST = 64 * 1024  # bytes of what is not a plan
_FILES = {"100644", "100755"}


def emergency_records(root: Path, repo: Repository, commit: str) -> list[ChangeRecord]:
    """Give the emergencies of the work tree at ``root``, and those of a commit. One that is in both comes twice."""
    return [*_here(root), *_merged(root, repo, commit)]


def _here(root: Path) -> Iterator[ChangeRecord]:
    for change in change_ids(root):
        folder = root / FOLDER / change
        if folder.is_symlink() or not _is_emergency(_read(folder, REQUEST)):
            continue
        names = [*_WHOLE, *(f"{_APPROVALS}{each.name}" for each in sorted((folder / "approvals").glob("*.*")))]
        files = {name: data for name in names if (data := _read(folder, name)) is not None}
        yield from _salvaged(files, folder)


def _merged(root: Path, repo: Repository, commit: str) -> Iterator[ChangeRecord]:
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for path, blob in repo.files(commit, f"{FOLDER}/").items():
        _, change, *rest = path.split("/")
        name = "/".join(rest)
        if CHANGE_ID.fullmatch(change) and blob.mode in _FILES and (name in _WHOLE or name.startswith(_APPROVALS)):
            found[change][name] = blob.oid
    sizes = repo.sizes(oid for files in found.values() for oid in files.values())
    asked = {files[REQUEST] for files in found.values() if REQUEST in files and sizes[files[REQUEST]] <= _LARGEST}
    emergencies = {oid for oid, data in repo.each_blob(asked, sizes) if _is_emergency(data)}
    for change, files in found.items():
        if files.get(REQUEST) not in emergencies:
            continue
        fit = {name: oid for name, oid in files.items() if sizes[oid] <= _limit(name)}
        data = dict(repo.each_blob(set(fit.values()), sizes))
        yield from _salvaged({name: data[oid] for name, oid in fit.items()}, root / FOLDER / change)


def _salvaged(files: Mapping[str, bytes], folder: Path) -> Iterator[ChangeRecord]:
    """Give the record with each review that can be read; none when the request or the plan cannot."""
    asked = {name: files[name] for name in (REQUEST, REQUEST_SIG) if name in files}
    taken = {name: files[name] for name in _WHOLE if name in files}
    for name in sorted(files):
        signature = name.removesuffix(".json") + ".sig"
        if name.startswith(_APPROVALS) and signature != name and signature in files:
            review = {name: files[name], signature: files[signature]}
            taken |= review if _record({**asked, **review}, folder) is not None else {}
    record = _record(taken, folder)
    if record is not None:
        yield record


def _record(files: Mapping[str, bytes], folder: Path) -> ChangeRecord | None:
    try:
        return record_from_files(files, folder=folder)
    except InvalidInput:
        return None


def _read(folder: Path, name: str) -> bytes | None:
    try:
        return read_bounded(folder / name, name=name, at_most=_limit(name))
    except InvalidInput:
        return None


def _limit(name: str) -> int:
    return LARGEST_PLAN if name == PLAN else _LARGEST


def _is_emergency(data: bytes | None) -> bool:
    try:
        return data is not None and read_request(data).type == "emergency"
    except InvalidInput:
        return False
