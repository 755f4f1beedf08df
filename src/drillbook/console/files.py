"""Writes a file that a person asked for, whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from drillbook.errors import UsageError


def write_file(path: Path, data: bytes, *, folders: bool = False) -> None:
    """Write a file; ``folders``: make those that it needs. Raises UsageError when it cannot be written there.

    A link stays one, and the file that it leads to is written. A device or a pipe is written to.
    """
    fresh = None
    try:
        target = Path(os.path.realpath(path))
        if folders:
            target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not target.is_file():
            target.write_bytes(data)
            return
        fresh = target.parent / f".{target.name}.{os.getpid()}.new"
        fresh.write_bytes(data)
        fresh.replace(target)
    except (OSError, ValueError) as error:
        if fresh is not None:
            with suppress(OSError, ValueError):
                fresh.unlink(missing_ok=True)
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(
            f"{path} cannot be written: {reason}", remedy="name a file in a folder that you may write"
        ) from None
