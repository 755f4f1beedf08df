"""What the git remote is told of a run: that it begins, before the first packet to a host, and that it has ended.

And the end of every run that somebody signs for: the journal's signature, then the remote, after the outcome is
known and on record, so that neither ever delays users.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.errors import DrillbookError
from drillbook.journal.closing import CLOSED, sign_closing
from drillbook.journal.record import read_journal
from drillbook.ledger.claims import close_run, open_run
from drillbook.ledger.entries import Entry, machine_of, signed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from drillbook.execution.runs import RunFolder
    from drillbook.journal.record import Record
    from drillbook.ledger.remote import Remote
    from drillbook.plan.model import Plan
    from drillbook.signing.sign import Signer


@dataclass(frozen=True, slots=True)
class Announcer:
    """Tells the remote.

    ``root``: the checkout.

    ``signer``: who runs it. ``claim``: whether the change is claimed, so that it is applied once. ``needed``: whether
    a run may begin only when the remote knows it; break-glass may without. ``seen``: the last commit of the ledger
    that this machine has seen; ``saw`` is given the new one.
    """

    root: Path
    remote: Remote
    signer: Signer
    claim: bool
    needed: bool
    seen: str
    saw: Callable[[str], None]

    def opened(self, plan: Plan, first: Record) -> str:
        """Claim, lock and enter a run, by the first record of its journal; give the ledger's new tip.

        The same run again takes what it lacks. Raises as ``open_run``.
        """
        entry = signed(self._entry(plan, first, first, count=1), self.signer)
        tip = open_run(self.remote, entry, locks=plan.locks, claim=self.claim, seen=self.seen)
        self.saw(tip)
        return tip

    def closed(self, plan: Plan, records: Sequence[Record]) -> None:
        """Enter a run as closed and give its locks free. Raises as ``close_run``."""
        first, last = records[0], records[-1]
        told = [self._entry(plan, first, last, count=len(records))]
        # Each signature may be a touch of a person's key: none is asked for what the remote has.
        if not any(each.kind == "ledger.entered" for each in records):
            told.insert(0, self._entry(plan, first, first, count=1))
        self.saw(close_run(self.remote, *(signed(each, self.signer) for each in told), seen=self.seen))

    def _entry(self, plan: Plan, first: Record, at: Record, *, count: int) -> Entry:
        data = first.data
        return Entry(
            what="closed" if at.kind == CLOSED else "opened",
            repository=data["repository"],
            run=data["run"],
            change=data["change_id"],
            type=data["change"],
            environment=plan.environment,
            plan=data["plan"],
            head=at.hash,
            count=count,
            services=tuple(plan.services),
            items=tuple(sorted(plan.targets)),
            executor=self.signer.person,
            machine=machine_of(self.root),
            time=at.time,
            reason=data["reason"],
            result=str(at.data["outcome"]) if at.kind == CLOSED else "",
        )


def settle(folder: RunFolder, plan: Plan, *, signer: Signer | None, announcer: Announcer | None) -> list[str]:
    """Sign the journal of a run that has ended, and tell the remote; what is done already is left as it is.

    Gives a sentence for each that could not be done, with the command that does it later. Nothing without a signer,
    and for a run that has not ended. Raises JournalError when the journal cannot be read.
    """
    if signer is None:
        return []
    records = read_journal(folder.journal)
    if records[-1].kind != CLOSED:
        return []
    later = f"once that is mended: ./inv runbooks.resume {folder.id}"
    left = []
    try:
        sign_closing(folder.path, records, signer)
    except DrillbookError as error:
        left.append(f"the journal is closed and not signed ({error.message}); {later}")
    if announcer is not None and not left and not _was_refused_there(records):
        try:
            announcer.closed(plan, records)
        except DrillbookError as error:
            left.append(f"the git remote does not know yet that this run ended ({error.message}); {later}")
    return left


def _was_refused_there(records: Sequence[Record]) -> bool:
    """Tell whether it ended because the remote said no: then the remote has nothing of it, and need not.

    Break-glass is told of beside the run, so its records do not say.
    """
    refused = records[-1].data["outcome"] == "refused" and records[0].data["change"] != "emergency"
    return refused and not any(each.kind == "ledger.entered" for each in records)
