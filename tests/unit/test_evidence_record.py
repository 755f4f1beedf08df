"""Records: whole or not there, and every change of one is found."""

from __future__ import annotations

import gzip
import json
import os
import re
import tracemalloc
from dataclasses import replace
from datetime import timedelta

import jsonschema
import pytest

from drillbook.canonical import digest, digest_bytes
from drillbook.errors import ExitCode, JournalError
from drillbook.evidence.fidelity import Fidelity
from drillbook.evidence.record import plans_of, read_record, schema, store_samples, write_record
from drillbook.evidence.summary import summary
from drillbook.evidence.verdict import Expectation
from drillbook.runbook.model import Text
from tests.evidence_pages import EXAMPLES
from tests.evidence_values import STEADY, S, journal, observed, plan, result, rows_of, samples_file, service


def written(root, seen=None, **changes):
    """A record with its journal and one kept samples file; its folder."""
    seen = seen or observed()
    data = samples_file("users", seen.series[0].samples)
    kept = store_samples(root, data)
    value = result(seen)
    samples = (replace(value.samples[0], digest=digest_bytes(data), kept_as=kept), *value.samples[1:])
    value = replace(value, samples=samples, **changes)
    return write_record(value, root=root, journals={"run-1": journal(root)})


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_schemas_are_schemas(number):
    jsonschema.Draft202012Validator.check_schema(schema(number))


def test_a_record_is_read_back_and_holds(tmp_path):
    folder = written(tmp_path)
    assert folder.relative_to(tmp_path).as_posix() == "drills/records/20261122T053000Z-db-failover"
    assert sorted(path.name for path in folder.iterdir()) == [
        "journal.jsonl", "plan.json", "record.json", "report.html", "summary.md",
    ]  # fmt: skip
    checked = read_record(folder, root=tmp_path)
    assert checked.value["verdict"] == {"result": "met", "exit_code": 0, "reasons": []}
    assert checked.value["services"][0]["measures"]["rto_actual"] == 2.01
    assert checked.absent == ("at-db-1", "at-db-2")
    assert not list(folder.parent.glob(".*"))


def test_moments_are_seconds_after_the_steady_state(tmp_path):
    value = read_record(written(tmp_path), root=tmp_path).value
    assert value["timeline"] == {
        "fault": 3.0, "trigger": 4.0, "run": 4.01, "run_ended": 6.0, "recovered": 8.0, "end": 19.99,
    }  # fmt: skip
    assert value["services"][0]["measures"]["reigns"] == [
        {"host": "db-1", "begin": 0.0, "end": 5.0},
        {"host": "db-2", "begin": 5.0, "end": 19.99},
    ]


def test_a_drill_of_which_nothing_is_known_has_a_record_too(tmp_path):
    bare = replace(
        observed(),
        timeline=replace(observed().timeline, fault=None, trigger=None, run=None, run_ended=None),
        series=(), rows=None, promotions=(), faults=(), triggered=False, run=None, steady_after=(), afterwards=(),
    )  # fmt: skip
    nothing = result(bare, runs=(), samples=(), fidelity=Fidelity((), (), (), ()))
    folder = write_record(nothing, root=tmp_path, journals={})
    value = read_record(folder, root=tmp_path).value
    assert value["verdict"]["result"] == "invalid"
    assert (folder / "summary.md").read_text().startswith("# INVALID: The database dies")


def test_runs_before_and_afterwards_have_their_own_journals(tmp_path):
    main = result(observed()).runs[0]
    runs = tuple(
        replace(main, part=part, run=run) for part, run in
        (("before", "b1"), ("main", "run-1"), ("afterwards", "a1"), ("afterwards", "a2"))
    )  # fmt: skip
    journals = {}
    for run in runs:
        (tmp_path / run.run).mkdir()
        journals[run.run] = journal(tmp_path / run.run, run=run.run)
    folder = write_record(result(observed(), runs=runs), root=tmp_path, journals=journals)
    assert sorted(path.name for path in folder.glob("*.jsonl")) == [
        "journal-afterwards-1.jsonl", "journal-afterwards-2.jsonl", "journal-before-1.jsonl", "journal.jsonl",
    ]  # fmt: skip
    read_record(folder, root=tmp_path)


def rewrite(path, change):
    path.write_text(change(path.read_text()))


