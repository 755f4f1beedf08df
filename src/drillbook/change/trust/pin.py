"""The pin: which commit is trusted, written down outside the work tree, where no branch and no pull request reaches.

It lies in ``/etc/drillbook/trust/<repository id>/pin.json`` for the whole machine, or in the person's own
``~/.config``. Beside the machine's, which only root writes, each person keeps what they have seen in ``seen.json``.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import stat
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drillbook.canonical import canonical_json
from drillbook.clock import timestamp
from drillbook.durable import replace_file
from drillbook.errors import MissingPrerequisite, Refused
from drillbook.text import forbidden_character

if TYPE_CHECKING:
    from collections.abc import Iterator

MACHINE = Path("/etc/drillbook/trust")
_ID = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_FORMAT = 1
_LARGEST = 100_000  # bytes


@dataclass(frozen=True, slots=True)
class Pin:
    """What is pinned.

    ``repository`` is the id of the first commit, ``digest`` the digest of the commit's tree, ``remote`` a URL or
    empty, ``last_seen`` the latest time at which it was used (UTC, it only grows), ``ledger`` the last commit of the
    remote's ledger that was seen, or empty.
    """

    repository: str
    commit: str
    digest: str
    remote: str
    last_seen: str
    ledger: str = ""

    @property
    def seen_at(self) -> datetime:
        """``last_seen`` as a moment."""
        return datetime.strptime(self.last_seen, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pin lies (``file``), and the folder in which we may keep the export and what was seen."""

    file: Path
    folder: Path

    @property
    def is_of_machine(self) -> bool:
        """Whether it is the machine's, and not ours to write."""
        return self.file.parent != self.folder


def own_folder(repository: str) -> Path:
    """Give the person's folder for a repository's trust."""
    configured = os.environ.get("XDG_CONFIG_HOME", "")
    config = Path(configured) if configured.startswith("/") else Path.home() / ".config"
    return config / "drillbook" / "trust" / repository


def place_of(repository: str) -> Place:
    """Give the place of a repository's pin, whether there is one or not.

    The machine's is taken when it exists, or when its folder was made and it is ours to write.
    """
    machine = MACHINE / repository / "pin.json"
    if machine.exists() or (machine.parent.is_dir() and os.access(machine.parent, os.W_OK)):
        return Place(machine, machine.parent if os.access(machine.parent, os.W_OK) else own_folder(repository))
    own = own_folder(repository)
    return Place(own / "pin.json", own)


def read_pin(place: Place) -> Pin | None:
    """Give the pin, with what was seen since; None when there is none. Raises Refused: it cannot be trusted."""
    data = _content(place.file, by_root=place.file.is_relative_to(MACHINE))
    if data is None:
        return None
    pin = Pin(**_checked(place.file, data, _FIELDS))
    seen = _content(place.folder / "seen.json") if place.is_of_machine else None
    if seen is not None:
        fields = _checked(place.folder / "seen.json", seen, _SEEN)
        pin = replace(pin, last_seen=max(pin.last_seen, fields["last_seen"]), ledger=fields["ledger"] or pin.ledger)
    return pin


def write_pin(place: Place, pin: Pin) -> None:
    """Write the pin, whole or not at all. Raises Refused: it is the machine's; MissingPrerequisite."""
    if place.is_of_machine:
        raise Refused(
            f"{place.file} is the whole machine's, and only root may change it",
            remedy="let whoever looks after this machine run the same command: sudo ./inv …",
        )
    fields = {"format": _FORMAT, **asdict(pin)}
    _checked(place.file, canonical_json(fields), _FIELDS)
    _write(place.file, canonical_json(fields) + b"\n", 0o644 if place.file.is_relative_to(MACHINE) else 0o600)


def remember(place: Place, now: datetime, *, ledger: str | None = None) -> Pin:
    """Note that the pin was used now, and the ledger's last commit when it is given. ``last_seen`` never goes back.

    Raises Refused when there is no pin any more.
    """
    with locked(place):
        pin = read_pin(place)
        if pin is None:
            raise Refused("the pin was taken away while it was used")
        seen = replace(
            pin,
            last_seen=max(pin.last_seen, timestamp(now)),
            ledger=pin.ledger if ledger is None else ledger,
        )
        if place.is_of_machine:
            fields = {"format": _FORMAT, "last_seen": seen.last_seen, "ledger": seen.ledger}
            _checked(place.folder / "seen.json", canonical_json(fields), _SEEN)
            _write(place.folder / "seen.json", canonical_json(fields) + b"\n", 0o600)
        else:
            write_pin(place, seen)
        return seen


@contextmanager
def locked(place: Place) -> Iterator[None]:
    """Hold the folder for a reading and writing that belong together; another process waits."""
    try:
        place.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(place.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unwritable(place.folder, error) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


_FIELDS = {
    "repository": _ID, "commit": _ID, "digest": _DIGEST, "remote": re.compile(r"[^-].{0,999}|"), "last_seen": _TIME,
    "ledger": re.compile(f"({_ID.pattern})?"),
}  # fmt: skip
_SEEN = {name: _FIELDS[name] for name in ("last_seen", "ledger")}


def _checked(file: Path, data: bytes, wanted: dict[str, re.Pattern[str]]) -> dict[str, str]:
    try:
        fields: Any = json.loads(data)
    except ValueError:
        fields = None
    if (
        not isinstance(fields, dict)
        or fields.pop("format", None) != _FORMAT
        or set(fields) != set(wanted)
        or not all(isinstance(fields[name], str) and form.fullmatch(fields[name]) for name, form in wanted.items())
        or any(forbidden_character(value) is not None for value in fields.values())
    ):
        raise Refused(
            f"{file} is not what trust.pin writes: it is damaged, or somebody else wrote it",
            remedy="look at it, then pin anew: ./inv trust.pin COMMIT",
        )
    return fields


def _content(file: Path, *, by_root: bool = False) -> bytes | None:
    """Read a file that nobody else may have written: ours or root's, in a folder that is."""
    try:
        for place in (file, file.parent):
            status = place.stat()
            owners = {0} if by_root else {0, os.geteuid()}
            if status.st_uid not in owners or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise Refused(
                    f"{place} can be written by others than {'root' if by_root else 'you'}, so it says nothing",
                    remedy=f"find out who wrote it; then chmod go-w {place}",
                )
        with file.open("rb") as opened:
            return opened.read(_LARGEST)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Refused(f"{file} cannot be read: {error.strerror}", remedy=f"ls -l {file}") from None


def _write(file: Path, data: bytes, mode: int) -> None:
    try:
        file.parent.mkdir(mode=0o755 if mode & stat.S_IROTH else 0o700, parents=True, exist_ok=True)
        replace_file(file, data, mode=mode)
    except OSError as error:
        raise _unwritable(file, error) from None


def _unwritable(file: Path, error: OSError) -> MissingPrerequisite:
    return MissingPrerequisite(f"{file} cannot be written: {error.strerror}", remedy=f"df -h {file}; ls -ld {file}")
