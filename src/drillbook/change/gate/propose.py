"""Begins and plans a change, from commits alone: what lies in the work tree and is not committed is no part of it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from drillbook.change.gate.conditions import require_same
from drillbook.change.gate.proposed import proposed_cmdb
from drillbook.change.gate.risk import Risk, require_no_less, risk_of
from drillbook.change.records.model import FORMAT, ChangeRecord, Request, time_text
from drillbook.change.records.reading import read_bound, read_request
from drillbook.change.records.record import CHANGE_ID, FOLDER
from drillbook.change.records.strict import encoded
from drillbook.change.trust.authority import may_request
from drillbook.change.trust.bound import bind_commit
from drillbook.change.trust.case import case_of
from drillbook.change.trust.identity import kind_of
from drillbook.errors import InvalidInput, Refused, UsageError
from drillbook.repo.tree import governed_files, is_free
from drillbook.runbook.load import runbook_files
from drillbook.schema_words import nearest
from drillbook.text import forbidden_character, visible

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from drillbook.change.records.model import ChangeType, Subject, Window
    from drillbook.change.trust.base import Base
    from drillbook.repo.git import Repository

_LONGEST_REASON = 2000
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Draft:
    """What a person asks for. ``risk`` None: it is computed."""

    type: ChangeType
    subject: Subject
    reason: str
    window: Window | None
    risk: Risk | None


@dataclass(frozen=True, slots=True)
class Proposed:
    """A request that may be made. ``raw``: the bytes to sign; ``risk_why``: "" when the person said the risk."""

    raw: bytes
    record: ChangeRecord
    risk_why: str


def propose(draft: Draft, *, change: str, person: str, repo: Repository, base: Base, now: datetime) -> Proposed:
    """Give the request of a change, once it is sure that it could be planned and that the person may ask for it.

    Args:
        draft: what is asked for.
        change: the id that it gets.
        person: who asks: whose key will sign it.
        repo: the repository, whose HEAD is planned from.
        base: the trusted base.
        now: the time.

    Raises:
        UsageError: a reason that says nothing or cannot be shown, a name that does not exist.
        InvalidInput: files of HEAD are wrong.
        Refused: the person may not ask for it, or there is nothing to change.
    """
    value = {
        "format": FORMAT,
        "change": change,
        "repository": base.repository,
        "type": draft.type,
        "risk": draft.risk or "medium",
        "reason": _reason(draft.reason),
        "window": None
        if draft.window is None
        else {"from": time_text(draft.window.begins), "until": time_text(draft.window.ends)},
        "subject": _subject(draft.subject),
        "requested_by": person,
        "requested_at": time_text(now),
    }
    head = repo.head()
    _require_runbook(draft.subject, repo, head)
    record = _planned(read_request(encoded(value)), repo, base, head)
    _require_not_lab(record)
    proposed = proposed_cmdb(record, repo=repo, base=base, head=head)
    may_request(person, case_of(record, base.cmdb, proposed=proposed), base.cmdb)
    risk, why = risk_of(record, base.cmdb, proposed=proposed)
    if draft.risk is not None:
        require_no_less(draft.risk, risk, why)
        return Proposed(record.request.raw, record, "")
    raw = encoded({**value, "risk": risk})
    return Proposed(raw, _planned(read_request(raw), repo, base, head), why)


def plan_again(record: ChangeRecord, *, repo: Repository, base: Base, head: str) -> bytes:
    """Give the bytes of plan.json for a change, from a commit. Errors: ``bound.bind_commit``."""
    return bind_commit(record.request, repo, base=base.commit, head=head, engine=base.engine)


def require_committed(repo: Repository) -> None:
    """Refuse to plan while governed files differ from HEAD, as Refused with their names; others do not matter."""
    found = [path for path in repo.uncommitted() if not is_free(path)]
    if not found:
        return
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    raise Refused(
        f"{len(found)} file{'s are' if len(found) != 1 else ' is'} not committed as in the work tree: "
        f"{', '.join(visible(path, limit=100) for path in found[:_SHOWN])}{more}; a plan is made from a commit",
        remedy="git add and git commit what belongs to it; git stash -u puts the rest aside",
    )


def require_as_planned(record: ChangeRecord, repo: Repository, base: Base) -> None:
    """Refuse when the commit that is checked out gives another plan than the change's, as Refused with the difference.

    The trusted base's files run, whatever is checked out; nobody is to believe that it were these.
    """
    head = repo.head()
    bound = record.bound
    if bound is None or not apart_from_base(repo, base, head):
        return
    remedy = f"git checkout {base.commit[:12]} has the trusted files; what is meant to run needs a change of its own"
    try:
        here = plan_again(record, repo=repo, base=base, head=head)
    except (InvalidInput, UsageError) as error:
        raise Refused(
            f"the commit that is checked out ({head[:12]}) gives no plan of {record.id}: {error.message}", remedy=remedy
        ) from None
    what = f"what the commit that is checked out ({head[:12]}) would run"
    require_same(record, bound, here, what=what, remedy=remedy)


def apart_from_base(repo: Repository, base: Base, head: str) -> list[str]:
    """Give the governed files in which a commit differs from the trusted base, sorted."""
    before, after = governed_files(repo, base.commit), governed_files(repo, head)
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def used_ids(repo: Repository, *commits: str) -> set[str]:
    """Give the ids of changes that commits have, readable or not."""
    return {
        parts[1]
        for commit in commits
        for path in repo.files(commit, f"{FOLDER}/")
        if len(parts := path.split("/")) > 1 and CHANGE_ID.fullmatch(parts[1])
    }


def claimed_ids(refs: Iterable[str]) -> set[str]:
    """Give the ids among the names of the ledger's refs (``refs/drillbook/claims/CHG-…``)."""
    return {name for ref in refs if CHANGE_ID.fullmatch(name := ref.rsplit("/", 1)[-1])}


