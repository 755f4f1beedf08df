"""Ctrl-C: the first asks the run to stop where it is safe, the second insists."""

from __future__ import annotations

import signal
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


class StopRequest:
    """Whether a person wants the run to stop. ``SIGTERM`` and ``SIGHUP`` count as Ctrl-C."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """``say`` shows a line to the person."""
        self._say = say
        self.requested = False

    def __call__(self) -> bool:
        """Tell whether to stop."""
        return self.requested

    def _signal(self, _number: int, _frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        with suppress(OSError):  # the terminal may be what has just gone
            self._say(
                "Stopping after this step, so that no host is left in the middle of it. "
                "Press Ctrl-C again to end the step on its host now."
            )

    @contextmanager
    def installed(self) -> Iterator[StopRequest]:
        """Take the signals over for the length of a ``with`` block (main thread only)."""
        taken = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self._signal) for number in taken}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
