"""Entries of the ledger: that a run was opened or closed, signed by who ran it, in a chain of commits in the remote.

An entry is one JSON file, ``entries/<run>-opened.json`` or ``…-closed.json``, with its signature beside it (``.sig``).
Each commit of ``refs/drillbook/ledger`` has one parent and adds entries; none is ever changed or removed.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from drillbook.canonical import canonical_json
from drillbook.errors import JournalError
from drillbook.ledger.remote import LEDGER
from drillbook.text import forbidden_character, visible

if TYPE_CHECKING:
    from pathlib import Path

    from drillbook.ledger.remote import Remote
    from drillbook.signing.sign import Signer

FORMAT = 1
NAMESPACE = "drillbook-journal"
FOLDER = "entries"
WHATS = ("opened", "closed")
LOST = "lost"
"""The result of a run whose machine is gone for good, so that its journal will never be closed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """That a run was opened, or closed.

    ``what``: opened | closed. ``repository``: the repository id. ``type``: standard | normal | emergency. ``plan``:
    the plan's digest. ``head`` and ``count``: hash of the journal's last record at that moment, and how many records
    there were. ``time``: ISO 8601 UTC. ``result`` of a closed run: succeeded | rolled_back | abandoned | refused |
    lost (given up without its journal, by another person maybe); empty for an opened one. ``machine``: ``machine_of``.
    """

    what: str
    repository: str
    run: str
    change: str
    type: str
    environment: str
    plan: str
    head: str
    count: int
    services: tuple[str, ...]
    items: tuple[str, ...]
    executor: str
    machine: str
    time: str
    reason: str = ""
    result: str = ""

    def to_bytes(self) -> bytes:
        """Give the file's bytes: these are what is signed."""
        return canonical_json({"format": FORMAT, **asdict(self)}) + b"\n"

    @property
    def name(self) -> str:
        """The file's name in the folder of entries."""
        return f"{self.run}-{self.what}.json"

    @property
    def moment(self) -> datetime:
        """``time`` as a moment."""
        return datetime.fromisoformat(self.time)


def machine_of(root: Path) -> str:
    """Give the ``machine`` of runs of a checkout, ``host:folder``: each checkout of a host keeps its own journals."""
    return visible(f"{os.uname().nodename}:{root.resolve()}", limit=300)


