"""Running what is due: what one drill's end means for the next, the exit code, and the lock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from drillbook.clock import SystemClock
from drillbook.errors import (
    DrillbookError,
    ExitCode,
    HostUnreachable,
    JournalError,
    Locked,
    MissingPrerequisite,
    Refused,
    StepFailed,
    StoppedByPerson,
)
from drillbook.evidence.verdict import Result
from drillbook.schedule.due import State
from drillbook.schedule.lock import FILE, only_one
from drillbook.schedule.series import Doing, Ended, Series, Window, run_series
from tests import drill_values
from tests.archive_values import NOW
from tests.unit.test_schedule_due import standing

if TYPE_CHECKING:
    from drillbook.drill.model import Drill
    from drillbook.schedule.due import Standing

MET = Ended(ExitCode.OK, Result.MET)
MISSED = Ended(ExitCode.MISSED, Result.MISSED, "too slow")
INVALID = Ended(ExitCode.DRILL_INVALID, Result.INVALID, "nothing happened")
UNSTEADY = replace(INVALID, steady=False)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Drill:
    return drill_values.loaded(tmp_path_factory.mktemp("drill"), drill_values.drill())


@dataclass
class Stage:
    """A clock that each drill moves on by a minute, and ends as they are told."""

    ends: dict[str, Ended | BaseException]
    ground: BaseException | None = None
    at: float = 0.0
    ran: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.at)

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds

    def token(self) -> str:
        return "0" * 8

    def bring_up(self, environment: str) -> str:
        if self.ground is not None:
            raise self.ground
        return environment

    def run(self, drill: Drill, ground: str) -> Ended:
        assert ground == "lab"
        self.ran.append(drill.name)
        self.at += 60
        end = self.ends.get(drill.name, MET)
        if isinstance(end, BaseException):
            raise end
        return end


def go(
    stage: Stage, queue: list[Standing], *, window: Window | None = None, skip: dict[str, str] | None = None
) -> Series:
    doing = Doing(ground=stage.bring_up, run=stage.run, begins=lambda *_: None, says=stage.said.append)
    return run_series(queue, doing, window=window or Window(), skip=skip or {}, clock=stage)


def queue(base: Drill, *names: str, **pairs: str) -> list[Standing]:
    return [standing(base, name, State.NEVER, pair=pairs.get(name, name)) for name in names]


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        ({}, ExitCode.OK),
        ({"a": MISSED}, ExitCode.MISSED),
        ({"a": INVALID}, ExitCode.DRILL_INVALID),
        ({"a": INVALID, "b": MISSED}, ExitCode.MISSED),
        ({"a": StepFailed("before"), "b": INVALID}, ExitCode.DRILL_INVALID),
        ({"a": StepFailed("before")}, ExitCode.FAILED),
        ({"b": HostUnreachable("gone")}, ExitCode.UNREACHABLE),
        ({"b": Refused("no")}, ExitCode.REFUSED),
    ],
)
def test_one_that_fails_does_not_keep_the_next_from_running(
    base: Drill, ends: dict[str, Ended | BaseException], code: ExitCode
) -> None:
    stage = Stage(ends)
    series = go(stage, queue(base, "a", "b", "c"))
    assert stage.ran == ["a", "b", "c"]
    assert series.code is code
    assert series.seconds == 180
    assert len(stage.said) == sum(isinstance(end, BaseException) for end in ends.values())


def test_nothing_due() -> None:
    series = go(Stage({}), [])
    assert (series.code, series.done, series.left) == (ExitCode.OK, (), ())


@pytest.mark.parametrize(
    "error",
    [JournalError("full"), MissingPrerequisite("no podman"), StoppedByPerson("stopped"), KeyboardInterrupt()],
)
def test_what_would_end_every_drill_ends_the_series(base: Drill, error: BaseException) -> None:
    stage = Stage({"a": MISSED, "b": error})
    series = go(stage, queue(base, "a", "b", "c"))
    assert stage.ran == ["a", "b"]
    assert [each.standing.drill.name for each in series.left] == ["c"]
    assert series.code is (error.exit_code if isinstance(error, DrillbookError) else ExitCode.STOPPED)  # type: ignore[attr-defined]


def test_a_lab_that_cannot_be_brought_up_ends_the_series(base: Drill) -> None:
    stage = Stage({}, ground=StepFailed("db-1 did not boot"))
    series = go(stage, queue(base, "a", "b"))
    assert stage.ran == []
    assert series.code is ExitCode.FAILED
    assert "db-1 did not boot" in series.left[0].why


def test_an_environment_that_is_refused_concerns_its_own_drills(base: Drill) -> None:
    stage = Stage({}, ground=Refused("not the lab"))
    series = go(stage, queue(base, "a", "b"))
    assert [each.ended.code for each in series.done] == [ExitCode.REFUSED, ExitCode.REFUSED]
    assert series.ended_by is None


def test_a_person_who_stops_a_drill_stops_the_series(base: Drill) -> None:
    stage = Stage({"a": replace(INVALID, stopped=True)})
    series = go(stage, queue(base, "a", "b"))
    assert stage.ran == ["a"]
    assert series.code is ExitCode.STOPPED


@pytest.mark.parametrize("end", [UNSTEADY, Locked("db-1 is locked")])
def test_without_its_steady_state_a_pair_is_left_alone_and_others_are_not(
    base: Drill, end: Ended | BaseException
) -> None:
    stage = Stage({"a": end})
    series = go(stage, queue(base, "a", "b", "c", a="pair", b="pair"))
    assert stage.ran == ["a", "c"]
    assert [(each.standing.drill.name, each.meant) for each in series.left] == [("b", False)]
    assert "a ended without the steady state" in series.left[0].why


def test_a_freeze_is_skipped_and_is_no_failure(base: Drill) -> None:
    stage = Stage({})
    series = go(stage, queue(base, "a"), skip={"a": "freeze"})
    assert (stage.ran, series.code, series.left[0].meant) == ([], ExitCode.OK, True)


def test_at_most_so_many(base: Drill) -> None:
    stage = Stage({})
    series = go(stage, queue(base, "a", "b", "c"), window=Window(drills=2), skip={"a": "freeze"})
    assert stage.ran == ["b", "c"]
    assert series.code is ExitCode.OK


def test_none_is_begun_that_would_not_be_over_in_time(base: Drill) -> None:
    # Unknown drills are given their own timeout (120 s), known ones what they usually take.
    slow, quick = queue(base, "slow", "quick")
    stage = Stage({})
    go(stage, [slow, replace(quick, usual=50.0), slow], window=Window(seconds=115))
    assert stage.ran == ["quick"]


# --- the lock ------------------------------------------------------------------------------------

HOLD = """
import sys, time
from pathlib import Path
from drillbook.clock import SystemClock
from drillbook.schedule.lock import only_one
with only_one(Path(sys.argv[1]), what="the drill my-drill", clock=SystemClock()) as say:
    say("now \\x1b[31mmy-other-drill")
    print("held", flush=True)
    time.sleep(60)
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_two_never_overlap_and_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    first = holder(tmp_path)
    try:
        with pytest.raises(Locked) as caught, only_one(tmp_path, what="x", clock=SystemClock()):
            pass
        assert caught.value.exit_code is ExitCode.LOCKED
        assert f"process {first.pid}" in caught.value.message
        assert "now \\u{1b}[31mmy-other-drill" in caught.value.message
    finally:
        first.kill()
        first.communicate()
    assert json.loads((tmp_path / FILE).read_text())["pid"] == first.pid
    with only_one(tmp_path, what="x", clock=SystemClock()):
        pass
    assert (tmp_path / FILE).read_text() == ""


