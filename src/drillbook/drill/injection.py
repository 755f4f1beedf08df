"""Faults of a drill: injected at their times, noted as they were, and taken away."""

from __future__ import annotations

import time
from dataclasses import replace
from threading import Thread
from typing import TYPE_CHECKING

from drillbook.errors import DrillbookError
from drillbook.evidence.verdict import FaultNote
from drillbook.lab.faults import KINDS, make_fault
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from drillbook.drill.model import FaultSpec
    from drillbook.drill.observations import Observations
    from drillbook.journal.writer import Journal
    from drillbook.lab.state import LabState


class Injection:
    """The faults of one drill. What becomes of them is noted in ``seen``; ``say`` shows a line to the person."""

    def __init__(
        self, faults: Sequence[FaultSpec], *, lab: LabState, seen: Observations, say: Callable[[Text], None]
    ) -> None:
        """Take the faults, in any order; nothing happens yet."""
        self._faults = sorted(faults, key=lambda each: each.after)
        self._lab = lab
        self._seen = seen
        self._say = say
        self._healers: list[Thread] = []

    def start(self, journal: Journal) -> None:
        """Inject the faults at their times; return when the last of them is there. Raises StepFailed."""
        for spec in self._faults:
            time.sleep(max(0.0, self._seen.steady / 1e9 + spec.after - time.monotonic()))
            fault = make_fault(spec.kind, spec.on, spec.options, lab=self._lab)
            journal.append("drill.fault", fault=spec.kind, item=spec.on)
            effect = fault.inject()
            self._seen.faults.append(
                FaultNote(
                    kind=spec.kind,
                    item=spec.on,
                    description=fault.describe(),
                    began=effect.began,
                    effective=effect.effective,
                    verified=effect.verified,
                    detail=effect.detail,
                    healed=None,
                )
            )
            self._say(fault.describe())
            if spec.lasts is not None:
                arguments = (len(self._seen.faults) - 1, spec, spec.lasts)
                thread = Thread(target=self._heal_later, args=arguments, daemon=True)
                thread.start()
                self._healers.append(thread)

    def wait(self) -> None:
        """Wait until the faults that last for a time of their own are over."""
        for thread in self._healers:
            thread.join()

    def heal(self, journal: Journal) -> None:
        """Take away what is still there."""
        for index, spec in enumerate(self._faults):
            if index < len(self._seen.faults) and self._seen.faults[index].healed is None:
                self._heal_one(index, spec)
        journal.append("drill.healed")

    def _heal_later(self, index: int, spec: FaultSpec, lasts: float) -> None:
        note = self._seen.faults[index]
        time.sleep(max(0.0, note.effective / 1e9 + lasts - time.monotonic()))
        self._heal_one(index, spec)

    def _heal_one(self, index: int, spec: FaultSpec) -> None:
        try:
            make_fault(spec.kind, spec.on, spec.options, lab=self._lab).heal()
        except DrillbookError as error:
            self._seen.trouble.append(
                Text(
                    f"the fault {spec.kind} on {spec.on} could not be taken away: {error.message}",
                    f"{spec.on} 上的故障 {spec.kind} 未能解除：{error.message}",
                )
            )
            return
        if KINDS[spec.kind].heals:
            self._seen.faults[index] = replace(self._seen.faults[index], healed=time.monotonic_ns())