def parse_entry(raw: bytes, *, name: str) -> Entry:
    """Read an entry. Raises JournalError for what is none, or is not written as we write it."""
    try:
        value: dict[str, Any] = json.loads(raw)
        if value.pop("format") != FORMAT:
            raise ValueError
        entry = Entry(**{**value, "services": tuple(value["services"]), "items": tuple(value["items"])})
        texts = [getattr(entry, field) for field in Entry.__slots__ if field not in ("count", "services", "items")]
        whole = (
            entry.to_bytes() == raw
            and entry.what in WHATS
            and type(entry.count) is int
            and all(isinstance(text, str) and forbidden_character(text) is None for text in texts)
            and all(isinstance(text, str) for text in (*entry.services, *entry.items))
            and entry.moment.tzinfo is not None
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        whole = False
    if not whole:
        raise JournalError(f"the ledger's {visible(name)} is not an entry")
    return entry


@dataclass(frozen=True, slots=True)
class SignedEntry:
    """An entry with the bytes that were signed, the signature, and the commit that brought it ("" before that)."""

    entry: Entry
    raw: bytes
    signature: bytes
    commit: str = ""

    def files(self, folder: str = "") -> dict[str, bytes]:
        """Give the two files of the entry by path."""
        place = f"{folder}/{self.entry.name}" if folder else self.entry.name
        return {place: self.raw, f"{place}.sig": self.signature}


def signed(entry: Entry, signer: Signer) -> SignedEntry:
    """Sign an entry. Raises Refused for an entry that could not be read back, and as ``Signer.sign``."""
    raw = entry.to_bytes()
    parse_entry(raw, name=entry.name)
    return SignedEntry(entry, raw, signer.sign(raw, namespace=NAMESPACE))


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger as it was fetched. ``tip``: its last commit, "" when there is none; ``flaws``: what is wrong in it."""

    tip: str
    entries: tuple[SignedEntry, ...]
    flaws: tuple[str, ...]

    def find(self, run: str, what: str) -> SignedEntry | None:
        """Give a run's entry, the first when there were more."""
        return next((each for each in self.entries if each.entry.run == run and each.entry.what == what), None)

    def open_runs(self) -> tuple[SignedEntry, ...]:
        """Give what was opened and not closed, oldest first."""
        closed = {each.entry.run for each in self.entries if each.entry.what == "closed"}
        return tuple(each for each in self.entries if each.entry.what == "opened" and each.entry.run not in closed)


def entries(remote: Remote, *, seen: str = "") -> Ledger:
    """Fetch the ledger and read all of it, oldest first.

    ``seen`` is the last commit of it that this machine has seen (the pin's ``ledger``). What is wrong is told in
    ``flaws`` and not raised, so that everything else can be looked at. Signatures are not verified here. Raises
    RemoteUnreachable.
    """
    return read_ledger(remote, remote.fetch().get(LEDGER, ""), seen=seen)


def fetched(remote: Remote, *, seen: str = "") -> Ledger:
    """Read the ledger as it was fetched last, without asking the remote."""
    remote.store.prepare()
    return read_ledger(remote, remote.known().get(LEDGER, ""), seen=seen)


def read_ledger(remote: Remote, tip: str, *, seen: str) -> Ledger:
    """Read the ledger of a commit that is here already; as ``entries``."""
    flaws = rewound(remote, tip, seen)
    if not tip:
        return Ledger("", (), tuple(flaws))
    log = remote.store.must(
        "log", "--reverse", "--raw", "--root", "-m", "--no-renames", "--no-abbrev", "-z", "--format=%x01%H %P",
        "--end-of-options", tip,
    ).decode(errors="replace")  # fmt: skip
    blobs: dict[str, tuple[str, str]] = {}  # by path: blob, commit
    for part in log.split("\x01")[1:]:
        head, *changes = part.split("\0")
        commit, *parents = head.split()
        if len(parents) > 1:
            flaws.append(f"commit {commit} of the ledger joins two histories")
        changes = [text.lstrip("\n") for text in changes if text.strip()]
        for change, path in zip(changes[::2], changes[1::2], strict=False):
            _, mode, _, blob, status = change.removeprefix(":").split(" ")
            if status != "A" or mode != "100644" or not path.startswith(f"{FOLDER}/"):
                flaws.append(f"commit {commit} of the ledger changes {visible(path)}; entries are only ever added")
            elif path not in blobs:
                blobs[path] = (blob, commit)
    return Ledger(tip, tuple(_entries(remote, blobs, flaws)), tuple(flaws))


def _entries(remote: Remote, blobs: dict[str, tuple[str, str]], flaws: list[str]) -> list[SignedEntry]:
    found = []
    content = dict(zip(blobs, remote.store.read_all([blob for blob, _ in blobs.values()]), strict=True))
    for path, raw in content.items():
        if path.endswith(".sig"):
            if path.removesuffix(".sig") not in content:
                flaws.append(f"the ledger has {visible(path)} without its entry")
            continue
        try:
            entry = parse_entry(raw, name=path)
        except JournalError as error:
            flaws.append(error.message)
            continue
        signature = content.get(f"{path}.sig", b"")
        if path != f"{FOLDER}/{entry.name}":
            flaws.append(f"the ledger's {visible(path)} is the entry of another run")
        elif not signature:
            flaws.append(f"the ledger's {visible(path)} is not signed")
        else:
            found.append(SignedEntry(entry, raw, signature, blobs[path][1]))
    return found


def rewound(remote: Remote, tip: str, seen: str) -> list[str]:
    """Say whether the ledger does not continue what this machine has seen of it."""
    if not seen or (tip and remote.store.is_ancestor(seen, tip)):
        return []
    now = f"now it ends at {tip[:12]}, which does not contain that" if tip else "now there is none"
    return [f"the ledger in the remote was rewound or rewritten: this machine has seen it up to {seen[:12]}; {now}"]
