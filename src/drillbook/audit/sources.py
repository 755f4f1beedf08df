"""What the log of changes is made from, as far as it can be had here: trust, changes, journals, the remote's ledger."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.audit.log import Mark, Proof, Unreadable
from drillbook.change.records.record import FOLDER, read_changes
from drillbook.change.trust.base import trusted_base
from drillbook.errors import InvalidInput, MissingPrerequisite, Refused, RemoteUnreachable
from drillbook.journal.verify import Standing, Verified, verify_run
from drillbook.ledger.entries import Ledger, entries, fetched
from drillbook.ledger.remote import LEDGER, Remote
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from drillbook.change.records.model import ChangeRecord
    from drillbook.change.trust.base import Base
    from drillbook.clock import Clock

_REMOTE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Sources:
    """Everything that was found. ``base`` and ``ledger`` None: not to be had, as ``said`` tells.

    ``ledger_is_fresh``: it was asked for now, and not only read as it was fetched last.
    """

    base: Base | None
    records: tuple[ChangeRecord, ...]
    runs: dict[str, Verified]
    ledger: Ledger | None
    ledger_is_fresh: bool
    unreadable: tuple[Unreadable, ...]
    said: tuple[Proof, ...]


def base_or_why_not(root: Path, clock: Clock) -> tuple[Base | None, str]:
    """Give the trusted base, or None and the reason: then nothing signed can be verified here."""
    try:
        return trusted_base(root, clock), ""
    except (Refused, MissingPrerequisite) as error:
        return None, error.message
    except InvalidInput as error:
        return None, f"the trusted base's CMDB is invalid under this engine: {error.findings[0]}"


def read_sources(root: Path, *, clock: Clock, offline: bool) -> Sources:
    """Read all there is of the estate at ``root``; ``offline``: do not ask the remote.

    Raises nothing for a source that is missing or broken: that is said in ``said`` and ``unreadable``.
    """
    base, why = base_or_why_not(root, clock)
    said = [_trusted(base) if base is not None else _not_trusted(why)]
    unreadable: list[Unreadable] = []
    records: tuple[ChangeRecord, ...] = ()
    try:
        changes = read_changes(root)
    except InvalidInput as error:
        unreadable.append(Unreadable(FOLDER, "; ".join(map(str, error.findings))))
    else:
        records = changes.records
        unreadable += [Unreadable(each.name, "; ".join(map(str, each.error.findings))) for each in changes.broken]
    ledger, about = _ledger(root, base, offline=offline)
    if about is not None:
        said.append(about)
    if ledger is not None:
        unreadable += [Unreadable(LEDGER, flaw) for flaw in ledger.flaws]
    fresh = about is not None and about.mark is Mark.PROVED
    return Sources(base, records, _runs(root, records, base), ledger, fresh, tuple(unreadable), tuple(said))


def _trusted(base: Base) -> Proof:
    at = f"{base.committed_at:%Y-%m-%d}"
    return Proof(
        Mark.PROVED,
        Text(
            f"Signatures are verified with the keys of the trusted base, commit {base.commit[:12]} of {at}.",
            f"签名以可信基线（{at} 的提交 {base.commit[:12]}）中的密钥验证。",
        ),
    )


def _not_trusted(why: str) -> Proof:
    return Proof(
        Mark.UNPROVED,
        Text(
            f"No signature could be verified here: {why}. What is told is what the files say of themselves.",
            f"此处无法验证任何签名：{why}。以下仅为文件自述。",
        ),
    )


def _ledger(root: Path, base: Base | None, *, offline: bool) -> tuple[Ledger | None, Proof | None]:
    if base is None:
        return None, None
    if not base.remote:
        return None, Proof(
            Mark.UNPROVED,
            Text(
                "No git remote is pinned: runs that were left out here cannot be noticed.",
                "未固定远程仓库：若有运行记录被隐去，此处无法察觉。",
            ),
        )
    why = "it was not asked"
    try:
        remote = Remote(root, base.remote, seconds=_REMOTE_SECONDS)
        if not offline:
            ledger = entries(remote, seen=base.ledger)
            return ledger, Proof(
                Mark.PROVED,
                Text(
                    f"The ledger in the git remote was read: {len(ledger.entries)} entries.",
                    f"已读取远程仓库中的总账，共 {len(ledger.entries)} 条。",
                ),
            )
    except (RemoteUnreachable, Refused) as error:
        why = error.message
    try:
        ledger = fetched(Remote(root, base.remote), seen=base.ledger)
    except Refused as error:
        return None, Proof(Mark.UNPROVED, Text(f"No ledger: {error.message}.", f"无总账：{error.message}。"))
    return ledger, Proof(
        Mark.UNPROVED,
        Text(
            f"The ledger is as this clone fetched it last ({len(ledger.entries)} entries), not as it is now: {why}.",
            f"总账为此克隆最近一次取得的内容（{len(ledger.entries)} 条），并非最新：{why}。",
        ),
    )


def _runs(root: Path, records: tuple[ChangeRecord, ...], base: Base | None) -> dict[str, Verified]:
    """Give each run once: of two copies the one that proves more."""
    found: dict[str, Verified] = {}
    for folder in _folders(root, records):
        run = verify_run(
            folder,
            keys=base.signers if base is not None else None,
            repository=base.repository if base is not None else "",
        )
        known = found.get(run.run)
        if known is None or (known.standing is not Standing.SIGNED and run.standing is not Standing.BROKEN):
            found[run.run] = run
    return found


def _folders(root: Path, records: tuple[ChangeRecord, ...]) -> Iterator[Path]:
    here = root / ".drillbook" / "runs"
    if here.is_dir() and os.access(here, os.R_OK | os.X_OK):
        yield from sorted(each for each in here.iterdir() if (each / "journal.jsonl").exists())
    for record in records:
        yield from (record.folder / "runs" / each.run for each in record.runs)
