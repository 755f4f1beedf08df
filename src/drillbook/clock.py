"""Time and ids, injected so that tests can hold them still."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where time and ids come from."""

    def now(self) -> datetime:
        """Give the wall-clock time, with time zone UTC."""
        ...

    def monotonic(self) -> float:
        """Give seconds that never go back, comparable within one boot of this machine."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    def token(self) -> str:
        """Give eight fresh hexadecimal digits."""
        ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        """See ``Clock``."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """See ``Clock``. CLOCK_MONOTONIC, in seconds."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """See ``Clock``."""
        time.sleep(seconds)

    def token(self) -> str:
        """See ``Clock``."""
        return secrets.token_hex(4)


def timestamp(moment: datetime) -> str:
    """Give ISO 8601 in UTC with microseconds: ``2026-11-22T05:30:00.123456Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def run_id(clock: Clock) -> str:
    """Give an id that sorts by time and is unique within a second: ``20261122T053000Z-1a2b3c4d``."""
    return clock.now().astimezone(UTC).strftime("%Y%m%dT%H%M%SZ") + "-" + clock.token()
