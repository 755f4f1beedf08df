"""What the kernel knows of a host: its processes. No memory of ours and none of podman's is asked."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from drillbook.errors import StepFailed
from drillbook.lab.podman import CGROUP, RUNROOT

_CGROUPS = Path("/sys/fs/cgroup")
_POLL = 0.0005
# proc(5): the ninth field of /proc/…/stat, the seventh after the name; include/linux/sched.h.
_FLAGS = 6
_PF_EXITING = 0x4


def _hierarchies() -> list[Path]:
    """Give the roots of the cgroup trees: one where version 2 is alone, else one a controller."""
    if (_CGROUPS / "cgroup.controllers").exists():
        return [_CGROUPS]
    return [path for path in sorted(_CGROUPS.iterdir()) if path.is_dir() and not path.is_symlink()]


def _tree() -> Path:
    """Give the lab's cgroup in a tree that holds every process of every host."""
    roots = _hierarchies()
    named = [root for root in roots if root.name == "systemd"]
    return (named or roots)[0] / CGROUP


def _processes(group: Path) -> list[int]:
    """Give the ids of all processes at and below a cgroup, those that are ending included."""
    found: list[int] = []
    for folder, _, _ in os.walk(group):
        try:
            found += [int(line) for line in Path(folder, "cgroup.procs").read_text().split()]
        except OSError:
            continue  # a cgroup that was removed while we walked
    return found


def _acts(pid: int) -> bool:
    """Tell whether any thread of a process can still run a program's instruction.

    The kernel marks a thread PF_EXITING when it begins to end it; from then on it only cleans up.
    """
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            flags = int((task / "stat").read_text().rpartition(")")[2].split()[_FLAGS])
            if not flags & _PF_EXITING:
                return True
    except (FileNotFoundError, ProcessLookupError):
        return False
    return False


def _group(container_id: str) -> Path:
    return _tree() / f"libpod-{container_id}"


def processes(container_id: str) -> list[int]:
    """Give the ids (as this machine counts) of a host's processes that can act; none means that it is off."""
    return [pid for pid in _processes(_group(container_id)) if _acts(pid)]


def init_pid(container_id: str) -> int:
    """Give a host's first process, seen in the host's cgroup now. Raises StepFailed when it is off."""
    try:
        pid = int((RUNROOT / f"overlay-containers/{container_id}/userdata/pidfile").read_text())
    except (OSError, ValueError):
        pid = 0
    if pid not in _processes(_group(container_id)):
        raise StepFailed("the host is not running", remedy="./inv lab.up starts it")
    return pid


def kill(container_id: str, *, timeout: float) -> None:
    """End all processes of a host at once; return when none of them can act any more.

    ``timeout`` in seconds. Raises StepFailed when some can act then.
    """
    deadline = time.monotonic() + timeout
    for root in _hierarchies():
        every = root / CGROUP / f"libpod-{container_id}" / "cgroup.kill"
        if every.exists():
            every.write_text("1")
    # The first process of a process namespace takes all others with it, and cannot refuse. This works
    # without version 2 of cgroups too, and reaches a process that left its cgroup.
    _kill_first(container_id)
    thaw(container_id)
    while processes(container_id):
        if time.monotonic() > deadline:
            raise StepFailed(f"processes can still act {timeout:g} s after the kill")
        time.sleep(_POLL)


def _kill_first(container_id: str) -> None:
    try:
        # The handle names one process for ever; that it is the host's is checked after taking it.
        handle = os.pidfd_open(init_pid(container_id))
    except (StepFailed, ProcessLookupError):
        return
    try:
        init_pid(container_id)
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    except (StepFailed, ProcessLookupError):
        pass
    finally:
        os.close(handle)


def wait_gone(container_id: str, *, timeout: float) -> None:
    """Wait until the kernel has cleaned up after a host that is off. Raises StepFailed."""
    deadline = time.monotonic() + timeout
    while _processes(_group(container_id)):
        if time.monotonic() > deadline:
            raise StepFailed(f"the kernel still has processes of the host after {timeout:g} s")
        time.sleep(_POLL)


def thaw(container_id: str) -> None:
    """Let a paused host's processes run: a paused process does not even die."""
    for root in _hierarchies():
        group = root / CGROUP / f"libpod-{container_id}"
        for name, value in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
            with suppress(OSError):  # no such control here, or the group is gone by now
                (group / name).write_text(value)


def sweep_processes(*, timeout: float = 20.0) -> None:
    """End every process in the lab's cgroups, whoever started it, and remove the cgroups."""
    groups = [root / CGROUP for root in _hierarchies()]
    deadline = time.monotonic() + timeout
    while True:
        left = {pid for group in groups for pid in _processes(group)}
        if not left:
            break
        if time.monotonic() > deadline:
            raise StepFailed(f"processes of the lab do not end: {sorted(left)[:10]}")
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        for group in groups:
            for name, value in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
                for frozen in group.glob(f"*/{name}"):
                    with suppress(OSError):
                        frozen.write_text(value)
        time.sleep(0.02)
    for group in groups:
        for folder, _, _ in os.walk(group, topdown=False):
            try:
                Path(folder).rmdir()
            except OSError:
                continue  # the kernel is still emptying it; an empty cgroup harms nobody
