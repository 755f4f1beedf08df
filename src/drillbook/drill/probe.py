"""Probes on their hosts: started as units of their own, watched, stopped, brought home.

A probe does not depend on the engine: it is a transient systemd unit with a limit on its time, so it
goes on when the engine dies, and ends by itself. What it saw lies in memory (``/run``) on its host
until it is fetched: a disk that is busy would disturb the measuring.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from drillbook.cmdb.addressing import address, service_address
from drillbook.drill.model import SERVICE_ADDRESS
from drillbook.drill.rules import protection_of
from drillbook.errors import HostUnreachable, JournalError, MissingPrerequisite, StepFailed
from drillbook.evidence.samples import ClockOffset, combined_clock, parse_series, rows_from_json
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from drillbook.cmdb.model import Cmdb
    from drillbook.drill.model import Drill, ProbeSpec
    from drillbook.evidence.samples import Rows, Series

FOLDER = "/run/drillbook-probe"
PYTHON = "/usr/bin/python3"
USER = "probe"
PASSFILE = "/etc/drillbook-probe.pgpass"

_CALL = 10.0  # seconds for a command that has nothing to wait for
_CONNECT_MS = 40  # a host of the same network answers within one
_SESSION_MS = 100
_MOST_ATTEMPTS = 5_000_000
_EXCHANGES = 8
_STOP_S = 5.0
_WRITER, _ROWS, _WAIT = "postgresql_writer.py", "postgresql_rows.py", "samples_wait.py"


class CommandResult(Protocol):
    """How a command ended."""

    @property
    def exit_code(self) -> int:
        """Its exit code."""
        ...

    @property
    def stdout(self) -> str:
        """What it printed."""
        ...

    @property
    def stderr(self) -> str:
        """What it said of trouble."""
        ...


class ProbeHost(Protocol):
    """A way to a probe's host; ``hosts.connection.HostConnection`` is one."""

    def run(self, argv: Sequence[str], *, timeout: float) -> CommandResult:
        """Run a command there. Raises DrillbookError when its end is not seen within ``timeout`` s."""
        ...

    def put(self, data: bytes, path: str) -> None:
        """Write a file there. Raises HostUnreachable."""
        ...

    def get(self, path: str) -> bytes:
        """Read a file there. Raises HostUnreachable."""
        ...


@dataclass(frozen=True, slots=True)
class Database:
    """Where rows are written and read: an IPv4 or IPv6 address, a port, and the database's name."""

    address: str
    port: int
    name: str


@dataclass(frozen=True, slots=True)
class BoundProbe:
    """A probe with everything looked up."""

    spec: ProbeSpec
    database: Database


@dataclass(frozen=True, slots=True)
class Seen:
    """What a wait ended with: ``steady``, ``down``, ``timeout``, ``silent`` or ``ended`` (``samples_wait.py``).

    Times in ns of the probe's host: when it ended, and the last acknowledged write (0: none yet).
    """

    event: str
    at: int
    last_ack: int


def bind_probes(drill: Drill, cmdb: Cmdb) -> tuple[BoundProbe, ...]:
    """Look the addresses of a drill's probes up, in its environment.

    The drill must have passed ``check_drill``. Raises UsageError when the CMDB has no address for one.
    """
    return tuple(BoundProbe(probe, database_at(drill, cmdb, probe.target)) for probe in drill.probes)


def database_at(drill: Drill, cmdb: Cmdb, target: str) -> Database:
    """Give the drill's database as it is reached at ``target``: an item, or SERVICE_ADDRESS.

    The drill must have passed ``check_drill``. Raises UsageError when the CMDB has no such address.
    """
    protection = protection_of(drill, cmdb)
    assert protection is not None, "check_drill comes first"
    settings = protection.get("settings")
    if target == SERVICE_ADDRESS:
        at = service_address(cmdb, protection.id, drill.environment)
    else:
        at = address(cmdb, target, drill.environment)
    return Database(at, int(settings["port"]), str(settings["database"]))


def program(name: str) -> bytes:
    """Give a program that runs on probe hosts."""
    return (resources.files("drillbook.drill") / "programs" / name).read_bytes()


def prepare(host: ProbeHost, run: str) -> str:
    """Put the programs on a probe host and give the folder of this run there.

    Raises MissingPrerequisite when the host lacks Python or psycopg2.
    """
    folder = f"{FOLDER}/{run}"
    _done(host, ["install", "-d", "-m", "0700", folder], timeout=_CALL)
    for name in (_WRITER, _ROWS, _WAIT):
        host.put(program(name), f"{folder}/{name}")
    done = host.run([PYTHON, "-c", "import psycopg2"], timeout=_CALL)
    if done.exit_code != 0:
        raise MissingPrerequisite(
            "a probe host has no psycopg2", remedy="there: apt-get install python3 python3-psycopg2"
        )
    return folder


