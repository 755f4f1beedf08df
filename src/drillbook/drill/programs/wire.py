"""TCP with one deadline for all of a conversation. It lies beside a probe's program: Python 3.11, nothing else.

A socket's own timeout is for each call alone: a server that sends a byte now and then would hold a probe for ever.
"""

from __future__ import annotations

import errno
import socket
import time

_WORDS = {
    errno.ECONNREFUSED: "connection_refused",
    errno.EHOSTUNREACH: "no_route",
    errno.ENETUNREACH: "no_route",
    errno.ECONNRESET: "connection_lost",
    errno.EPIPE: "connection_lost",
}


class NoAnswerError(Exception):
    """The deadline passed."""


class ClosedError(Exception):
    """The other side hung up."""


def word(error: OSError, otherwise: str) -> str:
    """Give the word of the samples for an error of the network."""
    return _WORDS.get(error.errno or 0, otherwise)


class Wire:
    """One connection; every deadline is in ns of CLOCK_MONOTONIC."""

    def __init__(self, address: str, port: int, deadline: int) -> None:
        """Connect. Raises NoAnswerError, OSError."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._rest = b""
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._until(deadline)
            self._socket.connect((address, port))
        except TimeoutError:
            self._socket.close()
            raise NoAnswerError from None
        except BaseException:
            self._socket.close()
            raise

    def send(self, data: bytes, deadline: int) -> None:
        """Send all. Raises NoAnswerError, OSError."""
        try:
            self._until(deadline)
            self._socket.sendall(data)  # its timeout is for the whole
        except TimeoutError:
            raise NoAnswerError from None

    def line(self, deadline: int) -> bytes:
        """Give the next line without its end. Raises NoAnswerError, ClosedError, OSError."""
        while b"\n" not in self._rest:
            self._more(deadline)
        line, _, self._rest = self._rest.partition(b"\n")
        return line.removesuffix(b"\r")

    def take(self, size: int, deadline: int) -> bytes:
        """Give so many bytes. Raises NoAnswerError, ClosedError, OSError."""
        while len(self._rest) < size:
            self._more(deadline)
        data, self._rest = self._rest[:size], self._rest[size:]
        return data

    def close(self) -> None:
        """Let the connection go, without waiting for the other side."""
        self._socket.close()

    def _more(self, deadline: int) -> None:
        self._until(deadline)
        try:
            data = self._socket.recv(65536)
        except TimeoutError:
            raise NoAnswerError from None
        if not data:
            raise ClosedError
        self._rest += data

    def _until(self, deadline: int) -> None:
        left = deadline - time.monotonic_ns()
        if left <= 0:
            raise NoAnswerError
        self._socket.settimeout(left / 1e9)
