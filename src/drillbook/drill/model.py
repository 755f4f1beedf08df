"""A drill as its file says it: what is rehearsed, what goes wrong, and what is watched meanwhile.

Values in ``steady_state``'s checks may be templates (see ``runbook.model``); the planner binds them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drillbook.evidence.verdict import Expectation
    from drillbook.runbook.model import CheckCall, Text

SERVICE_ADDRESS = "service_address"
"""Where the probe that stands for the users writes to."""


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
    """One check of the steady state; ``call.on`` is a configuration item."""

    text: Text
    call: CheckCall


@dataclass(frozen=True, slots=True)
class ProbeSpec:
    """A probe: a process on ``source`` that writes to ``target`` (an item, or SERVICE_ADDRESS).

    ``every``: seconds from one write to the next. ``give_up``: seconds after which a write that is not
    answered has an unknown outcome.
    """

    id: str
    kind: str
    source: str
    target: str
    every: float
    give_up: float
    line: int


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """A fault on the item ``on``, ``after`` seconds of steady probes; healed ``lasts`` seconds later.

    ``lasts`` None: it is healed when the drill's run has ended. ``options`` are of the kind
    (``lab.faults.KINDS``).
    """

    kind: str
    on: str
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
class Drill:
    """A validated drill.

    ``before`` and ``afterwards`` are run before the probes start and after the recovery was measured.
    ``timeout``: seconds from the trigger in which the service must be back. The last of ``faults``
    (ordered by ``after``) is the one that users feel: detection is counted from it. ``digest`` is over the
    file's content.
    """

    name: str
    title: Text
    kind: DrillKind
    service: str
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
    objectives: OtherObjectives | None
    timeout: float
    file: str
    line: int
    digest: str

    @property
    def users(self) -> ProbeSpec:
        """The probe that stands for the users: the one that writes to the service's address."""
        return next(probe for probe in self.probes if probe.target == SERVICE_ADDRESS)
