"""Faults of a drill: injected at their times, noted as they were, and taken away."""

from __future__ import annotations

import time
from dataclasses import replace
from threading import Thread
from typing import TYPE_CHECKING

from drillbook.drill.about import struck
from drillbook.errors import DrillbookError
from drillbook.evidence.verdict import FaultNote
from drillbook.lab.faults import KINDS, inject_together, make_fault
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from drillbook.cmdb.model import Cmdb
    from drillbook.drill.model import FaultSpec
    from drillbook.drill.observations import Observations
    from drillbook.journal.writer import Journal
    from drillbook.lab.faults import Fault
    from drillbook.lab.state import LabState


class Injection:
    """The faults of one drill. What becomes of them is noted in ``seen``; ``say`` shows a line to the person."""

    def __init__(
        self,
        faults: Sequence[FaultSpec],
        *,
        lab: LabState,
        cmdb: Cmdb,
        seen: Observations,
        say: Callable[[Text], None],
    ) -> None:
        """Take the faults, in any order; nothing happens yet. Raises UsageError for a host that the lab has not."""
        # Everything that can be prepared is prepared: the hosts of one fault are struck at the same moment.
        self._faults = [
            (spec, [make_fault(spec.kind, item, spec.options, lab=lab) for item in struck(spec, cmdb)])
            for spec in sorted(faults, key=lambda each: each.after)
        ]
        self._noted: list[Fault] = []
        self._seen = seen
        self._say = say
        self._healers: list[Thread] = []

    def start(self, journal: Journal) -> None:
        """Inject the faults at their times; return when the last of them is there. Raises StepFailed."""
        for spec, faults in self._faults:
            time.sleep(max(0.0, self._seen.steady / 1e9 + spec.after - time.monotonic()))
            for fault in faults:
                journal.append("drill.fault", fault=spec.kind, item=fault.item)
            first = len(self._seen.faults)
            self._strike(faults)
            self._seen.struck = min(each.effective for each in self._seen.faults[first:])
            if spec.lasts is not None:
                for index in range(first, len(self._seen.faults)):
                    thread = Thread(target=self._heal_later, args=(index, spec.lasts), daemon=True)
                    thread.start()
                    self._healers.append(thread)

    def _strike(self, faults: Sequence[Fault]) -> None:
        """Inject faults at the same moment, and note them. Raises StepFailed."""
        for fault, effect in zip(faults, inject_together(faults), strict=True):
            self._noted.append(fault)
            self._seen.faults.append(
                FaultNote(
                    kind=fault.kind,
                    item=fault.item,
                    description=fault.describe(),
                    began=effect.began,
                    effective=effect.effective,
                    verified=effect.verified,
                    detail=effect.detail,
                    healed=None,
                )
            )
            self._say(fault.describe())

    def wait(self) -> None:
        """Wait until the faults that last for a time of their own are over."""
        for thread in self._healers:
            thread.join()

    def heal(self, journal: Journal) -> None:
        """Take away what is still there, the last first: a later fault may lie over an earlier one."""
        for index in reversed(range(len(self._noted))):
            if self._seen.faults[index].healed is None:
                self._heal_one(index)
        journal.append("drill.healed")

    def _heal_later(self, index: int, lasts: float) -> None:
        note = self._seen.faults[index]
        time.sleep(max(0.0, note.effective / 1e9 + lasts - time.monotonic()))
        self._heal_one(index)

    def _heal_one(self, index: int) -> None:
        fault = self._noted[index]
        try:
            fault.heal()
        except DrillbookError as error:
            self._seen.trouble.append(
                Text(
                    f"the fault {fault.kind} on {fault.item} could not be taken away: {error.message}",
                    f"{fault.item} 上的故障 {fault.kind} 未能解除：{error.message}",
                )
            )
            return
        if KINDS[fault.kind].heals:
            self._seen.faults[index] = replace(self._seen.faults[index], healed=time.monotonic_ns())
