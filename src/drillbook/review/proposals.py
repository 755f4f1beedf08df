"""The changes (CHG) that a pull request brings or touches: who may approve them, who has, and whether the plan holds.

Whose word counts is read from the trusted base alone. A change that the pull request itself gives the right to
approve is not approved by that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from drillbook.artifacts.seal import listing
from drillbook.change.records.reading import read_bound
from drillbook.change.records.record import FOLDER, PLAN, record_from_files
from drillbook.change.records.render import is_rendering
from drillbook.change.records.window import day_of, freezes_of, frozen, on_duty
from drillbook.change.trust.approval import valid_approvals
from drillbook.change.trust.authority import Missing, missing_approvals
from drillbook.change.trust.bound import bind_configuration, bind_runbook, difference
from drillbook.change.trust.case import case_of, case_of_paths
from drillbook.change.trust.rules import standard_change
from drillbook.drill.model import RunbookCall
from drillbook.errors import DrillbookError, InvalidInput
from drillbook.repo.tree import content_digests, is_free, tree_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from drillbook.change.records.difference import Line
    from drillbook.change.records.model import ChangeRecord
    from drillbook.change.records.window import Freeze
    from drillbook.change.trust.approval import Approved
    from drillbook.cmdb.model import Cmdb
    from drillbook.errors import Finding
    from drillbook.repo.git import Blob, Changed, Repository
    from drillbook.review.authority import Authority
    from drillbook.review.range import Range
    from drillbook.review.sides import Side

_DAYS = 62  # of a window that are looked at for a freeze


@dataclass(frozen=True, slots=True)
class Proposal:
    """One change as head has it.

    ``record`` None: its files are wrong, as ``findings`` say. ``refusal``: why nobody can approve it, empty when
    somebody can. ``by`` have approved; ``refused``: whose approval does not count, and why. ``drift``: what differs
    between plan.json and the plan that head gives now; ``trouble``: why head gives none. ``replanned``: what differs
    between the plan in the base and this one. ``forged``: plan.md is not what plan.json says.
    """

    id: str
    record: ChangeRecord | None = None
    findings: tuple[Finding, ...] = ()
    refusal: str = ""
    by: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[Missing, ...] = ()
    drift: tuple[Line, ...] = ()
    trouble: str = ""
    replanned: tuple[Line, ...] = ()
    forged: bool = False
    freeze: Freeze | None = None
    duty: tuple[str, ...] = ()

    @property
    def closed(self) -> bool:
        """Whether it is over."""
        return self.record is not None and self.record.result is not None

    @property
    def ready(self) -> bool:
        """Whether nothing is wrong with it or missing; what is closed wants nothing any more."""
        if self.record is None:
            return False
        wrong = self.refusal or self.missing or self.drift or self.trouble or self.forged or self.freeze
        return self.closed or (not wrong and self.record.bound is not None)


@dataclass(frozen=True, slots=True)
class Proposals:
    """All changes of a pull request.

    ``uncovered``: governed files that change and that no change of the configuration covers (number); ``missing``:
    the approvals that such a change would need.
    """

    each: tuple[Proposal, ...] = ()
    uncovered: int = 0
    missing: tuple[Missing, ...] = ()

    @property
    def wanting(self) -> int:
        """How many changes are not ready; one that does not exist counts."""
        return sum(not each.ready for each in self.each) + bool(self.uncovered)


@dataclass(frozen=True, slots=True)
class Ground:
    """What changes are looked at on: what is compared, the files of head, the side after, and whose word counts."""

    repo: Repository
    what: Range
    files: Mapping[str, Blob]
    head: Side
    authority: Authority


def proposals(changed: Iterable[Changed], ground: Ground) -> Proposals:
    """Look at every change of which a file differs; ``changed``: a renamed file as one gone and one added."""
    plain = list(changed)
    ids = dict.fromkeys(
        parts[1]
        for each in plain
        if (parts := each.path.split("/"))[0] == FOLDER and len(parts) > 2  # noqa: PLR2004
    )
    files, authority = ground.files, ground.authority
    found = tuple(_proposal(id_, ground) for id_ in ids if _has(id_, files))
    governed = {each.path: files.get(each.path) for each in plain if not is_free(each.path)}
    if not governed or any(_covers(each, governed, ground.repo) for each in found):
        return Proposals(found)
    try:
        cmdb = authority.base.cmdb
        missing = missing_approvals(case_of_paths(sorted(governed), cmdb, "normal", _cmdb_of(ground)), (), cmdb)
    except DrillbookError:
        missing = []
    return Proposals(found, len(governed), tuple(missing))


def _cmdb_of(ground: Ground) -> Cmdb | None:
    """Give the CMDB that head brings; None when it is a draft, and then nobody knows what it touches."""
    return ground.head.cmdb if ground.head.valid else None


def _moves_to_head(record: ChangeRecord, ground: Ground) -> bool:
    move = record.bound.configuration if record.bound is not None else None
    return move is not None and tree_digest(ground.repo, ground.what.head) == move.new


def _has(id_: str, files: Mapping[str, Blob]) -> bool:
    return any(path.startswith(f"{FOLDER}/{id_}/") for path in files)


def _covers(proposal: Proposal, governed: Mapping[str, Blob | None], repo: Repository) -> bool:
    """Tell whether a change of the configuration is about exactly these files, with these contents."""
    bound = proposal.record.bound if proposal.record is not None else None
    if bound is None or bound.configuration is None:
        return False
    digests = content_digests(repo, [blob.oid for blob in governed.values() if blob is not None])
    wanted = {path: "" if blob is None else f"sha256:{digests[blob.oid]}" for path, blob in governed.items()}
    return wanted == {each.path: each.digest for each in bound.configuration.paths}


def _proposal(id_: str, ground: Ground) -> Proposal:
    repo, files, authority = ground.repo, ground.files, ground.authority
    prefix = f"{FOLDER}/{id_}/"
    blobs = {path.removeprefix(prefix): blob for path, blob in files.items() if path.startswith(prefix)}
    try:
        content = repo.read_blobs(blob.oid for blob in blobs.values())
        record = record_from_files({path: content[blob.oid] for path, blob in blobs.items()}, folder=Path(prefix))
    except InvalidInput as error:
        return Proposal(id_, findings=error.findings)
    except DrillbookError as error:
        return Proposal(id_, refusal=error.message)
    cmdb = authority.base.cmdb
    by: tuple[str, ...] = ()
    refused: Mapping[str, str] = {}
    missing: Sequence[Missing] = ()
    refusal = ""
    kind: Literal["review", "approval"] = "review" if record.request.type == "emergency" else "approval"
    try:
        approved: Approved = valid_approvals(record, authority.base, at=authority.at, what=kind)
        by, refused = tuple(approved.by), approved.refused
        if record.request.type == "standard":
            subject = record.request.subject
            standard_change(
                cmdb, runbook=subject.runbook, environment=subject.environment, parameters=subject.parameters
            )
        elif record.bound is not None:
            case = case_of(record, cmdb, proposed=_cmdb_of(ground) if _moves_to_head(record, ground) else None)
            missing = missing_approvals(case, by, cmdb, besides=(record.request.requested_by,))
    except DrillbookError as error:
        refusal = error.message
    drift, trouble = _drift(record, ground)
    freeze, duty = _when(record, authority)
    bound = record.bound
    return Proposal(
        id=id_,
        record=record,
        refusal=refusal,
        by=by,
        refused=refused,
        missing=tuple(missing),
        drift=drift,
        trouble=trouble,
        replanned=_replanned(record, repo, ground.what),
        forged=bound is not None and not is_rendering(record.plan_md, record.request, bound),
        freeze=freeze,
        duty=duty,
    )


def _drift(record: ChangeRecord, ground: Ground) -> tuple[tuple[Line, ...], str]:
    """Make the plan again from head, and give what differs from plan.json, or why it cannot be made."""
    bound, request = record.bound, record.request
    if bound is None or record.result is not None or request.type == "emergency":
        return (), ""  # nothing is to be run by it any more, or it ran already
    what, head, base = ground.what, ground.head, ground.authority.base
    subject = request.subject
    start = base.commit if ground.authority.pinned else what.base
    try:
        if subject.kind == "configuration":
            again = bind_configuration(request, ground.repo, start, what.head, base.engine)
        elif not head.valid:
            return (), head.findings[0].message
        else:
            plan = head.plan(RunbookCall(subject.runbook, subject.parameters, 1), subject.environment)
            again = bind_runbook(request, plan, base.engine, listing(head.root))
    except InvalidInput as error:
        return (), error.findings[0].message
    except DrillbookError as error:
        return (), error.message
    return tuple(difference(bound.value, read_bound(again).value)), ""


def _replanned(record: ChangeRecord, repo: Repository, what: Range) -> tuple[Line, ...]:
    """Give what differs between the plan that the base has of this change and the one of head."""
    path = f"{FOLDER}/{record.id}/{PLAN}"
    bound = record.bound
    if bound is None or path not in repo.files(what.old, path):
        return ()
    try:
        return tuple(difference(read_bound(repo.read(what.old, path)).value, bound.value))
    except InvalidInput:
        return ()


def _when(record: ChangeRecord, authority: Authority) -> tuple[Freeze | None, tuple[str, ...]]:
    """Give the freeze that a change's window falls into, and who is on duty when the window begins."""
    request = record.request
    environment = request.subject.environment
    if not environment:
        return None, ()
    cmdb, zone = authority.base.cmdb, authority.zone
    begins = request.window.begins if request.window is not None else authority.at
    ends = request.window.ends if request.window is not None else begins
    first, last = day_of(begins, zone), day_of(ends, zone)
    days = [first + timedelta(days=number) for number in range(min((last - first).days, _DAYS) + 1)]
    freezes = freezes_of(cmdb)
    freeze = next((found for day in days if (found := frozen(freezes, environment, day)) is not None), None)
    return freeze, on_duty(cmdb, at=begins, zone=zone, environment=environment)
