"""What a host's new programs read another time from: environments that name libfaketime.

SSH sessions get it from /etc/environment (a file mounted over the host's own), services from a drop-in for all
services. Not /etc/ld.so.preload: libfaketime would then keep its state in files of each process, which it may not
open after a change of user, and not remove from sshd's sandbox.
"""

from __future__ import annotations

import glob
import os
import stat
from contextlib import suppress
from typing import Any

from drillbook.lab.host_side import WRONG_CLOCK
from drillbook.lab.host_side.mounts import (
    SCRATCH,
    Refused,
    aside,
    clone,
    enter,
    enter_host,
    put,
    remount,
    take,
    take_file,
    unmount,
)

_ENVIRONMENT = "/etc/environment"
_LIBRARY = "/usr/lib/*/faketime/libfaketimeMT.so.1"
_TIME, _DROP_IN = f"run/{WRONG_CLOCK}/time", f"run/systemd/system/service.d/{WRONG_CLOCK}.conf"
_SEMAPHORE, _MEMORY = f"dev/shm/sem.{WRONG_CLOCK}", f"dev/shm/{WRONG_CLOCK}"
# One state for all users and programs: a semaphore of glibc that is free, shared between processes, and a counter.
_STATE = {_SEMAPHORE: b"\1" + bytes(7) + b"\x80" + bytes(23), _MEMORY: bytes(8)}
# They wait by timers of the monotonic clock (timerfd), which libfaketime turns all the same: they would fail, or hang.
_RIGHT = ("busctl", "journalctl", "systemctl", "systemd-journald", "systemd-run", "systemd-tty-ask-password-agent")
_LIMIT = 1 << 20


def turn(*, namespaces: list[int], seconds: int, **_: Any) -> dict[str, Any]:
    """Let what is started from now on read a time that is ``seconds`` ahead; services after a reload of systemd."""
    own = aside(WRONG_CLOCK, limit=_LIMIT)
    enter_host(namespaces[0])
    found = sorted(glob.glob(_LIBRARY))
    if not found:
        raise Refused("libfaketime is not installed on it")
    if os.path.lexists(_TIME):
        raise Refused("it is wrong already")
    if not os.path.lexists(_ENVIRONMENT):
        os.close(os.open(_ENVIRONMENT, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
    with os.fdopen(take_file(_ENVIRONMENT)) as stream:
        said = stream.read(_LIMIT // 2)
    variables = {
        "LD_PRELOAD": found[0],
        "FAKETIME_TIMESTAMP_FILE": "/" + _TIME,
        "FAKETIME_SHARED": f"/{WRONG_CLOCK} /{WRONG_CLOCK}",
        # A host's monotonic clock is not wrong.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_SKIP_CMDS": ",".join(_RIGHT),
    }
    lines = [f'{name}="{value}"' for name, value in variables.items()]
    drop_in = "[Service]\n" + "".join(f"Environment='{name}={value}'\n" for name, value in variables.items())
    enter(own)
    place = f"{SCRATCH}/environment"
    with open(place, "w") as stream:
        stream.write("\n".join([said.rstrip("\n"), *lines]).lstrip("\n") + "\n")
    trees = [clone(place) for _each in namespaces]
    remount(SCRATCH, read_only=True)
    for namespace, tree in zip(namespaces, trees, strict=True):
        enter_host(namespace)
        put(tree, take(_ENVIRONMENT, on_disk=False))
    # After what is mounted, by which it is found again.
    enter_host(namespaces[0])
    for path, content in {**_STATE, _TIME: f"{seconds:+d}\n".encode(), _DROP_IN: drop_in.encode()}.items():
        _write(path, content)
    return {}


def turn_back(*, namespaces: list[int], **_: Any) -> dict[str, Any]:
    """Take all of it away. What runs reads the right time again when libfaketime next looks: within ten seconds."""
    enter_host(namespaces[0])
    for path in (_TIME, _DROP_IN):
        with suppress(FileNotFoundError):
            folder = _folder(os.path.dirname(path), make=False)
            os.unlink(os.path.basename(path), dir_fd=folder)
    # Its state stays, two small files in memory: what runs may start others that look for it.
    unmount(namespaces, WRONG_CLOCK, [_ENVIRONMENT])
    return {}


def _write(path: str, content: bytes) -> None:
    """Write a file anew, below directories that are no symbolic links."""
    folder, name = _folder(os.path.dirname(path), make=True), os.path.basename(path)
    with suppress(FileNotFoundError):
        if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise Refused(f"/{path} is a directory")
        os.unlink(name, dir_fd=folder)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(name, flags, 0o600, dir_fd=folder), "wb") as stream:
        stream.write(content)
        os.fchmod(stream.fileno(), 0o666 if path in _STATE else 0o644)


def _folder(path: str, *, make: bool) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    folder = os.open("/", flags)
    for name in path.split("/"):
        if make:
            with suppress(FileExistsError):
                os.mkdir(name, 0o755, dir_fd=folder)
        folder = os.open(name, flags, dir_fd=folder)
    return folder