def replaced(path, by):
    """Put something else in a file's place."""
    path.unlink()
    by(path)


def forge(folder):
    """Change the record, and make its own digest right again."""
    value = json.loads((folder / "record.json").read_text())
    value["runs"][0]["journal"]["records"] = 7
    value["runs"][0]["journal"]["head"] = "sha256:" + "0" * 64
    value["digest"] = digest({key: each for key, each in value.items() if key != "digest"})
    (folder / "record.json").write_text(json.dumps(value))


def of_another_run(folder):
    """Say that the journal is of another run, and make the record's own digest right again."""
    value = json.loads((folder / "record.json").read_text())
    value["runs"][0]["run"] = "run-2"
    value["digest"] = digest({key: each for key, each in value.items() if key != "digest"})
    (folder / "record.json").write_text(json.dumps(value))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda f, _: rewrite(f / "record.json", lambda t: t.replace('"met"', '"missed"')), "changed"),
        (lambda f, _: rewrite(f / "record.json", lambda t: t.replace('"rto": 60', '"rto": 61')), "changed"),
        (lambda f, _: rewrite(f / "record.json", lambda t: t.replace('"format": 3', '"format": 4')), "format 4, which"),
        (lambda f, _: rewrite(f / "record.json", lambda t: t.replace('"format": 3', '"format": true')), "known format"),
        (lambda f, _: rewrite(f / "record.json", lambda t: t.replace('"format": 3', '"format": 1')), "of this format"),
        (lambda f, _: rewrite(f / "record.json", lambda t: t[:-200]), "not JSON"),
        (lambda f, _: (f / "record.json").write_text("[]"), "not a record"),
        (lambda f, _: rewrite(f / "record.json", lambda t: '{"verdict": {"result": "missed"},' + t[1:]), "twice"),
        (lambda f, _: replaced(f / "record.json", os.mkfifo), "a pipe"),
        (lambda f, _: replaced(f / "journal.jsonl", os.mkfifo), "a pipe"),
        (lambda f, _: replaced(f / "report.html", os.mkfifo), "a pipe"),
        (lambda f, _: replaced(f / "plan.json", lambda path: path.symlink_to("/dev/zero")), "a device"),
        (lambda f, _: replaced(f / "record.json", lambda path: path.symlink_to(path)), "symbolic links"),
        (lambda f, _: replaced(f / "record.json", lambda path: path.mkdir()), "Is a directory"),
        (lambda f, _: os.truncate(f / "record.json", 200_000_000), "200,000,000 bytes"),
        (lambda _, s: replaced(s, os.mkfifo), "a pipe"),
        (lambda f, _: (f / "record.json").unlink(), "cannot be read"),
        (lambda f, _: rewrite(f / "journal.jsonl", lambda t: t.replace("run-1", "run-2", 1)), "changed after"),
        (lambda f, _: rewrite(f / "journal.jsonl", lambda t: t.splitlines(keepends=True)[0]), "not the journal"),
        (lambda f, _: rewrite(f / "journal.jsonl", lambda t: t[:-1]), "not the journal"),
        (lambda f, _: (f / "journal.jsonl").unlink(), "cannot be read"),
        (lambda f, _: rewrite(f / "summary.md", lambda t: t.replace("MET", "met")), "changed"),
        (lambda f, _: rewrite(f / "report.html", lambda t: t.replace("MET", "met")), "changed"),
        (lambda f, _: (f / "report.html").unlink(), "cannot be read"),
        (lambda f, _: rewrite(f / "plan.json", lambda t: t.replace("fence", "fancy", 1)), "not the plan"),
        (lambda f, _: (f / "plan.json").unlink(), "cannot be read"),
        (lambda f, _: forge(f), "not the journal"),
        (lambda f, _: of_another_run(f), "of another run"),
        (lambda _, s: s.write_bytes(gzip.compress(b"other")), "not the samples"),
        (lambda _, s: s.write_bytes(s.read_bytes()[:-9]), "cannot be unpacked"),
        (lambda _, s: s.write_bytes(b"no gzip"), "cannot be unpacked"),
        (lambda _, s: s.write_bytes(s.read_bytes()[:12] + b"\xff" * 40), "cannot be unpacked"),
    ],
)  # fmt: skip
def test_every_damage_is_found(tmp_path, damage, says):
    folder = written(tmp_path)
    (kept,) = (tmp_path / ".drillbook/samples").iterdir()
    damage(folder, kept)
    with pytest.raises(JournalError, match=says):
        read_record(folder, root=tmp_path)


