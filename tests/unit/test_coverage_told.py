"""The pages, tables, tasks and the review about coverage and single failures."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from invoke import Context

from drillbook.cmdb.compare.fields import FieldChange
from drillbook.cmdb.load import load
from drillbook.console.coverage_page.coverage import coverage_page
from drillbook.console.coverage_page.nminus1 import nminus1_page
from drillbook.console.coverage_view import coverage_view
from drillbook.console.nminus1_view import Told, nminus1_view
from drillbook.console.output import console
from drillbook.coverage.accepted import judge
from drillbook.coverage.cover import LEVELS, coverage
from drillbook.coverage.nminus1 import nminus1
from drillbook.errors import ExitCode
from drillbook.review.comment import comment
from drillbook.review.judgement import Judgement, judged
from drillbook.review.model import Verdict
from drillbook.tasks import coverage as tasks
from tests.coverage_estates import ITEMS, SERVICES, small
from tests.ground import ROOT
from tests.review_ground import Ground, make
from tests.review_ground import estate as review_estate

if TYPE_CHECKING:
    from pathlib import Path

TODAY = date(2026, 11, 22)


def _printed(what: Any) -> str:
    with console.capture() as caught:
        console.print(what)
    return caught.get()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_shipped_estates_table_counts_every_service_once(language: str) -> None:
    cmdb = load(ROOT)
    first = _printed(coverage_view(coverage(cmdb, in_use=("web-spare",)), language=language, whole=True)).splitlines()[
        0
    ]
    total, *counts = (int(number) for number in re.findall(r"[0-9]+", first))
    assert (total, len(counts)) == (len(cmdb.services), len(LEVELS))
    assert sum(counts) == total


HOSTILE = "<script>alert(1)</script>\"'&amp; x"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_pages_need_nothing_else_and_values_are_no_syntax(language: str) -> None:
    titled = {id_: {**its, "title": {"en": HOSTILE, "zh": HOSTILE}, "hours": HOSTILE} for id_, its in SERVICES.items()}
    cmdb = small(services=titled, policies={"accepted-single-failures": {"accepted": {"known": {
        "title": {"en": HOSTILE, "zh": HOSTILE}, "by": HOSTILE, "until": "2027-01-01", "tiers": [2],
    }}}})  # fmt: skip
    found = nminus1(cmdb)
    told = Told(cmdb, found, judge(cmdb, found, today=TODAY), {("room-a", "b")})
    for page in (
        coverage_page(cmdb, coverage(cmdb, in_use=("a-spare",)), language=language),
        nminus1_page(told, language=language),
    ):
        assert "<script" not in page
        assert "alert(1)" in page
        assert not re.findall(r"(?:src|href|url)\s*[=(]", page)
        assert f'id="{language}" aria-label="{"中文" if language == "zh" else "English"}" checked' in page


@pytest.mark.parametrize("language", ["en", "zh"])
def test_tables_say_what_fails_why_and_what_is_left(language: str) -> None:
    cmdb = small()
    found = nminus1(cmdb)
    said = _printed(
        nminus1_view(Told(cmdb, found, judge(cmdb, found, today=TODAY), None), language=language, whole=True)
    )
    reason = "b-tape" if language == "zh" else "b-spare needs spare-1, which is lost too"
    assert "room-a" in said
    assert reason in said
    covered = _printed(coverage_view(coverage(cmdb, in_use=("a-spare",)), language=language, whole=True))
    assert (
        "被 a-spare 占用期间" if language == "zh" else "While spare-1 is in use by a-spare these lose it"
    ) in covered


def _ends(capsys: pytest.CaptureFixture[str], call: Any, **options: Any) -> tuple[int, str, str]:
    code = 0
    try:
        call(Context(), **options)
    except SystemExit as ended:
        code = int(ended.code or 0)
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    return code, shown.out, shown.err


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ground:
    """Give the sample in a repository; the branch proposal is checked out."""
    made = make(tmp_path)
    monkeypatch.chdir(made.root)
    return made


def test_a_pull_request_that_takes_cover_away_ends_with_20(ground: Ground, capsys: pytest.CaptureFixture[str]) -> None:
    assert _ends(capsys, tasks.nminus1, base="base")[0] == ExitCode.OK
    assert _ends(capsys, tasks.coverage, base="base")[0] == ExitCode.OK
    data = review_estate()
    spare = next(id_ for id_, its in data["protections"].items() if its["kind"] == "cold_standby")
    primary = data["protections"].pop(spare)["members"]["primary"]
    ground.estate(data)
    code, out, _ = _ends(capsys, tasks.nminus1, base="base", json=True)
    fresh = [
        failure["id"] for failure in json.loads(out)["failures"] for each in failure["services"] if each.get("new")
    ]
    assert (code, primary in fresh) == (ExitCode.MISSED, True)
    code, out, _ = _ends(capsys, tasks.coverage, base="base")
    assert code == ExitCode.MISSED
    assert f"{primary} was covered cold" in out


def test_a_review_says_which_single_failures_a_pull_request_brings(ground: Ground) -> None:
    data = review_estate()
    before = ground.review()
    assert (before.alone, before.not_alone) == ((), ())
    spare = next(id_ for id_, its in data["protections"].items() if its["kind"] == "cold_standby")
    protection = data["protections"].pop(spare)
    service, primary = protection["service"], protection["members"]["primary"]
    ground.estate(data)
    ground.commit("without the spare")
    brought = ground.review()
    assert (primary, service, "nothing", None) in {(e.failure, e.service, e.why, e.accepted) for e in brought.alone}
    assert brought.verdict is Verdict.LOOK
    assert f"<code>{primary}</code> fails: <code>{service}</code> has no way back within its RTO" in comment(brought)
    assert "无法按时恢复的单点故障" in comment(brought, "zh")
    decisions = data["policies"]["accepted-single-failures"]["accepted"]
    decisions["known"] = {**decisions["one-ups"], "failures": ["hq"], "services": [service], "tiers": [1, 2, 3]}
    ground.estate(data)
    ground.commit("and accepted")
    accepted = ground.review()
    assert accepted.unaccepted < brought.unaccepted
    assert "; accepted: <code>known</code>" in comment(accepted)


def test_words_alone_ask_for_no_single_failure(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drillbook.review.single_failures.nminus1", None)
    data = review_estate()
    data["config_items"]["db-1"]["model"] = "R2"
    ground.estate(data)
    ground.commit("a model")
    assert ground.review().alone == ()


def test_to_accept_a_single_failure_is_weaker() -> None:
    decision = {"until": "2027-01-01"}
    place = ("accepted", "known")
    assert judged("policies", FieldChange(place, None, decision)) is Judgement.WEAKER
    assert judged("policies", FieldChange(place, decision, None)) is Judgement.STRONGER
    longer = FieldChange((*place, "until"), "2027-01-01", "2027-02-01")
    assert judged("policies", longer) is Judgement.WEAKER


def test_items_that_depend_on_each_other_are_said_and_nothing_runs_for_ever(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    items = {**ITEMS, "ups-1": {"depends_on": ["a-1", "b-1"]}}
    found = {each.id: {one.service for one in each.services} for each in nminus1(small(items=items)).failures}
    assert found["b-1"] == {"a", "b"}  # a stands on it by way of what stands on itself, and so does the spare
    data = review_estate()
    data["config_items"]["ups-1"]["depends_on"] = ["db-1"]
    ground.estate(data)
    for call in (tasks.nminus1, tasks.coverage):
        code, _, said = _ends(capsys, call)
        assert (code, "closes a cycle" in said) == (ExitCode.INVALID, True)


def test_a_base_that_cannot_be_read_is_said(ground: Ground, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, said = _ends(capsys, tasks.nminus1, base="nowhere")
    assert (code, "nowhere" in said) == (ExitCode.USAGE, True)
    code, _, said = _ends(capsys, tasks.coverage, in_use=["core-pare"])
    assert (code, "core-pair" in said) == (ExitCode.USAGE, True)
    code, _, said = _ends(capsys, tasks.coverage, lang="de")
    assert code == ExitCode.USAGE


def test_pages_and_json_are_written(ground: Ground, capsys: pytest.CaptureFixture[str]) -> None:
    for call, name in ((tasks.coverage, "coverage.html"), (tasks.nminus1, "nminus1.html")):
        code, out, _ = _ends(capsys, call, html=name, json=True, lang="zh")
        assert code in (ExitCode.OK, ExitCode.MISSED)
        assert json.loads(out)
        assert (ground.root / name).read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
