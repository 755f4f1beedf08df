"""Switching a host's power from outside it: the one thing that works when the host itself does not.

A driver says what the power control says. That can be wrong (a cable in another socket, a controller
that lies), so fencing never rests on it alone: ``execution`` also asks witnesses.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from drillbook.errors import MissingPrerequisite, StepFailed
from drillbook.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from drillbook.plan.model import Target


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


def driver_for(target: Target, *, lab: Callable[[Target], PowerDriver] | None) -> PowerDriver:
    """Give the driver for a host; nothing is sent.

    ``lab`` makes the driver of a host that the lab made; None where there is no lab. Raises
    MissingPrerequisite when the lab's is needed and there is none, StepFailed for a kind that does not
    exist.
    """
    settings = target.power.settings
    match target.power.kind:
        case "redfish":
            from drillbook.hosts.redfish import RedfishPower

            ca_file = settings.get("ca_file")
            return RedfishPower(
                target.item,
                url=settings["url"],
                system=settings["system"],
                user=settings["user"],
                secret_file=Path(settings["secret_file"]),
                ca_file=Path(ca_file) if ca_file else None,
            )
        case "ipmi":
            from drillbook.hosts.ipmi import IpmiPower

            return IpmiPower(
                target.item,
                address=settings["address"],
                port=int(settings.get("port", 623)),
                user=settings["user"],
                secret_file=Path(settings["secret_file"]),
                cipher_suite=settings.get("cipher_suite"),
            )
        case "lab":
            if lab is None:
                raise MissingPrerequisite(
                    f"{target.item} is a host of the lab, and there is no lab here", remedy="./inv lab.up"
                )
            return lab(target)
        case "none":
            return NoPower(target.item)
        case other:
            raise StepFailed(f"{target.item} has a power control of unknown kind '{other}'")


@dataclass(frozen=True, slots=True)
class NoPower:
    """A host without power control: its state is unknown, and nothing can be switched."""

    item: str

    def state(self) -> PowerState:
        """Never known."""
        return PowerState.UNKNOWN

    def off(self) -> None:
        """Raise StepFailed."""
        raise StepFailed(
            f"{self.item} has no power control", remedy=f"a person switches {self.item} off where it stands"
        )

    def on(self) -> None:
        """Raise StepFailed."""
        raise StepFailed(
            f"{self.item} has no power control", remedy=f"a person switches {self.item} on where it stands"
        )


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
