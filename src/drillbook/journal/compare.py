"""Holds the runs that are here against what others have on record: the ledger in the git remote, and the hosts."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from drillbook.change.records.record import FOLDER
from drillbook.errors import Refused
from drillbook.journal.closing import CLOSED
from drillbook.journal.verify import Keys, Standing, Verified
from drillbook.ledger.entries import LOST, NAMESPACE, machine_of
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from drillbook.change.records.record import Changes
    from drillbook.hosts.anchors import Anchor, HostsTold
    from drillbook.ledger.entries import Ledger, SignedEntry


def against_ledger(
    runs: Iterable[Verified],
    ledger: Ledger,
    *,
    keys: Keys | None,
    closed_changes: Collection[str],
    folder: Path,
) -> tuple[list[Verified], list[str]]:
    """Give the runs with what the ledger has against them, those that should be here and are not, and its own flaws.

    What this checkout opened must be here, and what was run for a change that is closed, with that change.

    Args:
        runs: what was found here. The same run may be here twice: in ``.drillbook`` and with its change.
        ledger: as fetched.
        keys: the trusted base's.
        closed_changes: ids of changes that are closed: the runs of these must be with them.
        folder: where runs would be, for those that are missing.
    """
    flaws = [*ledger.flaws, *(flaw for each in ledger.entries if (flaw := _entry_flaw(each, keys)))]
    found = [_held_against(each, ledger) for each in runs]
    here = {each.run for each in found}
    # Entries of before checkouts were told apart name the host alone.
    own = {os.uname().nodename, machine_of(folder.parent.parent)}
    for opened in ledger.entries:
        entry = opened.entry
        if entry.what != "opened" or entry.run in here:
            continue
        closed = ledger.find(entry.run, "closed")
        if entry.machine in own or entry.change in closed_changes:
            if closed is not None and closed.entry.result == LOST:
                continue
            who = f"{entry.executor} on {entry.machine}, {entry.time}"
            flaw = f"missing: the ledger has it, begun by {visible(who)}, and its journal is not here"
            found.append(Verified(entry.run, folder / entry.run, Standing.BROKEN, flaws=(flaw,)))
    return found, flaws


def _entry_flaw(signed: SignedEntry, keys: Keys | None) -> str | None:
    entry = signed.entry
    if keys is None:
        return None
    try:
        keys.verify(signed.raw, signed.signature, namespace=NAMESPACE, person=entry.executor, at=entry.moment)
    except Refused as error:
        return f"the ledger's {visible(entry.name)}: {error.message}"
    return None


def _held_against(run: Verified, ledger: Ledger) -> Verified:
    if not run.records:
        return run
    opened, closed = ledger.find(run.run, "opened"), ledger.find(run.run, "closed")
    flaws: list[str] = []
    notes: list[str] = []
    if opened is None:
        if run.has("ledger.entered"):
            flaws.append("it was entered in the ledger, says its journal, and the ledger does not have it")
        elif run.opened("repository") and run.has("lock.taken"):
            notes.append("the ledger does not have it yet")
    else:
        entry = opened.entry
        same = (entry.head, entry.plan, entry.change) == (
            run.records[0].hash, run.opened("plan"), run.opened("change_id"),
        )  # fmt: skip
        if not same:
            flaws.append("it does not begin as the ledger says: its records were made anew, or it is another run")
    if closed is not None and closed.entry.result != LOST:
        entry = closed.entry
        if (entry.head, entry.count) != (run.head, len(run.records)):
            flaws.append(
                f"it does not end as the ledger says: there it had {entry.count} records and the head "
                f"{entry.head[7:19]}, here it has {len(run.records)} and {run.head[7:19]}"
            )
        elif run.standing is Standing.NOT_SIGNED_YET:
            flaws.append("it was signed before the ledger heard of its end, and its signature is gone")
    elif opened is not None and run.records[-1].kind == CLOSED:
        notes.append(f"the remote does not know yet that it ended; ./inv runbooks.resume {run.run} tells it")
    return _with(run, flaws, notes)


def against_changes(runs: Iterable[Verified], changes: Changes) -> list[Verified]:
    """Give the runs with what changes say of them, and those that a closed change names and does not have."""
    results = {each.request.change: each.result.runs for each in changes.records if each.result is not None}
    found = []
    with_change = set()
    for run in runs:
        flaws = []
        if run.folder.parent.name == "runs" and run.folder.parent.parent.parent.name == FOLDER:
            change = run.folder.parent.parent.name
            with_change.add((change, run.run))
            if run.records and run.opened("change_id") != change:
                flaws.append(f"it lies with {change} and was run for {visible(run.opened('change_id')) or 'no change'}")
            if run.records and any(each.run == run.run and each.head != run.head for each in results.get(change, ())):
                flaws.append(f"it does not end as the result of {change} says")
        found.append(_with(run, flaws, []))
    for record in changes.records:
        for kept in results.get(record.request.change, ()):
            if kept.result != LOST and (record.request.change, kept.run) not in with_change:
                flaw = f"missing: the result of {record.request.change} names it, and its journal is not there"
                found.append(Verified(kept.run, record.folder / "runs" / kept.run, Standing.BROKEN, flaws=(flaw,)))
    return found


def against_hosts(
    runs: Iterable[Verified], told: HostsTold, *, known: Collection[str]
) -> tuple[list[Verified], list[str]]:
    """Give the runs with what hosts have against them; and what hosts saw of which nobody else knows.

    ``known``: the runs that the ledger has, which may be on other machines.
    """
    seen: dict[str, list[Anchor]] = {}
    for each in told.anchors:
        seen.setdefault(each.run, []).append(each)
    found = []
    here = set()
    for run in runs:
        here.add(run.run)
        hashes = {record.hash for record in run.records}
        wrong = [each for each in seen.get(run.run, ()) if run.records and each.head not in hashes]
        flaws = [
            f"{each.item} saw it with the head {visible(each.head[7:19])} at {each.time} ({each.event}), and no record "
            "here has that"
            for each in wrong
        ]
        touched = {str(record.data["item"]) for record in run.records if record.kind == "lock.taken"}
        told_of = {each.item for each in seen.get(run.run, ())}
        asked = {each.item for each in told.anchors}
        notes = [f"{item} has no trace of it; was it made anew?" for item in sorted(touched & asked - told_of)]
        found.append(_with(run, flaws, notes))
    missing = []
    for run_id, anchors in seen.items():
        if run_id in here or run_id in known or _of_a_lab(anchors[0]):
            continue
        first = anchors[0]
        items = ", ".join(sorted({each.item for each in anchors}))
        missing.append(
            f"missing: {items} was held by run {run_id} ({first.change_type}, {first.executor}, {first.time}), "
            "and neither this machine nor the ledger has it"
        )
    missing += [f"{item} has lines among its anchors that are none: {lines[0]}" for item, lines in told.others.items()]
    return found, missing


def _of_a_lab(anchor: Anchor) -> bool:
    """Tell whether it is a run of the lab, which is in no ledger, and which another checkout may have made."""
    return anchor.change_type == "standard" and "@" in anchor.executor


def _with(run: Verified, flaws: list[str], notes: list[str]) -> Verified:
    standing = Standing.BROKEN if flaws else run.standing
    return replace(run, standing=standing, flaws=(*run.flaws, *flaws), notes=(*run.notes, *notes))
