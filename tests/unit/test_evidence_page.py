"""The evidence page: the verdict first, both languages, and drawings that say what the record says."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from drillbook.errors import ExitCode, JournalError
from drillbook.evidence.fidelity import KINDS, Fidelity
from drillbook.evidence.page import page
from drillbook.evidence.page.charts import events, focus, whole
from drillbook.evidence.page.drawing import WIDTHS, Bar, Chart, Lane, against, draw
from drillbook.evidence.page.words import PARTS, RESULTS, STAGES, VERDICTS, WORDS
from drillbook.evidence.record import plans_of, read_record
from drillbook.evidence.samples import Outcome
from drillbook.evidence.to_json import to_json
from drillbook.evidence.verdict import Expectation, Objectives, SteadyCheck
from drillbook.evidence.wording import duration, meaning, objective, same
from drillbook.execution.state import Stage
from drillbook.runbook.model import Text
from tests.evidence_pages import EXAMPLES, assert_harmless
from tests.evidence_values import STEADY, S, journal, observed, plan, result, rows_of, series

CHINESE = re.compile("[\u4e00-\u9fff]")


def value_of(folder, seen=None, **changes):
    made = result(seen or observed(), **changes)
    value = to_json(made, {run.run: journal(folder).read_bytes() for run in made.runs})
    for run in value["runs"]:  # the journal of a test is written now, and the drill was long ago
        run["began"] = value["timeline"]["run"]
    return value


def lost_writes(seen):
    rows = rows_of(*seen.series)
    return replace(seen, rows=replace(rows, ranges={**rows.ranges, "users": ((1, 390),)}))


def refusing(seen):
    """The old primary froze for two seconds and woke up; nothing was promoted."""
    end, frozen = STEADY + 20 * S, (STEADY + 3 * S, STEADY + 5 * S)
    made = (
        series("users", "service_address", until=end, down=frozen),
        series("at-db-1", "db-1", until=end, down=frozen),
        series("at-db-2", "db-2", until=end, down=(STEADY - S, end)),
    )
    refused = Expectation(ExitCode.NOT_FENCED)
    return replace(
        seen, series=made, rows=rows_of(*made), expectation=refused, run=ExitCode.NOT_FENCED, promotions=(),
        afterwards=(),
    )  # fmt: skip


def without_service(seen):
    users = seen.series[0]
    gone = tuple(s._replace(outcome=Outcome.REFUSED) if s.sent > STEADY + 3 * S else s for s in users.samples)
    made = (replace(users, samples=gone), *seen.series[1:])
    return replace(seen, series=made, rows=rows_of(*made))


NOT_HELD = (SteadyCheck(Text("db-1 is the primary", "db-1 为主库"), held=False, detail=same("it is a standby")),)
KINDS_OF_DRILL = {
    "met": (lambda seen: seen, "MET", "达标"),
    "too slow": (lambda seen: replace(seen, objectives=Objectives(1.5, 0)), "MISSED", "未达标"),
    "writes are lost": (lost_writes, "MISSED", "未达标"),
    "lost within the objective": (
        lambda seen: replace(lost_writes(seen), objectives=Objectives(60, 60)), "MET", "达标",
    ),
    "refuses as it must": (refusing, "MET", "达标"),
    "does not come back": (without_service, "MISSED", "未达标"),
    "no objective at all": (lambda seen: replace(seen, objectives=Objectives(0, 0)), "MISSED", "未达标"),
    "planned": (
        lambda seen: replace(seen, faults=(), timeline=replace(seen.timeline, fault=None)), "MET", "达标",
    ),
    "not triggered": (lambda seen: replace(seen, triggered=False, run=None), "INVALID", "演练无效"),
    "not steady": (
        lambda seen: replace(seen, steady_before=NOT_HELD, triggered=False, run=None), "INVALID", "演练无效",
    ),
    "samples are missing": (lambda seen: replace(seen, series=seen.series[1:]), "INVALID", "演练无效"),
    "nothing was seen": (
        lambda seen: replace(seen, series=(), rows=None, faults=(), promotions=(), triggered=False, run=None,
                             timeline=replace(seen.timeline, fault=None, trigger=None, run=None, run_ended=None)),
        "INVALID", "演练无效",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "word", "chinese"), KINDS_OF_DRILL.values(), ids=KINDS_OF_DRILL.keys())
def test_the_verdict_stands_first_in_both_languages(tmp_path, change, word, chinese):
    html = page(value_of(tmp_path, change(observed())), {"run-1": plan()})
    shown = "".join(assert_harmless(html.split("<main>")[1].split("</main>")[0]).text)
    assert shown.split()[0] == word + chinese
    for reason in result(change(observed())).verdict.reasons:
        assert reason.en in shown
        assert reason.zh in shown


def test_a_drill_whose_run_never_began_has_a_page(tmp_path):
    seen = replace(observed(), steady_before=NOT_HELD, series=(), rows=None, faults=(), promotions=(), run=None)
    seen = replace(seen, timeline=replace(seen.timeline, fault=None, trigger=None, run=None, run_ended=None))
    value = value_of(tmp_path, seen, runs=(), samples=(), fidelity=Fidelity((), (), (), ()))
    html = page(value, {})
    assert_harmless(html)
    assert focus(value) is None
    assert "Nothing was run" in html


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_language_that_is_asked_for_is_checked_and_both_are_there(tmp_path, language):
    html = page(value_of(tmp_path), {}, language=language)
    checked = re.findall(r'<input [^>]*id="(en|zh)"[^>]* checked>', html)
    assert checked == [language]
    for name in ("outage", "lost", "fidelity", "evidence"):
        assert WORDS[name].en in html
        assert WORDS[name].zh in html


def test_the_page_asks_for_nothing_and_its_policy_allows_its_own_style_alone(tmp_path):
    html = page(value_of(tmp_path), {"run-1": plan()})
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL).group(1)
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{hashed}'; base-uri 'none'; form-action 'none'"
    assert f'content="{policy.replace(chr(39), "&#39;")}"' in html
    assert not re.search(r"https?:", html.replace('xmlns="http://www.w3.org/2000/svg"', ""))
    assert not re.search(r"url\(|@import|style=|\son[a-z]+=", html)


def test_the_plan_shows_each_command_as_it_was_sent(tmp_path):
    html = page(value_of(tmp_path), {"run-1": plan()})
    shown = "".join(assert_harmless(html).text)
    assert "pg_ctl promote" in shown
    assert 'ip addr add "$1"\necho <done>' in shown
    assert plan().digest in shown


def test_each_stubbed_or_skipped_step_is_named(tmp_path):
    shown = "".join(assert_harmless(page(value_of(tmp_path), {})).text)
    assert "RB-DB-FAILOVER / fence: the lab's power control stood in for Redfish, which db-1 has in production" in shown
    assert "RB-DB-FAILOVER / take-address: not reached: the run ended at step promote" in shown
    assert "以演练环境的电源控制代替 db-1 在生产环境的 Redfish" in shown
    assert "Functional exercise" in shown
    assert "功能演练" in shown


def test_the_numbers_have_the_digits_that_a_person_needs(tmp_path):
    value = value_of(tmp_path, lost_writes(observed()))
    shown = "".join(assert_harmless(page(value, {})).text)
    assert "Users were without the service for 2.01 s; the objective is 60 s." in shown
    assert "业务中断 2.01 秒，目标为 60 秒。" in shown
    assert "2.010000" not in shown


@pytest.mark.parametrize(
    ("seconds", "en", "zh"),
    [
        (0, "0 s", "0 秒"), (0.000596, "0.6 ms", "0.6 毫秒"), (0.00994, "9.9 ms", "9.9 毫秒"),
        (0.00999, "10 ms", "10 毫秒"),
        (0.0994, "99 ms", "99 毫秒"), (0.0996, "0.10 s", "0.10 秒"), (1.860967, "1.86 s", "1.86 秒"),
        (9.996, "10.0 s", "10.0 秒"), (59.96, "60.0 s", "60.0 秒"), (119.94, "119.9 s", "119.9 秒"),
        (119.96, "2 min", "2 分"), (3600, "1 h", "1 小时"), (3725, "1 h 2 min 5 s", "1 小时 2 分 5 秒"),
        (-2.5, "−2.50 s", "−2.50 秒"),
    ],
)  # fmt: skip
def test_times_for_people(seconds, en, zh):
    assert duration(seconds) == Text(en, zh)


@pytest.mark.parametrize(
    ("seconds", "en"), [(60, "60 s"), (1.5, "1.5 s"), (90, "90 s"), (120, "2 min"), (14400, "4 h"), (0, "0 s")]
)
def test_objectives_as_they_were_set(seconds, en):
    assert objective(seconds).en == en


def test_every_code_and_every_word_has_its_chinese():
    for code in ExitCode:
        assert CHINESE.search(meaning(code).zh)
    for words in (VERDICTS, PARTS, RESULTS, STAGES, WORDS):
        for text in words.values():
            assert CHINESE.search(text.zh) or text.zh == text.en or "NIST" in text.zh
            assert not CHINESE.search(text.en)
    assert set(STAGES) == {str(stage) for stage in Stage}
    assert set(KINDS) == {"tabletop", "functional", "full-scale"}


def drawn(svg):
    return ET.fromstring(svg)


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS.keys())
@pytest.mark.parametrize("name", KINDS_OF_DRILL)
def test_everything_drawn_lies_within_the_drawing(tmp_path, name, width):
    value = value_of(tmp_path, KINDS_OF_DRILL[name][0](observed()))
    charts = [chart for chart in (focus(value), whole(value)) if chart is not None]
    for chart in charts:
        svg = drawn(draw(chart, width=width))
        high = float(svg.get("height"))
        for rect in svg.iter("{http://www.w3.org/2000/svg}rect"):
            x, y = float(rect.get("x")), float(rect.get("y"))
            assert 0 <= x <= x + float(rect.get("width")) <= width + 2
            assert 0 <= y <= y + float(rect.get("height")) <= high
        for text in svg.iter("{http://www.w3.org/2000/svg}text"):
            assert 0 <= float(text.get("x")) <= width
            assert 0 <= float(text.get("y")) <= high


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS.keys())
def test_what_does_not_fit_into_a_gap_between_bars_stands_nowhere(width):
    gaps = [
        Bar(at, at + length, "red", Text(f"{at} s", f"{at} 秒"), between=True) for at, length in ((10, 60), (71, 1))
    ]
    chart = Chart(Text("t", "图"), 0, 100, 0, (Lane(Text("users", "用户"), tuple(gaps)),), ())
    texts = [text.text for text in drawn(draw(chart, width=width)).iter("{http://www.w3.org/2000/svg}text")]
    assert ("10 s" in texts, "71 s" in texts) == (True, False)


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS.keys())
def test_a_long_name_takes_two_rows_and_keeps_its_words(width):
    name = "Bring the service address up on the standby, so that clients wait there"
    chart = Chart(Text("t", "图"), 0, 1, 0, (Lane(Text(name, "启用业务地址"), (Bar(0, 1, "red"),)),), ())
    texts = [
        each.text
        for each in drawn(draw(chart, width=width)).iter("{http://www.w3.org/2000/svg}text")
        if each.get("lang") == "en" and not each.text.endswith(" s")
    ]
    assert len(texts) == 2
    assert " ".join(texts) == name


def test_the_outage_of_the_drawing_is_the_outage_of_the_measures(tmp_path):
    value = value_of(tmp_path)
    chart = focus(value)
    users = next(lane for lane in chart.lanes if lane.name.en.startswith("Users"))
    gaps = [bar for bar in users.bars if bar.said is not None]
    outage = value["services"][0]["measures"]["outage"]
    assert [(bar.begin, bar.end) for bar in gaps] == [
        (pytest.approx(outage["start"], abs=1e-4), pytest.approx(outage["end"], abs=1e-4))
    ]
    assert gaps[0].said.en == "2.01 s"
    assert chart.outages == ((outage["start"], pytest.approx(outage["end"])),)


def test_every_mark_has_its_number_among_the_events(tmp_path):
    value = value_of(tmp_path)
    listed = {each.number: each for each in events(value) if each.number}
    assert sorted(listed) == [1, 2, 3]
    assert [listed[number].what.en.split(":")[0] for number in (1, 2, 3)] == [
        "db-1 loses power", "trigger", "users are served again",
    ]  # fmt: skip
    assert {mark.number: mark.at for mark in focus(value).marks if mark.number} == {
        number: each.at for number, each in listed.items()
    }
    moments = [each.at for each in events(value)]
    assert moments == sorted(moments)


@pytest.mark.parametrize(("rto", "drawn_there"), [(1.5, True), (2.5, True), (60, False)])
def test_the_objective_is_a_line_where_it_can_be_read(tmp_path, rto, drawn_there):
    chart = focus(value_of(tmp_path, replace(observed(), objectives=Objectives(rto, 0))))
    lines = [mark for mark in chart.marks if not mark.number]
    assert bool(lines) is drawn_there
    for line in lines:
        assert line.said.en == f"objective {rto} s"
        assert chart.begin < line.at < chart.end


@pytest.mark.parametrize(("outage", "limit"), [(1.86, 60), (75.0, 60), (0.0, 60), (None, 60), (2.0, 0.001)])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS.keys())
def test_an_outage_against_its_objective_is_drawn_to_scale(outage, limit, width):
    svg = drawn(against(outage, limit, open_=False, width=width))
    line = float(svg.find("{http://www.w3.org/2000/svg}line").get("x1"))
    back, bar = svg.findall("{http://www.w3.org/2000/svg}rect")
    assert 0 <= line <= float(back.get("width"))
    if outage:
        assert float(bar.get("width")) / line == pytest.approx(outage / limit, rel=0.02, abs=1.5 / max(line, 1e-9))


def test_a_step_that_failed_is_shown_as_failed(tmp_path):
    made = result(observed())
    main = made.runs[0]
    steps = (main.steps[0], replace(main.steps[1], stage=Stage.FAILED))
    value = value_of(tmp_path, runs=(replace(main, steps=steps, result="failed", exit_code=8, message=same("no")),))
    html = page(value, {})
    assert '<td class="bad"><span class="en" lang="en">failed</span>' in html
    assert "exit code</span>" in html


def test_a_record_that_contradicts_itself_is_refused_in_one_sentence(tmp_path):
    value = json.loads(json.dumps(value_of(tmp_path)))
    value["services"][0]["measures"]["outage"]["start"] = None
    with pytest.raises(JournalError, match="contradicts itself"):
        page(value, {})


@pytest.mark.parametrize("folder", EXAMPLES, ids=[path.name for path in EXAMPLES])
def test_the_example_records_have_pages(folder):
    checked = read_record(folder, root=folder.parents[2])
    html = page(checked.value, plans_of(folder, checked.value))
    assert_harmless(html)
    assert checked.value["digest"] in html
    assert ("of an older format" in html) is (checked.format == 1)
