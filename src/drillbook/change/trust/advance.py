"""Moves the trusted base forward, along commits that were themselves approved.

From the pinned commit the first parents up to a candidate are walked. A commit is trusted when, beside the one that
was trusted before it, it only adds records, or when its tree is the one that an approved change of the configuration
moves to. The approval is judged by the people, keys and rules of the commit that was trusted before: what a commit
says of itself counts for nothing. Where a commit came from (a branch, a ref, a remote) counts for nothing either.

A commit that is not trusted is passed over when a later one is: because its approvals were added after it, because it
was one of several that were approved as one, or because it was undone. Nothing ever stands on it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from drillbook.change.records.model import time_text
from drillbook.change.records.record import FOLDER, LARGEST_PLAN, PLAN, record_from_files
from drillbook.change.trust.approval import valid_approvals, verify_request
from drillbook.change.trust.authority import life_of_approval, may_request, missing_approvals
from drillbook.change.trust.base import TOLERANCE, Base, base_of, exported, pin_of, point_to, require_past, trusted_base
from drillbook.change.trust.bound import bind_configuration
from drillbook.change.trust.case import case_of, saying_anew
from drillbook.change.trust.engine import engine_digest, running_engine_digest
from drillbook.change.trust.pin import Pin, locked, read_pin, write_pin
from drillbook.cmdb.load import load
from drillbook.errors import DrillbookError, InvalidInput, Refused
from drillbook.repo.git import Repository
from drillbook.repo.tree import FREE, tree_digest
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from drillbook.change.records.model import ChangeRecord
    from drillbook.clock import Clock
    from drillbook.cmdb.model import Cmdb
    from drillbook.repo.commit import Commit

_FILES = {"100644", "100755"}
_SHOWN = 3  # files of a commit that is refused


@dataclass(frozen=True, slots=True)
class Step:
    """What became of a commit. ``accepted``: it is trusted; ``why`` completes the sentence "commit …"."""

    commit: Commit
    accepted: bool
    why: str


def _silently(_step: Step) -> None:
    """Tell nobody."""


def advance(root: Path, candidate: str, clock: Clock, *, tell: Callable[[Step], None] = _silently) -> Base:
    """Move the pin of the estate at ``root`` to a candidate, or as far towards it as commits are approved.

    Args:
        root: the estate's folder.
        candidate: a name or an id of a commit; only a name for what is judged.
        clock: the time; no commit may be later.
        tell: is told of each commit, the oldest first.

    Returns:
        The new base, whose commit is the candidate.

    Raises:
        Refused: the candidate is older than the pinned commit, on another line, or not approved; then it says
            which commit lacks what, and the pin stands on the last one that was trusted. Also as ``trusted_base``.
        InvalidInput: the new base's CMDB is invalid under this engine.
    """
    base = trusted_base(root, clock)
    repo = Repository(root)
    wanted = repo.resolve(candidate)
    try:
        chain = repo.first_parents(base.commit, wanted)
    except Refused:
        relation = "is older than" if repo.is_ancestor(wanted, base.commit) else "is on another line than"
        raise Refused(
            f"commit {wanted[:12]} {relation} the trusted {base.commit[:12]}: the base only moves forward, along first "
            "parents",
            remedy="./inv trust.status shows where it stands; if this is meant, it is pinned anew, by two people: "
            "./inv trust.pin COMMIT",
        ) from None
    walk = _Walk(repo, base, clock.now(), tell)
    for commit in chain:
        walk.judge(commit)
        if walk.unreadable is not None:
            break
    if walk.base.commit != base.commit:
        _move(repo, base, walk.base)
    if walk.unreadable is not None:
        raise walk.unreadable
    if walk.pending:
        first = walk.pending[0]
        raise Refused(
            f"commit {first.commit.id[:12]} ('{first.commit.subject}') {first.why}",
            remedy=f"the base stands on {walk.base.commit[:12]}; git show {first.commit.id[:12]} shows what was not "
            "approved. Get it approved, or undone by a commit after it",
        )
    return walk.base


class _Walk:
    """The commits one after the other: the last one that is trusted, and those after it that are not."""

    def __init__(self, repo: Repository, base: Base, now: datetime, tell: Callable[[Step], None]) -> None:
        self.repo = repo
        self.base = base
        self.now = now
        self.tell = tell
        self.pending: list[Step] = []
        self.unreadable: DrillbookError | None = None

    def judge(self, commit_id: str) -> None:
        """Take the next commit."""
        commit = self.repo.commit(commit_id)
        try:
            why = self._trusted(commit)
        except (Refused, InvalidInput) as error:
            self.pending.append(Step(commit, accepted=False, why=_words(error)))
            return
        for step in self.pending:
            self.tell(replace(step, why=f"is passed over, since {commit_id[:12]} is trusted; it {step.why}"))
        self.pending.clear()
        self.tell(Step(commit, accepted=True, why=why))

    def _trusted(self, commit: Commit) -> str:
        """Make a commit the base, and say why. Raises Refused or InvalidInput: why not."""
        require_past(commit, self.now)
        self._require_not_dated_back(commit)
        self._require_only_added(commit.id)
        digest = tree_digest(self.repo, commit.id)
        if digest == self.base.digest:
            self.base = replace(self.base, commit=commit.id, committed_at=self._time_of(commit))
            return "adds records only"
        return self._approved(commit, digest)

    def _require_not_dated_back(self, commit: Commit) -> None:
        """Refuse a commit before the one that it follows: approvals and keys that have ended would count again."""
        if commit.time < self.base.committed_at - TOLERANCE:
            raise Refused(
                f"is dated {time_text(commit.time)}, before the trusted commit that it follows "
                f"({time_text(self.base.committed_at)}): it was dated back, or a clock was wrong"
            )

    def _time_of(self, commit: Commit) -> datetime:
        return max(commit.time, self.base.committed_at)

    def _require_only_added(self, commit: str) -> None:
        """Refuse a commit that changes or removes a record, or puts something else than a file among them."""
        there = self.repo.files(commit, *FREE)
        for each in self.repo.changed(self.base.commit, commit, *FREE, renames=False):
            if each.status != "A":
                verb = "removes" if each.status == "D" else "changes"
                raise Refused(f"{verb} {visible(each.path, limit=100)}, and records are only ever added")
            if there[each.path].mode not in _FILES:
                raise Refused(f"adds {visible(each.path, limit=100)}, which is a link or a submodule and no record")

    def _approved(self, commit: Commit, digest: str) -> str:
        reasons = []
        at = self._time_of(commit)
        for name in self._moving_to(commit.id, digest):
            try:
                record = self._record(commit.id, name)
                by = require_approved_move(
                    record, self.repo, self.base, commit.id, at=at, proposed=self._cmdb(commit, digest)
                )
                self._require_first_use(name, digest)
            except (Refused, InvalidInput) as error:
                reasons.append(f"{name}: {_words(error)}")
                continue
            self._stand_on(commit, digest)
            return f"is {name}, approved by {', '.join(by) or 'nobody, as the rules have it'}"
        changed = [each.path for each in self.repo.changed(self.base.commit, commit.id, renames=False)]
        governed = [path for path in changed if not path.startswith(FREE)]
        shown = ", ".join(visible(path, limit=60) for path in governed[:_SHOWN]) + " …" * (len(governed) > _SHOWN)
        if reasons:
            raise Refused(f"changes {shown}, and its approval does not count: {'; '.join(reasons)}")
        raise Refused(f"changes {shown}, and no change in {FOLDER}/ moves the trusted files to these")

    def _moving_to(self, commit: str, digest: str) -> list[str]:
        """Give the ids of the changes in a commit whose plan has that digest in it.

        What is too large for a plan is none: whoever adds it must not stop everybody. One plan is held at a time.
        """
        plans = {
            path.split("/")[1]: blob.oid
            for path, blob in self.repo.files(commit, f"{FOLDER}/").items()
            if path.split("/")[2:] == [PLAN] and blob.mode in _FILES
        }
        sizes = self.repo.sizes(plans.values())
        fit = {oid for oid, size in sizes.items() if size <= LARGEST_PLAN}
        having = {oid for oid, data in self.repo.each_blob(fit, sizes) if digest.encode() in data}
        return sorted(name for name, oid in plans.items() if oid in having)

    def _record(self, commit: str, name: str) -> ChangeRecord:
        folder = f"{FOLDER}/{name}/"
        files = {path: blob for path, blob in self.repo.files(commit, folder).items() if blob.mode in _FILES}
        content = self.repo.read_blobs(blob.oid for blob in files.values())
        read = {path.removeprefix(folder): content[blob.oid] for path, blob in files.items()}
        return record_from_files(read, folder=self.repo.root / FOLDER / name)

    def _cmdb(self, commit: Commit, digest: str) -> Cmdb | None:
        """Give the CMDB that a commit brings; None when this engine cannot read it, and then all of it is meant."""
        try:
            return load(exported(self.repo, self.base.place, self._pin(commit.id, digest)))
        except InvalidInput:
            return None

    def _require_first_use(self, name: str, digest: str) -> None:
        """Refuse a change that moved the base before: looked for as long as the base has had its plan."""
        place = f"{FOLDER}/{name}/{PLAN}"
        at = self.base.commit
        while place in self.repo.files(at, place):
            if tree_digest(self.repo, at) == digest:
                raise Refused(f"it was used already, up to commit {at[:12]}: a change moves the base once")
            parents = self.repo.commit(at).parents
            if not parents:
                return
            at = parents[0]

    def _stand_on(self, commit: Commit, digest: str) -> None:
        pin = self._pin(commit.id, digest)
        folder = exported(self.repo, self.base.place, pin)
        at = self._time_of(commit)
        try:
            self.base = replace(base_of(pin, self.base.place, folder, commit), committed_at=at)
        except InvalidInput as error:
            if engine_digest(folder) == running_engine_digest():
                raise
            # An approved commit that brings another engine: only that one can read it, and go on from there.
            self.base = replace(self.base, commit=commit.id, digest=digest, folder=folder, committed_at=at)
            self.unreadable = Refused(
                f"commit {commit.id[:12]} is trusted now, and brings an engine that alone can read its CMDB "
                f"({error.findings[0]})",
                remedy="do it again: it is then that engine that runs",
            )

    def _pin(self, commit: str, digest: str) -> Pin:
        base = self.base
        return Pin(base.repository, commit, digest, base.remote, "2000-01-01T00:00:00.000000Z", base.ledger)


def require_approved_move(
    record: ChangeRecord, repo: Repository, base: Base, commit: str, *, at: datetime, proposed: Cmdb | None
) -> tuple[str, ...]:
    """Prove that a change was approved that moves the base's files to those of a commit; give who approved.

    Args:
        record: the change.
        repo: the repository.
        base: the trusted base before the commit; its people, keys and rules count.
        commit: the commit.
        at: when it was committed, or the base before it if that is later.
        proposed: the CMDB that it brings; None when it cannot be read, and then all of it is said anew.

    Raises:
        Refused: what is missing, or why it does not count.
    """
    request, bound = record.request, record.bound
    if bound is None or bound.configuration is None:
        raise Refused("it is no change of the configuration")
    if request.type != "normal":
        raise Refused(f"it is of type {request.type}; the trusted files are moved by normal changes alone")
    if record.result is not None and record.result.result != "succeeded":
        raise Refused(f"it was closed as {record.result.result}")
    if request.window is not None and not request.window.holds(at):
        raise Refused(f"it was committed outside its window, which begins at {time_text(request.window.begins)}")
    # What it says that it changes decides which rules are asked, so it must be what it does change.
    if bind_configuration(request, repo, base.commit, commit, bound.engine) != bound.raw:
        raise Refused("its plan is about other files, or from another base, than this commit changes")
    verify_request(record, base, at=at)
    case = case_of(record, base.cmdb, proposed=proposed)
    if proposed is None:
        case = replace(case, paths=(*case.paths, *saying_anew(base.cmdb, None)))
    may_request(request.requested_by, case, base.cmdb)
    approved = valid_approvals(record, base, at=at)
    life = life_of_approval(case, base.cmdb)
    counting = tuple(person for person, each in approved.by.items() if life is None or at < each.approved_at + life)
    missing = missing_approvals(case, counting, base.cmdb, besides=[request.requested_by])
    if missing:
        refused = [f"that of {person} does not count: {why}" for person, why in approved.refused.items()]
        refused += [f"that of {person} is too old" for person in approved.by if person not in counting]
        raise Refused("; ".join([*(str(each) for each in missing), *refused]))
    return counting


def _move(repo: Repository, old: Base, new: Base) -> None:
    """Write the pin anew, if nobody moved it meanwhile."""
    with locked(new.place):
        pin = read_pin(new.place)
        if pin is None or pin.commit != old.commit:
            raise Refused("the pin was moved by somebody else meanwhile", remedy="try it again")
        write_pin(new.place, replace(pin, commit=new.commit, digest=new.digest))
    place, pin = pin_of(repo)
    point_to(place, exported(repo, place, pin))


def _words(error: DrillbookError) -> str:
    return str(error.findings[0]) if isinstance(error, InvalidInput) else error.message
