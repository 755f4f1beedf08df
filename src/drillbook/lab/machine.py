"""What the lab needs of this machine and changes on it, and how that is put back."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from drillbook.errors import Locked, MissingPrerequisite, StepFailed
from drillbook.lab.command import PATH
from drillbook.lab.state import RUN_DIR, STATE_DIR, UP_COMMAND, write_json
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.progress import Progress

# The package of each program that is run. netavark is never run, but podman does not start without.
PROGRAMS = {
    "podman": "podman",
    "crun": "crun",
    "conmon": "conmon",
    "/usr/lib/podman/netavark": "netavark",
    "newuidmap": "uidmap",
    "mmdebstrap": "mmdebstrap",
    "ip": "iproute2",
    "nft": "nftables",
    "ssh": "openssh-client",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
}
# Each host's service manager takes one inotify instance and more; 128, the kernel's choice, is enough
# for about 40 hosts, this many for over 100.
INOTIFY_INSTANCES = 8192

_INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_MACHINE = RUN_DIR / "machine.json"
_CRUN = Path("/run/crun")


def require_root() -> None:
    """Raise MissingPrerequisite unless we are root."""
    if os.geteuid() != 0:
        raise MissingPrerequisite("the lab makes containers and needs root", remedy=f"sudo {UP_COMMAND}")


def missing_packages() -> list[str]:
    """Give the Debian packages whose programs this machine lacks, sorted."""
    return sorted({package for program, package in PROGRAMS.items() if not shutil.which(program, path=PATH)})


def install(packages: list[str], progress: Progress) -> None:
    """Install Debian packages. Raises MissingPrerequisite with the command when that does not work."""
    command = ["apt-get", "install", "--no-install-recommends", *packages]
    # A fresh machine may be installing its own updates.
    quietly = ["-q", "-y", "-o", "DPkg::Lock::Timeout=300"]
    remedy = f"apt-get update && {' '.join(command)}"
    if not packages:
        return
    if not shutil.which("apt-get", path=PATH):
        raise MissingPrerequisite(
            f"this machine has no apt-get, and the lab needs: {', '.join(packages)}",
            remedy="install them with this machine's own package manager",
        )
    environment = {**os.environ, "PATH": PATH, "DEBIAN_FRONTEND": "noninteractive"}
    with progress.phase(f"installing {', '.join(packages)}"):
        for step in (["apt-get", "update", "-q"], [*command, *quietly]):
            done = subprocess.run(
                step, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
            )
            if done.returncode != 0:
                said = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
                raise MissingPrerequisite(f"'apt-get {step[1]}' failed: {visible(said[-1])}", remedy=remedy)
    still = missing_packages()
    if still:
        raise MissingPrerequisite(f"this machine still lacks {', '.join(still)}", remedy=remedy)


@contextmanager
def exclusive() -> Iterator[None]:
    """Hold the lock of this machine's lab. Raises Locked when another process does."""
    while True:
        for folder in (STATE_DIR, RUN_DIR):
            folder.mkdir(mode=0o700, exist_ok=True)
            folder.chmod(0o700)
        with (RUN_DIR / "lock").open("a+") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                stream.seek(0)
                who = stream.read().strip() or "unknown"
                raise Locked(
                    f"another lab.up or lab.down is at work on this machine (process {visible(who)})",
                    remedy="wait until it has ended, then try again",
                ) from None
            if not _still_there(stream):
                continue  # `down` removed the file between our opening and locking it
            stream.truncate(0)
            stream.write(str(os.getpid()))
            stream.flush()
            yield
            return


def _still_there(stream: TextIO) -> bool:
    try:
        return (RUN_DIR / "lock").stat().st_ino == os.fstat(stream.fileno()).st_ino
    except FileNotFoundError:
        return False


def same_boot() -> bool:
    """Tell whether the machine has run without a restart since the lab was made."""
    return bool(_read().get("boot_id") == _boot_id())


def prepare() -> None:
    """Change what must be changed on the machine, remembering first how it was."""
    known = _read()
    before = int(_INOTIFY.read_text())
    if not same_boot():
        # A restart has put the kernel's settings back, but a /run that is on disk keeps its directories.
        known = {"boot_id": _boot_id(), "made_run_crun": known.get("made_run_crun", not _CRUN.exists())}
    known.setdefault("inotify_instances", before)
    write_json(_MACHINE, known)
    if before < INOTIFY_INSTANCES:
        _INOTIFY.write_text(str(INOTIFY_INSTANCES))
    _CRUN.mkdir(mode=0o700, exist_ok=True)


def put_back() -> None:
    """Put back what ``prepare`` changed. Harmless when nothing was."""
    known = _read()
    # Someone else may have set another value since; that is theirs. After a restart it is the kernel's.
    if same_boot() and int(_INOTIFY.read_text()) == INOTIFY_INSTANCES:
        _INOTIFY.write_text(str(known["inotify_instances"]))
    if known.get("made_run_crun") and _CRUN.is_dir() and not any(_CRUN.iterdir()):
        _CRUN.rmdir()
    _MACHINE.unlink(missing_ok=True)


def limits() -> list[str]:
    """Give podman's options for the hosts' limits.

    Stated because podman's own defaults are higher than a machine without CAP_SYS_RESOURCE allows
    ("setrlimit RLIMIT_NOFILE: Operation not permitted"), and never above what this machine has.
    """
    import resource

    options = []
    for name, limit, wanted in (
        ("nofile", resource.RLIMIT_NOFILE, 4096),
        ("nproc", resource.RLIMIT_NPROC, 4000),
    ):
        hard = resource.getrlimit(limit)[1]
        value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        options += ["--ulimit", f"{name}={value}:{value}"]
    return options


def _boot_id() -> str:
    return _BOOT_ID.read_text().strip()


def _read() -> dict[str, object]:
    try:
        known = json.loads(_MACHINE.read_text())
    except FileNotFoundError:
        return {}
    except ValueError:
        raise StepFailed(f"{_MACHINE} is damaged", remedy=f"remove it, then {UP_COMMAND}") from None
    assert isinstance(known, dict)
    return known
