"""Change records: the folders ``changes/CHG-…/``, each read whole or refused whole.

Reading proves the form of each file, that there is no other file, and that all are about one change of one
repository. It proves no signature: see ``change.trust.approval``.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drillbook.change.records.model import ChangeRecord, KeptRun
from drillbook.change.records.reading import read_approval, read_bound, read_request, read_result
from drillbook.change.records.strict import read_bounded, require_size
from drillbook.errors import Finding, InvalidInput, UsageError
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

FOLDER = "changes"
_LAST_NUMBER = 999_999
CHANGE_ID = re.compile(r"CHG-([0-9]{4})-([0-9]{4,6})")

REQUEST, REQUEST_SIG = "request.json", "request.sig"
PLAN, PLAN_PAGE = "plan.json", "plan.md"
RESULT, RESULT_SIG = "result.json", "result.sig"

_MIB = 1024 * 1024
LARGEST_PLAN = 16 * _MIB
_SIGNATURE_BYTES = 16 * 1024
_PERSON = r"([a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?)"
_RUN = r"([0-9]{8}T[0-9]{6}Z-[0-9a-f]{8})"
_APPROVAL = re.compile(rf"approvals/{_PERSON}\.json")
_JOURNAL = re.compile(rf"runs/{_RUN}/journal\.jsonl")
# Every file that a change may have, and how many bytes of it are read.
_FILES = (
    (re.compile(r"request\.json"), 64 * 1024),
    (re.compile(r"plan\.json"), LARGEST_PLAN),
    (re.compile(r"plan\.md"), 16 * _MIB),
    (re.compile(r"result\.json"), _MIB),
    (re.compile(r"(request|result)\.sig"), _SIGNATURE_BYTES),
    (_APPROVAL, 64 * 1024),
    (re.compile(rf"approvals/{_PERSON}\.sig"), _SIGNATURE_BYTES),
    (_JOURNAL, 64 * _MIB),
    (re.compile(rf"runs/{_RUN}/journal\.sig"), _SIGNATURE_BYTES),
)
_MAX_ENTRIES = 1000  # of one folder


@dataclass(frozen=True, slots=True)
class Broken:
    """A folder that cannot be read as a change, and all that is wrong with it."""

    name: str
    error: InvalidInput


@dataclass(frozen=True, slots=True)
class Changes:
    """All changes of an estate, by id; the broken ones apart, so that they are never passed over."""

    records: tuple[ChangeRecord, ...]
    broken: tuple[Broken, ...]


def read_change(folder: Path) -> ChangeRecord:
    """Read a change's folder. Raises InvalidInput with everything that is wrong in its files."""
    name = f"{FOLDER}/{visible(folder.name, limit=60)}"
    if folder.is_symlink() or not folder.is_dir():
        raise InvalidInput.at(name, 1, "change", "it is no folder; a change is a folder with request.json in it")
    files: dict[str, bytes] = {}
    findings: list[Finding] = []
    for path in _walk(folder, "", name):
        limit = _limit(path)
        if limit is None:
            findings.append(_not_ours(name, path))
            continue
        try:
            files[path] = read_bounded(folder / path, name=f"{name}/{path}", at_most=limit)
        except InvalidInput as error:
            findings += error.findings
    if findings:
        raise InvalidInput(findings)
    return record_from_files(files, folder=folder)


