"""The log of changes, from an estate where much has happened: real keys, journals, git and a remote."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from drillbook.audit.against import merged
from drillbook.audit.collect import change_log
from drillbook.audit.log import Line, Log, Mark, Query, selected
from drillbook.audit.page.log import approved_words, log_json, log_page, seconds_words
from drillbook.audit.query import query_of
from drillbook.change.records.record import find_change
from drillbook.clock import SystemClock
from drillbook.errors import UsageError
from drillbook.runbook.model import Text
from tests.audit_scene import Scene, full_scene, new_scene
from tests.repo_values import git

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("audit")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        yield full_scene(folder)


@pytest.fixture(scope="module")
def log(scene: Scene) -> Log:
    return change_log(scene.root, Query(), clock=SystemClock())


def of(log: Log, number: int) -> Line:
    (found,) = (each for each in log.lines if each.change == f"CHG-2026-{number:04}")
    return found


def said(line: Line, mark: Mark) -> str:
    return "\n".join(each.text.en for each in line.proofs if each.mark is mark)


def test_a_change_as_it_should_be_is_proved_throughout(log: Log) -> None:
    line = of(log, 1)
    assert (line.type, line.requested_by, line.approved_by, line.executed_by, line.result) == (
        "normal", "wang-jing", ("lin-mei",), "zhang-tao", "succeeded"
    )  # fmt: skip
    assert (line.items, line.services) == (("core-db-1", "core-db-2"), ("core-business",))
    assert line.seconds == 90
    assert {each.mark for each in line.proofs} == {Mark.PROVED}
    assert len(line.proofs) == 4


def test_an_approval_for_another_plan_is_shown_and_does_not_count(log: Log) -> None:
    line = of(log, 2)
    assert line.approved_by == ("chen-wei",)
    assert [person for person, _ in line.refused] == ["zhang-tao"]
    assert "another plan" in line.refused[0][1]
    # The ledger was asked, and does not know this run.
    assert "ledger in the git remote does not know it" in said(line, Mark.WRONG)


def test_a_change_that_nobody_ran_is_told_and_wants_its_approvals(log: Log) -> None:
    line = of(log, 3)
    assert (line.kind, line.result, line.approved_by, line.wrong) == ("asked", "", (), False)
    assert "too few approvals" in said(line, Mark.UNPROVED)


def test_emergencies_stand_out_with_their_reviews(log: Log) -> None:
    assert [(of(log, n).type, of(log, n).review, of(log, n).reviewed_by) for n in (4, 5, 6)] == [
        ("emergency", "rejected", "lin-mei"), ("emergency", "owed", ""), ("emergency", "owed", "")
    ]  # fmt: skip
    assert approved_words(of(log, 5)).en.startswith("nobody beforehand")
    (counted,) = log.break_glass()
    assert (counted.person, counted.count, counted.too_often) == ("wang-jing", 3, True)


def test_a_journal_that_was_changed_is_in_every_answer(scene: Scene, log: Log) -> None:
    (broken,) = (each for each in log.lines if each.type == "unknown")
    assert "changed after it was written" in said(broken, Mark.WRONG)
    only = change_log(scene.root, Query(person="nobody"), clock=SystemClock(), offline=True)
    assert [each.run for each in only.lines] == [broken.run]


def test_a_run_elsewhere_is_known_from_the_ledger(log: Log) -> None:
    line = of(log, 7)
    assert (line.executed_by, line.result, line.seconds) == ("wang-jing", "succeeded", 90)
    assert "its journal is not here; it ran on desk-2" in said(line, Mark.UNPROVED)


def test_a_change_of_the_configuration_is_tied_to_its_commit(scene: Scene, log: Log) -> None:
    line = of(log, 8)
    assert (line.kind, line.result, line.approved_by, line.wrong) == (
        "configuration", "merged", ("chen-wei", "lin-mei"), False
    )  # fmt: skip
    commit = line.head.removeprefix("git:")
    assert scene.estate.repo.commit(commit).subject.startswith("CHG-2026-0008")


def test_what_is_no_change_is_said(log: Log) -> None:
    assert [each.name for each in log.unreadable] == ["CHG-2026-0099"]


def test_runs_of_the_lab_are_counted_and_told_on_demand(log: Log) -> None:
    (group,) = log.routine()
    assert (group.count, group.results) == (29, (("abandoned", 3), ("succeeded", 26)))
    assert len(log.told(every=True)) == len(log.told(every=False)) + 29
    assert [each.at for each in log.told(every=True)] == sorted((each.at for each in log.lines), reverse=True)


def test_an_item_brings_the_commits_that_changed_it(scene: Scene) -> None:
    log = change_log(scene.root, Query(item="core-db-1"), clock=SystemClock())
    commits = [each for each in log.lines if each.kind == "commit"]
    assert [each.reason for each in commits] == ["c", "quick fix"]
    assert "owner: zhang-tao → gao-fei" in commits[1].detail
    assert of(log, 8).kind == "configuration"
    other = change_log(scene.root, Query(item="core-db-2"), clock=SystemClock())
    assert "CHG-2026-0008" not in {each.change for each in other.lines}


def test_offline_the_ledger_is_as_it_was_fetched(scene: Scene) -> None:
    log = change_log(scene.root, Query(), clock=SystemClock(), offline=True)
    assert [each.mark for each in log.sources] == [Mark.PROVED, Mark.UNPROVED]
    assert of(log, 7).result == "succeeded"
    assert not of(log, 2).wrong  # what was fetched last may be too old to know it


def test_without_a_trusted_base_nothing_is_called_proved(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(scene.root.parent / "nothing"))
    log = change_log(scene.root, Query(), clock=SystemClock())
    line = of(log, 1)
    assert line.approved_by == ()
    assert line.refused == (("lin-mei", "it cannot be verified here"),)
    assert not any(each.mark is Mark.PROVED for line in log.lines for each in line.proofs)
    assert "No signature could be verified" in log.sources[0].text.en


def test_the_page_has_everything_in_both_languages_and_runs_nothing(log: Log) -> None:
    page = log_page(log, asked="--type x", every=False, now=datetime.now(UTC), zone=UTC, language="zh")
    for text in (
        "变更日志",
        "Log of changes",
        "CHG-2026-0007",
        "CHG-2026-0099",
        "日志不在此处",
        "its journal is not here",
    ):
        assert text in page
    assert "<script" not in page
    assert "http:" not in page
    assert "https:" not in page
    targets = set(re.findall(r'href="#(n\d+)"', page))
    assert targets == set(re.findall(r'id="(n\d+)"', page))
    assert len(targets) == len(log.told(every=False))
    assert '<html lang="zh-Hans">' in page


def test_json_has_whole_digests(log: Log) -> None:
    value = json.loads(json.dumps(log_json(log, every=False)))
    assert {line["change"] for line in value["lines"]} >= {f"CHG-2026-{n:04}" for n in range(1, 9)}
    heads = [line["head"] for line in value["lines"] if line["head"]]
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}|git:[0-9a-f]{40}", head) for head in heads)
    assert value["routine"][0]["count"] == 29


# --- what departs from its change


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return new_scene(tmp_path)


def wrong(scene: Scene) -> list[str]:
    log = change_log(scene.root, Query(), clock=SystemClock())
    return [each.text.en for line in log.lines for each in line.proofs if each.mark is Mark.WRONG]


def test_applied_twice_by_its_approver_with_another_plan(fresh: Scene) -> None:
    change = fresh.change(1, by="gao-fei", at=fresh.ago(minutes=9), approved_by=("lin-mei", "zhang-tao"))
    how = {"change": change, "type_": "normal", "environment": "rehearsal"}
    first = fresh.run(fresh.ago(minutes=8), by="zhang-tao", **how, ledger=fresh.remote)  # type: ignore[arg-type]
    assert wrong(fresh) == ["zhang-tao approved it and ran it"]
    other = fresh.plan("rehearsal", runbook_digest="sha256:" + "8" * 64)
    fresh.run(fresh.ago(minutes=7), by="wang-jing", **how, plan=other)  # type: ignore[arg-type]
    found = wrong(fresh)
    assert "what ran is not the plan of this change" in found
    assert f"it was applied more than once: {first}" in found


def test_a_run_without_its_record_and_a_record_signed_by_somebody_else(fresh: Scene) -> None:
    change = fresh.change(1, by="gao-fei", at=fresh.ago(minutes=9), approved_by=("lin-mei",))
    folder = fresh.root / "changes" / change
    (folder / "approvals/lin-mei.sig").write_bytes(
        fresh.sign("gao-fei", (folder / "approvals/lin-mei.json").read_bytes(), "drillbook-approval")
    )
    fresh.run(
        fresh.ago(minutes=8),
        change=change,
        type_="normal",
        environment="rehearsal",
        by="wang-jing",
        ledger=fresh.remote,
    )
    log = change_log(fresh.root, Query(), clock=SystemClock())
    line = of(log, 1)
    assert line.approved_by == ()
    assert [person for person, _ in line.refused] == ["lin-mei"]
    assert "too few approvals" in said(line, Mark.WRONG)
    shutil.rmtree(folder)
    assert any("CHG-2026-0001 is not in changes/" in each for each in wrong(fresh))


def test_an_emergency_says_so_whatever_else_is_claimed(fresh: Scene) -> None:
    change = fresh.change(1, by="wang-jing", at=fresh.ago(minutes=9), type_="emergency", reason="db-1 is silent")
    fresh.run(fresh.ago(minutes=8), change=change, type_="standard", environment="rehearsal", by="wang-jing")
    (line,) = change_log(fresh.root, Query(), clock=SystemClock()).lines
    assert (line.type, line.routine) == ("emergency", False)


def test_a_run_that_names_no_change_and_was_in_no_lab(fresh: Scene) -> None:
    fresh.run(fresh.ago(minutes=8), environment="rehearsal")
    fresh.run(fresh.ago(minutes=7), environment="lab", plan=fresh.plan("rehearsal"))
    fresh.run(fresh.ago(minutes=6), environment="lab")
    assert wrong(fresh) == ["it names no change, and rehearsal is no lab"] * 2
    assert len(change_log(fresh.root, Query(), clock=SystemClock()).told(every=False)) == 2


@pytest.mark.parametrize("known", [True, False])
def test_a_standard_change_is_held_against_policy(fresh: Scene, known: bool) -> None:
    more = {} if known else {"wait": "no"}
    change = fresh.change(1, by="wang-jing", at=fresh.ago(minutes=9), type_="standard", parameters=more)
    fresh.run(fresh.ago(minutes=8), change=change, type_="standard", environment="rehearsal", by="wang-jing")
    (line,) = change_log(fresh.root, Query(), clock=SystemClock()).lines
    assert ("approved beforehand by policy" in said(line, Mark.PROVED)) is known
    assert ("not approved beforehand" in said(line, Mark.WRONG)) is not known


def test_an_estate_with_nothing_and_a_folder_that_is_none(fresh: Scene) -> None:
    assert change_log(fresh.root, Query(), clock=SystemClock()).lines == ()
    (fresh.root / "changes").symlink_to("/")
    log = change_log(fresh.root, Query(item="never-was"), clock=SystemClock())
    assert log.lines == ()
    assert [each.name for each in log.unreadable] == ["changes"]


# --- what is asked for

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def a_line(**fields: object) -> Line:
    values = {"kind": "run", "at": NOON, "type": "normal", "what": Text("x", "x"), "items": ("db-1",), **fields}
    return Line(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, True), ({"item": "db-1"}, True), ({"item": "db"}, False), ({"service": "billing"}, True),
        ({"person": "eve"}, True), ({"person": "mallory"}, True), ({"person": "zoe"}, False),
        ({"since": "2026-11-22"}, True), ({"since": "2026-11-23"}, False), ({"until": "2026-11-22"}, True),
        ({"until": "2026-11-21"}, False), ({"environment": "lab"}, False), ({"type": "emergency"}, False),
        ({"type": "normal", "environment": "rehearsal"}, True),
    ],
)  # fmt: skip
def test_a_query_wants(options: dict[str, str], wanted: bool) -> None:
    line = a_line(services=("billing",), approved_by=("eve",), refused=(("mallory", "why"),), environment="rehearsal")
    empty = dict.fromkeys(("item", "service", "person", "since", "until", "environment", "type"), "")
    assert bool(selected([line], query_of(**{**empty, **options}))) is wanted


@pytest.mark.parametrize(("option", "value"), [("since", "yesterday"), ("until", "2026-13-01"), ("type", "urgent")])
def test_a_query_that_means_nothing_is_refused(option: str, value: str) -> None:
    empty = dict.fromkeys(("item", "service", "person", "since", "until", "environment", "type"), "")
    with pytest.raises(UsageError, match=f"--{option}"):
        query_of(**{**empty, option: value})


def test_break_glass_is_counted_by_change_and_month() -> None:
    lines = [
        a_line(type="emergency", change="CHG-2026-0001", executed_by="eve", run="a"),
        a_line(type="emergency", change="CHG-2026-0001", executed_by="eve", run="b"),
        a_line(type="emergency", change="CHG-2026-0002", executed_by="eve", at=NOON - timedelta(days=40)),
    ]
    found = Log(tuple(lines), cap=2).break_glass()
    assert [(each.month, each.count, each.too_often) for each in found] == [
        ("2026-11", 1, False),
        ("2026-10", 1, False),
    ]


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, "–"), (0.42, "0.4 s"), (90.0, "1 min 30 s"), (7320.0, "2 h 2 min")]
)
def test_durations(seconds: float | None, words: str) -> None:
    assert seconds_words(seconds) == words


def test_a_configuration_that_came_by_a_merge_is_found_whatever_its_files_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    scene = new_scene(tmp_path)
    made = scene.configure(
        1, by="wang-jing", approved_by=("lin-mei",), old="rack: b01", new="rack: b01 # 移至二号机房", reason="moved"
    )  # fmt: skip
    repo, root = scene.estate.repo, scene.root
    both = git(root, "commit-tree", f"{made}^{{tree}}", "-p", f"{made}~", "-p", made, "-m", "a merge").strip()
    git(root, "reset", "-q", "--hard", both)
    found = merged(repo, both, find_change(root, "CHG-2026-0001"), trusted=True)
    assert (found.commit, [each.mark for each in found.proofs]) == (both, [Mark.PROVED])


def test_a_rule_that_may_not_be_about_a_configuration_is_not_said_to_be_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    scene = new_scene(tmp_path)
    scene.configure(
        1, by="wang-jing", approved_by=("lin-mei",), old="rack: b01", new="rack: b02", reason="moved"
    )  # fmt: skip
    line = of(change_log(scene.root, Query(), clock=SystemClock()), 1)
    assert not line.wrong, said(line, Mark.WRONG)
    assert "firewall-configuration wants 2 approvals" in said(line, Mark.UNPROVED)
