"""Writes a file that a person asked for, whole or not at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from drillbook.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def write_file(path: Path, data: bytes) -> None:
    """Write a file. Raises UsageError when it cannot be written there."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)  # a device or a pipe, which must not be replaced
            return
        fresh.write_bytes(data)
        fresh.replace(path)
    except (OSError, ValueError) as error:
        fresh.unlink(missing_ok=True)
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(
            f"{path} cannot be written: {reason}", remedy="name a file in a folder that you may write"
        ) from None
