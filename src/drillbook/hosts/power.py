"""Switching a host's power from outside it: the one thing that works when the host itself does not.

A driver says what the power control says. That can be wrong (a cable in another socket, a controller
that lies), so fencing never rests on it alone: ``execution`` also asks witnesses.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from drillbook.errors import MissingPrerequisite
from drillbook.secret import Secret

if TYPE_CHECKING:
    from pathlib import Path


class PowerState(StrEnum):
    """What a power control says of its host."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"


class PowerDriver(Protocol):
    """The power control of one host. Every call ends within a deadline of the driver's own."""

    def state(self) -> PowerState:
        """Ask. Raises HostUnreachable when the power control does not answer, StepFailed when it refuses."""
        ...

    def off(self) -> None:
        """Cut the power at once, without asking the host's system; return when the control says off.

        A host that is off stays off. Raises HostUnreachable or StepFailed.
        """
        ...

    def on(self) -> None:
        """Switch on; return when the control says on, which is before the host has booted.

        A host that is on stays on. Raises HostUnreachable or StepFailed.
        """
        ...


def read_secret(file: Path, item: str) -> Secret:
    """Give the first line of a password file.

    Raises MissingPrerequisite when it cannot be read, is empty, or others than its owner may read it.
    """
    try:
        open_to_others = file.stat().st_mode & 0o077
        lines = file.read_text().splitlines()
    except OSError as error:
        raise MissingPrerequisite(
            f"the password for {item}'s power control cannot be read: {file}: {error.strerror}",
            remedy=f"put it into {file}, on one line, and: chmod 600 {file}",
        ) from None
    except UnicodeDecodeError:
        raise MissingPrerequisite(
            f"the password file for {item}'s power control is not text: {file}",
            remedy=f"put the password into {file}, on one line",
        ) from None
    if open_to_others:
        raise MissingPrerequisite(
            f"others may read the password for {item}'s power control: {file}", remedy=f"chmod 600 {file}"
        )
    if not lines or not lines[0]:
        raise MissingPrerequisite(
            f"the password file for {item}'s power control is empty: {file}",
            remedy=f"put the password into {file}, on one line",
        )
    return Secret(lines[0])
