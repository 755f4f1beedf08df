"""The time zone of this machine, as a value that knows its summer time."""

from __future__ import annotations

import os
from datetime import UTC, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

_LOCALTIME = Path("/etc/localtime")


def local_zone() -> tzinfo:
    """Give the zone of the variable TZ, else of /etc/localtime; UTC when neither names one that is known."""
    name = os.environ.get("TZ", "").removeprefix(":")
    try:
        if name:
            return ZoneInfo(name)
        with _LOCALTIME.open("rb") as file:
            return ZoneInfo.from_file(file)
    except (KeyError, OSError, ValueError):  # an unknown name is a KeyError
        return UTC
