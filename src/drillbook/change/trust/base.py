"""The trusted base: the commit from which all authority comes, pinned outside the work tree.

Keys, roles, tiers, freezes, pre-approvals and which host belongs to which environment are read from here and from
nowhere else: not from the work tree, not from a branch, not from a ref of this clone, which anybody can move.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from drillbook.change.trust.engine import engine_digest
from drillbook.change.trust.pin import Pin, Place, locked, place_of, read_pin, remember
from drillbook.cmdb.load import load
from drillbook.errors import MissingPrerequisite, Refused
from drillbook.repo.git import Repository
from drillbook.repo.tree import STATE, export, folder_digest, tree_digest
from drillbook.signing.keys import Signers
from drillbook.text import visible

if TYPE_CHECKING:
    from datetime import datetime

    from drillbook.clock import Clock
    from drillbook.cmdb.model import Cmdb
    from drillbook.repo.commit import Commit

# How far two clocks may differ before one is called wrong.
TOLERANCE = timedelta(minutes=5)
_NOTED_EVERY = timedelta(seconds=30)
_KEPT = 86_400.0  # seconds


@dataclass(frozen=True, slots=True)
class Base:
    """A trusted commit and what it says.

    ``repository`` is the id of its first commit, ``digest`` that of its governed tree, ``folder`` the export of it,
    verified; ``remote`` the pinned URL or empty; ``engine`` the engine's digest; ``ledger`` the last commit of the
    remote's ledger that was seen here, or empty; ``place`` where the pin lies.
    """

    repository: str
    commit: str
    digest: str
    folder: Path
    remote: str
    committed_at: datetime
    signers: Signers
    cmdb: Cmdb
    engine: str
    ledger: str
    place: Place


def trusted_base(root: Path, clock: Clock) -> Base:
    """Give the trusted base of the estate at ``root``, and note that it was used now.

    Raises Refused: no pin, a shallow clone, a clone without the pinned commit, objects that were tampered with, a
    clock that was set back. InvalidInput: its CMDB is invalid under this engine. MissingPrerequisite: its export
    cannot be written.
    """
    repo = Repository(root)
    place, pin = pin_of(repo)
    now = clock.now()
    if now < pin.seen_at - TOLERANCE:
        raise Refused(
            f"this machine's clock says {now:%Y-%m-%d %H:%M} UTC, and the trusted base was used at "
            f"{pin.seen_at:%Y-%m-%d %H:%M} UTC already: it was set back, or it was ahead then",
            remedy="set it right: timedatectl; if it was ahead then, pin anew: ./inv trust.pin COMMIT",
        )
    commit = pinned_commit(repo, pin)
    require_past(commit, now)
    folder = exported(repo, place, pin)
    point_to(place, folder)
    if now > pin.seen_at + _NOTED_EVERY:
        remember(place, now)
    return base_of(pin, place, folder, commit)


def pin_of(repo: Repository) -> tuple[Place, Pin]:
    """Give the pin of a repository, and where it lies. Raises Refused when there is none."""
    repo.require_whole()
    _require_own_state(repo)
    repository = repo.repository_id(repo.head())
    place = place_of(repository)
    pin = read_pin(place)
    if pin is None:
        raise Refused(
            "nothing is trusted here yet: no commit of this repository is pinned",
            remedy="with a second person compare the commit's id, then: ./inv trust.pin COMMIT (docs/trust.md)",
        )
    if pin.repository != repository:
        raise Refused(f"{place.file} is the pin of another repository", remedy="./inv trust.pin COMMIT")
    return place, pin


def _require_own_state(repo: Repository) -> None:
    """Refuse a checkout in which git brought files of ``.drillbook``: journals, say, of runs that never were."""
    found = repo.tracked(f"{STATE}/")
    if found:
        raise Refused(
            f"a commit brought {visible(found[0], limit=100)} into this checkout, and {STATE}/ is this machine's own: "
            "nothing in it can be believed",
            remedy=f"ask who committed it (git log -- {STATE}); check out a commit without it",
        )


def pinned_commit(repo: Repository, pin: Pin) -> Commit:
    """Give the pinned commit as this clone has it. Raises Refused when it has not, or of another repository."""
    try:
        commit = repo.commit(pin.commit)
    except Refused as error:
        raise Refused(
            f"this clone does not have the pinned commit {pin.commit[:12]} whole ({error.message})",
            remedy="git fetch; if that does not bring it, make a new clone",
        ) from None
    if repo.repository_id(pin.commit) != pin.repository:
        raise Refused(f"the pinned commit {pin.commit[:12]} belongs to another repository")
    return commit


def require_past(commit: Commit, now: datetime) -> None:
    """Raise Refused when a commit is later than this machine's clock: that was set back, or the commit is forged."""
    if now < commit.time - TOLERANCE:
        raise Refused(
            f"this machine's clock says {now:%Y-%m-%d %H:%M} UTC, and commit {commit.id[:12]} is of "
            f"{commit.time:%Y-%m-%d %H:%M} UTC: the clock was set back, or the commit's is wrong",
            remedy="set this machine's clock right: timedatectl",
        )


