"""What every fault is: it says what it does, is made, looks whether it took effect, and can be taken away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from drillbook.lab.state import LabHost
    from drillbook.runbook.model import Text


@dataclass(frozen=True, slots=True)
class Effect:
    """What came of a fault. ``began`` and ``effective`` (from when it was felt): CLOCK_MONOTONIC, ns.

    ``verified``: it was seen to have taken effect; ``detail`` says what was seen.
    """

    began: int
    effective: int
    verified: bool
    detail: Text


class Fault(Protocol):
    """A fault of one host. ``kind`` is its name in KINDS, ``item`` the host's configuration item."""

    @property
    def kind(self) -> str:
        """The fault's name in KINDS."""
        ...

    @property
    def item(self) -> str:
        """The host."""
        ...

    def describe(self) -> Text:
        """Say in a sentence what it does, for the record."""
        ...

    def inject(self) -> Effect:
        """Make it, and look whether it took effect. Raises StepFailed when it cannot be made."""
        ...

    def heal(self) -> None:
        """Take it away. Does nothing when it is not there."""
        ...


@dataclass(frozen=True, slots=True)
class OfHost:
    """A fault of one host."""

    host: LabHost

    @property
    def item(self) -> str:
        """See ``Fault``."""
        return self.host.item