def record_from_files(files: Mapping[str, bytes], *, folder: Path) -> ChangeRecord:
    """Give the record that files hold, wherever they were read (a commit, say).

    Args:
        files: the bytes by path within the change's folder, such as ``approvals/ann.json``.
        folder: its folder; the last part of it is the change's id.

    Raises:
        InvalidInput: with everything that is wrong in them.
    """
    name = f"{FOLDER}/{visible(folder.name, limit=60)}"
    findings: list[Finding] = []
    if CHANGE_ID.fullmatch(folder.name) is None:
        findings.append(Finding(name, 1, "change", "its name is no id of a change, such as CHG-2026-0007"))
    for path, data in files.items():
        limit = _limit(path)
        if limit is None:
            findings.append(_not_ours(name, path))
        elif len(data) > limit:
            try:
                require_size(data, name=f"{name}/{path}", at_most=limit)
            except InvalidInput as error:
                findings += error.findings
    for path, beside in ((REQUEST, "every change has a request"), (REQUEST_SIG, "the request is signed")):
        if path not in files:
            findings.append(Finding(f"{name}/{path}", 1, "file", f"it is missing: {beside}"))
    if findings:
        raise InvalidInput(findings)
    read = _Reading(files, name)
    record = read.record(folder)
    if record is None or read.findings:
        raise InvalidInput(read.findings)
    return record


class _Reading:
    """Reads part by part and collects what is wrong."""

    def __init__(self, files: Mapping[str, bytes], name: str) -> None:
        self.files = files
        self.name = name
        self.findings: list[Finding] = []

    def record(self, folder: Path) -> ChangeRecord | None:
        request = self.part(read_request, REQUEST)
        bound = self.part(read_bound, PLAN) if PLAN in self.files else None
        approvals = []
        for path in sorted(self.files):
            if (named := _APPROVAL.fullmatch(path)) is None:
                continue
            approval = self.signed(read_approval, path)
            if approval is not None and approval.approver != named[1]:
                self.wrong(path, "approver", f"it is by {approval.approver}; the file is named for who signs it")
            approvals += [approval] if approval is not None else []
        result = self.signed(read_result, RESULT) if RESULT in self.files else None
        if request is None or self.findings:
            return None
        record = ChangeRecord(
            folder=folder,
            request=request,
            request_sig=self.files[REQUEST_SIG],
            bound=bound,
            plan_md=self.files.get(PLAN_PAGE) if bound is not None else None,
            approvals=tuple(approvals),
            runs=tuple(
                KeptRun(named[1], data, self.files.get(f"runs/{named[1]}/journal.sig", b""))
                for path, data in sorted(self.files.items())
                if (named := _JOURNAL.fullmatch(path)) is not None
            ),
            result=result,
        )
        self.one_change(record, folder.name)
        return record

    def part(self, reader: Any, path: str, *others: bytes) -> Any:
        try:
            return reader(self.files[path], *others, name=f"{self.name}/{path}")
        except InvalidInput as error:
            self.findings += error.findings
            return None

    def signed(self, reader: Any, path: str) -> Any:
        signature = path.removesuffix(".json") + ".sig"
        if signature not in self.files:
            self.wrong(signature, "file", f"it is missing: {path.rsplit('/', 1)[-1]} is signed")
            return None
        return self.part(reader, path, self.files[signature])

    def wrong(self, path: str, rule: str, message: str) -> None:
        self.findings.append(Finding(f"{self.name}/{path}", 1, rule, message))

    def one_change(self, record: ChangeRecord, wanted: str) -> None:
        """Find files that are about another change or repository than the folder and its request."""
        parts: list[tuple[str, Any]] = [(REQUEST, record.request), (PLAN, record.bound), (RESULT, record.result)]
        parts += [(f"approvals/{each.approver}.json", each) for each in record.approvals]
        for path, part in parts:
            if part is not None and part.change != wanted:
                self.wrong(path, "change", f"it is of {part.change}, in the folder of {wanted}; a change is not copied")
            if part is not None and part.repository != record.request.repository:
                self.wrong(path, "repository", "it is of another repository than request.json; a change is of one")
        if record.bound is not None and record.bound.request != record.request.digest:
            self.wrong(PLAN, "request", "it was made for another request than request.json; plan anew")
        if record.bound is not None and (record.bound.plan is not None) != (record.request.subject.kind == "runbook"):
            self.wrong(PLAN, "subject", "it plans another kind of change than request.json asks for; plan anew")


