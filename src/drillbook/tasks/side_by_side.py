"""Commands that run at the same time, in lanes; each line that they print says whose it is.

Each command has a process group of its own, so that a signal reaches it once: Ctrl-C, or the end of the terminal or of
a job, is passed on as one SIGINT, and what a command then still has to put away (the lab) is waited for. A second
signal kills. Whoever a command leaves behind in its group is killed when it has ended.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_NOT_STARTED = 127  # as a shell says it
_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Part:
    """Commands, one after the other up to the first that fails, under one name."""

    name: str
    commands: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a part ended: the exit code of its last command, negative when a signal killed it; how long it took, in s."""

    part: Part
    code: int
    seconds: float


@dataclass
class SideBySide:
    """Runs lanes in a folder; the parts of a lane follow each other, whether the one before failed or not.

    ``width`` of the names, in columns. ``patience``: how long the rest of a command's output is read, in s, once the
    command has ended.
    """

    cwd: Path
    width: int
    patience: float = 10.0
    out: TextIO = field(default_factory=lambda: sys.stdout)
    ended: list[Ended] = field(default_factory=list)
    stopped: bool = False

    def __post_init__(self) -> None:
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.RLock()

    def run(self, lanes: Sequence[Sequence[Part]]) -> None:
        """Run all to their ends, or to the first signal: see ``ended`` and ``stopped`` then.

        It can be called in the main thread alone, since it takes the signals.
        """
        threads = [threading.Thread(target=self._lane, args=(lane,)) for lane in lanes]
        with self._signals():
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    def say(self, name: str, text: str) -> None:
        """Print a line under a part's name."""
        with self._lock:
            self.out.write(f"{name:<{self.width}} | {text}\n")
            self.out.flush()

    def _lane(self, lane: Sequence[Part]) -> None:
        for part in lane:
            began = time.monotonic()
            code = 0
            for command in part.commands:
                code = self._command(part, command)
                if code:
                    break
            if self.stopped:
                return
            done = Ended(part, code, time.monotonic() - began)
            self.ended.append(done)

    def _command(self, part: Part, command: tuple[str, ...]) -> int:
        with self._lock:
            if self.stopped:
                return 0
            try:
                child = subprocess.Popen(
                    command, cwd=self.cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                    text=True, errors="replace", process_group=0,
                )  # fmt: skip
            except OSError as error:
                self._try_to_say(part, f"{command[0]} cannot be started: {error.strerror}")
                return _NOT_STARTED
            self._running.add(child)
        hears = threading.Thread(target=self._hear, args=(part, child), daemon=True)
        hears.start()
        # Its id is its group's, and is nobody else's before it was waited for.
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        with self._lock:
            self._running.discard(child)
            _signal(child, signal.SIGKILL)
            code = child.wait()
        hears.join(self.patience)
        if hears.is_alive():
            self._try_to_say(part, "what it left behind holds its output open, and is not waited for")
        return code

    def _hear(self, part: Part, child: subprocess.Popen[str]) -> None:
        assert child.stdout is not None
        with child.stdout:
            for line in child.stdout:
                self._try_to_say(part, line.rstrip("\n"))

    def _try_to_say(self, part: Part, text: str) -> None:
        with self._lock:
            try:
                self.say(part.name, text)
            except OSError:  # nobody reads it any more: each further line must not be a second signal
                if not self.stopped:
                    self.stop()

    def stop(self) -> None:
        """Let all commands end; kill them, when they were asked to before."""
        with self._lock:
            again, self.stopped = self.stopped, True
            for child in self._running:
                _signal(child, signal.SIGKILL if again else signal.SIGINT)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        before = {each: signal.signal(each, lambda *_: self.stop()) for each in _ENDS}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)


def _signal(child: subprocess.Popen[str], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, number)
