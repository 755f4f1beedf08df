"""Mount namespaces of a host, what is mounted in them, and files taken by descriptor. Linux 5.2: open_tree(2)."""

from __future__ import annotations

import ctypes
import os
import re
import stat

_NEWNS = 0x00020000
_REC, _PRIVATE, _REMOUNT, _RDONLY, _NODEV, _NOSUID = 0x4000, 0x40000, 32, 1, 4, 2
_CLONE_TREE = 1
_EMPTY_FROM, _EMPTY_TO = 0x4, 0x40
_EMPTY_PATH = 0x1000
_DETACH_NOFOLLOW = 2 | 8
_OPEN_TREE, _MOVE_MOUNT = 428, 429
_AT_FDCWD = -100
_WRITES = 3
SCRATCH = "/run"

_libc = ctypes.CDLL(None, use_errno=True)
_PROC = os.open("/proc", os.O_PATH | os.O_DIRECTORY)
_OWN = (os.stat("/").st_dev, os.stat("/").st_ino)


class Refused(Exception):
    """What cannot be done, as a sentence."""


def check(code: int, what: str) -> int:
    """Give back what the kernel said. Raises OSError with ``what`` when it was no."""
    if code < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return code


def enter(namespace: int) -> None:
    """Go into a mount namespace."""
    check(_libc.setns(namespace, _NEWNS), "enter the host's mounts")
    os.chdir("/")


def enter_host(namespace: int) -> None:
    """Go into one of the host's. Raises Refused when it has this machine's own root."""
    enter(namespace)
    if (os.stat("/").st_dev, os.stat("/").st_ino) == _OWN:
        raise Refused("the host has this machine's own root")


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    texts = [None if each is None else os.fsencode(each) for each in (source, target, kind)]
    check(_libc.mount(*texts, ctypes.c_ulong(flags), data.encode() or None), f"mount at {target}")


def remount(point: str, *, size: int | None = None, read_only: bool = False) -> None:
    """Give a file system in memory another size in bytes, or let nobody write to it any more.

    Raises OSError when somebody still writes.
    """
    flags = _REMOUNT | _NODEV | _NOSUID | (_RDONLY if read_only else 0)
    _mount(None, point, None, flags, "" if size is None else f"size={size}")


def aside(name: str, *, limit: int) -> int:
    """Make a file system in memory that nobody else sees, and give a descriptor of this private view of mounts."""
    check(_libc.unshare(_NEWNS), "a view of mounts of its own")
    _mount(None, "/", None, _REC | _PRIVATE)
    _mount(name, SCRATCH, "tmpfs", _NODEV | _NOSUID, f"size={limit},mode=0755,nr_inodes=0")
    return os.open("self/ns/mnt", os.O_RDONLY, dir_fd=_PROC)


def clone(path: str) -> int:
    """Give a copy of a mount, or of a part of it, that stands nowhere yet."""
    flags = ctypes.c_uint(_CLONE_TREE | os.O_CLOEXEC)
    code = _libc.syscall(_OPEN_TREE, _AT_FDCWD, os.fsencode(path), flags)
    return check(code, f"copy the mount of {path}")


def put(tree: int, target: int) -> None:
    """Put a copy over a directory or a file, which is open."""
    flags = ctypes.c_uint(_EMPTY_FROM | _EMPTY_TO)
    check(_libc.syscall(_MOVE_MOUNT, tree, b"", target, b"", flags), "mount over it")


def mounts() -> list[tuple[int, str, str, str]]:
    """Give the mounts of the namespace that we are in: id, mount point, source, optional fields."""
    with os.fdopen(os.open("self/mountinfo", os.O_RDONLY, dir_fd=_PROC), "rb") as stream:
        lines = stream.read().splitlines()
    found = []
    for line in lines:
        left, _, right = line.partition(b" - ")
        fields = left.split()
        # No codec by name: a module that is loaded late would be the host's.
        point = re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match[1], 8)]), fields[4])
        source, shared = right.split()[1], b" ".join(fields[6:])
        found.append((int(fields[0]), os.fsdecode(point), os.fsdecode(source), os.fsdecode(shared)))
    return found


def mount_of(descriptor: int) -> int:
    """Give the id of the mount that something open lies on."""
    with os.fdopen(os.open(f"self/fdinfo/{descriptor}", os.O_RDONLY, dir_fd=_PROC)) as stream:
        return next(int(line.split()[1]) for line in stream if line.startswith("mnt_id:"))


def real(descriptor: int) -> str:
    """Give the path of something open, as seen from the root that we have now."""
    return os.readlink(f"self/fd/{descriptor}", dir_fd=_PROC)


def take(path: str, *, on_disk: bool = True) -> int:
    """Open a path of the host without touching what is there; it must lie on the host's own root."""
    try:
        found = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        raise Refused(f"{path}: {os.strerror(error.errno or 0)}") from None
    root = os.open("/", os.O_PATH | os.O_DIRECTORY)
    if on_disk and mount_of(found) != mount_of(root):
        raise Refused(f"{path} is not on the host's own disk, but on another mount ({real(found)})")
    os.close(root)
    return found


def take_file(path: str) -> int:
    """Open a regular file of the host to be read and written. Raises Refused for all else."""
    found = take(path)
    if not stat.S_ISREG(os.fstat(found).st_mode):
        raise Refused(f"{path} is no regular file")
    return os.open(f"self/fd/{found}", os.O_RDWR | os.O_CLOEXEC, dir_fd=_PROC)


def holders(pids: list[int], path: str) -> list[str]:
    """Give the names of the processes that write below a path: they would go on with the files that they have."""
    found = set()
    for pid in pids:
        try:
            places = [os.readlink(f"{pid}/cwd", dir_fd=_PROC)]
            folder = os.open(f"{pid}/fd", os.O_RDONLY | os.O_DIRECTORY, dir_fd=_PROC)
        except OSError:
            continue
        for name in os.listdir(folder):
            try:
                with os.fdopen(os.open(f"{pid}/fdinfo/{name}", os.O_RDONLY, dir_fd=_PROC)) as stream:
                    flags = next(int(line.split()[1], 8) for line in stream if line.startswith("flags:"))
                if flags & _WRITES and not flags & os.O_PATH:
                    places.append(os.readlink(name, dir_fd=folder))
            except (OSError, StopIteration):
                continue
        os.close(folder)
        if any(place == path or place.startswith(path + "/") for place in places):
            with os.fdopen(os.open(f"{pid}/comm", os.O_RDONLY, dir_fd=_PROC), errors="replace") as stream:
                found.add(stream.read().strip())
    return sorted(found)


def unmount(namespaces: list[int], name: str, points: list[str]) -> None:
    """Unmount what carries that name at some points, in every namespace; what is open stays open."""
    for namespace in namespaces:
        enter_host(namespace)
        for _id, point, source, _shared in reversed(mounts()):
            if source == name and point in points:
                check(_libc.umount2(os.fsencode(point), _DETACH_NOFOLLOW), f"unmount {point}")
