"""The hosts that probes run on: how they are reached, and how a program there answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from drillbook.errors import StepFailed
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PYTHON = "/usr/bin/python3"
CALL = 10.0
"""Seconds for a command that has nothing to wait for."""


class CommandResult(Protocol):
    """How a command ended."""

    @property
    def exit_code(self) -> int:
        """Its exit code."""
        ...

    @property
    def stdout(self) -> str:
        """What it printed."""
        ...

    @property
    def stderr(self) -> str:
        """What it said of trouble."""
        ...


class ProbeHost(Protocol):
    """A way to a probe's host; ``hosts.connection.HostConnection`` is one."""

    def run(self, argv: Sequence[str], *, timeout: float) -> CommandResult:
        """Run a command there. Raises DrillbookError when its end is not seen within ``timeout`` s."""
        ...

    def put(self, data: bytes, path: str) -> None:
        """Write a file there. Raises HostUnreachable."""
        ...

    def get(self, path: str) -> bytes:
        """Read a file there. Raises HostUnreachable."""
        ...


def done(host: ProbeHost, argv: Iterable[str], *, timeout: float) -> str:
    """Run a command and give what it printed. Raises StepFailed when it did not succeed."""
    words = list(argv)
    ended = host.run(words, timeout=timeout)
    if ended.exit_code != 0:
        said = visible(ended.stderr.strip() or ended.stdout.strip(), limit=300)
        raise StepFailed(f"{' '.join(words[:2])} on a probe host ended with {ended.exit_code}: {said}")
    return ended.stdout


def answered(text: str) -> dict[str, Any]:
    """Read what a program printed: a JSON object. Raises StepFailed."""
    try:
        value = json.loads(text)
    except ValueError:
        raise StepFailed(f"a probe host answered: {visible(text, limit=200)}") from None
    if not isinstance(value, dict):
        raise StepFailed(f"a probe host answered: {visible(text, limit=200)}")
    return value
