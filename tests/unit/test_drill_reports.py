"""``drills.report`` as a person types it: which record it takes, what it refuses."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from drillbook.errors import UsageError
from drillbook.tasks.drill_reports import find_record

pytestmark = pytest.mark.slow  # each test starts processes, or waits for one

ROOT = Path(__file__).parents[2]
EXAMPLE = "20261122T064150Z-core-db-failover"


@pytest.fixture
def estate(tmp_path):
    """A folder that is an estate as far as records go, with the example of a failover."""
    (tmp_path / "cmdb.yaml").write_text("organisation: Example\n")
    shutil.copytree(ROOT / "drills/records" / EXAMPLE, tmp_path / "drills/records" / EXAMPLE)
    return tmp_path


def report(estate, *arguments):
    program = (
        "import sys; from invoke.program import Program; from drillbook.tasks.all import ns; "
        "Program(namespace=ns).run(['inv', *sys.argv[1:]])"
    )
    return subprocess.run(
        [sys.executable, "-c", program, "drills.report", *arguments], cwd=estate, capture_output=True, text=True,
        check=False, timeout=60, env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip


def test_a_record_is_shown_by_its_name_and_by_its_drills_name(estate):
    for name in (EXAMPLE, "core-db-failover", str(estate / "drills/records" / EXAMPLE)):
        done = report(estate, name, "--out", str(estate / "page.html"))
        assert done.returncode == 0, done.stderr
        html = (estate / "page.html").read_text()
        assert 'id="en" aria-label="English" checked' in html
        (estate / "page.html").unlink()


def test_without_a_file_it_goes_below_the_state_folder_and_its_place_is_said(estate):
    done = report(estate, "core-db-failover", "--lang", "zh")
    assert done.returncode == 0, done.stderr
    path = Path(done.stdout.splitlines()[0])
    assert path == estate / ".drillbook/reports" / f"{EXAMPLE}.html"
    assert 'aria-label="中文" checked' in path.read_text()


def test_a_record_that_does_not_verify_is_refused(estate):
    file = estate / "drills/records" / EXAMPLE / "record.json"
    file.write_text(file.read_text().replace('"rto": 60', '"rto": 61'))
    done = report(estate, "core-db-failover", "--out", str(estate / "page.html"))
    assert done.returncode == 40
    assert "record.json: it was changed after it was written" in done.stderr
    assert not (estate / "page.html").exists()


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"format": 7}', "{}", '{"format": 1e999}', '{"format": NaN}', "[" * 100_000, '{"format": 2}'],
    ids=lambda text: ascii(text)[:20],
)
def test_what_is_no_record_is_refused_in_one_sentence(estate, text):
    file = estate / "drills/records" / EXAMPLE / "record.json"
    file.write_text(text)
    done = report(estate, EXAMPLE)
    assert done.returncode == 40
    assert "Traceback" not in done.stderr
    assert "drillbook itself" not in done.stderr


def test_a_number_that_json_does_not_have_is_no_record(estate):
    file = estate / "drills/records" / EXAMPLE / "record.json"
    value = json.loads(file.read_text())
    value["objectives"]["rto"] = float("inf")
    file.write_text(json.dumps(value).replace("Infinity", "1e999"))
    assert report(estate, EXAMPLE).returncode == 40


@pytest.mark.parametrize(("arguments", "code"), [(("no-such",), 2), (("core-db-failover", "--lang", "fr"), 2)])
def test_a_name_that_does_not_exist_is_said(estate, arguments, code):
    assert report(estate, *arguments).returncode == code


def test_a_file_that_cannot_be_written_is_said(estate):
    for out in ("none/page.html", "drills"):
        done = report(estate, EXAMPLE, "--out", str(estate / out))
        assert done.returncode == 2
        assert "cannot be written" in done.stderr
    (estate / ".drillbook").mkdir()
    (estate / ".drillbook/reports").write_text("")
    done = report(estate, EXAMPLE)
    assert done.returncode == 2
    assert "cannot be written" in done.stderr


def test_a_pipe_gets_the_page_and_is_not_replaced(estate):
    # What is true of a pipe is true of /dev/null, which root once had as an ordinary file afterwards.
    os.mkfifo(estate / "pipe")
    found = []
    reader = threading.Thread(target=lambda: found.append((estate / "pipe").read_bytes()), daemon=True)
    reader.start()
    assert report(estate, EXAMPLE, "--out", str(estate / "pipe")).returncode == 0
    reader.join(10)
    assert found
    assert found[0].startswith(b"<!DOCTYPE html>")
    assert (estate / "pipe").is_fifo()


def test_the_newest_record_of_a_drill_is_the_last_of_its_second(tmp_path):
    names = {
        "20261122T064150Z-a": "a", "20261122T064150Z-a-2": "a", "20261122T064150Z-a-10": "a",
        "20261121T000000Z-a-11": "a", "20261123T000000Z-ab": "ab", "20261123T000000Z-b-2": "b-2",
        "20261122T000000Z-b": "b", "20261124T000000Z-b-3": "",
    }  # fmt: skip
    for name, drill in names.items():
        (tmp_path / "drills/records" / name).mkdir(parents=True)
        value = json.dumps({"drill": {"name": drill}}) if drill else "{"
        (tmp_path / "drills/records" / name / "record.json").write_text(value)
    assert find_record(tmp_path, "a").name == "20261122T064150Z-a-10"
    assert find_record(tmp_path, "ab").name == "20261123T000000Z-ab"
    assert find_record(tmp_path, "b-2").name == "20261123T000000Z-b-2"
    assert find_record(tmp_path, "b").name == "20261122T000000Z-b"
    assert find_record(tmp_path, "b-3").name == "20261124T000000Z-b-3"
    for name in ("", "c", "../records", "*", "a\u202e"):
        with pytest.raises(UsageError):
            find_record(tmp_path, name)
