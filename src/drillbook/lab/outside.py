"""Reaches a host of the lab from outside it, as trouble does: by its processes and its network namespace.

It finds both by itself, in /proc, from the container's id, and shares nothing with power control and
fencing: what breaks a host in a drill must not be what mends it. No process outside the host is ever
touched: each is held by a descriptor first, checked to be the host's after that, and signalled through
that descriptor, so that a process id that was given away again in between does no harm.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from drillbook.errors import HostIsOff, StepFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_PROC = Path("/proc")
_TIMEOUT = 5.0
_POLL = 0.001
# "$1" address, "$2" port, "$3" seconds: says what a connection attempt came to.
_KNOCK = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), float(sys.argv[3])).close()
except ConnectionRefusedError:
    print("answered")
except OSError:
    print("silent")
else:
    print("answered")
"""


def belongs(pid: int, container_id: str) -> bool:
    """Tell whether a process is the host's: in its cgroup, and in another process namespace than ours."""
    names = {f"libpod-{container_id}", f"libpod-{container_id}.scope"}
    try:
        groups = (_PROC / str(pid) / "cgroup").read_text()
        return any(names & set(line.split(":", 2)[2].split("/")) for line in groups.splitlines()) and (
            (_PROC / f"{pid}/ns/pid").readlink() != (_PROC / "self/ns/pid").readlink()
        )
    except OSError:
        return False


def processes(container_id: str) -> list[int]:
    """Give the ids (as this machine counts) of a host's processes, its first one first."""
    found = [
        int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit() and belongs(int(entry.name), container_id)
    ]
    return sorted(found, key=lambda pid: (not _is_first(pid), pid))


def named(container_id: str, name: str) -> list[int]:
    """Give the host's processes of that name (as in /proc/…/comm), oldest first."""
    return [pid for pid in processes(container_id) if _read(pid, "comm").strip() == name]


def state(pid: int) -> str:
    """Give the kernel's letter for a process's state: ``T`` stopped, ``Z`` dead, not reaped; "" when gone."""
    return _read(pid, "stat").rpartition(")")[2].strip()[:1]


def send(pid: int, container_id: str, number: signal.Signals) -> bool:
    """Signal a process of the host. False when it is gone, or was not the host's."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        if not belongs(pid, container_id):
            return False
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True


def until(condition: Callable[[], bool], *, timeout: float = _TIMEOUT) -> bool:
    """Wait until something is so; False when it is not so within ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return True


def interfaces(container_id: str) -> list[str]:
    """Give the names of the host's network interfaces but its loopback. Raises HostIsOff."""
    lines = _read(_first(container_id), "net/dev").splitlines()[2:]
    return [name for name in (line.partition(":")[0].strip() for line in lines) if name != "lo"]


def mounted(container_id: str, source: str) -> bool:
    """Tell whether something that carries that name is mounted on the host; False when it is off."""
    with suppress(HostIsOff):
        lines = _read(_first(container_id), "mountinfo").splitlines()
        return any(line.rpartition(" - ")[2].split()[1:2] == [source] for line in lines)
    return False


def in_network(container_id: str, argv: Iterable[str], *, stdin: str = "") -> str:
    """Run a program of this machine in the host's network namespace, and give what it prints.

    Raises HostIsOff, or StepFailed when the program fails or takes over five seconds.
    """
    with namespace(container_id, "net") as descriptor:
        try:
            done = subprocess.run(
                ["nsenter", f"--net=/proc/self/fd/{descriptor}", *argv],
                input=stdin, capture_output=True, text=True, timeout=_TIMEOUT, check=True,
                pass_fds=[descriptor],
            )  # fmt: skip
        except subprocess.CalledProcessError as error:
            raise StepFailed(f"{' '.join(error.cmd[2:])[:80]}: {error.stderr.strip()[:200]}") from None
        except subprocess.TimeoutExpired as error:
            raise StepFailed(f"{' '.join(error.cmd[2:])[:80]}: no end within {_TIMEOUT:g} s") from None
    return done.stdout


@contextmanager
def started(container_id: str, argv: Iterable[str]) -> Iterator[IO[str]]:
    """Run a program of this machine in the host's network namespace meanwhile, and give its output to read.

    It is killed in the end. Raises HostIsOff.
    """
    with namespace(container_id, "net") as descriptor:
        program = subprocess.Popen(
            ["nsenter", f"--net=/proc/self/fd/{descriptor}", *argv],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            pass_fds=[descriptor],
        )  # fmt: skip
    with program:
        assert program.stdout is not None
        try:
            yield program.stdout
        finally:
            program.kill()


def knock(address: str, port: int, *, seconds: float, inside: str | None = None) -> bool:
    """Tell whether an address answers a connection attempt, be it to refuse it.

    From this machine, or from inside the host whose container id is ``inside``. A port that nobody
    listens on is as good as any other: what is asked is whether packets pass.
    """
    argv = [sys.executable, "-I", "-S", "-c", _KNOCK, address, str(port), str(seconds)]
    if inside is not None:
        return in_network(inside, argv).strip() == "answered"
    done = subprocess.run(argv, capture_output=True, text=True, timeout=seconds + _TIMEOUT, check=True)
    return done.stdout.strip() == "answered"


@contextmanager
def namespace(container_id: str, name: str, *, pid: int | None = None) -> Iterator[int]:
    """Give a descriptor of a namespace of the host (``net``, ``mnt``, …): that of its first process, or of ``pid``.

    Raises HostIsOff when the process is not the host's, or not apart from this machine.
    """
    pid = _first(container_id) if pid is None else pid
    try:
        descriptor = os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY)
    except OSError:
        raise HostIsOff("the host is not running") from None
    try:
        # Checked after opening: the descriptor is of the process that is checked, or of one before it.
        own = os.fstat(descriptor).st_ino == os.stat(f"/proc/self/ns/{name}").st_ino  # noqa: PTH116 - not a path of files
        if own or not belongs(pid, container_id):
            raise HostIsOff("the host is not running")
        yield descriptor
    finally:
        os.close(descriptor)


def _first(container_id: str) -> int:
    for pid in processes(container_id)[:1]:
        if _is_first(pid):
            return pid
    raise HostIsOff("the host is not running")


def _is_first(pid: int) -> bool:
    line = next((each for each in _read(pid, "status").splitlines() if each.startswith("NSpid:")), "")
    return line.split()[-1:] == ["1"]


def _read(pid: int, name: str) -> str:
    with suppress(OSError):
        return (_PROC / str(pid) / name).read_text(errors="replace")
    return ""