class Probe:
    """One probe of one run: a process on its host."""

    def __init__(self, host: ProbeHost, bound: BoundProbe, *, run: str, duration: float) -> None:
        """Remember it; nothing is sent. It ends by itself after ``duration`` seconds. ``run`` is an id."""
        self.spec = bound.spec
        self._host = host
        self._database = bound.database
        self._run = run
        self._duration = duration
        self._unit = f"drillbook-probe-{run}-{bound.spec.id}.service"
        self._samples = f"{FOLDER}/{run}/{bound.spec.id}.jsonl"

    def start(self) -> None:
        """Start it. Its host must be prepared. Raises StepFailed."""
        options = {
            **_database(self._database),
            "run": self._run,
            "writer": self.spec.id,
            "interval_ms": self.spec.every * 1000,
            "answer_ms": self.spec.give_up * 1000,
            "connect_ms": _CONNECT_MS,
            "session_ms": _SESSION_MS,
            "duration_s": self._duration,
            "count": _MOST_ATTEMPTS,
            "samples": self._samples,
        }
        argv = [
            "systemd-run", f"--unit={self._unit}", "--collect", "--quiet",
            f"--property=RuntimeMaxSec={self._duration + _STOP_S:g}",
            f"--property=TimeoutStopSec={_STOP_S:g}",
            PYTHON, f"{FOLDER}/{self._run}/{_WRITER}", json.dumps(options),
        ]  # fmt: skip
        _done(self._host, argv, timeout=_CALL)

    def wait_steady(self, seconds: float, *, timeout: float) -> Seen:
        """Wait until every write has been acknowledged for ``seconds``, counted from now."""
        return self._wait({"steady_for_s": seconds}, timeout)

    def wait_down(self, seconds: float, *, timeout: float) -> Seen:
        """Wait until no write has been acknowledged for ``seconds``; past ones count."""
        return self._wait({"down_for_s": seconds}, timeout)

    def _wait(self, options: dict[str, Any], timeout: float) -> Seen:
        options = {**options, "samples": self._samples, "timeout_s": timeout}
        argv = [PYTHON, f"{FOLDER}/{self._run}/{_WAIT}", json.dumps(options)]
        said = _json(_done(self._host, argv, timeout=timeout + _CALL))
        return Seen(str(said["event"]), int(said["monotonic_ns"]), int(said["last_ack_ns"]))

    def stop(self) -> None:
        """End it in order. Does nothing when it has ended. Raises StepFailed."""
        done = self._host.run(["systemctl", "stop", self._unit], timeout=_STOP_S + _CALL)
        if done.exit_code != 0 and "not loaded" not in done.stderr:
            raise StepFailed(
                f"the probe '{self.spec.id}' does not stop: {visible(done.stderr.strip())}",
                remedy=f"it ends by itself {self._duration:g} s after its start",
            )

    def fetch(self) -> tuple[bytes, Series]:
        """Give its file, and the series in it in times of its host.

        Raises HostUnreachable when there is none, JournalError when it is damaged.
        """
        data = self._host.get(self._samples)
        spec = self.spec
        return data, parse_series(data, writer=spec.id, source=spec.source, target=spec.target)


def surviving_rows(host: ProbeHost, database: Database, *, run: str, timeout: float = 30.0) -> Rows:
    """Ask, from a prepared probe host, which rows of a run are there. Raises StepFailed, JournalError."""
    options = {**_database(database), "run": run, "limit_s": timeout}
    argv = [PYTHON, f"{FOLDER}/{run}/{_ROWS}", json.dumps(options)]
    said = _json(_done(host, argv, timeout=timeout + _CALL))
    try:
        return rows_from_json(said, read_from=database.address)
    except (KeyError, TypeError, ValueError) as error:
        raise JournalError(f"the rows of {database.address} cannot be read: {error}") from None


def clean_up(host: ProbeHost, run: str) -> None:
    """Remove the folder of a run from a probe host, and end probes of it that still run."""
    host.run(["systemctl", "stop", f"drillbook-probe-{run}-*.service"], timeout=_STOP_S + _CALL)
    _done(host, ["rm", "-rf", f"{FOLDER}/{run}"], timeout=_CALL)


def measure_clock(host: ProbeHost) -> ClockOffset:
    """Find out how a probe host's monotonic clock stands to this machine's.

    A lab's hosts share this machine's kernel, and with it the clock; that is asked, not assumed. For
    others, the clock is read there several times, and each reading lies between question and answer.
    Raises HostUnreachable when the readings contradict each other.
    """
    script = (
        "import time;print(time.monotonic_ns());"
        "print(open('/proc/sys/kernel/random/boot_id').read().strip());"
        "print(' '.join(open('/proc/self/timens_offsets').read().split()))"
    )
    bounds: list[tuple[int, int]] = []
    kernel: list[str] = []
    for _ in range(_EXCHANGES):
        asked = time.monotonic_ns()
        lines = _done(host, [PYTHON, "-I", "-S", "-c", script], timeout=_CALL).splitlines()
        answered = time.monotonic_ns()
        bounds.append((int(lines[0]) - answered, int(lines[0]) - asked))
        kernel = lines[1:]
        if kernel == _own_kernel() and bounds[-1][0] <= 0 <= bounds[-1][1]:
            return ClockOffset(0, 0, "the same kernel, so the same clock")
    try:
        offset, uncertainty = combined_clock(bounds)
    except ValueError as error:
        raise HostUnreachable(f"the clock of a probe host cannot be read: {error}") from None
    return ClockOffset(offset, uncertainty, f"{_EXCHANGES} readings, each between a question and its answer")


def _own_kernel() -> list[str]:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return [boot, " ".join(Path("/proc/self/timens_offsets").read_text(encoding="ascii").split())]


def _database(database: Database) -> dict[str, Any]:
    return {
        "address": database.address,
        "port": database.port,
        "database": database.name,
        "user": USER,
        "passfile": PASSFILE,
    }


def _done(host: ProbeHost, argv: Iterable[str], *, timeout: float) -> str:
    words = list(argv)
    done = host.run(words, timeout=timeout)
    if done.exit_code != 0:
        said = visible(done.stderr.strip() or done.stdout.strip(), limit=300)
        raise StepFailed(f"{' '.join(words[:2])} on a probe host ended with {done.exit_code}: {said}")
    return done.stdout


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        raise StepFailed(f"a probe host answered: {visible(text, limit=200)}") from None
    if not isinstance(value, dict):
        raise StepFailed(f"a probe host answered: {visible(text, limit=200)}")
    return value
