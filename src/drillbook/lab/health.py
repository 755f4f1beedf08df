"""Whether the lab's hosts are what they should be, asked over SSH with strict host keys.

On each host is what can answer that: ``made-from``, the digest of what the host was provisioned from, which is
noted when that is done, and ``health.d``, programs of the playbook's that print what is wrong and fail. So the lab
needs to know nothing of what its hosts run.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from drillbook.errors import HostUnreachable
from drillbook.lab.command import run
from drillbook.lab.state import IDENTITY, KNOWN_HOSTS
from drillbook.text import visible

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Sequence

    from drillbook.lab.spec import HostSpec

MADE_FROM = "/var/lib/drillbook/made-from"
HEALTH = "/var/lib/drillbook/health.d"

SSH_OPTIONS = (
    "-F", "/dev/null",
    "-o", f"UserKnownHostsFile={KNOWN_HOSTS}",
    "-o", "GlobalKnownHostsFile=/dev/null",
    "-o", "StrictHostKeyChecking=yes",
    "-o", f"IdentityFile={IDENTITY}",
    "-o", "IdentitiesOnly=yes",
    "-o", "BatchMode=yes",
    "-o", "LogLevel=ERROR",
)  # fmt: skip

# "$1" the digest, "$2" whether the host was provisioned just now.
_HEALTHY = f"""\
[ "$2" = earlier ] || printf '%s\n' "$1" >{MADE_FROM}
if [ "$(cat {MADE_FROM} 2>/dev/null)" != "$1" ]; then
    echo "it is not provisioned, or from something older"
    exit 1
fi
for check in {HEALTH}/*; do if [ -x "$check" ]; then "$check" || exit 1; fi; done
"""
_CONNECT = 3.0
_CHECK_TIMEOUT = 15.0
_RETRY = 0.1


def ssh(spec: HostSpec, script: str, *values: str, timeout: float) -> subprocess.CompletedProcess[str]:
    """Run a constant shell text on a host, values as ``$1`` and so on. Raises StepFailed at the timeout."""
    import shlex

    remote = shlex.join(["sh", "-c", script, "sh", *values])
    return run(
        [
            "ssh", *SSH_OPTIONS, "-o", f"ConnectTimeout={int(_CONNECT)}", "-p", str(spec.ssh_port),
            f"root@{spec.address}", remote,
        ],
        timeout=timeout, what=f"ask {spec.item}", check=False,
    )  # fmt: skip


def problems(specs: Sequence[HostSpec], recipe: str, *, just_made: bool = False) -> dict[str, str]:
    """Give what is wrong, by item; an empty mapping is a healthy lab.

    ``recipe`` as in ``made-from``, where it is noted first when the hosts were ``just_made`` from it.
    """

    def check(spec: HostSpec) -> str:
        done = ssh(spec, _HEALTHY, recipe, "now" if just_made else "earlier", timeout=_CHECK_TIMEOUT)
        said = (done.stdout.strip() or done.stderr.strip()).splitlines()
        return "" if done.returncode == 0 else visible(said[-1] if said else "its check failed without a word")

    return {item: said for item, said in _each(specs, check).items() if said}


def wait_booted(specs: Sequence[HostSpec], *, timeout: float) -> None:
    """Wait until each host has booted and lets us in. ``timeout`` in seconds. Raises HostUnreachable."""
    deadline = time.monotonic() + timeout

    def wait(spec: HostSpec) -> str:
        while True:
            done = ssh(spec, "systemctl is-system-running --wait", timeout=timeout)
            state = done.stdout.strip()
            if state == "running":
                return ""
            if time.monotonic() > deadline or state == "degraded":
                return visible(state or done.stderr.strip())
            time.sleep(_RETRY)

    for item, said in _each(specs, wait).items():
        if said:
            raise HostUnreachable(f"{item} of the lab did not boot: {said}", remedy="./inv lab.up --fresh")


def _each(specs: Sequence[HostSpec], ask: Callable[[HostSpec], str]) -> dict[str, str]:
    with ThreadPoolExecutor(max_workers=max(1, min(16, len(specs)))) as pool:
        return dict(zip((spec.item for spec in specs), pool.map(ask, specs), strict=True))
