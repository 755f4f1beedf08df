"""What the terminal says of a drill's result, in either language."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from drillbook.console.drill_view import show_result
from drillbook.errors import ExitCode
from drillbook.evidence.verdict import Expectation, Objectives
from tests.evidence_values import observed, result, rows_of

CHINESE = re.compile("[\u4e00-\u9fff]")
FOLDER = Path("/estate/drills/records/20261122T053000Z-db-failover")


def said(capsys, seen, language):
    show_result(result(seen), FOLDER, language=language)
    return capsys.readouterr().out


def lost(seen):
    rows = rows_of(*seen.series)
    return replace(seen, rows=replace(rows, ranges={**rows.ranges, "users": ((1, 390),)}))


CASES = {
    "met": (lambda seen: seen, "MET", "达标"),
    "lost": (lost, "MISSED", "未达标"),
    "slow": (lambda seen: replace(seen, objectives=Objectives(1, 0)), "MISSED", "未达标"),
    "invalid": (lambda seen: replace(seen, triggered=False, run=None), "INVALID", "演练无效"),
    "unknown": (lambda seen: replace(seen, rows=None), "INVALID", "演练无效"),
    "refusal": (
        lambda seen: replace(seen, expectation=Expectation(ExitCode.NOT_FENCED), run=ExitCode.OK), "MISSED", "未达标",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "word", "chinese"), CASES.values(), ids=CASES.keys())
def test_the_verdict_comes_first_then_each_reason(capsys, change, word, chinese):
    seen = change(observed())
    reasons = result(seen).verdict.reasons
    for language, first in (("en", word), ("zh", chinese)):
        text = said(capsys, seen, language)
        assert text.split()[0] == first
        for reason in reasons:
            assert (reason.zh if language == "zh" else reason.en) in text
        assert f"{FOLDER.parts[-3]}/{FOLDER.parts[-2]}/{FOLDER.name}/report.html" in text


@pytest.mark.parametrize("change", [case[0] for case in CASES.values()], ids=CASES.keys())
def test_every_line_is_in_the_language_that_was_asked_for(capsys, change):
    seen = change(observed())
    english, chinese = said(capsys, seen, "en"), said(capsys, seen, "zh")
    assert not CHINESE.search(english)
    lines = [line for line in chinese.splitlines() if line.strip()]
    assert all(CHINESE.search(line) for line in lines)
    assert len(lines) == len([line for line in english.splitlines() if line.strip()])
