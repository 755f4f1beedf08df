"""Commands at the same time, as ``./inv test`` runs its parts: whose a line is, who failed, and that nobody is left."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from drillbook.tasks.side_by_side import Ended, Part, SideBySide
from drillbook.tasks.test import summed

SRC = Path(__file__).parents[2] / "src"


def python(text: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-c", text)


def ran(folder: Path, *lanes: list[Part]) -> tuple[SideBySide, list[str]]:
    both = SideBySide(folder, width=3, out=io.StringIO())
    both.run(lanes)
    assert isinstance(both.out, io.StringIO)
    return both, both.out.getvalue().splitlines()


def test_each_line_says_whose_it_is_and_no_failure_stops_another_part(tmp_path: Path) -> None:
    first = Part("a", (python("print('one')"), python("print('two'); raise SystemExit(7)"), python("print('never')")))
    second = Part("b", (python("import sys; print('out', flush=True); print('wrong', file=sys.stderr)"),))
    other = Part("c", (python("import os; os.kill(os.getpid(), 9)"),))
    both, lines = ran(tmp_path, [first, second], [other])
    assert lines == ["a   | one", "a   | two", "b   | out", "b   | wrong"]
    assert {each.part.name: each.code for each in both.ended} == {"a": 7, "b": 0, "c": -9}
    assert not both.stopped


def test_lanes_run_at_the_same_time(tmp_path: Path) -> None:
    """Each waits for the other; one after the other they would never end."""
    os.mkfifo(tmp_path / "pipe")
    reads, writes = (Part(name, (python(f"print(open('pipe', '{mode}'))"),)) for name, mode in (("a", "r"), ("b", "w")))
    both, _ = ran(tmp_path, [reads], [writes])
    assert [each.code for each in both.ended] == [0, 0]


# Puts something away when it is stopped, and has a child that would not end by itself.
_TIDY = """
import pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-I", "-S", "-c",
    "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"],
    stdout=subprocess.PIPE)
child.stdout.readline()
try:
    print("child", child.pid, flush=True)
    time.sleep(600)
except KeyboardInterrupt:
    time.sleep(0.5)
    pathlib.Path("put-away").write_text("x")
    raise SystemExit(2)
"""
_DEAF = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
_RUNS = """
import sys
import time
from pathlib import Path
from drillbook.tasks.side_by_side import Ended, Part, SideBySide
from drillbook.tasks.test import summed
command = lambda text: ((sys.executable, "-I", "-S", "-c", text),)
both = SideBySide(Path.cwd(), width=1)
both.run([[Part(str(number), command(text)), Part("next", command("print('next')"))]
          for number, text in enumerate(sys.argv[1:])])
print("stopped" if both.stopped else "ended", len(both.ended))
"""


def started(folder: Path, *texts: str) -> subprocess.Popen[str]:
    """Run lanes of these programs in a process of its own, as ``./inv test`` does."""
    return subprocess.Popen(
        [sys.executable, "-c", _RUNS, *texts],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(SRC)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def heard(process: subprocess.Popen[str], *words: str) -> list[str]:
    """Read what it prints until each of the words has come."""
    assert process.stdout is not None
    lines: list[str] = []
    while not all(any(word in line for line in lines) for word in words):
        line = process.stdout.readline()
        assert line, lines
        lines.append(line.strip())
    return lines


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_lets_all_put_away_what_they_have_and_leaves_nobody(tmp_path: Path, number: signal.Signals) -> None:
    process = started(tmp_path, _TIDY, "import time; print('here', flush=True); time.sleep(600)")
    child = int(next(line for line in heard(process, "child", "here") if "child" in line).split()[-1])
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    assert (tmp_path / "put-away").exists()
    assert "next" not in said
    assert said.splitlines()[-1] == "stopped 0"
    deadline = time.monotonic() + 20
    while lives(child):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_second_signal_kills(tmp_path: Path) -> None:
    process = started(tmp_path, _DEAF)
    heard(process, "deaf")
    process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.5)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60)[0].splitlines()[-1] == "stopped 0"


def test_nobody_goes_on_for_a_reader_that_is_gone(tmp_path: Path) -> None:
    process = started(tmp_path, "import time\nwhile True: print('line', flush=True); time.sleep(0.01)")
    heard(process, "line")
    assert process.stdout is not None
    process.stdout.close()
    process.wait(timeout=60)


def test_what_cannot_be_started_is_a_part_that_failed_and_the_next_runs(tmp_path: Path) -> None:
    both, lines = ran(tmp_path, [Part("a", (("no-such-program",),)), Part("b", (python("print('here')"),))])
    assert lines == ["a   | no-such-program cannot be started: No such file or directory", "b   | here"]
    assert {each.part.name: each.code for each in both.ended} == {"a": 127, "b": 0}


class _Gone(io.StringIO):
    """A terminal that went away."""

    def write(self, _: str) -> int:
        raise OSError(5, "Input/output error")


def test_a_terminal_that_is_gone_leaves_time_to_put_away(tmp_path: Path) -> None:
    """Each line that nobody hears any more must not be one more signal: the second kills."""
    tidy = """
