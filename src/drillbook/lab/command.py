"""Running programs of this machine: argument lists, a deadline for each, one sentence when one fails."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from drillbook.errors import MissingPrerequisite, StepFailed
from drillbook.lab.state import UP_COMMAND
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Where programs are found, whatever PATH the person has: `su` without a dash leaves the sbin ones out.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = {"PATH": PATH, "HOME": "/root", "LC_ALL": "C.UTF-8"}
_NO_SUCH_PROGRAM = 127
_LINES_SAID = 3


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    what: str,
    stdin: str = "",
    env: Mapping[str, str] = ENVIRONMENT,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, with a plain environment, and give its outputs as text.

    ``timeout`` in seconds; ``what`` completes the sentence "cannot …". With ``check`` off a non-zero
    exit code is given back instead of raised. The program is killed when we are (``setpriv
    --pdeathsig``), so that a killed ``up`` leaves nothing running that the next one would meet.

    Raises StepFailed when it fails or does not end in time, MissingPrerequisite when there is no such
    program.
    """
    try:
        done = subprocess.run(
            ["setpriv", "--pdeathsig", "KILL", "--", *argv],
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            env=dict(env),
            check=False,
            cwd="/",
        )
    except subprocess.TimeoutExpired:
        raise StepFailed(f"cannot {what}: '{argv[0]}' did not end within {timeout:g} s") from None
    except FileNotFoundError:
        raise MissingPrerequisite("this machine has no setpriv", remedy="apt-get install util-linux") from None
    if done.returncode == _NO_SUCH_PROGRAM and done.stderr.startswith("setpriv:"):
        raise MissingPrerequisite(f"cannot {what}: this machine has no {argv[0]}", remedy=UP_COMMAND)
    if check and done.returncode != 0:
        said = [line for line in done.stderr.strip().splitlines() if line.strip()] or ["it said nothing"]
        words = visible("; ".join(said[-_LINES_SAID:]), limit=600)
        raise StepFailed(f"cannot {what}: {words} (exit code {done.returncode})")
    return done
