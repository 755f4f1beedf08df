"""Logs in to a directory and adds a numbered entry every so often, and notes what became of each attempt.

A program of its own for the probe host: Python 3.11, ldap3 and ``attempts.py`` beside it, which has the loop and what
the options mean. Of its own it needs: port, entries (the entry that new ones are put below), secrets, secret. An
attempt is acknowledged when the password was accepted and the entry added: a login that works without data is half
of one.
"""

from __future__ import annotations

import time
from typing import Any

import ldap3
from attempts import MILLISECOND, login, main
from ldap3.core.exceptions import LDAPException

BUSY = (51, 52)  # busy, unavailable


class Writer:
    """One connection at a time, one entry at a time."""

    crowded = False

    def __init__(self, options: dict[str, Any]) -> None:
        """Take the options, and read what to log in with; nothing is sent."""
        self.options = options
        self.who = login(options)
        self.answer_s = options["answer_ms"] / 1000
        self.server = ldap3.Server(
            options["address"], port=options["port"], get_info=ldap3.NONE, connect_timeout=options["connect_ms"] / 1000
        )
        self.connection: Any = None

    def attempt(self, seq: int) -> tuple[int, str, str]:
        """See ``attempts.Client``."""
        sent = time.monotonic_ns()
        if self.connection is None:
            reason = self.connect()
            if reason:
                return sent, "refused", reason
            sent = time.monotonic_ns()
        deadline = sent + int(self.options["answer_ms"] * MILLISECOND)
        try:
            if not self.connection.bind(read_server_info=False):
                return self.refused(sent)
        except LDAPException:
            self.drop()
            return sent, "refused", "no_login"
        name = f"{self.options['run']}.{self.options['writer']}.{seq}"
        try:
            # What is left of the time: an attempt has one deadline, and the socket one for each call.
            self.connection.socket.settimeout(max(0.001, (deadline - time.monotonic_ns()) / 1e9))
            added = self.connection.add(f"cn={name},{self.options['entries']}", ["organizationalRole"])
            self.connection.socket.settimeout(self.answer_s)
        except LDAPException:
            late = time.monotonic_ns() >= deadline
            self.drop()
            return sent, "unknown", "no_answer" if late else "connection_lost"
        return (sent, "ack", "") if added else self.refused(sent)

    def refused(self, sent: int) -> tuple[int, str, str]:
        """Give the outcome of what the server would not do; it says so with a number."""
        code = self.connection.result["result"]
        self.crowded = code in BUSY
        return sent, "refused", f"ldap_{code}"

    def connect(self) -> str:
        """Give "" when there is a connection, else a word for why there is none."""
        self.crowded = False
        connection = ldap3.Connection(self.server, user=self.who["user"], password=self.who["password"])
        began = time.monotonic_ns()
        try:
            connection.open(read_server_info=False)
        except LDAPException:
            late = time.monotonic_ns() - began >= self.options["connect_ms"] * MILLISECOND
            return "connect_timeout" if late else "connect_failed"
        connection.socket.settimeout(self.answer_s)
        self.connection = connection
        return ""

    def drop(self) -> None:
        """Let the connection go, without waiting for the other side."""
        if self.connection.socket is not None:
            self.connection.socket.close()
        self.connection = None


if __name__ == "__main__":
    main(Writer)
