"""Writes a numbered row every few milliseconds, and notes what became of each attempt.

A program of its own for the probe host: Python 3.11 and psycopg2, nothing else. It takes one argument, a
JSON object:

    run, writer                 names in the rows
    address, port, database, user, passfile
    interval_ms                 from one attempt to the next; never less than this after a refusal
    answer_ms                   a row that is not answered by then has an unknown outcome
    connect_ms, session_ms      for TCP to answer, and for the server to be ready after that
    duration_s, count           limits: it ends at the first of them, or at SIGTERM
    samples                     the file that it writes

The file holds one JSON object a line, flushed line by line. First ``{"hello": {...}}``, then for each
attempt ``{"seq", "sent", "done", "out", "err"}`` (CLOCK_MONOTONIC, ns), last ``{"end": {...}}``. ``out``:

    ack      the server said that it is committed
    refused  it is certain that nothing was written
    unknown  the row may be there or not

Nothing here blocks for longer than the larger of answer_ms and connect_ms + session_ms: libpq is driven
asynchronously. Its own connect_timeout is at least 2 s, and a SYN that went to a dead host is sent again
only after 1 s; so a connection that TCP does not answer is thrown away and made anew.

No statement_timeout is set on the server: cancelling a commit that waits for its standby makes PostgreSQL
acknowledge it, with a warning, although it is not replicated.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import extensions

MILLISECOND = 1_000_000
CROWDED_NS = 100 * MILLISECOND  # a server without a free session is not helped by asking 100 times a second
_INSERT = "insert into drillbook_probe (run, writer, seq) values (%s, %s, %s)"
# What the server or the network says before there is a session, and the word for it in the samples.
_REASONS = (
    ("Connection refused", "connection_refused"),
    ("No route to host", "no_route"),
    ("Network is unreachable", "no_route"),
    ("the database system is starting up", "starting_up"),
    ("the database system is shutting down", "shutting_down"),
    ("the database system is in recovery", "in_recovery"),
    ("the database system is not yet accepting", "starting_up"),
    ("too many", "too_many_sessions"),
    ("remaining connection slots", "too_many_sessions"),
    ("authentication failed", "authentication"),
    ("no password supplied", "authentication"),
    ("pg_hba.conf", "authentication"),
    ("does not exist", "no_database_or_user"),
    ("reset by peer", "connection_lost"),
    ("closed the connection", "connection_lost"),
)


class NoAnswer(Exception):
    """The deadline passed."""


class Writer:
    """One connection at a time, one attempt at a time."""

    def __init__(self, options: dict[str, Any]) -> None:
        """Take the options; nothing is sent."""
        self.options = options
        self.answer_ns = int(options["answer_ms"] * MILLISECOND)
        self.connect_ns = int(options["connect_ms"] * MILLISECOND)
        self.session_ns = int(options["session_ms"] * MILLISECOND)
        self.stopped = False
        self.connection: Any = None
        self.cursor: Any = None
        self.crowded = False

    def stop(self, *_: object) -> None:
        """Ask it to end after the attempt that is under way."""
        self.stopped = True

    def run(self) -> None:
        """Write until told to stop or at a limit."""
        options = self.options
        samples = os.open(options["samples"], os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        note(samples, {"hello": hello(options)})
        interval = int(options["interval_ms"] * MILLISECOND)
        due = time.monotonic_ns()
        end = due + int(options["duration_s"] * 1_000_000_000)
        seq = 0
        while not self.stopped and seq < options["count"] and due < end:
            seq += 1
            sent, out, err = self.attempt(seq)
            note(samples, {"seq": seq, "sent": sent, "done": time.monotonic_ns(), "out": out, "err": err})
            now = time.monotonic_ns()
            # No burst to catch up: the attempts that did not fit while one was waiting are not made.
            due = max(due + interval, now)
            pause = max(due - now, CROWDED_NS) if self.crowded else due - now
            if pause > 0:
                time.sleep(pause / 1e9)
        why = "stopped" if self.stopped else "count" if seq >= options["count"] else "duration"
        note(samples, {"end": {"reason": why, "attempts": seq, "monotonic_ns": time.monotonic_ns()}})
        os.close(samples)

    def attempt(self, seq: int) -> tuple[int, str, str]:
        """Connect if need be, and write one row. Gives when it was sent, the outcome and a word why."""
        sent = time.monotonic_ns()
        if self.connection is None:
            reason = self.connect()
            self.crowded = reason == "too_many_sessions"
            if reason:
                return sent, "refused", reason
            sent = time.monotonic_ns()
        try:
            self.cursor.execute(_INSERT, (self.options["run"], self.options["writer"], seq))
            drive(self.connection, sent + self.answer_ns)
        except NoAnswer:
            self.drop()
            return sent, "unknown", "no_answer"
        except psycopg2.Error as error:
            code = error.pgcode or "connection_lost"
            # Only an ordinary error in a session that lives on proves that nothing was written.
            if error.diag.severity_nonlocalized == "ERROR" and not self.connection.closed and code != "40003":
                return sent, "refused", code
            self.drop()
            return sent, "unknown", code
        if self.connection.notices:
            # "has already committed locally, but might not have been replicated to the standby"
            self.connection.notices.clear()
            return sent, "ack", "warning"
        return sent, "ack", ""

    def connect(self) -> str:
        """Give "" when there is a session, else a word for why there is none."""
        options = self.options
        began = time.monotonic_ns()
        try:
            self.connection = psycopg2.connect(
                hostaddr=options["address"], port=options["port"], dbname=options["database"],
                user=options["user"], passfile=options["passfile"], application_name="drillbook_probe",
                sslmode="disable", gssencmode="disable", async_=True,
            )  # fmt: skip
            self.connection.poll()
            if not ready(self.connection, select.POLLOUT, began + self.connect_ns):
                self.drop()
                return "connect_timeout"
            drive(self.connection, time.monotonic_ns() + self.session_ns)
            self.cursor = self.connection.cursor()
        except NoAnswer:
            self.drop()
            return "session_timeout"
        except psycopg2.Error as error:
            self.drop()
            text = str(error)
            return next((word for part, word in _REASONS if part in text), "connect_failed")
        return ""

    def drop(self) -> None:
        """Let the connection go, without waiting for the other side."""
        if self.connection is not None:
            self.connection.close()
        self.connection = self.cursor = None


def drive(connection: Any, deadline: int) -> None:
    """Let libpq work until it is done. Raises NoAnswer at the deadline (monotonic ns), psycopg2.Error."""
    while True:
        state = connection.poll()
        if state == extensions.POLL_OK:
            return
        if not ready(connection, select.POLLIN if state == extensions.POLL_READ else select.POLLOUT, deadline):
            raise NoAnswer


def ready(connection: Any, event: int, deadline: int) -> bool:
    """Wait until the socket is ready for reading or writing; False when the deadline came first."""
    left = deadline - time.monotonic_ns()
    if left <= 0:
        return False
    fd = connection.fileno()
    reads, writes = ([fd], []) if event == select.POLLIN else ([], [fd])
    return any(select.select(reads, writes, [], left / 1e9))


def hello(options: dict[str, Any]) -> dict[str, Any]:
    """Say who writes, and how this machine's clocks stand."""
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


def main() -> None:
    """See the module."""
    writer = Writer(json.loads(sys.argv[1]))
    signal.signal(signal.SIGTERM, writer.stop)
    signal.signal(signal.SIGINT, writer.stop)
    writer.run()


if __name__ == "__main__":
    main()
