"""Opens and closes runs in the remote: claim, locks and entry move together, or not at all."""

from __future__ import annotations

import secrets
import time as system
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from drillbook.errors import JournalError, Locked, Refused, UsageError
from drillbook.ledger.entries import FOLDER, LOST, SignedEntry, entries, parse_entry, read_ledger, rewound, signed
from drillbook.ledger.remote import LEDGER, PREFIX, Move
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from drillbook.ledger.entries import Entry
    from drillbook.ledger.remote import Remote
    from drillbook.signing.sign import Signer

# Each try is lost only to another run that got through, so the number bounds how many may begin at one time.
_TRIES = 40


def claim_ref(change: str) -> str:
    """Give the ref by which a change is applied once."""
    return f"{PREFIX}claims/{_part(change)}"


def lock_ref(environment: str, item: str) -> str:
    """Give the ref of the lock of an item in an environment."""
    return f"{PREFIX}locks/{_part(environment)}/{_part(item)}"


def _part(name: str) -> str:
    """Give a name as part of a ref: no dot, which git reads in its own ways there (see git-check-ref-format(1))."""
    return quote(name, safe="").replace(".", "%2E")


def open_run(remote: Remote, opened: SignedEntry, *, locks: Iterable[str], claim: bool, seen: str = "") -> str:
    """Claim the change, lock the items and enter the run as opened, all in one push; give the ledger's new tip.

    Args:
        remote: where.
        opened: the run's entry. Its ``change`` is what is claimed.
        locks: the items to lock, in the entry's environment.
        claim: whether the change is to be claimed. An emergency's own change needs none.
        seen: the last commit of the ledger that this machine has seen (the pin's ``ledger``).

    What this run holds already is kept: the same call again (a resume) takes only what is missing. Raises Refused
    when another run has applied the change, or when the ledger was rewound; Locked when another run holds an item;
    RemoteUnreachable. Then nothing was moved.
    """
    entry = opened.entry
    wanted = [claim_ref(entry.change)] if claim else []
    wanted += [lock_ref(entry.environment, item) for item in sorted(set(locks))]
    holder = remote.store.commit(
        opened.files(), message=_title(entry), who=entry.executor, seconds=int(entry.moment.timestamp())
    )
    for _ in _tries():
        refs = remote.fetch()
        _require_open(remote, refs.get(LEDGER), entry.run)
        if claim:
            _require_never_applied(remote, refs.get(LEDGER, ""), entry)
        moves = []
        for ref in wanted:
            held = refs.get(ref)
            if held is None:
                moves.append(Move(ref, None, holder))
            elif (other := held_by(remote, held)).run != entry.run:
                raise _taken(ref, other)
        tip, made = _append(remote, refs, [opened], seen)
        if remote.update([*moves, *made]):
            return tip
    raise _too_busy()


def close_run(remote: Remote, *told: SignedEntry, seen: str = "") -> str:
    """Enter a run as closed and give its locks free, in one push; give the ledger's new tip.

    ``told`` are the entries of one run: the closed one, and before it the opened one when the remote could not be
    reached then. What is there already is left as it is. Raises Refused when the ledger was rewound, or has another
    entry of that name; RemoteUnreachable.
    """
    run = told[-1].entry.run
    for _ in _tries():
        refs = remote.fetch()
        freed = [Move(ref, refs[ref], None) for ref in locks_of(remote, refs, run)]
        tip, made = _append(remote, refs, told, seen)
        if remote.update([*freed, *made]):
            return tip
    raise _too_busy()


def give_up(remote: Remote, run: str, *, signer: Signer, machine: str, time: str, reason: str, seen: str = "") -> str:
    """End a run in the ledger whose machine is gone for good, and give its locks free; give the ledger's new tip.

    The entry says that the run is lost, who gave it up and why; the change stays claimed. Should the machine come
    back, it can neither go on with the run nor end it in another way. Raises UsageError when the ledger has no such
    run that is open, and as ``close_run``.
    """
    ledger = entries(remote, seen=seen)
    opened = ledger.find(run, "opened")
    if opened is None or ledger.find(run, "closed") is not None:
        state = "has ended" if opened else "is not in the ledger"
        raise UsageError(f"run {visible(run, limit=60)} {state}", remedy="./inv journal.verify shows what is open")
    lost = replace(
        opened.entry, what="closed", result=LOST, executor=signer.person, machine=machine, time=time, reason=reason
    )
    return close_run(remote, signed(lost, signer), seen=seen)


def _tries() -> Iterable[int]:
    for attempt in range(_TRIES):
        if attempt:
            system.sleep(min(0.5, 0.02 * attempt) * (0.5 + secrets.randbelow(100) / 100))
        yield attempt


