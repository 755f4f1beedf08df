"""The runs of a drill: before it, the one that it is about, and on the way back; each noted as it ended."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from drillbook.drill.report import run_message
from drillbook.errors import ExitCode, StepFailed
from drillbook.evidence.result import MAIN, RunNote
from drillbook.evidence.timeline import part_notes, promotions, step_times
from drillbook.execution.launch import begin, connect
from drillbook.execution.state import state_from_records
from drillbook.journal.record import read_journal

if TYPE_CHECKING:
    from drillbook.drill.model import Drill, RunbookCall
    from drillbook.drill.observations import Observations
    from drillbook.drill.setting import Setting
    from drillbook.execution.launch import Launch


class Runs:
    """Runs runbooks for a drill, and notes in ``seen`` what became of them."""

    def __init__(self, drill: Drill, setting: Setting, seen: Observations) -> None:
        """Take what the runs need; nothing is run."""
        self.drill = drill
        self.setting = setting
        self.seen = seen

    def run(self, call: RunbookCall, part: str) -> ExitCode:
        """Plan and run a runbook as that part of the drill.

        Raises DrillbookError when it could not begin, or when it did not succeed before the drill.
        """
        plan, permission = self.setting.plan_for(call)
        around = replace(self.setting.around, listener=self.setting.show.run(plan, part))
        hosts = connect(plan, around)
        try:
            launch = begin(plan, permission, hosts, around, purpose=f"drill {self.drill.name}, {part}")
            code = self.execute(launch, part)
        finally:
            hosts.close()
        if part == "before" and code is not ExitCode.OK:
            raise StepFailed(f"{call.runbook}, run before the drill, did not succeed: {self.seen.runs[-1].message.en}")
        return code

    def execute(self, launch: Launch, part: str) -> ExitCode:
        """Run what was begun, as that part of the drill, and note what became of it."""
        try:
            outcome = launch.engine.run()
            if part == MAIN and self.drill.expectation.refused is not None:
                # It did what it should, and nobody will go on with it: its locks are free again.
                launch.engine.abandon()
        finally:
            launch.close()
        records = read_journal(launch.folder.journal)
        self.seen.journals[launch.folder.id] = launch.folder.journal
        self.seen.promotions += promotions(launch.plan, records)
        self.seen.states[launch.folder.id] = state_from_records(records)
        message = run_message(launch.plan, outcome)
        if part == MAIN:
            self.seen.main, self.seen.main_message = outcome.exit_code, message
        self.seen.runs.append(
            RunNote(
                part=part,
                run=launch.folder.id,
                plan=launch.plan,
                result=outcome.result,
                exit_code=int(outcome.exit_code),
                message=message,
                steps=tuple(step_times(launch.plan, records)),
                parts=tuple(part_notes(launch.plan, records)),
            )
        )
        return outcome.exit_code
