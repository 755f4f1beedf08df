"""A file of a host that goes bad: some of its bytes become others, and nothing else of it changes.

What the bytes were is kept on this machine until they stand in the file again, so that a drill that is killed can be
healed after.
"""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from drillbook.errors import HostIsOff, StepFailed
from drillbook.lab.faults.base import Effect, OfHost
from drillbook.lab.inside import in_host
from drillbook.lab.state import FAULTS_DIR, write_json
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from pathlib import Path

    from drillbook.lab.state import LabHost

_KEPT = FAULTS_DIR
COUNT = 64
"""How many bytes go bad when a drill does not say."""


@dataclass(frozen=True, slots=True)
class CorruptFile(OfHost):
    """``count`` bytes of the file ``path`` become others, at places that ``seed`` chooses."""

    path: str
    count: int
    seed: int
    kind: ClassVar[str] = "corrupt_file"

    def describe(self) -> Text:
        """See ``Fault``."""
        return Text(
            f"{self.count} bytes of {self.path} on {self.item} go bad, at places chosen with the seed {self.seed}",
            f"{self.item} 上的 {self.path} 有 {self.count} 个字节损坏，位置由种子 {self.seed} 选定",
        )

    def inject(self) -> Effect:
        """See ``Fault``."""
        began = time.monotonic_ns()
        kept = _kept(self.host) / f"{hashlib.sha256(self.path.encode()).hexdigest()[:32]}.json"
        if _of_this(self.host, kept) is not None:
            raise StepFailed(f"{self.path} on {self.item} is corrupted already", remedy="heal that first")
        try:
            found = in_host(self.host.container_id, "choose", path=self.path, count=self.count, seed=self.seed)
            kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_json(kept, {"container_id": self.host.container_id, **found})
            done = in_host(self.host.container_id, "overwrite", **found)
        except HostIsOff:
            raise
        except StepFailed as error:
            raise StepFailed(f"{self.path} on {self.item} cannot be corrupted: {error.message}") from None
        count, bad = len(found["places"]), int(done.get("found", 0))
        return Effect(
            began, time.monotonic_ns(), verified=bad == count,
            detail=Text(f"{bad} bytes of it are others now", f"其中 {bad} 个字节已改变"),
        )  # fmt: skip

    def heal(self) -> None:
        """See ``Fault``. A byte that was written anew meanwhile, and a file that was replaced, stay as they are."""
        _mend(self.host, _kept(self.host) / f"{hashlib.sha256(self.path.encode()).hexdigest()[:32]}.json")


def mend_all(host: LabHost) -> None:
    """Put back the bytes of every file of a host that went bad. One that is off keeps them until it is on."""
    for kept in sorted(_kept(host).glob("*.json")):
        _mend(host, kept)


def _kept(host: LabHost) -> Path:
    return _KEPT / host.item


def _of_this(host: LabHost, kept: Path) -> dict[str, Any] | None:
    """Read what is kept; None when there is nothing, or it is of a host that was made anew since."""
    try:
        found: dict[str, Any] = json.loads(kept.read_text())
    except FileNotFoundError:
        return None
    if found.pop("container_id") == host.container_id:
        return found
    kept.unlink()
    return None


def _mend(host: LabHost, kept: Path) -> None:
    found = _of_this(host, kept)
    if found is None:
        return
    back = [[offset, bad, good] for offset, good, bad in found["places"]]
    with suppress(HostIsOff):
        in_host(host.container_id, "overwrite", **{**found, "places": back})
        kept.unlink()
