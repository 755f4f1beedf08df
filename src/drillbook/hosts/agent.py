"""Talks to ``agent.sh`` on a host: locks with fencing tokens, effects as transient units.

The script is constant text and is put on the host, named by its digest, when a run takes its lock.
An effect is a systemd unit named after run and step. Its time limit ends it on the host itself, a
lost connection loses nothing, a resume asks the host what happened, it is never begun twice under
one key, and the host refuses an effect whose fencing token is not the lock's.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from typing import TYPE_CHECKING

from drillbook.errors import Locked, OutcomeUnknown, StepFailed
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drillbook.hosts.connection import Completed, HostConnection
    from drillbook.plan.model import Command

# What systemd-run, the guard and the report may take beyond the effect's own time limit.
MARGIN = 15.0
_SHORT = 15.0
_HELD_BY_ANOTHER = 75
_HEAD_WORDS = 3

SCRIPT = (resources.files("drillbook.hosts") / "agent.sh").read_text()
_PATH = f"/var/lib/drillbook/agent-{hashlib.sha256(SCRIPT.encode()).hexdigest()[:16]}.sh"
INSTALL = (
    "umask 077; mkdir -p /var/lib/drillbook/runs; "
    '[ -f "$2" ] || { printf %s "$1" > "$2.$$" && sync "$2.$$" && mv "$2.$$" "$2"; }; '
    'shift; f=$1; shift; exec /bin/sh "$f" "$@"'
)


class Ended(StrEnum):
    """How an effect stands on its host."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    STOPPED = "stopped"
    REFUSED = "refused"  # the token is not the lock's: another run has, or had, the host
    RUNNING = "running"
    INTERRUPTED = "interrupted"  # begun, and no end on record: the host died in it
    ABSENT = "absent"  # never begun


@dataclass(frozen=True, slots=True)
class Effect:
    """An effect's state: how it ended, its exit code when it exited, and its outputs (64 KiB each at most)."""

    ended: Ended
    exit_code: int | None
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Mark:
    """What a host writes down of a run that takes or gives back its lock (``hosts.anchors``).

    ``head``: hash of the journal's last record. ``change_type``: standard | normal | emergency. ``executor``: who.
    """

    head: str
    change_type: str
    executor: str


class Agent:
    """The agent of one host, over its open connection."""

    def __init__(self, connection: HostConnection) -> None:
        """Remember the connection; nothing is sent."""
        self._connection = connection

    @property
    def item(self) -> str:
        """The configuration item."""
        return self._connection.target.item

    def lock(self, run: str, holder: str, mark: Mark) -> int:
        """Install the script when it is not there, take the host's lock, and give the fencing token.

        The host writes down run and ``mark`` before it says yes. A run that holds the lock gets its token again.
        Raises Locked when another run holds it.
        """
        done = self._installed("lock", run, holder, *_words(mark))
        if done.exit_code == _HELD_BY_ANOTHER:
            other, _, rest = done.stdout.strip().partition(" ")
            since, _, who = rest.partition(" ")
            raise Locked(
                f"{self.item} is held by run {visible(other)} of {visible(who)}, since {visible(since)}",
                remedy=f"let it end, or resume it: ./inv runbooks.resume {visible(other)}\n"
                f"when it is given up for good: ./inv runbooks.abandon {visible(other)}",
            )
        if done.exit_code != 0:
            raise StepFailed(f"{self.item}: its lock cannot be taken: {visible(done.stderr.strip())}")
        return int(done.stdout)

    def unlock(self, run: str, mark: Mark) -> None:
        """End what the run still has on the host and give its lock back; nothing when it has none.

        Also for a run that another version of us began, from another machine. Raises StepFailed when the host cannot.
        """
        done = self._installed("unlock", run, *_words(mark))
        if done.exit_code != 0:
            raise StepFailed(f"{self.item}: its lock cannot be given back: {visible(done.stderr.strip())}")

    def holds(self, run: str, token: int) -> bool:
        """Tell whether the run still holds the lock by this token."""
        return self._call("holds", run, str(token)).exit_code == 0

    def effect(self, run: str, key: str, token: int, command: Command, *, timeout: float) -> Effect:
        """Run a command as a unit and wait for its end; ``timeout`` seconds end it on the host.

        Raises OutcomeUnknown when the connection is lost; ``status`` tells later.
        """
        done = self._call(
            "effect", run, key, str(token), f"{timeout:g}", command.user, command.stdin,
            *wire(command.words),
            timeout=timeout + MARGIN,
        )  # fmt: skip
        return self._parse(done)

    def status(self, run: str, key: str) -> Effect:
        """Ask how an effect stands."""
        return self._parse(self._call("status", run, key))

    def stop(self, run: str, key: str) -> Effect:
        """End an effect's processes and tell how it stands."""
        return self._parse(self._call("stop", run, key))

    def begun(self, run: str) -> list[str]:
        """Give the keys of the run's effects that began on this host."""
        return self._call("begun", run).stdout.split()

    def _installed(self, *arguments: str) -> Completed:
        """Call the script, and install it first when it is not there."""
        argv = ["/bin/sh", "-eu", "-c", INSTALL, "drillbook", SCRIPT, _PATH, *arguments]
        return self._connection.run(argv, timeout=_SHORT)

    def _call(self, *arguments: str, timeout: float = _SHORT) -> Completed:
        return self._connection.run(["/bin/sh", _PATH, *arguments], timeout=timeout)

    def _parse(self, done: Completed) -> Effect:
        head, _, rest = done.stdout.partition("\n")
        words = head.split(" ")
        if done.exit_code != 0 or len(words) != _HEAD_WORDS or not words[1].isdecimal() or not words[2].isdecimal():
            raise OutcomeUnknown(
                f"{self.item}: the host's answer about an effect cannot be read: "
                f"{visible((done.stderr or done.stdout).strip())}"
            )
        raw = rest.encode()
        stdout = raw[: int(words[1])].decode(errors="replace")
        stderr = raw[int(words[1]) : int(words[1]) + int(words[2])].decode(errors="replace")
        ended, code = _ended(words[0])
        return Effect(ended, code, stdout, stderr)


def wire(argv: Sequence[str]) -> list[str]:
    """Give arguments as they are sent: systemd takes a dollar for a variable, two for one (systemd.service(5))."""
    return [argument.replace("$", "$$") for argument in argv]


def _words(mark: Mark) -> tuple[str, str, str]:
    return mark.head, mark.change_type, mark.executor


def _ended(result: str) -> tuple[Ended, int | None]:
    if result in (Ended.RUNNING, Ended.INTERRUPTED, Ended.ABSENT, Ended.REFUSED):
        return Ended(result), None
    service, code, status = result.split(":")
    if service == "success" and code == "exited":
        return Ended.SUCCEEDED, 0
    if service == "timeout":
        return Ended.TIMED_OUT, None
    if service == "success":  # ended by ``stop``: systemd counts SIGTERM as a clean end
        return Ended.STOPPED, None
    return Ended.FAILED, int(status) if code == "exited" and status.isdecimal() else None
