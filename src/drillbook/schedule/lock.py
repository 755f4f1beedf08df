"""One drill at a time in a checkout: a lock that the kernel lets go of when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from drillbook.clock import timestamp
from drillbook.errors import JournalError, Locked
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from drillbook.clock import Clock

FILE = "drills.lock"


@contextmanager
def only_one(state: Path, *, what: str, clock: Clock) -> Iterator[Callable[[str], None]]:
    """Hold the lock for the length of a ``with`` block, as ``what``; gives a function that says more exactly what.

    Raises Locked, which says who holds it, JournalError when the file cannot be made or locked. What a killed process
    has left in the file is no lock: the kernel's lock on it is.
    """
    path = state / FILE
    try:
        # Who holds it is written into it: what a link leads to is not for us to overwrite.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise JournalError(f"{path} cannot be opened: {error.strerror}") from None
    since = timestamp(clock.now())

    def say(what: str) -> None:
        with suppress(OSError):  # a full disk: the lock is held all the same
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "what": what, "since": since}).encode(), 0)

    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise JournalError(f"{path} is no ordinary file; remove it")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Locked(_holder(descriptor), remedy="wait for its end; nothing was run here") from None
        except OSError as error:
            raise JournalError(f"{path} cannot be locked: {error.strerror}") from None
        say(what)
        yield say
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    try:
        value = json.loads(os.pread(descriptor, 4096, 0))
        what, pid, since = visible(str(value["what"]), limit=200), int(value["pid"]), str(value["since"])[:19]
    except (LookupError, TypeError, ValueError):
        return "another drill is going on in this checkout"
    return f"another drill is going on in this checkout: {what} (process {pid}, since {visible(since)} UTC)"