import pathlib, time
try:
    print("one", flush=True)
    time.sleep(600)
except KeyboardInterrupt:
    print("two", flush=True)
    print("three", flush=True)
    time.sleep(0.5)
    pathlib.Path("put-away").write_text("x")
"""
    both = SideBySide(tmp_path, width=3, out=_Gone())
    both.run([[Part("a", (python(tidy),))]])
    assert (both.stopped, (tmp_path / "put-away").exists()) == (True, True)


def test_whoever_left_with_a_commands_output_is_not_waited_for(tmp_path: Path) -> None:
    leaves = """
import subprocess, sys
print(subprocess.Popen(["sleep", "600"], start_new_session=True).pid)
"""
    both = SideBySide(tmp_path, width=3, patience=0.5, out=io.StringIO())
    both.run([[Part("a", (python(leaves),))]])
    assert isinstance(both.out, io.StringIO)
    first, second = both.out.getvalue().splitlines()
    left = int(first.split()[-1])
    assert lives(left)
    os.kill(left, signal.SIGKILL)
    assert "not waited for" in second
    assert [each.code for each in both.ended] == [0]


@pytest.mark.parametrize(
    ("codes", "named", "code"),
    [
        ((0, 0, 0), False, 0),
        ((1, 0, 0), False, 1),
        ((0, 2, 0), False, 2),
        ((0, 0, 1), False, 1),
        ((0, 0, -9), False, 1),
        ((0, 5, 0), False, 5),  # no test at all
        ((0, 5, 0), True, 0),  # no test of that name among these
        ((0, 5, 1), True, 1),
        ((0, 5, 5), True, 5),
        ((1, 5, 5), True, 1),
    ],
)
def test_the_exit_code_is_that_of_the_first_part_that_failed(
    codes: tuple[int, ...], named: bool, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = [Ended(Part(name, ()), each, 90) for name, each in zip(("lint", "a", "b"), codes, strict=True)]
    assert summed([each.part for each in ended], ended[::-1], named=named) == code
    lines = capsys.readouterr().out.split("\n")[1:-1]
    assert [line.split()[:3] for line in lines] == [[each.part.name, "1.5", "min"] for each in ended]
    assert ["failed" in line for line in lines] == [each != 0 and not (named and each == 5) for each in codes]


@pytest.mark.parametrize("named", [False, True])
def test_a_part_that_never_ended_is_a_failure(named: bool, capsys: pytest.CaptureFixture[str]) -> None:
    parts = [Part(name, ()) for name in ("lint", "a", "b")]
    assert summed(parts, [Ended(parts[0], 0, 90), Ended(parts[2], 5 if named else 0, 90)], named=named) == 1
    assert "a              never ended" in capsys.readouterr().out
