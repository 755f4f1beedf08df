"""A drill as its file says it: what is rehearsed, what goes wrong, and what is watched meanwhile.

Values in ``steady_state``'s checks may be templates (see ``runbook.model``); the planner binds them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from drillbook.drill.kinds import KINDS
from drillbook.evidence.samples import Does

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drillbook.evidence.verdict import Expectation
    from drillbook.runbook.model import CheckCall, Text

SERVICE_ADDRESS = "service_address"
"""What the probe that stands for the users uses."""


class DrillKind(StrEnum):
    """How much is done for real (NIST SP 800-34, 3.5)."""

    TABLETOP = "tabletop"
    FUNCTIONAL = "functional"
    FULL_SCALE = "full-scale"


@dataclass(frozen=True, slots=True)
class RunbookCall:
    """A runbook and the parameters that the drill runs it with."""

    runbook: str
    parameters: Mapping[str, str]
    line: int


@dataclass(frozen=True, slots=True)
class SteadyState:
    """One check of the steady state; ``call.on`` is a configuration item.

    ``protection``: what ``{protection.…}`` in its arguments means; None: what the drill is about.
    """

    text: Text
    protection: str | None
    call: CheckCall


@dataclass(frozen=True, slots=True)
class ProbeSpec:
    """A probe: a process on ``source`` that uses ``target`` (an item, or SERVICE_ADDRESS).

    ``kind`` is a name in ``kinds.KINDS``. ``protection``: what it is about; None: what the drill is about.
    ``every``: seconds from one attempt to the next. ``give_up``: seconds after which an attempt that is not
    answered has an unknown outcome.
    """

    id: str
    kind: str
    source: str
    target: str
    protection: str | None
    every: float
    give_up: float
    line: int

    @property
    def is_user(self) -> bool:
        """Tell whether it stands for users: it uses the service at the service's address."""
        return self.target == SERVICE_ADDRESS and KINDS[self.kind].does is not Does.WATCHES


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """A fault on the items ``on`` at the same moment, ``after`` seconds of steady probes; healed ``lasts`` s later.

    ``room``: every host of the lab that stands in that room, in place of ``on`` (``rules.struck``).
    ``lasts`` None: it is healed when the drill's run has ended. ``options`` are of the kind
    (``lab.faults.KINDS``).
    """

    kind: str
    on: tuple[str, ...]
    room: str | None
    after: float
    lasts: float | None
    options: Mapping[str, Any]
    line: int


@dataclass(frozen=True, slots=True)
class ProbeDown:
    """Act when a probe has had no acknowledged write for ``seconds``."""

    probe: str
    seconds: float


@dataclass(frozen=True, slots=True)
class PersonDecides:
    """Act when a person, told ``instruction``, says so."""

    instruction: Text


@dataclass(frozen=True, slots=True)
class AtOnce:
    """Act as soon as the probes are steady: a planned operation."""


Trigger = ProbeDown | PersonDecides | AtOnce


@dataclass(frozen=True, slots=True)
class OtherObjectives:
    """Objectives of this drill in place of the service's, and why. Seconds; None: the service's holds."""

    rto: float | None
    rpo: float | None
    reason: Text


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """A service that the drill is about, and how it should fare.

    ``protection`` None: the one that the drill's parameters name. ``not_back``: why the service does not come back
    while the drill's runbook runs; None: it does, within its objectives.
    """

    service: str
    protection: str | None
    not_back: Text | None
    objectives: OtherObjectives | None
    line: int


@dataclass(frozen=True, slots=True)
class Drill:
    """A validated drill.

    ``services``: what it is about, at least one; a drill with one names the service itself.
    ``before`` and ``afterwards`` are run before the probes start and after the recovery was measured.
    ``timeout``: seconds from the trigger in which the service must be back. The last of ``faults``
    (ordered by ``after``) is the one that users feel: detection is counted from it. ``digest`` is over the
    file's content.
    """

    name: str
    title: Text
    kind: DrillKind
    services: tuple[ServiceSpec, ...]
    environment: str
    scenario: Text
    call: RunbookCall
    before: tuple[RunbookCall, ...]
    afterwards: tuple[RunbookCall, ...]
    steady_state: tuple[SteadyState, ...]
    probes: tuple[ProbeSpec, ...]
    faults: tuple[FaultSpec, ...]
    trigger: Trigger
    expectation: Expectation
    timeout: float
    file: str
    line: int
    digest: str

    @property
    def service(self) -> str:
        """The service that the drill is about; of several, the first."""
        return self.services[0].service

    def probes_of(self, service: ServiceSpec) -> tuple[ProbeSpec, ...]:
        """Give the probes that are about one of the services."""
        if len(self.services) == 1:
            return self.probes
        return tuple(probe for probe in self.probes if probe.protection == service.protection)

    def users_of(self, service: ServiceSpec) -> ProbeSpec:
        """Give the probe that stands for the users of one of the services."""
        return next(probe for probe in self.probes_of(service) if probe.is_user)