def _too_busy() -> Refused:
    return Refused("the ledger in the remote moves faster than this run can enter itself", remedy="try again")


def _append(remote: Remote, refs: Mapping[str, str], told: Iterable[SignedEntry], seen: str) -> tuple[str, list[Move]]:
    """Give the tip of the ledger with the entries in it, and the move that makes it so, when one is needed."""
    tip = refs.get(LEDGER)
    if found := rewound(remote, tip or "", seen):
        raise Refused(found[0], remedy="./inv journal.verify shows what is missing; ask who may push to the remote")
    missing = []
    for each in told:
        there = remote.store.read(tip, f"{FOLDER}/{each.entry.name}") if tip else None
        if there is None:
            missing.append(each)
        elif not _same(there, each):
            raise Refused(f"the ledger has another entry {each.entry.name} already", remedy="./inv journal.verify")
    made = tip
    for each in missing:
        made = remote.store.commit(
            each.files(FOLDER),
            message=_title(each.entry),
            who=each.entry.executor,
            seconds=int(each.entry.moment.timestamp()),
            parent=made,
        )
    return made or "", [Move(LEDGER, tip, made)] if missing else []


def _same(raw: bytes, told: SignedEntry) -> bool:
    """Tell whether an entry in the ledger says of the run what this one says; when and how it was told may differ."""
    try:
        there = parse_entry(raw, name=told.entry.name)
    except JournalError:
        return False
    return (there.run, there.plan, there.change, there.head) == (
        told.entry.run, told.entry.plan, told.entry.change, told.entry.head,
    )  # fmt: skip


def _require_open(remote: Remote, tip: str | None, run: str) -> None:
    """Raise Refused when the ledger has a run's end: nobody goes on with it."""
    raw = remote.store.read(tip, f"{FOLDER}/{run}-closed.json") if tip else None
    if raw is not None:
        end = parse_entry(raw, name=run)
        why = f": {end.reason}" if end.result == LOST and end.reason else ""
        raise Refused(
            f"run {visible(run)} has ended ({end.result}), says the ledger: {visible(end.executor)}, {end.time}"
            + visible(why),
            remedy=f"./inv runbooks.abandon {visible(run)} gives back what it holds here",
        )


def _require_never_applied(remote: Remote, tip: str, entry: Entry) -> None:
    """Raise Refused when the ledger has another run of the change: the claim itself may have been taken away."""
    for each in read_ledger(remote, tip, seen="").entries:
        other = each.entry
        if other.change == entry.change and other.run != entry.run:
            raise _taken(claim_ref(entry.change), other)


def held_by(remote: Remote, commit: str) -> Entry:
    """Give the entry of the run that a claim or a lock points to. Raises Refused when it holds none."""
    names = remote.store.must("ls-tree", "--name-only", "-z", "--end-of-options", commit).decode().split("\0")
    for name in names:
        if name.endswith("-opened.json"):
            raw = remote.store.read(commit, name)
            assert raw is not None
            try:
                return parse_entry(raw, name=name)
            except JournalError as error:
                raise Refused(f"a lock in the remote cannot be read: {error.message}") from None
    raise Refused(f"a lock in the remote ({commit[:12]}) says nothing of who holds it")


def locks_of(remote: Remote, refs: Mapping[str, str], run: str) -> list[str]:
    """Give the refs of the locks that a run holds, of those that were fetched."""
    return [
        ref
        for ref, commit in sorted(refs.items())
        if ref.startswith(f"{PREFIX}locks/") and held_by(remote, commit).run == run
    ]


def _title(entry: Entry) -> str:
    change = f" of {entry.change}" if entry.change else ""
    return visible(f"{entry.run}{change} {entry.what} by {entry.executor} on {entry.machine}")


def _taken(ref: str, other: Entry) -> Refused | Locked:
    who = f"run {visible(other.run)} of {visible(other.executor)} on {visible(other.machine)}, since {other.time}"
    if ref.startswith(f"{PREFIX}claims/"):
        return Refused(
            f"{visible(other.change)} was applied before, by {who}: a change is applied once",
            remedy=f"to go on with that run, there: ./inv runbooks.resume {visible(other.run)}\n"
            "to do it again: ./inv changes.new, and have that approved",
        )
    item = visible(unquote(ref.rpartition("/")[2]))
    change = f" ({visible(other.change)})" if other.change else ""
    return Locked(
        f"{item} in {visible(other.environment)} is held by {who}{change}",
        remedy=f"let it end, or on that machine: ./inv runbooks.resume {visible(other.run)}\n"
        f"when that machine is gone for good: ./inv runbooks.abandon {visible(other.run)} --lost --reason …",
    )
