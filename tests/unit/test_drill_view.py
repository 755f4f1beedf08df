"""What the terminal says of a drill's result, in either language."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from drillbook.clock import SystemClock
from drillbook.console import drill_view, output, run_view
from drillbook.console.drill_view import DrillView, show_result
from drillbook.drill.observations import Observations
from drillbook.errors import ExitCode
from drillbook.evidence.verdict import Expectation, Objectives
from drillbook.journal.writer import Journal
from drillbook.runbook.model import Text
from tests.evidence_values import S, observed, plan, result, rows_of

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


def test_the_way_to_the_first_write_is_part_of_an_outage_only_if_it_fits_into_it(capsys):
    seen = observed()
    planned = replace(seen, faults=(), timeline=replace(seen.timeline, fault=None, trigger=seen.timeline.steady + S))
    for each, indent in ((seen, 2), (planned, 0)):
        lines = said(capsys, each, "en").splitlines()
        line = next(line for line in lines if "from the trigger" in line)
        outage = next(line for line in lines if "Outage" in line)
        assert line.index("from") - outage.index("Outage") == indent


@pytest.fixture
def terminal(monkeypatch):
    """A terminal of 80 columns that everything of a drill goes to."""
    real = Console(file=StringIO(), force_terminal=True, width=80, markup=False, highlight=False, color_system=None)
    for module in (output, run_view, drill_view):
        monkeypatch.setattr(module, "console", real)
    return real.file.getvalue


LONG = "Switch the old primary off, prove that it cannot act, and tell everybody who has to know of it"


@pytest.mark.parametrize("ids", [("fence", "promote"), ("fence", "switch-back/a-step-of-thirty-six-letters")])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_line_of_a_drill_begins_in_the_first_column_but_headings(tmp_path, terminal, ids, language):
    steps = tuple(
        replace(step, id=name, title=Text(LONG, "关闭原主机" * 12))
        for step, name in zip(plan().steps, ids, strict=False)
    )
    show = DrillView(tmp_path, language=language)
    show.say(f"  ⚡ {LONG}")
    listen = show.run(replace(plan(), steps=steps), "afterwards")
    with closing(Journal.create(tmp_path / "journal.jsonl", SystemClock())) as journal:
        listen(journal.append("run.opened"))
        for name in ids:
            listen(journal.append("step.started", step=name))
            listen(journal.append("step.done", step=name))
    lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", line) for line in terminal().splitlines()]
    lines = [line for line in lines if line.strip() and not line.startswith("⠋")]
    assert all(cell_len(line) <= 80 for line in lines)
    assert [line.split("  ")[0] for line in lines if line[0] != " "] == [
        "▶ RB-DB-FAILOVER, the way back" if language == "en" else "▶ RB-DB-FAILOVER（恢复原状）"
    ]
    times = [line.index(" s  ") for line in lines if "✓" in line]
    assert len(times) == 2
    assert len(set(times)) == 1


def test_the_trigger_is_said_with_the_time_since_the_fault():
    words = Text("the probe had no write for 1 s", "探针 1 秒没有写入")
    fault = observed().faults[0]
    seen = Observations(
        faults=[fault], struck=fault.effective, triggered=True, trigger=fault.effective + S, trigger_words=words
    )
    assert seen.said_of_trigger().en == f"1.00 s after the fault, trigger: {words.en}"
    assert seen.said_of_trigger().zh == f"故障后 1.00 秒，触发：{words.zh}"
    seen.struck = None
    assert seen.said_of_trigger().en == f"trigger: {words.en}"
    seen.trigger = None
    assert "did not come" in seen.said_of_trigger().en
