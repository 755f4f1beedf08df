"""Sends a numbered message every few milliseconds by SMTP, and notes what became of each attempt.

A program of its own for the probe host: Python 3.11, ``attempts.py`` and ``wire.py`` beside it, which have the loop,
what the options mean, and connections with deadlines. Of its own it needs: smtp_port, mailbox.

A message is acknowledged when the server answers 250 after its last line (RFC 5321, 4.2.5: from then on the server is
responsible for it). It is unknown when that answer did not come: a mail client would send it again, this does not, so
that each message is at most one. Anything before the last line is refused: a message without its end is none.
"""

from __future__ import annotations

import time
from typing import Any

from attempts import MILLISECOND, main
from wire import ClosedError, NoAnswerError, Wire, word


class RefusedError(Exception):
    """Certainly no message: the code that the server said, or a word, stands in the error."""


class Writer:
    """One session at a time, one message at a time."""

    def __init__(self, options: dict[str, Any]) -> None:
        """Take the options; nothing is sent."""
        self.options = options
        self.wire: Wire | None = None
        self.crowded = False

    def attempt(self, seq: int) -> tuple[int, str, str]:
        """Connect if need be, and send one message. Gives when it was sent, the outcome and a word why."""
        sent = time.monotonic_ns()
        ended = False
        try:
            if self.wire is None:
                self.wire = self.connect(sent)
                sent = time.monotonic_ns()
            deadline = sent + int(self.options["answer_ms"] * MILLISECOND)
            mailbox = self.options["mailbox"]
            for line, code in ((f"MAIL FROM:<{mailbox}>", b"250"), (f"RCPT TO:<{mailbox}>", b"250"), ("DATA", b"354")):
                self.wire.send(f"{line}\r\n".encode(), deadline)
                answer(self.wire, code, deadline)
            ended = True  # what is written from here on may be the message, whatever is heard of it
            self.wire.send(self.message(seq), deadline)
            answer(self.wire, b"250", deadline)
        except RefusedError as error:
            self.drop()
            return sent, "refused", str(error)
        except NoAnswerError:
            why = "no_answer" if self.wire else "connect_timeout"
        except ClosedError:
            why = "connection_lost"
        except OSError as error:
            why = word(error, "connect_failed")
        else:
            return sent, "ack", ""
        self.drop()
        return sent, "unknown" if ended else "refused", why

    def connect(self, now: int) -> Wire:
        """Give a session that has been greeted. Raises NoAnswerError (TCP), ClosedError, RefusedError, OSError."""
        options = self.options
        wire = Wire(options["address"], options["smtp_port"], now + int(options["connect_ms"] * MILLISECOND))
        try:
            deadline = time.monotonic_ns() + int(options["session_ms"] * MILLISECOND)
            answer(wire, b"220", deadline)
            wire.send(b"HELO probe.invalid\r\n", deadline)
            answer(wire, b"250", deadline)
        except NoAnswerError:
            wire.close()
            raise RefusedError("session_timeout") from None
        except BaseException:
            wire.close()
            raise
        return wire

    def message(self, seq: int) -> bytes:
        """Give a message with its end; its subject is RUN.WRITER.NUMBER."""
        mailbox, options = self.options["mailbox"], self.options
        lines = (
            f"From: <{mailbox}>", f"To: <{mailbox}>", f"Subject: {options['run']}.{options['writer']}.{seq}",
            "", "A probe sent this.", ".", "",
        )  # fmt: skip
        return "\r\n".join(lines).encode()

    def drop(self) -> None:
        """Let the session go, without waiting for the other side."""
        if self.wire is not None:
            self.wire.close()
        self.wire = None


def answer(wire: Wire, wanted: bytes, deadline: int) -> None:
    """Read an answer of one or more lines. Raises RefusedError when its code is another."""
    line = wire.line(deadline)
    while line[3:4] == b"-":
        line = wire.line(deadline)
    if line[:3] != wanted:
        raise RefusedError(line[:3].decode("ascii", "replace"))


if __name__ == "__main__":
    main(Writer)