def _planned(request: Request, repo: Repository, base: Base, head: str) -> ChangeRecord:
    raw = bind_commit(request, repo, base=base.commit, head=head, engine=base.engine)
    folder = Path(FOLDER, request.change)
    return ChangeRecord(folder, request, b"", read_bound(raw), None, (), (), None)


def _require_not_lab(record: ChangeRecord) -> None:
    """Refuse a change for what runs without one."""
    if record.bound is None or record.bound.plan is None or kind_of(record.bound.plan) != "lab":
        return
    subject = record.request.subject
    given = "".join(f" --param {shlex.quote(f'{name}={value}')}" for name, value in subject.parameters.items())
    raise Refused(
        f"{subject.environment} is the lab, and needs no change: nothing there is anybody's service",
        remedy=f"./inv runbooks.run {subject.runbook} --env {subject.environment}{given}",
    )


def _subject(subject: Subject) -> dict[str, Any]:
    if subject.kind == "configuration":
        return {"kind": "configuration"}
    return {
        "kind": "runbook",
        "runbook": subject.runbook,
        "environment": subject.environment,
        "parameters": dict(subject.parameters),
    }


def _reason(text: str) -> str:
    reason = text.strip()
    if not reason:
        raise UsageError("a change has a reason", remedy='--reason "why it is done, in a sentence"')
    if (character := forbidden_character(reason)) is not None:
        raise UsageError(
            f"the reason holds {'a line break' if character == 'U+000A' else f'the character {character}'}, which "
            "could make it look other than it is",
            remedy="write it in one line of plain text",
        )
    if len(reason) > _LONGEST_REASON:
        raise UsageError(f"the reason has {len(reason):,} characters; {_LONGEST_REASON:,} are the most")
    return reason


def _require_runbook(subject: Subject, repo: Repository, head: str) -> None:
    """Tell a runbook that is not committed from one that does not exist."""
    if subject.kind != "runbook":
        return
    path = f"runbooks/{subject.runbook}.yaml"
    there = repo.files(head, "runbooks/")
    if path in there:
        return
    if subject.runbook in runbook_files(repo.root):
        raise Refused(
            f"the runbook {subject.runbook} is not committed, and a change is planned from a commit",
            remedy=f"git add {path} && git commit",
        )
    known = [PurePosixPath(each).stem for each in sorted(there) if each.count("/") == 1 and each.endswith(".yaml")]
    raise UsageError(
        f"there is no runbook '{visible(subject.runbook, limit=80)}'", remedy=nearest(subject.runbook, known)
    )
