"""Probes on their hosts: started as units of their own, watched, stopped, brought home.

A probe does not depend on the engine: it is a transient systemd unit with a limit on its time, so it
goes on when the engine dies, and ends by itself. What it saw lies in memory (``/run``) on its host
until it is fetched: a disk that is busy would disturb the measuring.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from drillbook.drill.kinds import SECRETS
from drillbook.drill.probe_host import CALL, PYTHON, answered, done
from drillbook.errors import JournalError, MissingPrerequisite, StepFailed
from drillbook.evidence.samples import parse_series, rows_from_json
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from drillbook.drill.binding import BoundProbe
    from drillbook.drill.kinds import ProbeKind
    from drillbook.drill.probe_host import ProbeHost
    from drillbook.evidence.samples import Rows, Series

FOLDER = "/run/drillbook-probe"

_CONNECT_MS = 40  # a host of the same network answers within one
_SESSION_MS = 100
_MOST_ATTEMPTS = 5_000_000
_STOP_S = 5.0
_WAIT = "samples_wait.py"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a wait ended with: ``steady``, ``down``, ``timeout``, ``silent`` or ``ended`` (``samples_wait.py``).

    Times in ns of the probe's host: when it ended, and the last acknowledged attempt (0: none yet).
    """

    event: str
    at: int
    last_ack: int


def program(name: str) -> bytes:
    """Give a program that runs on probe hosts."""
    return (resources.files("drillbook.drill") / "programs" / name).read_bytes()


def programs_of(kinds: Iterable[ProbeKind]) -> list[str]:
    """Give the names of all programs that probes of these kinds need on their host, sorted."""
    known = list(kinds)
    own = {name for kind in known for name in (kind.program, kind.rows, *kind.needs) if name is not None}
    return sorted({*own, _WAIT})


def prepare(host: ProbeHost, run: str, kinds: Iterable[ProbeKind]) -> str:
    """Put the programs of these kinds on a probe host and give the folder of this run there.

    Raises MissingPrerequisite when the host lacks Python, a module of it, or what probes log in with.
    """
    folder, known = f"{FOLDER}/{run}", list(kinds)
    done(host, ["install", "-d", "-m", "0700", folder], timeout=CALL)
    for name in programs_of(known):
        host.put(program(name), f"{folder}/{name}")
    modules = {module: package for kind in known for module, package in (kind.modules or {}).items()}
    for module, package in sorted(modules.items()):
        if host.run([PYTHON, "-c", f"import {module}"], timeout=CALL).exit_code != 0:
            raise MissingPrerequisite(
                f"a probe host has no {module}", remedy=f"there: apt-get install python3 {package}"
            )
    if any(kind.secret for kind in known) and host.run(["test", "-r", SECRETS], timeout=CALL).exit_code != 0:
        raise MissingPrerequisite(
            f"a probe host has no {SECRETS}, which holds what probes log in with",
            remedy="in the lab, ./inv lab.up writes it; elsewhere see docs/measures.md",
        )
    return folder


class Probe:
    """One probe of one run: a process on its host."""

    def __init__(self, host: ProbeHost, bound: BoundProbe, *, run: str, duration: float) -> None:
        """Remember it; nothing is sent. It ends by itself after ``duration`` seconds. ``run`` is an id."""
        self.spec = bound.spec
        self.bound = bound
        self._host = host
        self._run = run
        self._duration = duration
        self._unit = f"drillbook-probe-{run}-{bound.spec.id}.service"
        self._samples = f"{FOLDER}/{run}/{bound.spec.id}.jsonl"

    def start(self) -> None:
        """Start it. Its host must be prepared. Raises StepFailed."""
        options = {
            **self.bound.options,
            "address": self.bound.address,
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
            PYTHON, f"{FOLDER}/{self._run}/{self.bound.kind.program}", json.dumps(options),
        ]  # fmt: skip
        done(self._host, argv, timeout=CALL)

    def wait_steady(self, seconds: float, *, timeout: float) -> Seen:
        """Wait until every attempt has been acknowledged for ``seconds``, counted from now."""
        return self._wait({"steady_for_s": seconds}, timeout)

    def wait_down(self, seconds: float, *, timeout: float) -> Seen:
        """Wait until no attempt has been acknowledged for ``seconds``; past ones count."""
        return self._wait({"down_for_s": seconds}, timeout)

    def _wait(self, options: dict[str, Any], timeout: float) -> Seen:
        # A probe that waits for an answer is not silent: it makes no further attempt until it gives this one up.
        silent = max(1.0, 2 * self.spec.give_up)
        options = {**options, "samples": self._samples, "silent_s": silent, "timeout_s": timeout}
        argv = [PYTHON, f"{FOLDER}/{self._run}/{_WAIT}", json.dumps(options)]
        said = answered(done(self._host, argv, timeout=timeout + CALL))
        return Seen(str(said["event"]), int(said["monotonic_ns"]), int(said["last_ack_ns"]))

    def stop(self) -> None:
        """End it in order. Does nothing when it has ended. Raises StepFailed."""
        ended = self._host.run(["systemctl", "stop", self._unit], timeout=_STOP_S + CALL)
        if ended.exit_code != 0 and "not loaded" not in ended.stderr:
            raise StepFailed(
                f"the probe '{self.spec.id}' does not stop: {visible(ended.stderr.strip())}",
                remedy=f"it ends by itself {self._duration:g} s after its start",
            )

    def fetch(self) -> tuple[bytes, Series]:
        """Give its file, and the series in it in times of its host.

        Raises HostUnreachable when there is none, JournalError when it is damaged.
        """
        data = self._host.get(self._samples)
        spec, kind = self.spec, self.bound.kind
        series = parse_series(data, writer=spec.id, source=spec.source, target=spec.target)
        return data, series.of_kind(kind.name, kind.does)


def surviving_rows(
    host: ProbeHost, bound: BoundProbe, *, run: str, writers: Sequence[str], timeout: float = 30.0
) -> Rows:
    """Ask, from a prepared probe host, which writes of a run and its ``writers`` are there, where ``bound`` goes.

    Its kind must have a program for it. Raises StepFailed, JournalError.
    """
    options = {**bound.options, "address": bound.address, "run": run, "writers": writers, "limit_s": timeout}
    argv = [PYTHON, f"{FOLDER}/{run}/{bound.kind.rows}", json.dumps(options)]
    said = answered(done(host, argv, timeout=timeout + CALL))
    try:
        return rows_from_json(said, read_from=bound.address)
    except (KeyError, TypeError, ValueError) as error:
        raise JournalError(f"the rows of {bound.address} cannot be read: {error}") from None


def clean_up(host: ProbeHost, run: str) -> None:
    """Remove the folder of a run from a probe host, and end probes of it that still run."""
    host.run(["systemctl", "stop", f"drillbook-probe-{run}-*.service"], timeout=_STOP_S + CALL)
    done(host, ["rm", "-rf", f"{FOLDER}/{run}"], timeout=CALL)
