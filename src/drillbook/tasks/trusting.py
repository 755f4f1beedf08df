"""Puts together what the gate asks before a run of a change: the trusted base, who is here, the ledger, the lab."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from drillbook.change.gate.conditions import Around
from drillbook.change.gate.emergency import debt_lines, known_emergencies
from drillbook.change.records.owing import emergency_records
from drillbook.change.trust.advance import advance
from drillbook.change.trust.base import Base, trusted_base
from drillbook.change.trust.fetch import fetch_main
from drillbook.change.trust.pin import remember
from drillbook.clock import SystemClock
from drillbook.cmdb.addressing import hosts_of
from drillbook.console.output import console
from drillbook.errors import InvalidInput, MissingPrerequisite, Refused, RemoteUnreachable
from drillbook.execution.announce import Announcer
from drillbook.hosts.access import Access, access_by_record
from drillbook.ledger.entries import Ledger, entries, fetched
from drillbook.ledger.remote import Remote
from drillbook.repo.git import Repository
from drillbook.signing.sign import Signer, find_signer
from drillbook.tasks.common import state_folder
from drillbook.tasks.pinned import base_if_pinned
from drillbook.tasks.wiring import make_surroundings
from drillbook.zone import local_zone

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from drillbook.change.gate.emergency import Emergency
    from drillbook.change.gate.gate import LabHost, Permission
    from drillbook.cmdb.model import Cmdb
    from drillbook.execution.launch import Surroundings
    from drillbook.journal.record import Record

_EMERGENCY_SECONDS = 10.0  # for the remote in break-glass, beside the run


@dataclass(frozen=True, slots=True)
class Trusted:
    """What a command knows before it asks the gate.

    ``remote`` None: none is pinned. ``ledger``: as it was fetched, or as it was when it was fetched last.
    """

    root: Path
    base: Base
    signer: Signer
    remote: Remote | None
    ledger: Ledger
    known: tuple[Emergency, ...]

    def around(self) -> Around:
        """Give what the gate asks, as of now."""
        return Around(
            base=self.base, at=SystemClock().now(), zone=local_zone(), known=self.known, lab=_lab_hosts(self.base.cmdb)
        )


def follow(root: Path) -> None:
    """Move the trusted base along what the remote has and was approved; say what was not, and go on from there.

    Raises RemoteUnreachable and Refused as ``fetch_main`` and ``trusted_base``.
    """
    base = trusted_base(root, SystemClock())
    if not base.remote:
        return
    candidate = fetch_main(Repository(root), base.remote)
    try:
        advance(root, candidate, SystemClock())
    except Refused as error:
        console.print(f"  ! the trusted base goes no further: {error.message}", style="yellow", markup=False)


def look(root: Path, *, key: str, online: bool) -> Trusted:
    """Find out who is here, and what is known of changes.

    Args:
        root: the estate.
        key: the file of a key, or "".
        online: ask the remote. Raises RemoteUnreachable, and Refused when none is pinned: only break-glass works
            without it. Else what was fetched last is taken, and nothing waits for the network.

    Raises Refused and MissingPrerequisite as ``trusted_base`` and ``find_signer``.
    """
    base = trusted_base(root, SystemClock())
    signer = find_signer(base.signers, root=root, key=Path(key) if key else None)
    require_counting(base, signer)
    remote = Remote(root, base.remote) if base.remote or online else None
    if remote is None:
        ledger = Ledger("", (), ())
    elif online:
        ledger = entries(remote, seen=base.ledger)
        if ledger.flaws:
            raise Refused(
                f"the ledger in the remote is not as it must be: {'; '.join(ledger.flaws[:3])}",
                remedy="./inv journal.verify shows all of it; ask who may push to the remote",
            )
    else:
        ledger = fetched(remote, seen="")
    return Trusted(root, base, signer, remote, ledger, emergencies_of(root, base, ledger))


def require_counting(base: Base, signer: Signer) -> None:
    """Raises Refused when a key does not count now."""
    found = base.signers.find(signer.public_key)
    why = found.why_not(SystemClock().now()) if found is not None else "is not known to the trusted base"
    if why is not None:
        raise Refused(
            f"the key of {signer.person} {why}, so nothing is run with it",
            remedy="sign with a key that counts: --key FILE; a new one comes by a change: ./inv trust.enrol",
        )


def emergencies_of(root: Path, base: Base, ledger: Ledger) -> tuple[Emergency, ...]:
    """Give the emergencies that the work tree, the base and the ledger know."""
    records = emergency_records(root, Repository(root), base.commit)
    return known_emergencies(records, ledger.entries, base, at=SystemClock().now())


def _lab_hosts(cmdb: Cmdb) -> Mapping[str, LabHost]:
    """Give the hosts of this machine's lab; none when no environment is its, or it is not up."""
    from drillbook.lab.access import made_hosts

    if all(each.get("kind") != "lab" for each in cmdb.environments):
        return {}
    try:
        return made_hosts()
    except MissingPrerequisite:
        return {}


def access_for(trusted: Trusted, environment: str, permission: Permission) -> Access:
    """Give the access to the hosts of an environment: the lab's keys for the lab's hosts, else the base's on record."""
    from drillbook.lab.access import lab_access

    cmdb = trusted.base.cmdb
    if cmdb.environments[hosts_of(cmdb, environment)].get("kind") == "lab":
        return lab_access(permission)
    return access_by_record(cmdb, environment, permission, folder=state_folder(trusted.root))


def surroundings_of_change(
    trusted: Trusted,
    permission: Permission,
    environment: str,
    *,
    sealed_from: Path,
    listener: Callable[[Record], None],
    stopping: Callable[[], bool],
    language: str,
) -> Surroundings:
    """Give what a run of a change needs.

    ``sealed_from``: the base's export; in break-glass the work tree.
    """
    emergency = permission.change_type == "emergency"
    announcer = None
    if trusted.remote is not None:
        announcer = Announcer(
            root=trusted.root,
            remote=Remote(trusted.root, trusted.base.remote, seconds=_EMERGENCY_SECONDS)
            if emergency
            else trusted.remote,
            signer=trusted.signer,
            claim=not emergency,
            needed=not emergency,
            seen=trusted.ledger.tip or trusted.base.ledger,
            saw=partial(saw, trusted.base),
        )
    made = make_surroundings(
        trusted.root,
        access_for(trusted, environment, permission),
        listener=listener,
        stopping=stopping,
        language=language,
    )
    return replace(made, root=sealed_from, signer=trusted.signer, announcer=announcer)


def saw(base: Base, tip: str) -> None:
    """Remember how far the ledger was seen."""
    remember(base.place, SystemClock().now(), ledger=tip)


def say_owed(root: Path) -> None:
    """Print what is owed, when something is."""
    for line in owed_lines(root):
        console.print(f"  ! {line}", style="bold yellow")


def owed_lines(root: Path) -> list[str]:
    """Give a line for each emergency that is owed its review, without asking anybody; none where nothing is pinned."""
    try:
        base = base_if_pinned(root)
        if base is None:
            return []
        ledger = fetched(Remote(root, base.remote), seen="") if base.remote else Ledger("", (), ())
        known = emergencies_of(root, base, ledger)
    except (Refused, RemoteUnreachable, InvalidInput, MissingPrerequisite):
        return []  # what is wrong there is said by the commands that need it
    return debt_lines(known, base.cmdb, at=SystemClock().now())
