"""Writes a numbered row every few milliseconds, and notes what became of each attempt.

A program of its own for the probe host: Python 3.11, psycopg2 and ``attempts.py`` beside it, which has the loop and
what the options mean. Of its own it needs: port, database, user, passfile.

Nothing here blocks for longer than the larger of answer_ms and connect_ms + session_ms: libpq is driven
asynchronously. Its own connect_timeout is at least 2 s, and a SYN that went to a dead host is sent again
only after 1 s; so a connection that TCP does not answer is thrown away and made anew.

No statement_timeout is set on the server: cancelling a commit that waits for its standby makes PostgreSQL
acknowledge it, with a warning, although it is not replicated.
"""

from __future__ import annotations

import select
import time
from typing import Any

import psycopg2
from attempts import MILLISECOND, main
from psycopg2 import extensions

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
        self.connection: Any = None
        self.cursor: Any = None
        self.crowded = False

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


if __name__ == "__main__":
    main(Writer)
