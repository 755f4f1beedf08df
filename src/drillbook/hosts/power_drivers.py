"""The driver of a host's power control, by its kind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from drillbook.errors import MissingPrerequisite, StepFailed
from drillbook.hosts.power import PowerState

if TYPE_CHECKING:
    from collections.abc import Callable

    from drillbook.hosts.power import PowerDriver
    from drillbook.plan.model import Target


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
