"""Drills about several services: each judged by itself, the whole by the worst; who answered for an address."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from drillbook.drill.kinds import KINDS
from drillbook.evidence.archive import read_archive
from drillbook.evidence.page import page
from drillbook.evidence.page.charts import events, focus, whole
from drillbook.evidence.primaries import BOTH, answers_of, overlaps_of
from drillbook.evidence.record import read_record, write_record
from drillbook.evidence.timeline import PartNote, StepTime
from drillbook.evidence.verdict import Objectives, Result
from drillbook.execution.state import Stage
from drillbook.runbook.model import Text
from tests.evidence_values import FENCE, MS, STEADY, S, assess, journal, plan, rows_of
from tests.service_values import END, FAULT, WHY, database, pages, proxy, room, watcher


def value_of(tmp_path, made):
    """The record of a result, as the page reads it."""
    folder = write_record(made, root=tmp_path, journals={"run-1": journal(tmp_path)})
    value = json.loads((folder / "record.json").read_text())
    for run in value["runs"]:  # the journal of a test is written now, and the drill was long ago
        run["began"] = value["timeline"]["run"]
    return folder, value


def holding(*spans):
    """The pages, with this watcher of their address."""
    seen = pages()
    return replace(seen, series=(seen.series[0], watcher("web-who", spans)))


CASES = {
    "as described": ((database(), pages(), proxy()), Result.MET, []),
    "one is too slow": (
        (database(), replace(pages(), objectives=Objectives(2, 60)), proxy()),
        Result.MISSED,
        ["Pages: the service was away for 3.010 s; the objective (RTO) is 2 s"],
    ),
    "one does not come back": (
        (database(), pages(back=END), proxy()),
        Result.MISSED,
        ["Pages: the service did not come back in 5.0 s that it was watched".replace("in 5.0", "in the 5.0")],
    ),
    "one comes back that should not": (
        (database(), pages(), proxy(back=STEADY + 6 * S)),
        Result.MISSED,
        [f"Proxy: the service was back after 3.010 s; the drill expects that it is not, because {WHY.en}"],
    ),
    "one was never away that should be": (
        (database(), pages(), proxy(back=FAULT)),
        Result.MISSED,
        [f"Proxy: users were served all the time; the drill expects that they are not, because {WHY.en}"],
    ),
    "two are missed": (
        (database(), replace(pages(), objectives=Objectives(1, 60)), proxy(back=STEADY + 6 * S)),
        Result.MISSED,
        ["Pages: the service was away", "Proxy: the service was back"],
    ),
    "one is not measured": (
        (database(), replace(pages(), series=pages().series[1:]), proxy()),
        Result.INVALID,
        ["Pages: there are no samples of the probe 'web-users'", "Pages: rows and acknowledgements could not"],
    ),
    "nobody watched an address": (
        (database(), replace(pages(), series=pages().series[:1]), proxy()),
        Result.INVALID,
        ["Pages: there are no samples of a watcher of the address", "Pages: rows and acknowledgements could not"],
    ),
    "two hosts on an address": (
        (database(), holding((0, FAULT, "web-1"), (FAULT + S, FAULT + 2 * S, f"spare-1{BOTH}web-1")), proxy()),
        Result.MISSED,
        ["Pages: two hosts answered on the address at once (50 times): spare-1, web-1", "Pages: two hosts answered on"],
    ),
    "the old host is back on the address": (
        (
            database(),
            holding(
                (0, FAULT, "web-1"), (FAULT + 2 * S, FAULT + 4 * S, "spare-1"),
                (FAULT + 4 * S, FAULT + 5 * S, "web-1"), (FAULT + 5 * S, END, "spare-1"),
            ),
            proxy(),
        ),
        Result.MISSED,
        ["Pages: two hosts answered on the address (50 proved): web-1 answered for the address (web-who:"],
    ),
    "a stranger is on the address": (
        (database(), holding((0, FAULT, "web-1"), (FAULT + S, FAULT + 2 * S, "02:00:00:00:00:07")), proxy()),
        Result.MISSED,
        ["Pages: two hosts answered on the address (50 proved): 02:00:00:00:00:07 answered"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("seen", "result", "reasons"), CASES.values(), ids=CASES.keys())
def test_the_whole_is_the_worst_and_each_reason_names_its_service(seen, result, reasons):
    made = room(*seen)
    assert made.verdict.result is result
    found = [each.en for each in made.verdict.reasons]
    assert len(found) == len(reasons), found
    for one, wanted in zip(found, reasons, strict=True):
        assert one.startswith(wanted)
    worst = {Result.MET: 0, Result.MISSED: 1, Result.INVALID: 2}
    assert max(worst[each.verdict.result] for each in made.services) == worst[result]
    for one in made.verdict.reasons:
        assert re.match(r"(核心|信息发布|上网代理)：", one.zh)


def test_what_the_way_back_brought_back_is_measured_and_not_held_against_the_objective():
    measures, verdict = assess(proxy())
    assert verdict.result is Result.MET
    assert measures.felt.outage.end is None
    assert measures.restored == pytest.approx(14.01)
    assert measures.afterwards.seconds < 0.1


def test_nothing_can_be_lost_where_nothing_is_kept():
    measures, verdict = assess(proxy())
    assert (measures.keeps, measures.lost, measures.kept) == (False, None, None)
    assert verdict.result is Result.MET
    seen = replace(pages(), rows=rows_of())
    kept, verdict = assess(replace(seen, objectives=Objectives(4, 0)))
    assert kept.lost.count == len(seen.series[0].acks())
    assert "acknowledged writes are lost" in verdict.reasons[0].en


def test_messages_that_arrived_twice_are_told_and_not_held_against_anybody(tmp_path):
    mail = replace(pages(), repeats=KINDS["mail_writer"].repeats)
    made = room(database(), replace(mail, rows=replace(mail.rows, duplicates=2)), proxy())
    folder, value = value_of(tmp_path, made)
    assert value["verdict"] == {"result": "met", "exit_code": 0, "reasons": []}
    repeated = {"number": 2, "wrong": False, "said": {"en": "2 messages arrived twice", "zh": "2 封邮件重复送达"}}
    assert [each["measures"]["repeated"] for each in value["services"]] == [None, repeated, None]
    allowed = "2 messages arrived twice, which is allowed"
    assert read_record(folder, root=tmp_path).value["services"][1]["measures"]["repeated"] == repeated
    assert (folder / "summary.md").read_text().count(allowed) == 1
    assert page(value, {"run-1": plan()}).count(allowed) == 1


def test_answers_are_counted_by_host_and_by_question():
    seen = watcher("who", [(0, FAULT, "a-1"), (FAULT, FAULT + 100 * MS, f"a-1{BOTH}b-1")])
    answers = answers_of([seen])
    assert [sum(each.host == host for each in answers) for host in ("a-1", "b-1")] == [205, 5]
    assert [each.hosts for each in overlaps_of([seen])] == [("a-1", "b-1")] * 5


def test_a_spare_that_is_promoted_for_another_service_changes_nothing_here():
    """Its promotion is among those of the drill, and it never answers for this address."""
    measures, _ = assess(proxy())
    assert [each.host for each in measures.reigns] == ["proxy-1"]
    assert measures.one_primary is True


def test_the_record_holds_each_service_and_is_counted_by_the_worst(tmp_path):
    folder, _ = value_of(tmp_path, room())
    value = read_record(folder, root=tmp_path).value
    assert [(each["service"], each["result"]) for each in value["services"]] == [
        ("core", "met"), ("web", "met"), ("proxy", "met"),
    ]  # fmt: skip
    assert value["services"][2]["not_back"] == {"en": WHY.en, "zh": WHY.zh}
    (kept,) = read_archive(tmp_path).kept
    assert kept.services == ("core", "web", "proxy")
    assert (kept.outage, kept.rto, kept.not_back, kept.lost) == (3.01, 4.0, False, 0)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_says_of_each_service_what_it_came_to(tmp_path, language):
    folder, value = value_of(tmp_path, room())
    html = page(value, {"run-1": plan()}, language=language)
    for text in ("Pages", "信息发布", "as expected", "符合预期", WHY.en, WHY.zh, "nothing kept", "not back", "未恢复"):
        assert text in html
    summary = (folder / "summary.md").read_text()
    assert f"- Proxy: {WHY.en}; the way back brought it back after 14.010 s" in summary


def test_one_timeline_has_the_users_of_each_service_and_its_objective(tmp_path):
    _, value = value_of(tmp_path, room())
    chart = focus(value)
    users = [lane for lane in chart.lanes if lane.name.en in ("Core", "Pages", "Proxy")]
    assert [lane.name.en for lane in users] == ["Core", "Pages", "Proxy"]
    assert [lane.limit for lane in users] == [pytest.approx(62.99, abs=0.01), pytest.approx(6.99, abs=0.01), None]
    assert users[2].bars[-1].said.en == "not back"
    assert [lane.name.en for lane in whole(value).lanes if "answers" in lane.name.en] == [
        "Who answers for the address (Pages)", "Who answers for the address (Proxy)",
    ]  # fmt: skip
    said = [each.what.en for each in events(value)]
    assert "users of Pages are served again" in said
    assert "users of Proxy are served again, by the way back" in said


def test_notes_of_steps_stand_on_the_page_and_in_the_summary(tmp_path):
    made = room()
    noted = StepTime("run-1", "fence", FENCE, "db-1", Stage.DONE, 0.1, 0.2, 0.2, ("the newest one is <damaged>",))
    made = replace(made, runs=(replace(made.runs[0], steps=(noted, *made.runs[0].steps[1:])),))
    folder, value = value_of(tmp_path, made)
    assert value["runs"][0]["steps"][0]["notes"] == ["the newest one is <damaged>"]
    html = page(value, {"run-1": plan()})
    assert "the newest one is &lt;damaged&gt;" in html
    assert "the newest one is \\<damaged\\>" in (folder / "summary.md").read_text()


def test_what_kept_a_part_from_being_done_stands_with_the_service_that_it_is_about(tmp_path):
    made = room(database(), pages(back=END), proxy())
    parts = (
        PartNote("db", Text("Fail over", "切换"), "db-1-spare", done=True, why=""),
        PartNote("cold", Text("Use the spare", "启用备机"), "web-1-spare", done=False, why="spare-1 <b>is silent"),
    )
    (run,) = made.runs
    made = replace(made, runs=(replace(run, result="partial", exit_code=12, parts=parts),))
    folder, value = value_of(tmp_path, made)
    assert [each["done"] for each in value["runs"][0]["parts"]] == [True, False]
    assert read_record(folder, root=tmp_path).value["runs"][0]["parts"] == value["runs"][0]["parts"]
    english = "it was to come back, and did not, since the part “Use the spare” was not done: spare-1 "
    assert f"- Pages: {english}\\<b\\>is silent" in (folder / "summary.md").read_text()
    shown = page(value, {})
    assert f"{english}&lt;b&gt;is silent" in shown
    assert "本应恢复而未恢复，原因：“启用备机”未完成（原文：spare-1 &lt;b&gt;is silent）" in shown
    assert "some parts were not done" in shown
    assert "Fail over" not in "".join(line for line in shown.splitlines() if "was not done" in line)


def test_a_run_without_parts_says_nothing_of_them(tmp_path):
    _, value = value_of(tmp_path, room())
    assert all("parts" not in run for run in value["runs"])
