"""Files of the work tree, held against a commit by us: git's own comparison runs filters."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from drillbook.repo.commit import object_id

if TYPE_CHECKING:
    from pathlib import Path

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def is_as_committed(place: Path, *, mode: str, oid: str, at_most: int) -> bool:
    """Tell whether a file has git's mode and the content of an object; False when it has over ``at_most`` bytes."""
    try:
        executable = bool(place.lstat().st_mode & stat.S_IXUSR)
        if mode == "120000":
            data, executable = os.fsencode(place.readlink()), False
        else:
            with os.fdopen(os.open(place, _READ), "rb") as file:
                data = file.read(at_most + 1)
    except OSError:
        return False
    return executable == (mode == "100755") and object_id("blob", data, len(oid)) == oid