def test_a_lock_that_is_no_ordinary_file_is_said_and_what_a_link_leads_to_is_kept(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for make in (os.mkfifo, Path.mkdir, lambda path: path.symlink_to(victim)):
        make(tmp_path / FILE)
        with pytest.raises(JournalError, match=FILE), only_one(tmp_path, what="x", clock=SystemClock()):
            pass
        if (tmp_path / FILE).is_dir():
            (tmp_path / FILE).rmdir()
        else:
            (tmp_path / FILE).unlink()
    assert victim.read_text() == "precious"


def test_a_program_that_a_drill_starts_does_not_hold_the_lock_after_it(tmp_path: Path) -> None:
    with only_one(tmp_path, what="x", clock=SystemClock()):
        child = subprocess.Popen(["sleep", "30"], close_fds=False)
    try:
        with only_one(tmp_path, what="y", clock=SystemClock()):
            pass
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}', "\x00" * 5000])
def test_a_lock_whose_holder_says_nothing_is_a_lock(tmp_path: Path, text: str) -> None:
    first = holder(tmp_path)
    (tmp_path / FILE).write_text(text)
    try:
        with (
            pytest.raises(Locked, match="another drill is going on"),
            only_one(tmp_path, what="x", clock=SystemClock()),
        ):
            pass
    finally:
        first.kill()
        first.communicate()


def test_a_lock_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(JournalError, match="cannot be opened"), only_one(tmp_path, what="x", clock=SystemClock()):
        pass
