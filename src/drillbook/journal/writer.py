"""Writes a journal: each record is on the disk before ``append`` returns.

A small reserve file lies beside the journal. When the disk is full it is given up, so that what has
just happened, and the run's end, can still be written.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
from typing import TYPE_CHECKING, Any

from drillbook.clock import Clock, timestamp
from drillbook.durable import sync_folder
from drillbook.errors import JournalError, Locked
from drillbook.journal.record import GENESIS, Record, make_record, parse_records

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RESERVE_BYTES = 256 * 1024


class Journal:
    """An open journal. One process writes it at a time (an flock on the file)."""

    def __init__(self, path: Path, descriptor: int, clock: Clock, records: list[Record]) -> None:
        """Use ``create`` or ``reopen``."""
        self.path = path
        self._descriptor = descriptor
        self._clock = clock
        self._next = len(records)
        self._prev = records[-1].hash if records else GENESIS
        self._listeners: list[Callable[[Record], None]] = []

    @classmethod
    def create(cls, path: Path, clock: Clock) -> Journal:
        """Begin a journal. Raises JournalError when there is one already or it cannot be written."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        try:
            descriptor = os.open(path, flags, 0o600)
        except OSError as error:
            raise _cannot_write(path, error) from None
        try:
            cls._lock(path, descriptor)
            _make_reserve(path)
            sync_folder(path.parent)
        except OSError as error:
            os.close(descriptor)
            _drop_reserve(path)
            path.unlink()
            raise _cannot_write(path, error) from None
        return cls(path, descriptor, clock, [])

    @classmethod
    def reopen(cls, path: Path, clock: Clock) -> tuple[Journal, list[Record]]:
        """Open a journal to go on with it, and give its records.

        A torn last line is cut off and kept beside it as ``<name>.torn``. Raises Locked when another
        process writes it now, JournalError when its chain is broken.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
            cls._lock(path, descriptor)
            records, torn = parse_records(path.read_bytes(), name=str(path))
            if torn:
                path.with_name(path.name + ".torn").write_bytes(torn)
                os.ftruncate(descriptor, path.stat().st_size - len(torn))
                os.fsync(descriptor)
            _make_reserve(path)
        except OSError as error:
            raise _cannot_write(path, error) from None
        return cls(path, descriptor, clock, records), records

    @staticmethod
    def _lock(path: Path, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise Locked(
                f"the run {path.parent.name} is being executed by another process",
                remedy="wait for it to end, or end that process",
            ) from None

    @property
    def head(self) -> str:
        """The hash of the last record."""
        return self._prev

    @property
    def count(self) -> int:
        """How many records there are."""
        return self._next

    def listen(self, listener: Callable[[Record], None]) -> None:
        """Call ``listener`` with each record, after it is durable."""
        self._listeners.append(listener)

    def append(self, kind: str, /, **data: Any) -> Record:
        """Write a record and wait until it is on the disk.

        Raises JournalError when it cannot be made durable; then nothing may be done that it announces.
        A signal that arrives meanwhile is handled after it: half of an append would break the chain.
        """
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
        try:
            return self._append(kind, data)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    def _append(self, kind: str, data: dict[str, Any]) -> Record:
        record = make_record(
            seq=self._next,
            time=timestamp(self._clock.now()),
            mono=round(self._clock.monotonic(), 6),
            kind=kind,
            data=data,
            prev=self._prev,
        )
        line = record.line()
        try:
            self._write(line)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT) or not _drop_reserve(self.path):
                raise _cannot_write(self.path, error) from None
            try:
                self._write(line)
            except OSError as again:
                raise _cannot_write(self.path, again) from None
        self._next += 1
        self._prev = record.hash
        for listener in self._listeners:
            listener(record)
        return record

    def has_reserve(self) -> bool:
        """Tell whether the reserve is still there; when not, the disk was full: begin nothing new."""
        return _reserve(self.path).exists()

    def close(self) -> None:
        """Close the file and remove the reserve."""
        _drop_reserve(self.path)
        os.close(self._descriptor)

    def _write(self, line: bytes) -> None:
        size = os.fstat(self._descriptor).st_size
        try:
            written = os.write(self._descriptor, line)
            if written != len(line):
                raise OSError(errno.ENOSPC, "the record was cut short")
            os.fdatasync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, size)
            raise


def _reserve(path: Path) -> Path:
    return path.with_name(path.name + ".reserve")


def _make_reserve(path: Path) -> None:
    with _reserve(path).open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)


def _drop_reserve(path: Path) -> bool:
    try:
        _reserve(path).unlink()
    except FileNotFoundError:
        return False
    return True


def _cannot_write(path: Path, error: OSError) -> JournalError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return JournalError(
            f"the disk under {path.parent} is full: the journal cannot be written",
            remedy="free some space there, then resume the run; without a journal nothing is executed",
        )
    if error.errno == errno.EEXIST:
        return JournalError(f"{path} exists already; a run is journalled once")
    return JournalError(f"{path}: the journal cannot be written: {error.strerror}")
