"""One connection to a web server or a proxy, made anew when it was lost. It lies beside a probe's program."""

from __future__ import annotations

import time
from typing import Any

from attempts import MILLISECOND
from http_wire import ask
from wire import ClosedError, NoAnswerError, Wire, word


class WebClient:
    """Makes one request an attempt, and says what became of it."""

    def __init__(self, options: dict[str, Any]) -> None:
        """Take the options; nothing is sent."""
        self.options = options
        self.answer_ns = int(options["answer_ms"] * MILLISECOND)
        self.connect_ns = int(options["connect_ms"] * MILLISECOND)
        self.wire: Wire | None = None

    def send(self, request: bytes, good: tuple[int, ...]) -> tuple[int, str, str]:
        """Give when it was sent, the outcome and a word why; ``good``: the statuses that mean that it is done."""
        sent = time.monotonic_ns()
        if self.wire is None:
            try:
                self.wire = Wire(self.options["address"], self.options["port"], sent + self.connect_ns)
            except NoAnswerError:
                return sent, "refused", "connect_timeout"
            except OSError as error:
                return sent, "refused", word(error, "connect_failed")
            sent = time.monotonic_ns()
        try:
            answer = ask(self.wire, request, sent + self.answer_ns)
        except NoAnswerError:
            self.drop()
            return sent, "unknown", "no_answer"
        except (ClosedError, OSError):
            self.drop()
            return sent, "unknown", "connection_lost"
        except ValueError:
            self.drop()
            return sent, "unknown", "not_http"
        if not answer.stays:
            self.drop()
        if answer.status in good:
            return sent, "ack", ""
        # A server that says that it is at fault may have done half of it.
        return sent, "unknown" if answer.status >= 500 else "refused", f"http_{answer.status}"  # noqa: PLR2004

    def drop(self) -> None:
        """Let the connection go."""
        if self.wire is not None:
            self.wire.close()
        self.wire = None
