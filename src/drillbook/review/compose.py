"""Makes a review: both sides are exported as data into a temporary folder, read, and compared.

What is compared is the commit at which head branched off with head: what merging brings. When the base has moved on
since, that is told, with the files that changed on both sides.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from drillbook.change.trust.owners import COMMAND, owner_files
from drillbook.cmdb.model import SECTIONS
from drillbook.errors import DrillbookError, Refused
from drillbook.repo.tree import export
from drillbook.review.drills import compare_drills, with_evidence
from drillbook.review.entries import compare
from drillbook.review.guarded import Forbidden, forbidden_files, powers
from drillbook.review.inventories import compare_inventories
from drillbook.review.model import Review
from drillbook.review.procedures import FOLDERS, compare_procedures
from drillbook.review.proposals import Ground, Proposals, proposals
from drillbook.review.range import Range
from drillbook.review.services import affected
from drillbook.review.sides import read_side
from drillbook.review.single_failures import single_failures

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from drillbook.errors import Finding
    from drillbook.repo.git import Blob, Changed, Repository
    from drillbook.review.authority import Authority
    from drillbook.review.drills import DrillChange
    from drillbook.review.sides import Side

_YAML = (".yaml", ".yml")
_RECORDS = "drills/records/"
_RECORDS_LOOKED_AT = 5  # of a drill, the newest: one that counts is among them
_STALE = frozenset({"inventory-stale"})
_LINE = re.compile(r":\d+")


def find_range(repo: Repository, base: str, head: str, *, trusted: bool = False) -> Range:
    """Give what is to be compared; ``trusted``: the base is this machine's trusted one, nobody named it.

    Raises UsageError for a name of no commit, Refused without common history and for a shallow clone.
    """
    repo.require_whole()
    new, old = repo.resolve(head), repo.resolve(base)
    done = repo.try_git("merge-base", old, new)
    if done.code != 0:
        raise Refused(
            f"{base[:80]} and {head[:80]} have no commit in common, so that nothing can be said to have changed",
            remedy="review a branch that was made from the base: git switch -c NAME BASE",
        )
    fork = done.out.decode("ascii").split()[0]
    both: tuple[str, ...] = ()
    count = 0
    if fork != old:
        count = int(repo.git("rev-list", "--count", f"^{fork}", old))
        theirs = {each.path for each in repo.changed(fork, old, renames=False)}
        both = tuple(sorted(theirs & {each.path for each in repo.changed(fork, new, renames=False)}))
    return Range(old, new, fork, "" if trusted else base, head, count, both)


def make_review(repo: Repository, what: Range, authority: Authority) -> Review:
    """Read both sides and compare them.

    Raises Refused when the base's own files cannot be read; whatever is wrong with head is in the review.
    """
    changed = repo.changed(what.old, what.head)
    plain = repo.changed(what.old, what.head, renames=False)
    files = {"old": repo.files(what.old), "new": repo.files(what.head)}
    content = _content(repo, changed, plain, files)
    forbidden = forbidden_files(plain, files["new"], content)
    with tempfile.TemporaryDirectory(prefix="drillbook-review-") as scratch:
        folder = Path(scratch)
        if what.old == authority.base.commit:  # it was exported and read when authority was looked for
            base = read_side(authority.base.folder, what.old, known=authority.cmdb_if_valid)
        else:
            base = _side(repo, what.old, folder / "base", files["old"])
        try:
            head = _side(repo, what.head, folder / "head", files["new"])
        except Refused as error:
            forbidden.append(Forbidden("unreadable", "", what=error.message))
            return Review(
                range=what, valid=True, cmdb=None, inventories=(), services=(), procedures=(), drills=(), new=(),
                kept=(), mended=(), forbidden=tuple(forbidden), powers=tuple(powers(None, plain)),
                proposals=Proposals(), pinned=authority.pinned, looked_past=_looked_past(plain, set()),
            )  # fmt: skip
        read = _Read(repo, what, base, head, changed, plain, files, content)
        return _compared(read, forbidden, authority, folder / "records")


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read. ``changed``: with renames; ``plain``: one that was renamed as one gone and one added."""

    repo: Repository
    what: Range
    base: Side
    head: Side
    changed: Sequence[Changed]
    plain: Sequence[Changed]
    files: Mapping[str, Mapping[str, Blob]]
    content: Mapping[tuple[str, str], bytes]


