"""A directory's content made the same as another's."""

from __future__ import annotations

import os
import stat

from drillbook.lab.host_side.mounts import Refused

_PAGE = 4096
_BLOCK = 1 << 20


def sync(source: int, target: int, *, room: int | None = None) -> int | None:
    """Make a directory's content the same as another's; ``room`` is how many bytes it may come to."""
    names = os.listdir(source)
    for name in set(os.listdir(target)) - set(names):
        _remove(target, name)
    for name in names:
        wanted = os.stat(name, dir_fd=source, follow_symlinks=False)
        there = _stat(target, name)
        if there is not None and stat.S_IFMT(there.st_mode) != stat.S_IFMT(wanted.st_mode):
            _remove(target, name)
            there = None
        if stat.S_ISDIR(wanted.st_mode):
            if there is None:
                os.mkdir(name, dir_fd=target)
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
            inner, outer = os.open(name, flags, dir_fd=source), os.open(name, flags, dir_fd=target)
            room = sync(inner, outer, room=room)
            like(wanted, outer)
            os.close(inner)
            os.close(outer)
        elif stat.S_ISLNK(wanted.st_mode):
            text = os.readlink(name, dir_fd=source)
            if there is None or os.readlink(name, dir_fd=target) != text:
                if there is not None:
                    _remove(target, name)
                os.symlink(text, name, dir_fd=target)
            os.chown(name, wanted.st_uid, wanted.st_gid, dir_fd=target, follow_symlinks=False)
            times = (wanted.st_atime_ns, wanted.st_mtime_ns)
            os.utime(name, ns=times, dir_fd=target, follow_symlinks=False)
        elif stat.S_ISREG(wanted.st_mode):
            if room is not None:
                room -= -(-wanted.st_size // _PAGE) * _PAGE
                if room < 0:
                    raise Refused("there is more in the directory than may be held in memory")
            _copy(name, source, target)
        else:
            raise Refused(f"'{name[:80]}' is neither file nor directory, and cannot be carried over")
    return room


def _copy(name: str, source: int, target: int) -> None:
    flags = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    with (
        os.fdopen(os.open(name, flags | os.O_RDONLY, dir_fd=source), "rb") as given,
        os.fdopen(os.open(name, flags | os.O_RDWR | os.O_CREAT, 0o600, dir_fd=target), "r+b") as taken,
    ):
        size, there = os.fstat(given.fileno()).st_size, os.fstat(taken.fileno()).st_size
        while block := given.read(_BLOCK):
            at = taken.tell()
            if taken.read(len(block)) != block:
                taken.seek(at)
                taken.write(block)
        taken.flush()
        if there > size:
            os.ftruncate(taken.fileno(), size)
        like(os.fstat(given.fileno()), taken.fileno())


def like(wanted: os.stat_result, descriptor: int) -> None:
    """Give something open the owner, the rights and the times of something else."""
    os.fchown(descriptor, wanted.st_uid, wanted.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(wanted.st_mode))
    os.utime(descriptor, ns=(wanted.st_atime_ns, wanted.st_mtime_ns))


def _stat(folder: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _remove(folder: int, name: str) -> None:
    if not stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        os.unlink(name, dir_fd=folder)
        return
    inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
    for each in os.listdir(inner):
        _remove(inner, each)
    os.close(inner)
    os.rmdir(name, dir_fd=folder)