def test_samples_that_unpack_to_very_much_take_no_more_memory_than_others(tmp_path):
    folder = written(tmp_path)
    (kept,) = (tmp_path / ".drillbook/samples").iterdir()
    with gzip.open(kept, "wb", compresslevel=1) as file:
        for _ in range(200):
            file.write(bytes(1 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(JournalError, match="not the samples"):
            read_record(folder, root=tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 30 << 20
    finally:
        tracemalloc.stop()


def test_drills_of_the_same_second_get_a_folder_each_and_none_is_written_over(tmp_path):
    folders, before = [], []
    for number in range(3):
        folders.append(written(tmp_path))
        before.append((folders[number] / "record.json").read_bytes())
        (tmp_path / "run.jsonl").unlink()
    name = "20261122T053000Z-db-failover"
    assert [folder.name for folder in folders] == [name, f"{name}-2", f"{name}-3"]
    assert [(folder / "record.json").read_bytes() for folder in folders] == before
    assert len(set(before)) == 3
    for folder in folders:
        read_record(folder, root=tmp_path)


def test_a_file_in_the_way_is_left_alone(tmp_path):
    folder = tmp_path / "drills/records"
    folder.mkdir(parents=True)
    (folder / "20261122T053000Z-db-failover").write_text("mine")
    assert written(tmp_path).name == "20261122T053000Z-db-failover-2"
    assert (folder / "20261122T053000Z-db-failover").read_text() == "mine"


@pytest.mark.parametrize(("ended", "moved", "says"), [(0, -60.0, "back by 60.0 s"), (90, 30.0, "forward by 30.0 s")])
def test_a_clock_that_was_set_is_said(tmp_path, ended, moved, says):
    at = result(observed()).started
    folder = written(tmp_path, ended=at + timedelta(seconds=ended), elapsed=60.0)
    value = read_record(folder, root=tmp_path).value
    assert value["clock_moved"] == moved
    assert says in (folder / "summary.md").read_text()
    assert says in (folder / "report.html").read_text().replace("\u00a0", " ")
    steady = written(tmp_path / "x", ended=at + timedelta(seconds=60.2), elapsed=60.0)
    assert "clock was set" not in (steady / "report.html").read_text()


def test_a_plan_is_kept_and_its_file_has_the_digest_that_is_cited(tmp_path):
    folder = written(tmp_path)
    value = read_record(folder, root=tmp_path).value
    assert digest_bytes((folder / "plan.json").read_bytes()) == value["runs"][0]["plan"] == plan().digest
    assert plans_of(folder, value) == {"run-1": plan()}


def test_each_step_of_each_plan_is_real_stubbed_or_skipped(tmp_path):
    value = read_record(written(tmp_path), root=tmp_path).value
    assert [(each["step"], each["how"]) for each in value["fidelity"]["steps"]] == [
        ("fence", "stubbed"), ("promote", "real"), ("take-address", "skipped"),
    ]  # fmt: skip
    stubbed, real, skipped = (each["why"] for each in value["fidelity"]["steps"])
    assert stubbed["en"] == "the lab's power control stood in for Redfish, which db-1 has in production"
    assert real is None
    assert skipped["en"] == "not reached: the run ended at step promote"
    text = (tmp_path / "drills/records/20261122T053000Z-db-failover/summary.md").read_text()
    assert "step fence of RB-DB-FAILOVER: the lab's power control" in text


@pytest.mark.parametrize("folder", EXAMPLES, ids=[path.name for path in EXAMPLES])
def test_the_example_records_are_read_in_the_newest_shape(folder):
    checked = read_record(folder, root=folder.parents[2])
    jsonschema.Draft202012Validator(schema()).validate(checked.value)
    written_as = json.loads((folder / "record.json").read_bytes())
    assert checked.format == written_as["format"]
    if checked.format < 3:
        measured = checked.value["services"][0]["measures"]
        assert {name: measured[name] for name in written_as["measures"]} == written_as["measures"]
    assert checked.value["digest"] == written_as["digest"]
    if checked.format == 1:
        first = written_as["fidelity"]["real"][0]
        assert checked.value["fidelity"]["real"][0] == {"en": first, "zh": first}


def test_there_is_an_example_of_each_format():
    assert {json.loads((each / "record.json").read_bytes())["format"] for each in EXAMPLES} == {1, 2, 3}


def test_a_broken_journal_gets_no_record(tmp_path):
    path = journal(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"run-1", b"run-2", 1))
    with pytest.raises(JournalError, match="changed after"):
        write_record(result(observed()), root=tmp_path, journals={"run-1": path})
    assert not (tmp_path / "drills").exists()


def test_half_a_record_is_never_seen(tmp_path, monkeypatch):
    """When the disk is full in the middle, nothing is left, and the next try works."""
    whole = os.fsync
    calls = []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        whole(descriptor)

    path = journal(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(JournalError, match=r"No space left.*") as caught:
        write_record(result(observed()), root=tmp_path, journals={"run-1": path})
    assert "journals of the runs are still" in caught.value.remedy
    assert list((tmp_path / "drills/records").iterdir()) == []
    assert write_record(result(observed()), root=tmp_path, journals={"run-1": path}).is_dir()


def test_the_same_samples_are_kept_once(tmp_path):
    first, second = store_samples(tmp_path, b"abc\n"), store_samples(tmp_path, b"abc\n")
    assert first == second
    assert gzip.decompress((tmp_path / first).read_bytes()) == b"abc\n"
    assert len(list((tmp_path / ".drillbook/samples").iterdir())) == 1


def page(tmp_path, seen=None, **changes):
    return (written(tmp_path, seen, **changes) / "summary.md").read_text()


def test_the_summary_says_the_verdict_first_in_both_languages(tmp_path):
    lines = page(tmp_path).splitlines()
    assert lines[0] == "# MET: The database dies"
    assert lines[2] == "**达标：数据库宕机**"
    assert lines[4] == (
        "Users were without the service for **2.010 s** (objective 60 s); no acknowledged write was lost; "
        "at no time did two hosts acknowledge writes."
    )
    assert "## Why" not in lines


def test_the_summary_of_a_missed_drill_says_why(tmp_path):
    seen = observed()
    rows = replace(rows_of(*seen.series), ranges={**rows_of(*seen.series).ranges, "users": ((1, 390),)})
    text = page(tmp_path, replace(seen, rows=rows))
    assert text.startswith("# MISSED: ")
    assert "**未达标：" in text
    assert re.search(r"\*\*\d+ acknowledged writes were lost\*\*", text)
    assert "## Why\n\n- " in text


def test_the_summary_of_a_refusal_speaks_of_the_refusal(tmp_path):
    seen = replace(observed(), expectation=Expectation(ExitCode.NOT_FENCED), run=ExitCode.NOT_FENCED, promotions=())
    text = page(tmp_path, seen)
    assert "The run had to refuse with exit code 10; it ended with 0" in text
    assert "| Exit code of the run | 10 | 0 |" in text


def test_the_events_stand_in_the_order_of_time(tmp_path):
    table = re.findall(r"^\| ([0-9.]+) \| (.*) \|$", page(tmp_path), re.MULTILINE)
    assert [float(at) for at, _ in table] == sorted(float(at) for at, _ in table)
    assert [what for _, what in table][:3] == [
        "the probes are steady", "users are served for the last time before the outage", "db-1 loses power",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["a | b", "<b>x</b>", "`x`", "[x](http://x)", "# x", "*x*", "a\nb", "\u202ex"])
def test_text_from_elsewhere_stays_text_in_the_summary(tmp_path, text):
    value = read_record(
        written(tmp_path, services=(service(observed(), objectives_reason=Text(text, text)),)), root=tmp_path
    ).value
    shown = summary(value).split("drill's own: ")[1].splitlines()[0]
    assert "\n" not in shown
    assert not re.search(r"(?<!\\)[|<>`*\[\]#]", shown)
    assert "\u202e" not in shown


def test_the_gap_that_is_open_is_said(tmp_path):
    seen = observed()
    users = replace(seen.series[0], samples=tuple(s for s in seen.series[0].samples if s.sent < STEADY + 3 * S))
    text = page(tmp_path, replace(seen, series=(users, *seen.series[1:])))
    assert "The service did not come back in 5.0 s" in text
