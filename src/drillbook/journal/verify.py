"""Looks at what is left of a run and says whether it is what the run wrote: chain, signature, plan.

Nothing here asks a host or the remote; ``journal.compare`` holds the outcome against what these have on record.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from drillbook.canonical import canonical_json, digest
from drillbook.errors import JournalError, Refused
from drillbook.journal.closing import CLOSED, SIGNATURE, closing_of, executors_of, is_as_written
from drillbook.journal.record import parse_records
from drillbook.ledger.entries import NAMESPACE
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from drillbook.journal.record import Record
    from drillbook.signing.keys import SigningKey


class Keys(Protocol):
    """Who can say whose signature it is (``signing.keys.Signers``)."""

    def verify(self, data: bytes, signature: bytes, *, namespace: str, person: str, at: datetime) -> SigningKey:
        """Give the key, or raise Refused: why not."""
        ...


class Standing(StrEnum):
    """What there is of a run."""

    SIGNED = "signed"
    NOT_PROVED = "signed, not proved"  # nothing is pinned here that could say by whom
    UNSIGNED = "not signed"  # ended, and nobody with a key on record ran it
    NOT_SIGNED_YET = "closed, not signed"
    OPEN = "open"  # running, stopped, or its process died
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Verified:
    """One run as it was found.

    ``flaws``: what is wrong, a sentence each; then it is not what the run wrote, or cannot be shown to be. ``notes``:
    what is worth knowing and is not wrong. ``signer``: the person whose signature holds, "" when there is none.
    ``records``: all that could be read; none when the chain is broken.
    """

    run: str
    folder: Path
    standing: Standing
    records: tuple[Record, ...] = ()
    signer: str = ""
    flaws: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def head(self) -> str:
        """The hash of the last record, "" when nothing could be read."""
        return self.records[-1].hash if self.records else ""

    def opened(self, field: str) -> str:
        """Give a field of the first record, "" when it has none."""
        return str(self.records[0].data.get(field, "")) if self.records else ""

    def has(self, kind: str) -> bool:
        """Tell whether there is a record of a kind."""
        return any(record.kind == kind for record in self.records)


def verify_run(folder: Path, *, keys: Keys | None, repository: str, labs: Collection[str] | None = None) -> Verified:
    """Look at the folder of a run: ``journal.jsonl``, ``journal.sig`` and ``plan.json``.

    Args:
        folder: named as the run. In a change's folder the plan stands in the change's own ``plan.json``.
        keys: those of the trusted base; None where nothing is pinned.
        repository: the repository id, "" where nothing is pinned.
        labs: the environments where nobody has to sign, by the trusted base; None where nothing is pinned.

    Never raises DrillbookError: what is wrong is in ``flaws``.
    """
    try:
        data = (folder / "journal.jsonl").read_bytes()
        records, torn = parse_records(data, name="journal.jsonl")
        if not records:
            raise JournalError("there is no record in the journal")
        _shape(folder, records)
    except OSError as error:
        return _broken(folder, f"its journal cannot be read: {error.strerror}")
    except JournalError as error:
        return _broken(folder, error.message)
    flaws = _plan_flaws(folder, records)
    signature = _read(folder / SIGNATURE)
    closed = records[-1].kind == CLOSED
    signer = ""
    if torn and (closed or signature is not None):
        flaws.append("something was added after the journal's last record")
    if signature is not None:
        standing = Standing.SIGNED if repository else Standing.NOT_PROVED
        try:
            _require_whole(records, signature)
            signer = _signer(records, signature, keys, repository) if repository else ""
        except (JournalError, Refused) as error:
            flaws.append(error.message)
    elif not closed:
        standing = Standing.OPEN
    elif must_be_signed(records) or (labs is not None and records[0].data.get("environment") not in labs):
        standing = Standing.NOT_SIGNED_YET
        flaws.append(f"it has ended and is not signed; ./inv runbooks.resume {folder.name} signs it, by who ran it")
    else:
        standing = Standing.UNSIGNED
    return Verified(
        run=folder.name,
        folder=folder,
        standing=Standing.BROKEN if flaws and standing is not Standing.NOT_SIGNED_YET else standing,
        records=tuple(records),
        signer=signer,
        flaws=tuple(flaws),
    )


def must_be_signed(records: list[Record]) -> bool:
    """Tell whether somebody with a key on record ran it, or ran it where a change is needed."""
    data = records[0].data
    return bool(executors_of(records) or data.get("change_id")) or data.get("change", "standard") != "standard"


def _broken(folder: Path, flaw: str) -> Verified:
    return Verified(folder.name, folder, Standing.BROKEN, flaws=(flaw,))


def _read(path: Path) -> bytes | None:
    """Give a file's bytes, None when there is none. Raises nothing: what cannot be read is no signature."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError:
        return b""


def _shape(folder: Path, records: list[Record]) -> None:
    """Raise JournalError for a journal of something else than this run."""
    first = records[0]
    if first.kind != "run.opened" or not isinstance(first.data.get("plan"), str):
        raise JournalError("the journal does not begin with the opening of a run")
    if first.data.get("run") != folder.name:
        raise JournalError(f"this is the journal of another run: {visible(str(first.data.get('run')), limit=60)}")
    if any(each.kind == "run.opened" for each in records[1:]):
        raise JournalError("the journal holds the opening of a second run")


def _plan_flaws(folder: Path, records: list[Record]) -> list[str]:
    own, ofchange = _read(folder / "plan.json"), _read(folder.parent.parent / "plan.json")
    raw = own if own is not None else ofchange
    if raw is None:
        return ["its plan is gone"]
    try:
        value = json.loads(raw)
        if own is None:
            value = value["plan"]
        elif canonical_json(value) != raw:
            return ["its plan.json is not as it was written"]
        found = digest(value)
    except (ValueError, TypeError, KeyError, RecursionError):
        return ["its plan cannot be read"]
    return [] if found == records[0].data["plan"] else ["its plan is not the one that it was opened with"]


def _require_whole(records: list[Record], signature: bytes) -> None:
    """Raise JournalError for a signature that no key could make hold."""
    if records[-1].kind != CLOSED:
        raise JournalError("it is signed, and its end is not there: records were cut off, or added")
    if not is_as_written(signature):
        raise JournalError("its signature is not as it was written")


def _signer(records: list[Record], signature: bytes, keys: Keys | None, repository: str) -> str:
    """Give who signed. Raises JournalError or Refused: why it does not hold."""
    closing = closing_of(records)
    if closing.repository != repository:
        raise JournalError("it is of another repository than the one that is pinned here")
    people = executors_of(records)
    if keys is None or not people:
        raise JournalError("it is signed, and names nobody who ran it")
    at = datetime.fromisoformat(records[-1].time)
    reasons = []
    for person in reversed(people):
        try:
            return keys.verify(closing.to_bytes(), signature, namespace=NAMESPACE, person=person, at=at).person
        except Refused as error:
            reasons.append(error)
    raise reasons[0]
