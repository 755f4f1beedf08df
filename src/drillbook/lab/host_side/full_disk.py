"""A file system in memory over a directory, with its content and hardly any room; and the way back."""

from __future__ import annotations

import os
import stat
import time
from typing import Any

from drillbook.lab.host_side.mounts import (
    SCRATCH,
    Refused,
    aside,
    clone,
    enter,
    enter_host,
    holders,
    mount_of,
    mounts,
    put,
    real,
    remount,
    take,
    unmount,
)
from drillbook.lab.host_side.tree import like, sync

_BLOCK = 1 << 20
_BUSY_SECONDS = 5.0


def fill(
    *, namespaces: list[int], pids: list[int], path: str, name: str, leave: int, limit: int, **_: Any
) -> dict[str, Any]:
    """Mount a file system over a directory that has its content and ``leave`` bytes of room."""
    own = aside(name, limit=limit + leave + _BLOCK)
    os.mkdir(f"{SCRATCH}/content")
    content = os.open(f"{SCRATCH}/content", os.O_RDONLY | os.O_DIRECTORY)
    scratch = os.open(SCRATCH, os.O_RDONLY | os.O_DIRECTORY)
    trees = [clone(f"{SCRATCH}/content") for _each in namespaces]
    enter_host(namespaces[0])
    folder = take(path)
    if not stat.S_ISDIR(os.fstat(folder).st_mode):
        raise Refused(f"{path} is no directory")
    place = real(folder)
    if place == "/":
        raise Refused("the host's whole disk cannot be filled; name a directory below /")
    points = [(point, shared) for _id, point, _source, shared in mounts()]
    below = [point for point, _shared in points if point == place or point.startswith(place + "/")]
    if below:
        raise Refused(f"another mount lies in {place}: {below[0]}")
    if "shared:" in next(shared for point, shared in points if point == "/"):
        raise Refused("the host's mounts are shared with others")
    holding = holders(pids, place)
    if holding:
        raise Refused(f"{', '.join(holding)} works in {place} already, and would not meet a disk that is full")
    source = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)
    sync(source, content, room=limit)
    like(os.fstat(source), content)
    # One page that nobody sees: a size of 0 would mean no limit.
    filler = os.open("full", os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=scratch)
    os.write(filler, b"\0")
    os.close(filler)
    enter(own)
    used = os.statvfs(SCRATCH)
    size = (used.f_blocks - used.f_bfree) * used.f_frsize + leave
    remount(SCRATCH, size=size)
    same = os.fstat(source)
    for namespace, tree in zip(namespaces, trees, strict=True):
        enter_host(namespace)
        try:
            target = take(place, on_disk=False)
        except Refused:
            continue  # a service that cannot see the directory at all
        there = os.fstat(target)
        if (there.st_dev, there.st_ino) == (same.st_dev, same.st_ino):
            put(tree, target)
    enter_host(namespaces[0])
    after = os.statvfs(place)
    return {"path": place, "free": after.f_bfree * after.f_frsize, "content": size - leave}


def relieve(*, namespaces: list[int], pids: list[int], name: str, path: str | None = None, **_: Any) -> dict[str, Any]:
    """Take away what ``fill`` mounted, at ``path`` or everywhere; what was written meanwhile is kept.

    First there is room again. Then the content goes to the disk, which it can only when nobody writes: ``busy`` are
    those who do, and for them nothing else is done.
    """
    enter_host(namespaces[0])
    if path is not None and not os.path.lexists(path):
        return {"busy": [], "paths": []}
    wanted = None if path is None else mount_of(take(path, on_disk=False))
    points = [point for number, point, source, _shared in mounts() if source == name and wanted in (None, number)]
    for point in points:
        remount(point, size=1 << 40)
        busy = _read_only(point, pids)
        if busy:
            return {"busy": busy, "path": point}
        disk = clone("/")  # the host's root without what is mounted on it
        content = os.open(point, os.O_RDONLY | os.O_DIRECTORY)
        beneath = os.open(point.lstrip("/"), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=disk)
        if mount_of(beneath) != mount_of(disk):
            raise Refused(f"{point} is not on the host's own disk any more")
        sync(content, beneath)
        like(os.fstat(content), beneath)
        os.close(content)
    unmount(namespaces, name, points)
    return {"busy": [], "paths": points}


def _read_only(point: str, pids: list[int]) -> list[str]:
    """Let nobody write there any more; give the names of those who keep it from being so."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            remount(point, read_only=True)
        except OSError:
            if time.monotonic() > deadline:
                return holders(pids, point) or ["a process"]
            time.sleep(0.05)
        else:
            return []
