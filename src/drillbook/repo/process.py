"""Runs a program that must not ask anybody anything: no terminal, a deadline, and its children end with it."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.errors import MissingPrerequisite, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Done:
    """How a program ended: its exit code (negative: the signal), and what it wrote."""

    code: int
    out: bytes
    err: bytes

    @property
    def said(self) -> str:
        """What it wrote to stderr, as text with nothing lost and nothing decoded wrongly."""
        return self.err.decode("utf-8", "backslashreplace").strip()


def run_quietly(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    timeout: float,
    stdin: bytes = b"",
    cwd: Path | None = None,
    package: str,
) -> Done:
    """Run a program to its end in a session of its own, so that it has no terminal to ask on.

    ``timeout`` in seconds; then it and all its children are killed. ``package`` is the Debian package that brings it.
    Raises MissingPrerequisite when there is no such program, Refused when it did not end in time.
    """
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
        )
    except OSError:
        if cwd is not None and not cwd.is_dir():
            raise Refused(f"there is no folder {cwd}") from None
        raise MissingPrerequisite(f"this machine has no {argv[0]}", remedy=f"apt-get install {package}") from None
    try:
        out, err = process.communicate(stdin, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise Refused(f"'{argv[0]}' did not end within {timeout:g} s", remedy="try it again") from None
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    return Done(process.returncode, out, err)
