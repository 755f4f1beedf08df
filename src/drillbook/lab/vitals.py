"""What the kernel knows of a host: its processes. No memory of ours and none of podman's is asked."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from drillbook.errors import StepFailed
from drillbook.lab.podman import CGROUP, RUNROOT

_CGROUPS = Path("/sys/fs/cgroup")
_POLL = 0.0005


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
    """Give the ids of all processes at and below a cgroup."""
    found: list[int] = []
    for folder, _, _ in os.walk(group):
        try:
            found += [int(line) for line in Path(folder, "cgroup.procs").read_text().split()]
        except OSError:
            continue  # a cgroup that was removed while we walked
    return found


def processes(container_id: str) -> list[int]:
    """Give the ids (as this machine counts) of a host's processes; none means that it is off."""
    return _processes(_tree() / f"libpod-{container_id}")


def init_pid(container_id: str) -> int:
    """Give a host's first process, checked to be in the host's cgroup now. Raises StepFailed when it is off."""
    inside = set(processes(container_id))
    file = RUNROOT / f"overlay-containers/{container_id}/userdata/pidfile"
    try:
        pid = int(file.read_text())
    except (OSError, ValueError):
        pid = 0
    if pid not in inside:
        raise StepFailed("the host is not running", remedy="./inv lab.up starts it")
    return pid


def kill(container_id: str, *, timeout: float) -> None:
    """End all processes of a host at once; return when the kernel has none of them left.

    The first process of a process namespace takes all others with it, and cannot refuse. ``timeout``
    in seconds. Raises StepFailed when some are left then.
    """
    deadline = time.monotonic() + timeout
    try:
        pid = init_pid(container_id)
        handle = os.pidfd_open(pid)
    except (StepFailed, ProcessLookupError):
        left = processes(container_id)
        if left:
            raise StepFailed(f"{len(left)} processes without a first one are left") from None
        return
    try:
        # The handle names one process for ever; that it is still ours is checked after taking it.
        if pid in processes(container_id):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            thaw(container_id)
    except ProcessLookupError:
        pass
    finally:
        os.close(handle)
    while processes(container_id):
        if time.monotonic() > deadline:
            raise StepFailed(f"processes are left {timeout:g} s after the kill")
        time.sleep(_POLL)


def thaw(container_id: str) -> None:
    """Let a paused host's processes run: a paused process does not even die."""
    for root in _hierarchies():
        group = root / CGROUP / f"libpod-{container_id}"
        for name, value in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
            if (group / name).exists():
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
                    frozen.write_text(value)
        time.sleep(0.02)
    for group in groups:
        for folder, _, _ in os.walk(group, topdown=False):
            try:
                Path(folder).rmdir()
            except OSError:
                continue  # the kernel is still emptying it; an empty cgroup harms nobody
