"""What the tasks of changes have in common: the repository, the trusted base, who signs, and which runs are known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from drillbook.change.gate.emergency import Emergency, known_emergencies, owed
from drillbook.change.gate.propose import Draft, claimed_ids, used_ids
from drillbook.change.gate.proposed import proposed_cmdb
from drillbook.change.gate.risk import Risk
from drillbook.change.gate.standing import standing_of
from drillbook.change.records.lifecycle import RunSeen
from drillbook.change.records.model import Subject
from drillbook.change.records.record import change_ids
from drillbook.change.records.when import parse_window
from drillbook.change.records.window import on_duty
from drillbook.change.trust.base import trusted_base
from drillbook.change.trust.rules import emergencies
from drillbook.clock import SystemClock
from drillbook.console.output import errors
from drillbook.errors import DrillbookError, Refused, RemoteUnreachable, UsageError
from drillbook.execution.of_change import runs_of_changes
from drillbook.ledger.entries import LOST, entries, read_ledger
from drillbook.ledger.remote import Remote
from drillbook.repo.git import Repository
from drillbook.signing.sign import find_signer
from drillbook.tasks.wiring import parse_parameters
from drillbook.text import visible
from drillbook.zone import local_zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from drillbook.change.gate.standing import Standing
    from drillbook.change.records.model import ChangeRecord
    from drillbook.change.trust.base import Base
    from drillbook.cmdb.model import Cmdb
    from drillbook.execution.of_change import RunOfChange
    from drillbook.ledger.entries import SignedEntry
    from drillbook.signing.sign import Signer

_SECONDS = 10.0  # for the remote, which only tells ids that others have used
_RISKS = get_args(Risk)


@dataclass(frozen=True, slots=True)
class Here:
    """A checkout with what is trusted in it."""

    root: Path
    repo: Repository
    base: Base


def here(root: Path) -> Here:
    """Give the repository and the trusted base. Raises Refused, as ``Repository`` and ``trusted_base``."""
    return Here(root, Repository(root), trusted_base(root, SystemClock()))


def base_or_none(root: Path) -> Base | None:
    """Give the trusted base, or say why there is none and give None: what is there can be looked at all the same."""
    try:
        return trusted_base(root, SystemClock())
    except DrillbookError as error:
        errors.print(f"! {visible(error.message, limit=400)}" + (f"\n  → {error.remedy}" if error.remedy else ""))
        return None


def signer_of(base: Base, root: Path, key: str) -> Signer:
    """Give who signs: the person of the base whose key can be used here. Errors: ``find_signer``."""
    return find_signer(base.signers, root=root, key=Path(key).expanduser() if key else None)


def draft_of(
    runbook: str,
    parameters: Sequence[str],
    *,
    configuration: bool,
    env: str,
    window: str,
    type_: str,
    risk: str,
    reason: str,
) -> Draft:
    """Give what a person asks for by a command's options. Raises UsageError for what does not go together."""
    if configuration == bool(runbook):
        raise UsageError("say what changes: --runbook RUNBOOK, or --configuration", remedy="./inv --help changes.new")
    if configuration and (env or parameters):
        raise UsageError("a configuration has neither --env nor --param")
    if runbook and not env:
        raise UsageError("say where it runs: --env ENVIRONMENT", remedy="./inv cmdb.list environments")
    if type_ == "emergency":
        raise UsageError(
            "an emergency is not requested: it runs at once, and is reviewed after",
            remedy='./inv runbooks.run RUNBOOK --env ENVIRONMENT --emergency --reason "…"',
        )
    if type_ not in ("normal", "standard"):
        raise UsageError(f"there is no type of change '{visible(type_, limit=40)}'", remedy="normal or standard")
    if runbook and type_ == "normal" and not window:
        raise UsageError(
            "say when it may run: a normal change of a runbook does not run without a window",
            remedy="--window 2026-11-23T20:00/2h",
        )
    chosen = next((each for each in _RISKS if each == risk), None)
    if risk and chosen is None:
        raise UsageError(f"there is no risk '{visible(risk, limit=40)}'", remedy=", ".join(_RISKS))
    subject = Subject("configuration")
    if runbook:
        subject = Subject("runbook", runbook, env, parse_parameters(parameters))
    asked = parse_window(window, zone=local_zone(), now=SystemClock().now()) if window else None
    return Draft("standard" if type_ == "standard" else "normal", subject, reason, asked, chosen)


def require_verdict(verdict: str, reason: str) -> None:
    """Raise UsageError for a verdict that is none, or one without its reason."""
    if verdict not in ("", "accepted", "rejected"):
        raise UsageError(f"there is no verdict '{visible(verdict, limit=40)}'", remedy="accepted or rejected")
    if verdict and not reason.strip():
        raise UsageError("a verdict has a reason", remedy='--reason "…"')
    if reason and not verdict:
        raise UsageError("--reason goes with --verdict: an approval has no words of its own")


