"""A file's bytes: some chosen by a seed, and written."""

from __future__ import annotations

import os
import random
from typing import Any

from drillbook.lab.host_side.mounts import Refused, enter_host, real, take_file


def choose(*, namespaces: list[int], path: str, count: int, seed: int, **_: Any) -> dict[str, Any]:
    """Choose places in a file by a seed: ``places`` is a list of [offset, byte as it is, byte as it shall be]."""
    enter_host(namespaces[0])
    file = take_file(path)
    is_now = os.fstat(file)
    if is_now.st_size == 0:
        raise Refused(f"{path} is empty")
    chance = random.Random(seed)  # noqa: S311 - it must be the same every time
    offsets = sorted(chance.sample(range(is_now.st_size), min(count, is_now.st_size)))
    places = []
    for offset in offsets:
        byte = os.pread(file, 1, offset)[0]
        places.append([offset, byte, byte ^ chance.randrange(1, 256)])
    return {"path": real(file), "inode": is_now.st_ino, "places": places}


def overwrite(*, namespaces: list[int], path: str, inode: int, places: list[list[int]], **_: Any) -> dict[str, Any]:
    """Write bytes where those that are expected stand: places are [offset, expected, to be written].

    ``gone`` when the file is another than that ``inode`` of the host's disk; ``written`` is the number of bytes that
    were. The time of the last change stays, as when a disk goes bad.
    """
    enter_host(namespaces[0])
    try:
        open_file = take_file(path)
    except Refused:
        if not os.path.lexists(path):
            return {"gone": True, "written": 0}
        raise
    before = os.fstat(open_file)
    # The disk's own number is another after each start of the host.
    if before.st_ino != inode:
        return {"gone": True, "written": 0}
    written = 0
    for offset, expected, wanted in places:
        if os.pread(open_file, 1, offset) == bytes([expected]):
            written += os.pwrite(open_file, bytes([wanted]), offset)
    os.fsync(open_file)
    os.utime(open_file, ns=(before.st_atime_ns, before.st_mtime_ns))
    found = sum(os.pread(open_file, 1, offset) == bytes([wanted]) for offset, _was, wanted in places)
    return {"gone": False, "written": written, "found": found}
