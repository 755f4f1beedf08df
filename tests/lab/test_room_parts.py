"""A room is lost and the standby of its database too: mail and the web come back; once the standby is there, all is.

The same on the way back, where one host does not start.
"""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from drillbook.drill.about import struck
from drillbook.drill.load import find_drill
from drillbook.errors import DrillbookError, ExitCode
from drillbook.execution.parts import done_parts
from drillbook.execution.runs import RunFolder, load_plan
from drillbook.execution.state import state_from_records
from drillbook.hosts.connection import Hosts
from drillbook.journal.record import read_journal
from drillbook.lab.access import lab_access
from drillbook.lab.power import FAILS, LabPower
from drillbook.lab.state import POWER_DIR
from drillbook.plan.targets import target_of
from drillbook.tasks.common import state_folder
from tests.lab.conftest import ROOT, bring_up

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from drillbook.cmdb.model import Cmdb

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]

STANDBY, WITNESS, OBSERVER = "core-db-2", "mon-1", "core-app-1"
KILLED = -9


def child(verb: str, name: str, after: int = 0, **parameters: str) -> tuple[int, str, str]:
    """Run the engine in a process of its own; give its exit code, the run's id and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash.child", verb, name, str(after), *map("=".join, parameters.items())],
        cwd=ROOT, capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    return done.returncode, (done.stdout.split() or [""])[-1], done.stderr


class Room:
    """The room of the shipped drill, with all its hosts off, and the database's standby in the other room as well."""

    def __init__(self, estate: Cmdb) -> None:
        self.drill = find_drill(ROOT, "room-a-loss")
        self.cmdb = estate
        self.dead = [*struck(self.drill.faults[0], estate), STANDBY]
        items = (STANDBY, WITNESS)
        self.hosts = Hosts({item: target_of(estate, item, "lab") for item in items}, lab_access())

    def sh(self, item: str, script: str) -> str:
        done = self.hosts[item].run(["/bin/sh", "-eu", "-c", script], timeout=60)
        assert done.exit_code == 0, f"{item}: {done.stderr}"
        return done.stdout.strip()

    def lose(self) -> None:
        for call in self.drill.before:
            code, _, said = child("run", call.runbook, **call.parameters)
            assert code == 0, said
        for item in self.dead:
            LabPower(item).off()
        self.hosts[STANDBY].close()

    def mend(self) -> None:
        """Switch the standby on; its database is started by hand, as ever after a loss of power."""
        LabPower(STANDBY).on()
        for _ in range(100):
            try:
                self.sh(STANDBY, "systemctl start core-db.service")
            except (DrillbookError, AssertionError):
                time.sleep(0.2)
                continue
            return
        pytest.fail(f"{STANDBY} does not come up")

    def give_back(self) -> None:
        """Bring all back; at first one host's power control does not answer, and it alone stays away."""
        [call] = self.drill.afterwards
        (POWER_DIR / self.dead[0]).write_text(FAILS)
        try:
            code, run, said = child("run", call.runbook, **call.parameters)
        finally:
            (POWER_DIR / self.dead[0]).unlink()
        assert code == ExitCode.PARTIAL, said
        assert f"not done: start-first: step start-first/start: power control: {self.dead[0]}" in said
        assert self.run_of(run)[0] == ["start-second", "start-third", "database", "mail", "cold"]
        code, _, said = child("resume", run)
        assert code == ExitCode.OK, said

    def page(self) -> str:
        return self.sh(WITNESS, "curl -sS --noproxy '*' --max-time 3 http://10.213.0.152/index.html")

    def mail(self) -> str:
        return self.sh(WITNESS, "timeout 3 bash -c 'exec 3<>/dev/tcp/10.213.0.140/25; head -n 1 <&3'")

    def is_primary(self) -> bool:
        asked = "cd /; runuser -u postgres -- psql -XAtc 'select pg_is_in_recovery()'"
        return self.sh(STANDBY, asked) == "f"

    def run_of(self, run: str) -> tuple[list[str], list[Any]]:
        """Give the parts that are done, and the records."""
        folder = RunFolder(state_folder(ROOT) / "runs" / run)
        records = read_journal(folder.journal)
        return done_parts(load_plan(folder), state_from_records(records)), records


@pytest.fixture
def room(estate: Cmdb) -> Iterator[Room]:
    found = Room(estate)
    found.lose()
    healthy = False
    try:
        yield found
        found.give_back()
        healthy = True
    finally:
        if not healthy:
            bring_up(fresh=True)


# After how many records each process of the run is killed: none, or in the middle of the spare's part, again in going
# on, and in the middle of the database's.
@pytest.mark.parametrize(
    ("first", "second"), [((), ()), pytest.param((40, 6), (9,), marks=pytest.mark.slow)], ids=["unharmed", "killed"]
)
def test_the_others_come_back_and_a_resume_brings_the_last(
    room: Room, first: tuple[int, ...], second: tuple[int, ...]
) -> None:
    verb, name = "run", room.drill.call.runbook
    for after in (*first, 0):
        given = room.drill.call.parameters if verb == "run" else {}
        code, run, said = child(verb, name, after, **given)
        assert code == (KILLED if after else ExitCode.PARTIAL), said
        verb, name = "resume", run
    assert "not done: database: core-db-2" in said
    done, records = room.run_of(run)
    assert done == ["mail", "cold"]
    assert "Harbour" in room.page()
    assert room.mail().startswith("220")
    failed = [each.data for each in records if each.kind == "part.failed"]
    assert {each["part"] for each in failed} == {"database"}
    assert not any(str(each.data.get("step", "")).startswith("database/") for each in records if "step" in each.kind)

    room.mend()
    for after in (*second, 0):
        code, _, said = child("resume", run, after)
        assert code == (KILLED if after else ExitCode.OK), said
    done, records = room.run_of(run)
    assert done == ["database", "mail", "cold"]
    assert room.is_primary()
    fences = [each.data for each in records if each.kind == "step.ended" and each.data["step"] == "database/fence"]
    assert all(each["evidence"]["witnesses"] == {STANDBY: [], OBSERVER: None} for each in fences)
    begun = [each.data for each in records if each.kind == "step.started" and each.data["action"] == "run"]
    assert {each["attempt"] for each in begun} == {1}  # each host knew what it had done: nothing was done twice
