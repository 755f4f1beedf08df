"""What a drill collects on its way, from which its result is made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drillbook.evidence.result import MAIN
from drillbook.evidence.timeline import Timeline, nanoseconds
from drillbook.evidence.wording import NOTHING, duration
from drillbook.journal.record import read_journal
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from pathlib import Path

    from drillbook.errors import ExitCode
    from drillbook.evidence.primaries import Promotion
    from drillbook.evidence.result import RunNote, SampleNote
    from drillbook.evidence.samples import ClockOffset, Rows, Series
    from drillbook.evidence.verdict import FaultNote, SteadyCheck
    from drillbook.execution.state import RunState


@dataclass(slots=True)
class Observations:
    """Times in ns of this machine's monotonic clock; 0 and None where the drill did not get there.

    ``rows``: by service. ``struck``: when the last fault (of several at once, the first of them) was felt.
    """

    steady_before: list[SteadyCheck] = field(default_factory=list)
    steady_after: list[SteadyCheck] = field(default_factory=list)
    faults: list[FaultNote] = field(default_factory=list)
    runs: list[RunNote] = field(default_factory=list)
    journals: dict[str, Path] = field(default_factory=dict)
    afterwards: list[tuple[str, ExitCode]] = field(default_factory=list)
    promotions: list[Promotion] = field(default_factory=list)
    states: dict[str, RunState] = field(default_factory=dict)
    series: list[Series] = field(default_factory=list)
    samples: list[SampleNote] = field(default_factory=list)
    clocks: dict[str, ClockOffset] = field(default_factory=dict)
    rows: dict[str, Rows] = field(default_factory=dict)
    trouble: list[Text] = field(default_factory=list)
    triggered: bool = False
    trigger_words: Text = NOTHING
    main: ExitCode | None = None
    main_message: Text = NOTHING
    steady: int = 0
    struck: int | None = None
    trigger: int | None = None
    recovered: int = 0
    end: int = 0

    def timeline(self) -> Timeline:
        """Give the moments (ns)."""
        main = [run for run in self.runs if run.part == MAIN]
        first = last = None
        if main:
            records = read_journal(self.journals[main[0].run])
            first, last = nanoseconds(records[0].mono), nanoseconds(records[-1].mono)
        end = max(self.end, self.recovered, self.steady)
        return Timeline(self.steady, self.struck, self.trigger, first, last, max(self.recovered, self.steady), end)

    def said_of_trigger(self) -> Text:
        """Say that the trigger came, with the time since the last fault, or that it did not come."""
        if self.trigger is None:
            return Text("the trigger did not come: nothing is run", "触发条件未出现：不执行任何操作")
        said = Text(f"trigger: {self.trigger_words.en}", f"触发：{self.trigger_words.zh}")
        if self.struck is None:
            return said
        since = duration((self.trigger - self.struck) / 1e9)
        return Text(f"{since.en} after the fault, {said.en}", f"故障后 {since.zh}，{said.zh}")