def used(at: Here) -> set[str]:
    """Give the ids of changes that are used: in the work tree, HEAD, the base, and the remote when it answers."""
    found = set(change_ids(at.root)) | used_ids(at.repo, at.repo.head(), at.base.commit)
    if at.base.remote:
        try:
            remote = Remote(at.root, at.base.remote, seconds=_SECONDS)
            refs = remote.fetch()
            ledger = read_ledger(remote, refs.get("refs/drillbook/ledger", ""), seen="")
        except RemoteUnreachable as error:
            errors.print(f"! {visible(error.message, limit=300)}: ids that others have used there are not known")
        else:
            found |= claimed_ids(refs) | {each.entry.change for each in ledger.entries}
    return found


@dataclass(frozen=True, slots=True)
class Known:
    """Runs that this machine knows: its own, by change, and the ledger's entries as last fetched.

    ``root``: the checkout; ``head``: the commit there that configurations are held against.
    """

    root: Path
    head: str
    base: Base | None
    runs: Mapping[str, Sequence[RunOfChange]]
    entries: tuple[SignedEntry, ...]

    def standing(self, record: ChangeRecord) -> Standing:
        """Tell how a change stands."""
        runs = {run.run: run.seen for run in self.runs.get(record.id, ())}
        for kept in record.result.runs if record.result is not None else ():
            runs.setdefault(kept.run, RunSeen(kept.run, kept.result))
        for seen in _told(self.entries, record.id):
            runs.setdefault(seen.run, seen)
        ordered = [runs[run] for run in sorted(runs)]
        return standing_of(record, self.base, runs=ordered, now=SystemClock().now(), proposed=self._proposed(record))

    def _proposed(self, record: ChangeRecord) -> Cmdb | None:
        if self.base is None or record.bound is None or record.bound.configuration is None:
            return None
        repo = Repository(self.root)
        return proposed_cmdb(record, repo=repo, base=self.base, head=repo.resolve(self.head))


def known(base: Base | None, root: Path, change: str | None = None, head: str = "HEAD") -> Known:
    """Look for runs of changes, or of one; the remote is not asked. Raises JournalError for a broken journal."""
    return Known(root, head, base, runs_of_changes(root / ".drillbook", change), _entries(base, root))


def standing(record: ChangeRecord, base: Base | None, root: Path, head: str = "HEAD") -> Standing:
    """Tell how one change stands, with what is known here; ``head``: the commit that has its configuration."""
    return known(base, root, record.id, head).standing(record)


def _entries(base: Base | None, root: Path) -> tuple[SignedEntry, ...]:
    if base is None or not base.ledger:
        return ()
    try:
        return read_ledger(Remote(root, base.remote), base.ledger, seen="").entries
    except DrillbookError:
        return ()


def _told(found: Iterable[SignedEntry], change: str) -> list[RunSeen]:
    closed = {each.entry.run: each.entry.result for each in found if each.entry.what == "closed"}
    opened = [each.entry.run for each in found if each.entry.what == "opened" and each.entry.change == change]
    return [RunSeen(run, closed.get(run)) for run in opened]


def runs_elsewhere(at: Here, record: ChangeRecord, known: Sequence[str]) -> list[SignedEntry]:
    """Ask the remote for runs of a change that this machine has no journal of; give those that are lost for good.

    Raises Refused when another machine has the journal, RemoteUnreachable when the remote cannot tell.
    """
    if not at.base.remote:
        return []
    found = entries(Remote(at.root, at.base.remote), seen=at.base.ledger).entries
    closed = {each.entry.run: each for each in found if each.entry.what == "closed"}
    lost = []
    for each in found:
        entry = each.entry
        if entry.what != "opened" or entry.change != record.id or entry.run in known:
            continue
        end = closed.get(entry.run)
        if end is None or end.entry.result != LOST:
            raise Refused(
                f"the run {entry.run} of {record.id} was done on {visible(entry.machine, limit=64)} by "
                f"{visible(entry.executor, limit=64)}, and its journal is there",
                remedy=f"there: ./inv changes.close {record.id}",
            )
        lost.append(end)
    return lost


def unrecorded(records: Iterable[ChangeRecord], known: Known, now: datetime) -> list[Emergency]:
    """Give the emergencies that are owed and have no record here: only the ledger knows them."""
    if known.base is None:
        return []
    ids = {record.id for record in records}
    found = known_emergencies((), known.entries, known.base, at=now)
    return [each for each in owed(found) if each.change not in ids]


def is_late(found: Iterable[Emergency], base: Base, now: datetime) -> bool:
    """Tell whether the review of one of these emergencies is overdue."""
    return any(now - each.at > emergencies(base.cmdb).review_within for each in found)


def duty_of(record: ChangeRecord, base: Base) -> tuple[str, ...]:
    """Give who is on duty when a change's window begins, or now."""
    window = record.request.window
    moment = window.begins if window is not None else SystemClock().now()
    return on_duty(base.cmdb, at=moment, zone=local_zone(), environment=record.request.subject.environment)