def find_change(root: Path, name: str) -> ChangeRecord:
    """Give the change whose id is ``name`` or ends with it.

    Raises UsageError when there is none or more than one, InvalidInput when it cannot be read.
    """
    known = [each.name for each in _folders(root) if CHANGE_ID.fullmatch(each.name)]
    found = matching(known, name)
    if len(found) != 1:
        what = "there is no change" if not found else f"{len(found)} changes end with"
        raise UsageError(f"{what} '{visible(name, limit=60)}'", remedy="./inv changes.status lists the changes")
    return read_change(root / FOLDER / found[0])


def matching(ids: Iterable[str], name: str) -> list[str]:
    """Give the id that is ``name``, or else those that end with it, such as ``0007``."""
    known = list(ids)
    return [each for each in known if each == name] or [each for each in known if name and each.endswith(f"-{name}")]


def read_changes(root: Path) -> Changes:
    """Read all changes of the estate at ``root``, by id; none when there is no folder for them."""
    records: list[ChangeRecord] = []
    broken: list[Broken] = []
    for folder in _folders(root):
        try:
            records.append(read_change(folder))
        except InvalidInput as error:
            broken.append(Broken(visible(folder.name, limit=60), error))
    return Changes(tuple(records), tuple(broken))


def next_id(year: int, used: Iterable[str]) -> str:
    """Give the id after the highest that is used in a year; the first that is free when there is none after it."""
    numbers = {int(match[2]) for name in used if (match := CHANGE_ID.fullmatch(name)) and int(match[1]) == year}
    number = max(numbers, default=0) + 1
    if number > _LAST_NUMBER:  # somebody has taken the last one, so that nobody could ask for a change any more
        number = next(each for each in range(1, len(numbers) + 2) if each not in numbers)
    return f"CHG-{year:04}-{number:04}"


def change_ids(root: Path) -> list[str]:
    """Give the ids that have a folder in the work tree, readable or not."""
    return [each.name for each in _folders(root) if CHANGE_ID.fullmatch(each.name)]


def _folders(root: Path) -> list[Path]:
    """Give what stands in changes/ and is, or should be, a change. Files there (a README, say) are none."""
    top = root / FOLDER
    if top.is_symlink():
        raise InvalidInput.at(FOLDER, 1, "change", "it is a symbolic link; it must be a folder")
    try:
        entries = sorted(top.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InvalidInput.at(FOLDER, 1, "change", f"cannot be read: {error.strerror}") from None
    return [
        each for each in entries
        if not each.name.startswith(".") and (each.is_symlink() or each.is_dir() or CHANGE_ID.fullmatch(each.name))
    ]  # fmt: skip


def _walk(folder: Path, prefix: str, name: str) -> Iterable[str]:
    try:
        with os.scandir(folder / prefix) as found:
            entries = sorted(found, key=lambda each: each.name)
    except OSError as error:
        raise InvalidInput.at(f"{name}/{prefix}", 1, "file", f"cannot be read: {error.strerror}") from None
    if len(entries) > _MAX_ENTRIES:
        raise InvalidInput.at(f"{name}/{prefix}", 1, "file", f"it holds over {_MAX_ENTRIES:,} files; no change does")
    for entry in entries:
        path = f"{prefix}{entry.name}"
        # A folder of another name is one finding, not one for each of its files.
        if entry.is_dir(follow_symlinks=False) and re.fullmatch(rf"approvals|runs|runs/{_RUN}", path):
            yield from _walk(folder, f"{path}/", name)
        else:
            yield path


def _limit(path: str) -> int | None:
    return next((limit for pattern, limit in _FILES if pattern.fullmatch(path)), None)


def _not_ours(name: str, path: str) -> Finding:
    return Finding(
        f"{name}/{visible(path, limit=80)}", 1, "file-name", "a change has no file or folder of this name; remove it"
    )
