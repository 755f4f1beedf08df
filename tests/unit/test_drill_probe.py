"""Probes: the exact commands that a probe host is sent, and what is made of its answers."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from drillbook.drill import host_clock
from drillbook.drill.binding import BoundProbe
from drillbook.drill.host_clock import measure_clock
from drillbook.drill.kinds import KINDS
from drillbook.drill.model import ProbeSpec
from drillbook.drill.probe import Probe, prepare, surviving_rows
from drillbook.errors import HostUnreachable, JournalError, MissingPrerequisite, StepFailed

SPEC = ProbeSpec("users", "postgresql_writer", "mon-1", "service_address", None, 0.005, 0.15, 1)
OPTIONS = {"port": 5432, "database": "core", "user": "probe", "passfile": "/etc/drillbook-probe.pgpass"}
BOUND = BoundProbe(SPEC, KINDS["postgresql_writer"], "10.0.0.100", OPTIONS)


@dataclass
class Answer:
    exit_code: int = 0
    stdout: str = ""
    stderr: str = ""


@dataclass
class Host:
    """Answers what it is told to; a command that nobody planned is an error."""

    answers: dict[str, Answer] = field(default_factory=dict)
    sent: list[list[str]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)

    def run(self, argv, *, timeout):
        assert timeout > 0
        self.sent.append(list(argv))
        for start, answer in self.answers.items():
            if " ".join(argv).startswith(start):
                return answer
        raise AssertionError(f"nobody planned {argv}")

    def put(self, data, path):
        self.files[path] = data

    def get(self, path):
        return self.files[path]


def test_a_probe_is_a_unit_with_limits_of_its_own():
    host = Host({"systemd-run": Answer()})
    Probe(host, BOUND, run="20261122T053000Z-1a2b3c4d", duration=60).start()
    *command, options = host.sent[0]
    assert command == [
        "systemd-run", "--unit=drillbook-probe-20261122T053000Z-1a2b3c4d-users.service", "--collect", "--quiet",
        "--property=RuntimeMaxSec=65", "--property=TimeoutStopSec=5",
        "/usr/bin/python3", "/run/drillbook-probe/20261122T053000Z-1a2b3c4d/postgresql_writer.py",
    ]  # fmt: skip
    assert json.loads(options) == {
        "run": "20261122T053000Z-1a2b3c4d", "writer": "users",
        "address": "10.0.0.100", "port": 5432, "database": "core", "user": "probe",
        "passfile": "/etc/drillbook-probe.pgpass",
        "interval_ms": 5.0, "answer_ms": 150.0, "connect_ms": 40, "session_ms": 100,
        "duration_s": 60, "count": 5_000_000,
        "samples": "/run/drillbook-probe/20261122T053000Z-1a2b3c4d/users.jsonl",
    }  # fmt: skip


def test_a_probe_that_does_not_start_is_said():
    host = Host({"systemd-run": Answer(1, "", "Failed to start\x1b[31m: no such unit")})
    with pytest.raises(StepFailed, match=r"ended with 1: Failed to start\\u\{1b\}"):
        Probe(host, BOUND, run="r", duration=1).start()


def test_a_host_is_prepared_with_programs_and_asked_for_psycopg2():
    host = Host(
        {"install -d -m 0700 /run/drillbook-probe/r": Answer(), "/usr/bin/python3 -c import psycopg2": Answer()}
    )
    assert prepare(host, "r", [BOUND.kind]) == "/run/drillbook-probe/r"
    assert sorted(Path(path).name for path in host.files) == [
        "attempts.py", "postgresql_rows.py", "postgresql_writer.py", "samples_wait.py",
    ]  # fmt: skip
    host.answers["/usr/bin/python3"] = host.answers.pop("/usr/bin/python3 -c import psycopg2")
    host.answers["/usr/bin/python3"] = Answer(1, "", "ModuleNotFoundError")
    with pytest.raises(MissingPrerequisite) as caught:
        prepare(host, "r", [BOUND.kind])
    assert "python3-psycopg2" in caught.value.remedy


def test_a_wait_is_made_on_the_host():
    said = '{"event": "down", "monotonic_ns": 1500, "last_ack_ns": 500, "last_sample_ns": 1400}\n'
    host = Host({"/usr/bin/python3 /run/drillbook-probe/r/samples_wait.py": Answer(0, said)})
    seen = Probe(host, BOUND, run="r", duration=1).wait_down(1.0, timeout=30)
    assert (seen.event, seen.at, seen.last_ack) == ("down", 1500, 500)
    assert json.loads(host.sent[0][-1]) == {
        "down_for_s": 1.0, "samples": "/run/drillbook-probe/r/users.jsonl", "silent_s": 1.0, "timeout_s": 30,
    }  # fmt: skip


@pytest.mark.parametrize("said", ["", "no json", "[]", "7"])
def test_an_answer_that_is_none_is_said(said):
    host = Host({"/usr/bin/python3": Answer(0, said)})
    with pytest.raises(StepFailed, match="a probe host answered"):
        Probe(host, BOUND, run="r", duration=1).wait_steady(1.0, timeout=30)


@pytest.mark.parametrize("answer", [Answer(), Answer(5, "", "Unit x.service not loaded.")])
def test_to_stop_what_has_ended_is_fine(answer):
    Probe(Host({"systemctl stop": answer}), BOUND, run="r", duration=1).stop()


def test_a_probe_that_does_not_stop_is_said():
    with pytest.raises(StepFailed, match="the probe 'users' does not stop: no bus") as caught:
        Probe(Host({"systemctl stop": Answer(1, "", "no bus")}), BOUND, run="r", duration=60).stop()
    assert "60 s" in caught.value.remedy


def test_rows_are_read_from_the_address_that_is_asked():
    said = json.dumps({"writers": {"users": [[1, 4], [7, 7]]}, "duplicates": 0, "timeline": 3})
    rows = surviving_rows(Host({"/usr/bin/python3": Answer(0, said)}), BOUND, run="r", writers=["users"])
    assert rows.ranges == {"users": ((1, 4), (7, 7))}
    assert (rows.read_from, rows.timeline, rows.count()) == ("10.0.0.100", 3, 5)


@pytest.mark.parametrize("said", ['{"writers": {"users": [[3, 1]]}, "duplicates": 0, "timeline": 1}', '{"writers": 7}'])
def test_rows_that_make_no_sense_are_refused(said):
    with pytest.raises(JournalError, match="cannot be read"):
        surviving_rows(Host({"/usr/bin/python3": Answer(0, said)}), BOUND, run="r", writers=["users"])


@dataclass
class FarHost:
    """A host whose clock is ``ahead`` ns ahead of this machine's, and takes ``delay`` s each way."""

    ahead: int
    delay: float = 0.001
    boot: str = "another"
    drift: int = 0

    def run(self, argv, *, timeout):
        time.sleep(self.delay)
        self.ahead += self.drift
        answer = Answer(0, f"{time.monotonic_ns() + self.ahead}\n{self.boot}\nmonotonic 0 0 boottime 0 0\n")
        time.sleep(self.delay)
        return answer


