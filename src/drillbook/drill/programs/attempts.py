"""The loop that every probe has: one attempt after the other, and a note of what became of each.

It lies beside a probe's own program on the probe's host: Python 3.11, nothing else. The program calls ``main`` with
a function that makes its client of the options, a JSON object that is the one argument:

    run, writer                 names in what is written
    interval_ms                 from one attempt to the next; never less than this after a refusal
    answer_ms                   an attempt that is not answered by then has an unknown outcome
    connect_ms, session_ms      for TCP to answer, and for the server to be ready after that
    duration_s, count           limits: it ends at the first of them, or at SIGTERM
    samples                     the file that it writes
    address                     where the service is; then what the kind of probe needs (drill/kinds.py)
    secrets, secret             the file with what is logged in with, and the name in it (see ``login``)

The file holds one JSON object a line, flushed line by line. First ``{"hello": {...}}``, then for each
attempt ``{"seq", "sent", "done", "out", "err"}`` (CLOCK_MONOTONIC, ns), last ``{"end": {...}}``. ``out``:

    ack      the server said that it is done
    refused  it is certain that nothing was written
    unknown  what was asked for may be done or not

A client's ``attempt(seq)`` gives when it was sent, the outcome and a word why. It must not block for longer than
answer_ms, or the time to connect. While the client is ``crowded`` it is asked only every 100 ms.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

MILLISECOND = 1_000_000
CROWDED_NS = 100 * MILLISECOND  # a server without a free session is not helped by asking 100 times a second


class Client(Protocol):
    """What a program makes: one connection at a time, one attempt at a time."""

    crowded: bool

    def attempt(self, seq: int) -> tuple[int, str, str]:
        """Make one attempt. Gives when it was sent (monotonic ns), the outcome and a word why."""
        ...


class Loop:
    """Attempts until told to stop or at a limit."""

    def __init__(self, options: dict[str, Any], client: Client) -> None:
        """Take both; nothing is sent."""
        self.options = options
        self.client = client
        self.stopped = False

    def stop(self, *_: object) -> None:
        """Ask it to end after the attempt that is under way."""
        self.stopped = True

    def run(self) -> None:
        """See the class."""
        options = self.options
        samples = os.open(options["samples"], os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        note(samples, {"hello": hello(options)})
        interval = int(options["interval_ms"] * MILLISECOND)
        due = time.monotonic_ns()
        end = due + int(options["duration_s"] * 1_000_000_000)
        seq = 0
        while not self.stopped and seq < options["count"] and due < end:
            seq += 1
            sent, out, err = self.client.attempt(seq)
            note(samples, {"seq": seq, "sent": sent, "done": time.monotonic_ns(), "out": out, "err": err})
            now = time.monotonic_ns()
            # No burst to catch up: the attempts that did not fit while one was waiting are not made.
            due = max(due + interval, now)
            pause = max(due - now, CROWDED_NS) if self.client.crowded else due - now
            if pause > 0:
                time.sleep(pause / 1e9)
        why = "stopped" if self.stopped else "count" if seq >= options["count"] else "duration"
        note(samples, {"end": {"reason": why, "attempts": seq, "monotonic_ns": time.monotonic_ns()}})
        os.close(samples)


def hello(options: dict[str, Any]) -> dict[str, Any]:
    """Say who attempts, and how this machine's clocks stand."""
    return {
        "wall_ns": time.time_ns(),
        "monotonic_ns": time.monotonic_ns(),
        "boot_id": Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip(),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "options": options,
    }


def note(fd: int, line: dict[str, Any]) -> None:
    """Append a line, in one write, so that a reader never sees the half of one for long."""
    data = json.dumps(line, separators=(",", ":")).encode() + b"\n"
    if os.write(fd, data) != len(data):
        raise OSError("the samples file is full")


def login(options: dict[str, Any]) -> dict[str, str]:
    """Give what is logged in with, such as ``{"user", "password"}``; it stands in no option and in no sample."""
    found: dict[str, str] = json.loads(Path(options["secrets"]).read_text(encoding="utf-8"))[options["secret"]]
    return found


def ranges(numbers: list[int]) -> list[list[int]]:
    """Give the ranges, both ends included, of numbers that are sorted."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number <= found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found


def survivors(names: list[str], run: str) -> dict[str, Any]:
    """Give what a rows' program prints, of names ``RUN.WRITER.NUMBER``; other names are not of this run."""
    writers: dict[str, list[int]] = {}
    for name in names:
        before, _, number = name.rpartition(".")
        of_run, _, writer = before.partition(".")
        if of_run == run and writer and number.isascii() and number.isdigit():
            writers.setdefault(writer, []).append(int(number))
    rows = sum(map(len, writers.values()))
    return {
        "writers": {writer: ranges(sorted(numbers)) for writer, numbers in sorted(writers.items())},
        "rows": rows,
        "duplicates": rows - sum(len(set(numbers)) for numbers in writers.values()),
    }


def main(make: Callable[[dict[str, Any]], Client]) -> None:
    """Run the probe of this process."""
    options = json.loads(sys.argv[1])
    loop = Loop(options, make(options))
    signal.signal(signal.SIGTERM, loop.stop)
    signal.signal(signal.SIGINT, loop.stop)
    loop.run()


def main_rows(read: Callable[[dict[str, Any]], dict[str, Any]], errors: tuple[type[Exception], ...] = ()) -> None:
    """Print what there is; options: run, writers, address, limit_s (it ends by then), and the kind's own.

    It is one JSON object, such as ``{"writers": {"users": [[1, 400], [403, 900]]}, "rows": 898, "duplicates": 0}``.
    """
    options = json.loads(sys.argv[1])
    signal.alarm(int(options["limit_s"]) + 1)  # ends the process, even inside a library
    try:
        found = read(options)
    except Exception as error:
        if not isinstance(error, (OSError, ValueError, LookupError, *errors)):
            raise
        sys.exit(" ".join(f"{type(error).__name__}: {error}".split()))
    sys.stdout.write(json.dumps(found, separators=(",", ":")) + "\n")
