"""The programs that run on probe hosts: what they need, and when the one that waits ends."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import threading
import time

import pytest

from drillbook.drill.kinds import KINDS
from drillbook.drill.probe import program, programs_of

NAMES = programs_of(KINDS.values())
BESIDE = {name.removesuffix(".py") for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_a_program_needs_nothing_but_python_what_lies_beside_it_and_the_modules_of_its_kind(name):
    """It is copied to a host that has no drillbook and none of its packages."""
    tree = ast.parse(program(name))
    imported = {
        (each.module or "") if isinstance(each, ast.ImportFrom) else alias.name
        for each in ast.walk(tree)
        if isinstance(each, ast.Import | ast.ImportFrom)
        for alias in each.names
    }
    assert {each.partition(".")[0] for each in imported} <= {*sys.stdlib_module_names, *BESIDE, "psycopg2", "ldap3"}


@pytest.mark.parametrize("name", NAMES)
def test_a_program_is_ascii_and_python_3_11(name):
    ast.parse(program(name).decode("ascii"), feature_version=(3, 11))


class Writer:
    """Writes samples as a writer does, now and then."""

    def __init__(self, path):
        self.file = path.open("a")
        self.seq = 0

    def attempt(self, out: str) -> int:
        self.seq += 1
        now = time.monotonic_ns()
        self.note({"seq": self.seq, "sent": now, "done": now, "out": out, "err": ""})
        return now

    def note(self, value) -> None:
        self.file.write(json.dumps(value) + "\n")
        self.file.flush()

    def go_on(self, out: str, *, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.attempt(out)
            time.sleep(0.005)


@pytest.fixture
def writer(tmp_path):
    made = Writer(tmp_path / "samples")
    yield made
    made.file.close()


@pytest.fixture
def waits(tmp_path):
    """Start the program; give a function that waits for what it prints."""
    script = tmp_path / "samples_wait.py"
    script.write_bytes(program("samples_wait.py"))

    def start(**options):
        options = {"samples": str(tmp_path / "samples"), "timeout_s": 5, "silent_s": 1, **options}
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(script), json.dumps(options)], stdout=subprocess.PIPE
        )

        def answer():
            out, _ = process.communicate(timeout=20)
            return json.loads(out)

        return answer

    return start


def test_it_ends_when_the_writer_has_been_steady(writer, waits):
    began = time.monotonic_ns()
    answer = waits(steady_for_s=0.3)
    writer.go_on("ack", seconds=1.2)
    found = answer()
    assert found["event"] == "steady"
    assert 0.3e9 <= found["monotonic_ns"] - began < 1.1e9


def test_what_was_steady_before_does_not_count(writer, waits):
    writer.go_on("ack", seconds=0.5)
    answer = waits(steady_for_s=0.3, timeout_s=1)
    writer.go_on("refused", seconds=1.5)
    assert answer()["event"] == "timeout"


def test_one_failure_begins_the_count_anew(writer, waits):
    answer = waits(steady_for_s=0.4, timeout_s=1.4)
    for _ in range(7):
        writer.go_on("ack", seconds=0.2)
        writer.attempt("unknown")
    assert answer()["event"] == "timeout"


def test_it_ends_as_soon_as_the_writer_has_been_down(writer, waits):
    writer.go_on("ack", seconds=0.2)
    last = writer.attempt("ack")
    answer = waits(down_for_s=0.5)
    writer.go_on("unknown", seconds=0.7)
    found = answer()
    assert found["event"] == "down"
    assert found["last_ack_ns"] == last
    assert 0 <= found["monotonic_ns"] - last - 0.5e9 < 0.05e9


def test_a_single_answer_begins_the_count_anew(writer, waits):
    writer.attempt("ack")
    answer = waits(down_for_s=0.5)
    writer.go_on("unknown", seconds=0.3)
    last = writer.attempt("ack")
    writer.go_on("unknown", seconds=0.7)
    found = answer()
    assert found["event"] == "down"
    assert found["last_ack_ns"] == last


def test_who_was_never_up_is_not_down(writer, waits):
    answer = waits(down_for_s=0.2, timeout_s=0.6)
    writer.go_on("refused", seconds=0.9)
    assert answer()["event"] == "timeout"


def test_a_writer_that_stands_still_is_not_taken_for_a_service_that_is_down(writer, waits):
    writer.go_on("ack", seconds=0.1)
    assert waits(down_for_s=2)()["event"] == "silent"


def test_a_writer_that_does_not_begin_is_silent(waits):
    assert waits(steady_for_s=1)()["event"] == "silent"


def test_a_writer_that_has_ended_is_said(writer, waits):
    writer.attempt("ack")
    writer.note({"end": {"reason": "stopped", "attempts": 1, "monotonic_ns": 1}})
    assert waits(down_for_s=0.5)()["event"] == "ended"


def test_the_half_of_a_line_is_read_when_it_is_whole(writer, waits):
    answer = waits(steady_for_s=0.3)

    def halves():
        for _ in range(100):
            writer.seq += 1
            now = time.monotonic_ns()
            line = json.dumps({"seq": writer.seq, "sent": now, "done": now, "out": "ack", "err": ""}) + "\n"
            for part in (line[:20], line[20:]):
                writer.file.write(part)
                writer.file.flush()
                time.sleep(0.004)

    thread = threading.Thread(target=halves)
    thread.start()
    assert answer()["event"] == "steady"
    thread.join()