def _compared(read: _Read, forbidden: Iterable[Forbidden], authority: Authority, records: Path) -> Review:
    base, head, files = read.base, read.head, read.files
    unchanged = frozenset(path for path, blob in files["old"].items() if files["new"].get(path) == blob)
    cmdb = compare(base.cmdb, head.cmdb, unchanged=unchanged)
    new, mended = _findings(base, head)
    stale = [Forbidden("stale", each.file, 0, each.message) for each in new if each.rule in _STALE]
    if head.valid:
        stale += _stale_owners(read)
    both = base.valid and head.valid
    drills: list[DrillChange] = []
    brought, spared = single_failures(base.cmdb, head.cmdb, cmdb, today=authority.at.date()) if both else ((), ())
    if both:
        drills = compare_drills(base, head)
        _export_records(read.repo, read.what.head, files["new"], [each.name for each in drills], records)
        if drills:  # what reads records costs a tenth of a second
            drills = with_evidence(drills, head, records)
    return Review(
        range=read.what,
        valid=not any(each.rule not in _STALE for each in head.findings),
        cmdb=cmdb,
        inventories=tuple(compare_inventories(base.cmdb, head.cmdb)) if both else (),
        services=tuple(affected(base.cmdb, head.cmdb, cmdb, valid=head.valid)) if base.valid else (),
        procedures=tuple(compare_procedures(base, head, read.changed, read.content)),
        drills=tuple(drills),
        new=tuple(each for each in new if each.rule not in _STALE),
        kept=tuple(sorted({*head.findings} - {*new})),
        mended=mended,
        forbidden=(*forbidden, *stale),
        powers=tuple(powers(cmdb, read.changed)),
        proposals=proposals(read.plain, Ground(read.repo, read.what, files["new"], head, authority)),
        pinned=authority.pinned,
        looked_past=_looked_past(
            read.changed,
            {entry.file for side in (base, head) for name in SECTIONS for entry in side.cmdb.section(name)},
        ),
        alone=brought,
        not_alone=spared,
    )


def _stale_owners(read: _Read) -> list[Forbidden]:
    """Give the files of owners and signers that the base had as they must be, and head has not."""
    try:
        wanted = {side: owner_files(each.cmdb) for side, each in (("old", read.base), ("new", read.head))}
    except DrillbookError:
        return []  # an estate that names nobody for the forge has no such files, or a finding says so
    found = []
    for path in wanted["new"]:
        right = {}
        for side in ("old", "new"):
            blob = read.files[side].get(path)
            right[side] = blob is not None and read.repo.read_blobs([blob.oid])[blob.oid] == wanted[side][path]
        if right["old"] and not right["new"]:
            found.append(Forbidden("stale", path, 0, f"is not what the CMDB gives; run {COMMAND}"))
    return found


def _side(repo: Repository, commit: str, into: Path, files: Mapping[str, Blob]) -> Side:
    export(repo, commit, into, *_wanted(files))
    return read_side(into, commit)


def _wanted(files: Iterable[str]) -> list[str]:
    """Give what the CMDB, runbooks and drills can be made of: folders at the top that hold YAML, and playbooks/."""
    found: dict[str, None] = {}
    for path in files:
        top, below, _ = path.partition("/")
        if path.startswith("drills/"):
            if path.count("/") == 1:
                found[path] = None
        elif top != "changes" and (path.endswith(_YAML) or top == "playbooks"):
            found[f"{top}/" if below else path] = None
    return list(found)


def _content(
    repo: Repository, changed: Iterable[Changed], plain: Iterable[Changed], files: Mapping[str, Mapping[str, Blob]]
) -> dict[tuple[str, str], bytes]:
    """Give the bytes of the changed files on both sides; of a submodule there are none."""
    wanted = {
        **{("new", each.path): files["new"].get(each.path) for each in plain},
        **{("old", each.old_path): files["old"].get(each.old_path) for each in changed
           if each.old_path.startswith(FOLDERS) and not each.old_path.startswith(_RECORDS)},
    }  # fmt: skip
    blobs = {key: blob.oid for key, blob in wanted.items() if blob is not None and blob.mode != "160000"}
    data = repo.read_blobs(set(blobs.values()))
    return {key: data[oid] for key, oid in blobs.items()}


def _findings(base: Side, head: Side) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Give the findings that only one side has; where something stands makes no difference."""

    def key(finding: Finding) -> tuple[str, str]:
        return finding.rule, _LINE.sub("", finding.message)

    before, after = (Counter(map(key, side.findings)) for side in (base, head))
    new = [each for each in head.findings if after[key(each)] > before[key(each)]]
    mended = [each for each in base.findings if before[key(each)] > after[key(each)]]
    return tuple(sorted(new)), tuple(sorted(mended))


def _export_records(repo: Repository, commit: str, files: Iterable[str], drills: Iterable[str], into: Path) -> None:
    """Write the newest records of some drills, to be held against their digests."""
    folders = sorted({path.removeprefix(_RECORDS).split("/")[0] for path in files if path.startswith(_RECORDS)})
    wanted = []
    for drill in drills:
        of_drill = [each for each in folders if re.fullmatch(rf"\d{{8}}T\d{{6}}Z-{re.escape(drill)}(-\d+)?", each)]
        wanted += [f"{_RECORDS}{each}/" for each in of_drill[-_RECORDS_LOOKED_AT:]]
    into.mkdir()
    if wanted:
        export(repo, commit, into, *wanted)


def _looked_past(changed: Iterable[Changed], cmdb_files: set[str]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for each in changed:
        told = (*FOLDERS, "changes/", "inventories/")
        if each.path not in cmdb_files and each.path != "cmdb.yaml" and not each.path.startswith(told):
            top, below, _ = each.path.partition("/")
            found[f"{top}/" if below else top] += 1
    return dict(sorted(found.items()))
