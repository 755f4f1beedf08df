"""How an entry of the CMDB came to be as it is: each commit that changed it, across files and ids.

Only what a commit changed is looked at, and read as YAML only where it may be about the entry
(``drillbook.audit.untouched``). What counts is the history along first parents: what the branch was at each time.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from drillbook.audit.entries import Seen, entries_of
from drillbook.audit.steps import File, Step, Steps, Touched, Unread, read_document
from drillbook.audit.untouched import Untouched
from drillbook.cmdb.compare.fields import FieldChange, differences
from drillbook.cmdb.compare.likeness import candidates, renamings
from drillbook.errors import InvalidInput, UsageError
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from drillbook.repo.git import Repository

_LARGE = 100_000  # bytes
_KEPT = 8  # files whose entries are kept
_NAMED = 5  # candidates


@dataclass(frozen=True, slots=True)
class Event:
    """What one commit did to the entry.

    ``kind``: added, removed, changed, moved (to another file or section), renamed, came (a file with it was included),
    gone (a file with it was no longer included). ``old`` and ``new`` are the entry before and after.
    ``candidates``: several ids that it may have had before (or after) a commit that added (or removed) it.
    ``across``: versions between the two could not be read.
    """

    commit: str
    kind: str
    old: Seen | None
    new: Seen | None
    fields: tuple[FieldChange, ...] = ()
    candidates: tuple[str, ...] = ()
    across: bool = False

    @property
    def entry(self) -> Seen:
        """The entry as it was after the commit; before it, when it was removed."""
        seen = self.new or self.old
        assert seen is not None
        return seen


@dataclass(frozen=True, slots=True)
class EntryHistory:
    """The events of an entry, newest first; ``ids`` that it had, newest first; ``commits`` that were looked at."""

    id: str
    section: str
    ids: tuple[str, ...]
    events: tuple[Event, ...]
    unread: tuple[Unread, ...]
    commits: int
    shallow: bool

    def only(self, events: Iterable[Event]) -> EntryHistory:
        """Give the same with these of its events alone."""
        return replace(self, events=tuple(events))


def entry_history(repo: Repository, head: str, id_: str) -> EntryHistory:
    """Give the history of the entry (or room) that has, or once had, this id.

    Raises UsageError when no commit ever had it.
    """
    walk = _Walk(repo, head, id_)
    commits = walk.run()
    if not walk.events:
        known = "this clone is shallow: git fetch --unshallow; " if repo.shallow else ""
        raise UsageError(
            f"no commit of this branch ever had an entry '{visible(id_, limit=80)}' in the CMDB",
            remedy=f"{known}./inv cmdb.list shows all ids that there are now",
        )
    return EntryHistory(
        id=id_,
        section=walk.events[0].entry.section,
        ids=tuple(dict.fromkeys([id_, *walk.ids])),
        events=tuple(walk.events),
        unread=(*(each for found in walk.unread.values() for each in found), *walk.steps.unread),
        commits=commits,
        shallow=repo.shallow,
    )


@dataclass(slots=True)
class _Carried:
    """An entry after commits that could not be read: its next older version is compared with it."""

    new: Seen | None
    commit: str


@dataclass(slots=True)
class _Sides:
    old: list[Seen] = field(default_factory=list)
    new: list[Seen] = field(default_factory=list)


class _Walk:
    def __init__(self, repo: Repository, head: str, id_: str) -> None:
        self.steps = Steps(repo, head)
        self.id = id_
        self.ids: list[str] = []
        self.events: list[Event] = []
        self.unread: dict[tuple[str, str], list[Unread]] = {}
        self._untouched = Untouched()
        self._read: OrderedDict[tuple[str, str], dict[str, Seen] | None] = OrderedDict()
        self._carried: dict[str, _Carried] = {}

    def run(self) -> int:
        """Walk; give the number of commits that changed the CMDB."""
        count = 0
        for step in self.steps:
            count += 1
            self._step(step)
        for each in self._carried.values():
            if each.new is not None:
                self.events.append(Event(each.commit, "added", None, each.new, across=True))
        return count

    # --- one commit

    def _step(self, step: Step) -> None:
        sides = _Sides()
        for file in step.files:
            if not self._surely_untouched(file):
                self._compare(step, file, sides)
        for old in list(sides.old):
            for new in sides.new:
                if new.file == old.file:
                    self._both(step, old, new)
                    sides.old.remove(old)
                    sides.new.remove(new)
                    break
        while sides.old and sides.new:
            self._both(step, sides.old.pop(0), sides.new.pop(0))
        for old in sides.old:
            self._removed(step, old)
        for new in sides.new:
            self._added(step, new)

    def _surely_untouched(self, file: Touched) -> bool:
        if file.path in self._carried:
            return False
        if file.old is not None and file.new is not None:
            old, new = (file.old.oid, file.old.data), (file.new.oid, file.new.data)
            return self._untouched.sure(self.id, old=old, new=new)
        only = file.new or file.old
        return only is not None and self.id.encode() not in only.data and b"\\" not in only.data

    def _compare(self, step: Step, file: Touched, sides: _Sides) -> None:
        """Put the entry of a file's two versions on their sides; what cannot be read is carried to an older one."""
        versions = [self._one(step.commit, file.path, each) for each in (file.old, file.new)]
        if file.new is not None and (unread := self.unread.get((file.new.oid, file.path))):
            # It was met first as what a later commit replaced; this is the commit that made it so.
            self.unread[file.new.oid, file.path] = [Unread(step.commit, each.finding) for each in unread]
        old, new = (None if each is None else each.get(self.id) for each in versions)
        carried = self._carried.pop(file.path, None)
        if versions[0] is None:
            if carried is None:
                carried = _Carried(new, step.commit) if versions[1] is not None else None
            if carried is not None:
                self._carried[file.path] = carried
            return
        if versions[1] is None and carried is None:
            # Nothing newer could be read: what is known is that it was there.
            return
        if carried is not None:
            self._across(carried, old)
            return
        sides.old += [] if old is None else [old]
        sides.new += [] if new is None else [new]

    def _across(self, carried: _Carried, old: Seen | None) -> None:
        new = carried.new
        if old is not None and new is not None:
            if fields := _fields(old, new):
                self.events.append(Event(carried.commit, "changed", old, new, fields, across=True))
        elif old is not None or new is not None:
            self.events.append(Event(carried.commit, "added" if new else "removed", old, new, across=True))

    def _both(self, step: Step, old: Seen, new: Seen) -> None:
        fields = _fields(old, new)
        moved = old.file != new.file or old.section != new.section
        if fields or moved:
            self.events.append(Event(step.commit, "moved" if moved else "changed", old, new, fields))

    def _added(self, step: Step, new: Seen) -> None:
        gone, came = self._gone_and_came(step)
        old = next((old for old, other in renamings(gone, came) if other.id == new.id), None)
        if old is not None:
            self.events.append(Event(step.commit, "renamed", old, new, _fields(old, new)))
            self.id = old.id
            self.ids.append(old.id)
            return
        kind = "came" if _stayed(step, new) else "added"
        self.events.append(Event(step.commit, kind, None, new, _fields(None, new), _ids(candidates(new, gone))))

    def _removed(self, step: Step, old: Seen) -> None:
        gone, came = self._gone_and_came(step)
        new = next((new for other, new in renamings(gone, came) if other.id == old.id), None)
        if new is not None:
            self.events.append(Event(step.commit, "renamed", old, new, _fields(old, new)))
            return
        kind = "gone" if _stayed(step, old) else "removed"
        self.events.append(Event(step.commit, kind, old, None, _fields(old, None), _ids(candidates(old, came))))

    def _gone_and_came(self, step: Step) -> tuple[list[Seen], list[Seen]]:
        before: dict[str, Seen] = {}
        after: dict[str, Seen] = {}
        for file in step.files:
            before |= self._entries(step.commit, file.path, file.old) or {}
            after |= self._entries(step.commit, file.path, file.new) or {}
        return (
            [each for id_, each in before.items() if id_ not in after],
            [each for id_, each in after.items() if id_ not in before],
        )

    def _one(self, commit: str, path: str, file: File | None) -> dict[str, Seen] | None:
        """Give the entry alone by its id, of a large file from its own lines when that is safe; as ``_entries``."""
        if file is not None and len(file.data) >= _LARGE:
            block = self._untouched.block(self.id, (file.oid, file.data))
            with suppress(InvalidInput):
                if block is not None:
                    found = entries_of(read_document(File(file.oid, block), path), path)
                    return {each.id: each for each in found if each.id == self.id}
        return self._entries(commit, path, file)

    def _entries(self, commit: str, path: str, file: File | None) -> dict[str, Seen] | None:
        """Give the entries of a version of a file by id; None when it cannot be read."""
        if file is None:
            return {}
        key = (file.oid, path)
        if key in self._read:
            self._read.move_to_end(key)
            return self._read[key]
        found: dict[str, Seen] | None
        try:
            found = {each.id: each for each in entries_of(read_document(file, path), path)}
        except InvalidInput as error:
            self.unread[key] = [Unread(commit, finding) for finding in error.findings]
            found = None
        self._read[key] = found
        if len(self._read) > _KEPT:
            self._read.popitem(last=False)
        return found


def _fields(old: Seen | None, new: Seen | None) -> tuple[FieldChange, ...]:
    before, after = ({} if each is None else each.fields for each in (old, new))
    return tuple(differences(before, after, apart=True))


def _stayed(step: Step, seen: Seen) -> bool:
    """Tell whether the entry's file stayed, and only joined or left what cmdb.yaml includes."""
    file = next(each for each in step.files if each.path == seen.file)
    return file.stayed and (file.old is None or file.new is None)


def _ids(found: list[Seen]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.id for each in found))[:_NAMED]
