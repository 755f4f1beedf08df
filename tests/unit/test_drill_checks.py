"""A drill is held against what it would run, before a host is touched."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest

from drillbook.console.schedule_view import log_line
from drillbook.console.schedule_words import ENGLISH, ScheduleWords
from drillbook.drill.load import find_drill
from drillbook.errors import ExitCode, InvalidInput
from drillbook.evidence.verdict import Result
from drillbook.schedule.series import Done, Ended, Series
from drillbook.tasks.drill_checks import findings_of
from drillbook.tasks.drill_run import look_at, schedule_after, tell_wrong
from drillbook.tasks.wiring import load_estate
from tests.estate_copy import NO_CACHES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("part", ["main", "afterwards"])
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [("primary", "core-db-9", "core-db-9"), ("primry", "core-db-1", "primry")],
)
def test_what_no_plan_can_be_made_of_is_a_finding(part: str, name: str, value: str, words: str) -> None:
    estate = load_estate(ROOT)
    drill = find_drill(ROOT, "core-db-switchover")
    assert findings_of(drill, estate) == []
    if part == "main":
        broken = replace(drill, call=replace(drill.call, parameters={"pair": "core-db", name: value}))
        line = drill.call.line
    else:
        call = drill.afterwards[0]
        broken = replace(drill, afterwards=(replace(call, parameters={"pair": "core-db", name: value}),))
        line = call.line
    finding = findings_of(broken, estate)[0]
    assert (finding.file, finding.line, finding.rule) == (drill.file, line, "drill-plan")
    assert words in finding.message


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    """The estate that ships, without its records."""
    for name in ("cmdb.d", "runbooks", "playbooks"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=NO_CACHES)
    shutil.copy(ROOT / "cmdb.yaml", tmp_path)
    (tmp_path / "drills").mkdir()
    for path in (ROOT / "drills").glob("*.yaml"):
        shutil.copy(path, tmp_path / "drills")
    return tmp_path


def spoil(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_wrong_drill_and_a_wrong_runbook_are_in_the_way_of_nobody_else(
    estate: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = look_at(estate)
    assert (dict(whole.wrong), tell_wrong(whole, ENGLISH)) == ({}, ExitCode.OK)
    names = {each.drill.name for each in whole.schedule.drills}
    spoil(estate / "drills/login-promotion.yaml", "service: ", "service: no-")
    spoil(estate / "drills/proxy-promotion.yaml", "drill: ", "drill ")
    spoil(estate / "runbooks/RB-MAIL-SWITCHOVER.yaml", "kind: ", "kind: no-")
    at = look_at(estate)
    needing = {"mail-switchover"} | {name for name in names if "RB-MAIL-SWITCHOVER" in str(at.wrong.get(name))}
    assert set(at.wrong) == {"login-promotion", "proxy-promotion"} | needing
    assert {each.drill.name for each in at.schedule.drills} == names - set(at.wrong)
    # It is there, if wrong: its service is not told to have none.
    assert "mail" not in {each.service for each in at.schedule.undrilled}
    assert tell_wrong(at, ENGLISH) is ExitCode.INVALID
    said = capsys.readouterr().err
    for file in (
        "drills/login-promotion.yaml:5:",
        "drills/proxy-promotion.yaml:2:",
        "runbooks/RB-MAIL-SWITCHOVER.yaml:",
    ):
        assert file in said
    assert said.count("runbooks/RB-MAIL-SWITCHOVER.yaml:") == 1
    assert "login-promotion, mail-" in said.splitlines()[-1]
    tell_wrong(at, ScheduleWords("zh"))
    last = capsys.readouterr().err.splitlines()[-1]
    assert "login-promotion, mail-" in last
    assert "left out" not in last


def test_where_every_drill_is_wrong_nothing_is_left_to_say_but_that(estate: Path) -> None:
    for path in (estate / "drills").glob("*.yaml"):
        spoil(path, "drill: ", "drill ")
    with pytest.raises(InvalidInput) as found:
        look_at(estate)
    assert len(found.value.findings) == len(list((estate / "drills").glob("*.yaml")))


def test_what_was_run_is_told_when_the_drills_can_no_longer_be_read(
    estate: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert schedule_after(estate) is not None
    (standing, *_) = look_at(estate).schedule.drills
    for path in (estate / "drills").glob("*.yaml"):
        spoil(path, "drill: ", "drill ")
    assert schedule_after(estate) is None
    said = capsys.readouterr().err
    assert f"drills/{standing.drill.name}.yaml:2:" in said
    assert "Nothing was run" not in said
    series = Series((Done(standing, Ended(ExitCode.OK, Result.MET), 7),), (), None, 7)
    assert log_line(series, None, zone=UTC) == (
        f"drills: exit code 3 INVALID; ran 1: {standing.drill.name} met; 7 s; "
        "what is due now cannot be told, since the estate's files are wrong"
    )