@pytest.mark.parametrize("ahead", [0, 5 * 10**9, -(10**12)])
def test_another_machines_clock_is_bounded(ahead):
    clock = measure_clock(FarHost(ahead))
    assert abs(clock.offset_ns - ahead) <= clock.uncertainty_ns
    assert 0 < clock.uncertainty_ns < 20_000_000
    assert "8 readings" in clock.method


def test_the_same_kernel_has_the_same_clock(monkeypatch):
    monkeypatch.setattr(host_clock, "_own_kernel", lambda: ["another", "monotonic 0 0 boottime 0 0"])
    assert measure_clock(FarHost(0)) == host_clock.ClockOffset(0, 0, "the same kernel, so the same clock")


def test_the_same_kernel_with_another_clock_is_measured(monkeypatch):
    """A host in a time namespace of its own says so by its readings, whatever it says of itself."""
    monkeypatch.setattr(host_clock, "_own_kernel", lambda: ["another", "monotonic 0 0 boottime 0 0"])
    assert abs(measure_clock(FarHost(7 * 10**9)).offset_ns - 7 * 10**9) < 20_000_000


def test_a_clock_that_jumps_is_refused():
    with pytest.raises(HostUnreachable, match="contradict"):
        measure_clock(FarHost(0, drift=10**9))
