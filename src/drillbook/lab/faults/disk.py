"""A disk that is full, below one directory of a host.

The hosts' disks are this machine's, so what is full is a file system in memory of just the size of the directory's
content, mounted over it in every mount namespace of the host. The kernel refuses each byte more (ENOSPC); what was
there is there, and may be changed in place or deleted, which makes room, as on a disk.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from drillbook.errors import HostIsOff, StepFailed
from drillbook.lab import outside
from drillbook.lab.faults.base import Effect, OfHost
from drillbook.lab.host_side import DISK_FULL
from drillbook.lab.inside import in_host
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from drillbook.lab.state import LabHost

MOST = 256 << 20
"""The most, in bytes, that a directory may hold: it is held in this machine's memory."""

_UNITS = {"KiB": 1 << 10, "MiB": 1 << 20}
_PAGE = 4096


def size(text: str) -> int:
    """Give a size such as '10 MiB' in bytes."""
    found = re.fullmatch(r"(\d{1,3}) (KiB|MiB)", text)
    assert found is not None, text
    return int(found[1]) * _UNITS[found[2]]


@dataclass(frozen=True, slots=True)
class DiskFull(OfHost):
    """Below ``path`` there is room for ``leave`` bytes and no more."""

    path: str
    leave: int
    kind: ClassVar[str] = "disk_full"

    def describe(self) -> Text:
        """See ``Fault``."""
        if self.leave:
            return Text(
                f"the disk of {self.item} has room for {self.leave} more bytes below {self.path}",
                f"{self.item} 的磁盘在 {self.path} 下仅剩 {self.leave} 字节空间",
            )
        return Text(
            f"the disk of {self.item} is full below {self.path}",
            f"{self.item} 的磁盘在 {self.path} 下已满",
        )

    def inject(self) -> Effect:
        """See ``Fault``. Refused for what cannot be covered: see ``host_side.full_disk``."""
        began = time.monotonic_ns()
        try:
            found = in_host(
                self.host.container_id, "fill", path=self.path, name=DISK_FULL, leave=self.leave, limit=MOST
            )  # fmt: skip
        except HostIsOff:
            raise
        except StepFailed as error:
            raise StepFailed(f"the disk of {self.item} cannot be filled: {error.message}") from None
        free = int(found["free"])
        return Effect(
            began, time.monotonic_ns(), verified=free < self.leave + _PAGE, detail=Text(
                f"{found['path']} has room for {free} bytes beside its content",
                f"{found['path']} 除已有内容外仅剩 {free} 字节",
            ),
        )  # fmt: skip

    def heal(self) -> None:
        """See ``Fault``. What was written meanwhile is kept. Raises StepFailed while a process writes there."""
        relieve(self.host, path=self.path)


def relieve(host: LabHost, *, path: str | None = None) -> None:
    """Give a host its disk back, below one directory or everywhere; with what was written meanwhile.

    A host that was switched off has it already, without that. Raises StepFailed while a process writes there: it has
    room to write, and ends the fault by ending; to heal again completes it.
    """
    if not outside.mounted(host.container_id, DISK_FULL):
        return
    with suppress(HostIsOff):
        found = in_host(host.container_id, "relieve", name=DISK_FULL, path=path)
        if found["busy"]:
            raise StepFailed(
                f"{', '.join(found['busy'])} on {host.item} writes below {found['path']}: there is room again, but "
                "what is there cannot be carried over to the disk while it does",
                remedy="end it, then heal again",
            )
