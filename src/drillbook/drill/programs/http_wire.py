"""HTTP/1.1 with one deadline for all of a request. It lies beside a probe's program: Python 3.11, ``wire.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wire import ClosedError

if TYPE_CHECKING:
    from wire import Wire

MOST = 1 << 24


class Answer(NamedTuple):
    """An answer: its status, its body, and whether the connection can be used again."""

    status: int
    body: bytes
    stays: bool


def ask(wire: Wire, request: bytes, deadline: int) -> Answer:
    """Send a request and read the answer. Raises NoAnswerError, ClosedError, OSError, ValueError (it is not HTTP)."""
    wire.send(request, deadline)
    version, _, rest = wire.line(deadline).decode("latin-1").partition(" ")
    status = rest[:3]
    if not version.startswith("HTTP/1.") or not status.isdigit():
        raise ValueError("the answer is not HTTP")
    headers: dict[str, str] = {}
    while line := wire.line(deadline):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    stays = headers.get("connection", "").lower() != "close" and version == "HTTP/1.1"
    if int(status) in (204, 304):
        return Answer(int(status), b"", stays)
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return Answer(int(status), _chunks(wire, deadline), stays)
    if "content-length" in headers:
        return Answer(int(status), wire.take(_size(headers["content-length"], 10), deadline), stays)
    return Answer(int(status), _rest(wire, deadline), stays=False)


def _chunks(wire: Wire, deadline: int) -> bytes:
    found = b""
    while size := _size(wire.line(deadline).decode("latin-1").partition(";")[0], 16):
        found += wire.take(size, deadline)
        wire.line(deadline)
        if len(found) > MOST:
            raise ValueError("the answer is too long")
    while wire.line(deadline):  # trailers
        pass
    return found


def _size(text: str, base: int) -> int:
    size = int(text.strip(), base)
    if not 0 <= size <= MOST:
        raise ValueError("the answer is too long")
    return size


def _rest(wire: Wire, deadline: int) -> bytes:
    found = b""
    while len(found) <= MOST:
        try:
            found += wire.take(1, deadline)
        except ClosedError:
            return found
    raise ValueError("the answer is too long")
