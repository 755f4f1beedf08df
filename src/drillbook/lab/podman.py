"""Podman, kept apart from everything else on the machine.

Every call goes through ``podman()``. It has its own storage, run directory, lock files, and its own
configuration in place of the machine's, so containers, images and networks of others are not even
seen. It runs in a private mount namespace, kept in a file, for two reasons:

- where cgroup v2 is mounted beside v1, crun refuses ("cgroups in hybrid mode not supported"); in the
  namespace that mount is taken away, and the machine keeps it. crun then makes plain folders there, which
  would pile up in the machine's own tmpfs: so that place is a tmpfs of ours, which goes with the namespace;
- crun keeps its state in /run/crun whatever it is told; in the namespace that is a directory of ours.

Containers get no network from podman (netavark leaves firewall chains behind and keeps a ledger of
addresses that a crash leaves wrong): ``lab.network`` gives them one.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from drillbook.lab.command import ENVIRONMENT, run
from drillbook.lab.state import LAB, RUN_DIR, STATE_DIR, write_file

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence

NAMESPACE = RUN_DIR / "ns" / "mnt"
STORAGE = STATE_DIR / "storage"
RUNROOT = RUN_DIR / "storage.run"
IMAGES = STATE_DIR / "images"
CGROUP = LAB
LABEL = f"{LAB}=1"

_HYBRID = "/sys/fs/cgroup/unified"
_CONFIGURATION = """\
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
runtime = "crun"
[network]
network_backend = "netavark"
"""
_ENTER = f"""\
set -eu
if mountpoint -q {_HYBRID}; then
    umount {_HYBRID}
    mount -t tmpfs -o mode=755 {LAB} {_HYBRID}
fi
mount --bind "$1" /run/crun
"""


def namespace_lives() -> bool:
    """Tell whether the private mount namespace is there."""
    return str(NAMESPACE) in _mounts()


def make_namespace() -> None:
    """Make the private mount namespace. It must not exist."""
    folder = NAMESPACE.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = RUN_DIR / "crun"
    state.mkdir(mode=0o700, exist_ok=True)
    what = "make a private mount namespace"
    if str(folder) not in _mounts():
        run(["mount", "--bind", "--make-private", str(folder), str(folder)], timeout=10, what=what)
    NAMESPACE.touch()
    run(
        [
            "unshare", f"--mount={NAMESPACE}", "--propagation", "private",
            "sh", "-c", _ENTER, "sh", str(state),
        ],
        timeout=10,
        what=what,
    )  # fmt: skip


def drop_namespace() -> None:
    """Take the private mount namespace away; it ends with the last process in it."""
    ours = (str(NAMESPACE), str(NAMESPACE.parent))
    for place in reversed([mount for mount in _mounts() if mount in ours]):
        run(["umount", place], timeout=10, what=f"unmount {place}")
    shutil.rmtree(NAMESPACE.parent, ignore_errors=True)


def _mounts() -> list[str]:
    """Give the mount points of this machine, the latest last (``os.path.ismount`` overlooks bind mounts)."""
    return [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]


def configure(store: Path, images: Sequence[Path] = ()) -> None:
    """Write podman's configuration for a store; ``images`` are further stores, which it only reads."""
    text = f'[storage]\ndriver = "overlay"\nrunroot = "{RUN_DIR}/{store.name}.run"\ngraphroot = "{store}"\n'
    if images:
        quoted = ", ".join(f'"{each}"' for each in images)
        text += f"[storage.options]\nadditionalimagestores = [{quoted}]\n"
    write_file(RUN_DIR / "containers.conf", _CONFIGURATION)
    write_file(RUN_DIR / f"{store.name}.conf", text)


def podman(*arguments: str, timeout: float, what: str, store: Path = STORAGE) -> subprocess.CompletedProcess[str]:
    """Run podman on a store of ours, configured before.

    ``timeout`` in seconds, ``what`` completes "cannot …". Raises StepFailed.
    """
    environment = {
        **ENVIRONMENT,
        "TMPDIR": str(STATE_DIR),
        "CONTAINERS_CONF": str(RUN_DIR / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(RUN_DIR / f"{store.name}.conf"),
    }
    enter = ["nsenter", f"--mount={NAMESPACE}", "podman", "--tmpdir", str(RUN_DIR / f"{store.name}.tmp")]
    return run([*enter, *arguments], timeout=timeout, what=what, env=environment)
