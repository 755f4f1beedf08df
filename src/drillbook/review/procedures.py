"""Which runbooks, playbooks, checks and drills changed, which runbooks call them, and the lines that differ."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.runbook.library import Library, Unreadable
from drillbook.runbook.model import Check, Playbook, SubRunbook, Wait

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from drillbook.repo.git import Changed
    from drillbook.review.sides import Side
    from drillbook.runbook.model import Runbook

FOLDERS = ("runbooks/", "playbooks/", "drills/")
_MAX_BYTES = 256 * 1024  # of a file whose lines are compared
_MAX_LINES = 6000


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that changed. ``status``: A, M, D, R or T; ``called_by``: runbooks (ids) that reach it on either side.

    ``lines``: the difference as ``diff -u`` has it, without its head; None when it is no text or too large.
    """

    path: str
    old_path: str
    status: str
    called_by: tuple[str, ...]
    added: int
    removed: int
    lines: tuple[str, ...] | None


def compare_procedures(
    base: Side, head: Side, changed: Iterable[Changed], content: Mapping[tuple[str, str], bytes]
) -> list[FileChange]:
    """Give the files of procedures that changed, by path.

    Args:
        base: the side before.
        head: the side after.
        changed: the files that differ; others than procedures are left out.
        content: the bytes of them by (``old`` or ``new``, path).
    """
    reached: dict[str, set[str]] = {}
    for side in (base, head):
        for book, files in _reach(side).items():
            for path in files:
                reached.setdefault(path, set()).add(book)
    found = []
    for each in changed:
        if not each.path.startswith(FOLDERS) or each.path.startswith("drills/records/"):
            continue
        old, new = content.get(("old", each.old_path), b""), content.get(("new", each.path), b"")
        lines = _difference(old, new)
        found.append(
            FileChange(
                path=each.path,
                old_path=each.old_path,
                status=each.status,
                called_by=tuple(sorted(reached.get(each.path, set()) | reached.get(each.old_path, set()))),
                added=sum(line.startswith("+") for line in lines or ()),
                removed=sum(line.startswith("-") for line in lines or ()),
                lines=lines,
            )
        )
    return found


def _difference(old: bytes, new: bytes) -> tuple[str, ...] | None:
    if b"\0" in old + new or max(len(old), len(new)) > _MAX_BYTES:
        return None
    try:
        before, after = (each.decode().split("\n") for each in (old, new))
    except UnicodeDecodeError:
        return None
    if max(len(before), len(after)) > _MAX_LINES:
        return None
    before, after = (each[:-1] if each and not each[-1] else each for each in (before, after))
    return tuple(difflib.unified_diff(before, after, n=2, lineterm=""))[2:]


def _reach(side: Side) -> dict[str, set[str]]:
    """Give the paths that each runbook of a side can reach, its own and those of runbooks that it calls among them."""
    library = Library(side.root / "playbooks")
    texts: dict[str, set[str]] = {}

    def below(file: str) -> set[str]:
        if file not in texts:
            try:
                texts[file] = set(library.playbook_texts(file))
            except Unreadable:
                texts[file] = {file}
        return texts[file]

    found = {}
    for id_, book in side.runbooks.items():
        files = {book.file}
        for playbook in _playbooks(book):
            files |= {f"playbooks/{each}" for each in below(playbook)}
        files |= {f"playbooks/{each}" for each in _checks(book)}
        found[id_] = files
    own = dict(found)
    for id_ in found:
        found[id_] = own[id_].union(*(own.get(each, set()) for each in called_by(id_, side.runbooks)))
    return found


def called_by(id_: str, runbooks: Mapping[str, Runbook]) -> set[str]:
    """Give the ids of the runbooks that a runbook calls, and that those call."""
    found: set[str] = set()
    waiting = [id_]
    while waiting:
        book = runbooks.get(waiting.pop())
        for step in book.steps if book is not None else ():
            called = step.action.runbook if isinstance(step.action, SubRunbook) else None
            if called is not None and called not in found:
                found.add(called)
                waiting.append(called)
    return found


def _playbooks(book: Runbook) -> Iterator[str]:
    for step in book.steps:
        for action in (step.action, step.undo.action):
            if isinstance(action, Playbook):
                yield action.file


def _checks(book: Runbook) -> Iterator[str]:
    for _, call in book.assumptions:
        yield call.file
    for slot in book.slots.values():
        yield slot.choose.file
    for step in book.steps:
        yield from (call.file for call in step.verify)
        if isinstance(step.action, Check | Wait):
            yield step.action.call.file