def base_of(pin: Pin, place: Place, folder: Path, commit: Commit) -> Base:
    """Read what a commit says from its verified export. Raises InvalidInput when its CMDB is invalid, Refused: keys."""
    cmdb = load(folder)
    return Base(
        repository=pin.repository,
        commit=pin.commit,
        digest=pin.digest,
        folder=folder,
        remote=pin.remote,
        committed_at=commit.time,
        signers=Signers.of({person.id: person.get("signing_keys", ()) for person in cmdb.people}),
        cmdb=cmdb,
        engine=engine_digest(folder),
        ledger=pin.ledger,
        place=place,
    )


def exported(repo: Repository, place: Place, pin: Pin) -> Path:
    """Give the folder with a commit's verified files; it is made when it is missing, and anew when it was changed.

    Each tree has a folder of its own, so that a run goes on with its files when the base moves meanwhile; ``base``
    beside them is a link to the pinned one, for people.
    """
    folder = place.folder / "bases" / pin.digest.removeprefix("sha256:")
    if not _is(folder, pin.digest):
        with locked(place):
            if not _is(folder, pin.digest):
                _make(repo, pin, folder)
    return folder


def point_to(place: Place, folder: Path) -> None:
    """Let the link ``base`` lead to an export, and take exports away that nobody has used for a day."""
    link, fresh = place.folder / "base", place.folder / f".base.{os.getpid()}.new"
    target = Path("bases", folder.name)
    try:
        if not link.is_symlink() or link.readlink() != target:
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(target)
            fresh.replace(link)
            for other in folder.parent.iterdir():
                if other != folder and time.time() - other.stat().st_mtime > _KEPT:
                    shutil.rmtree(other)
    except OSError as error:
        raise MissingPrerequisite(f"{link} cannot be written: {error.strerror}", remedy=f"ls -l {link}") from None


def _make(repo: Repository, pin: Pin, folder: Path) -> None:
    fresh = folder.with_name(f".{os.getpid()}.new")
    try:
        _remove(fresh)
        if tree_digest(repo, pin.commit) != pin.digest:
            raise Refused(
                f"the files of commit {pin.commit[:12]} are not what was pinned: this clone is damaged, or forged",
                remedy="make a new clone",
            )
        export(repo, pin.commit, fresh, governed=True)
        if not _is(fresh, pin.digest):
            raise Refused(f"the files in {fresh} are not what was written there", remedy="check the disk and try again")
        _remove(folder)
        fresh.rename(folder)
    except OSError as error:
        raise MissingPrerequisite(f"{folder} cannot be written: {error.strerror}", remedy=f"ls -ld {folder}") from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _remove(folder: Path) -> None:
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def _is(folder: Path, digest: str) -> bool:
    try:
        return not folder.is_symlink() and folder.is_dir() and folder_digest(folder) == digest
    except OSError:
        return False
