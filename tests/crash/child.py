"""Runs, resumes or rolls back one run and kills itself, as ``kill -9`` would, right after its N-th journal record.

Used as ``python -m tests.crash.child run RUNBOOK N name=value…``, ``… resume RUN N`` or ``… rollback RUN N``; N
counts the records that this process writes, from 1; 0 means never. Prints the run's id. Exit code: the run's, or -9.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from drillbook.execution.launch import Launch, again, begin, connect
from drillbook.execution.runs import RunFolder
from drillbook.lab.access import lab_access
from drillbook.tasks.common import state_folder
from drillbook.tasks.wiring import load_estate, make_surroundings, parse_parameters, plan_and_permit

if TYPE_CHECKING:
    from drillbook.journal.record import Record


class Killer:
    """A listener that ends the process after its N-th record."""

    def __init__(self, after: int) -> None:
        self.after = after
        self.seen = 0

    def __call__(self, _: Record) -> None:
        self.seen += 1
        if self.seen == self.after:
            os.kill(os.getpid(), signal.SIGKILL)


def main(root: Path, verb: str, name: str, after: str, *parameters: str) -> int:
    estate = load_estate(root)
    around = make_surroundings(root, lab_access(), listener=Killer(int(after)), stopping=lambda: False)
    launch: Launch
    if verb == "run":
        plan, permission = plan_and_permit(estate, name, environment="lab", parameters=parse_parameters(parameters))
        launch = begin(plan, permission, connect(plan, around), around, purpose="crash campaign")
    else:
        launch = again(RunFolder(state_folder(root) / "runs" / name), around, event="run.resumed")
    sys.stdout.write(f"{launch.folder.id}\n")
    sys.stdout.flush()
    outcome = launch.engine.rollback() if verb == "rollback" else launch.engine.run()
    launch.close()
    if outcome.exit_code:
        sys.stderr.write(f"{outcome.result}: {outcome.message}\n")
    return int(outcome.exit_code)


if __name__ == "__main__":
    sys.exit(main(Path.cwd(), *sys.argv[1:]))
