"""Reaches the files of a host of the lab from outside it, as its trouble does.

What is done to files is done by ``lab.host_side``, which see for what keeps it from this machine's own files.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import drillbook
from drillbook.errors import HostIsOff, StepFailed
from drillbook.lab import outside
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIMEOUT = 30.0
_PROGRAM = "import sys; sys.path.insert(0, sys.argv[1]); from drillbook.lab.host_side.main import main; main()"
_SOURCE = str(Path(drillbook.__file__).parents[1])


def in_host(container_id: str, do: str, **arguments: Any) -> dict[str, Any]:
    """Do something to the host's files, one of the functions of ``host_side.main``; give what it gives.

    Raises HostIsOff; StepFailed with the reason when it cannot be done, or takes over thirty seconds.
    """
    pids = outside.processes(container_id)
    with _mount_namespaces(container_id, pids) as namespaces:
        request = {**arguments, "do": do, "namespaces": namespaces, "pids": pids}
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-S", "-c", _PROGRAM, _SOURCE, json.dumps(request)],
                capture_output=True, text=True, timeout=_TIMEOUT, check=False, pass_fds=namespaces, cwd="/",
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise StepFailed(f"{do}: no end within {_TIMEOUT:g} s") from None
    if done.returncode != 0:
        raise StepFailed(f"{do}: {visible(done.stderr.strip()[-200:])}")
    result: dict[str, Any] = json.loads(done.stdout)
    if "refused" in result:
        raise StepFailed(visible(result["refused"], limit=300))
    return result


@contextmanager
def _mount_namespaces(container_id: str, pids: list[int]) -> Iterator[list[int]]:
    """Give descriptors of the host's mount namespaces: that of its first process, then those of its services."""
    with ExitStack() as stack:
        found = {}
        first = stack.enter_context(outside.namespace(container_id, "mnt"))
        found[os.fstat(first).st_ino] = first
        for pid in pids:
            try:
                each = stack.enter_context(outside.namespace(container_id, "mnt", pid=pid))
            except HostIsOff:
                continue  # a process that ended while we looked
            found.setdefault(os.fstat(each).st_ino, each)
        yield list(found.values())
