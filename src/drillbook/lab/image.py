"""The image of the lab's hosts: a small Debian that boots, and nothing that starts by itself but SSH.

An image is named after the digest of its recipe, so that a changed recipe is another image. It lives
in an image store of its own that is only read afterwards: the store of the containers can be thrown
away at any time without building again.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drillbook.canonical import digest
from drillbook.lab.apt_sources import sources_for
from drillbook.lab.command import ENVIRONMENT, run
from drillbook.lab.podman import IMAGES, configure, podman
from drillbook.lab.state import LAB, write_file
from drillbook.lab.timings import phase

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from drillbook.progress import Progress

# What makes a container a host: a service manager, an SSH server, a Python for Ansible, an address.
BASE_PACKAGES = (
    "dbus", "iproute2", "iputils-arping", "openssh-server", "procps", "python3", "systemd", "systemd-sysv",
)  # fmt: skip
# Half of a minimal installation is documentation and translations.
_DPKG = (
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/doc/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/lintian/*",
)
_SSHD = """\
# A host has the one key that the lab gives it.
HostKey /etc/ssh/ssh_host_ed25519_key
PasswordAuthentication no
PermitRootLogin prohibit-password
# The network is a bridge inside this machine, so a key exchange that also resists a future quantum
# computer (sntrup761, OpenSSH's default, 70 ms of CPU for each connection against 12) buys nothing.
KexAlgorithms curve25519-sha256,curve25519-sha256@libssh.org
UseDNS no
PrintMotd no
MaxStartups 100
MaxSessions 100
"""
# Whatever package is in the image, its services start when something starts them, not at boot.
_PRESET = "enable ssh.service\ndisable *\n"
_CUSTOMIZE = """\
set -eu
root=$1
chroot "$root" systemctl preset-all
# A package with an init script and no unit of its own would start by that.
for link in "$root"/etc/rc2.d/S*; do
    script=${link##*/S??}
    if ! [ -e "$root/lib/systemd/system/$script.service" ]; then chroot "$root" update-rc.d "$script" disable; fi
done
chroot "$root" systemctl mask --quiet console-getty.service getty@.service systemd-logind.service
rm -f "$root"/etc/ssh/ssh_host_* "$root"/var/lib/dbus/machine-id "$root"/etc/resolv.conf
: > "$root"/etc/machine-id
"""
_BUILD_TIMEOUT = 1800.0
_IMPORT_TIMEOUT = 600.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that an image is made from.

    ``suite`` is a Debian release by code name; ``packages`` are all that is asked for, sorted.
    """

    suite: str
    packages: tuple[str, ...]

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Recipe:
        """Take the ``image`` field of an environment of the CMDB."""
        return cls(
            suite=fields["suite"],
            packages=tuple(sorted(set(BASE_PACKAGES) | set(fields.get("packages", ())))),
        )

    @property
    def tag(self) -> str:
        """Give the name of the image: 12 hexadecimal digits of the digest of everything in it."""
        content = {
            "suite": self.suite, "packages": self.packages,
            "dpkg": _DPKG, "sshd": _SSHD, "preset": _PRESET, "customize": _CUSTOMIZE,
        }  # fmt: skip
        return digest(content).removeprefix("sha256:")[:12]

    @property
    def store(self) -> Path:
        """Give the image store that holds the image, once it is built."""
        return IMAGES / self.tag

    @property
    def reference(self) -> str:
        """Give the image's name in its store."""
        return f"localhost/{LAB}:{self.tag}"


def ensure_image(recipe: Recipe, progress: Progress) -> None:
    """Build the image unless it is there. Needs the private mount namespace. Raises StepFailed.

    Everything is made under a name that begins with ``new-`` and renamed at the end, so an image
    that has its name is whole, and what a killed build left is swept away by the next one.
    """
    if recipe.store.is_dir():
        return
    IMAGES.mkdir(mode=0o700, exist_ok=True)
    for left in IMAGES.glob("new-*"):
        shutil.rmtree(left)
    work = IMAGES / f"new-{recipe.tag}"
    work.mkdir(mode=0o755)
    archive = work / "rootfs.tar"
    with phase(progress, f"building the hosts' image from Debian {recipe.suite}"):
        _debootstrap(recipe, work, archive)
    with phase(progress, "storing the image"):
        store = work / "image"
        configure(store)
        podman(
            "import", "--quiet", str(archive), recipe.reference,
            store=store, timeout=_IMPORT_TIMEOUT, what="store the image",
        )  # fmt: skip
        archive.unlink()
        store.rename(recipe.store)
        shutil.rmtree(work)


def drop_other_images(recipe: Recipe) -> None:
    """Remove images of other recipes; no container may be made from them."""
    for store in IMAGES.iterdir():
        if store != recipe.store:
            shutil.rmtree(store)


def _debootstrap(recipe: Recipe, work: Path, archive: Path) -> None:
    early = {"/etc/systemd/system-preset/00-lab.preset": _PRESET, "/etc/ssh/sshd_config.d/lab.conf": _SSHD}
    overlay = work / "early"
    for name, text in early.items():
        path = overlay / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, text, mode=0o644)
    hook = work / "customize"
    write_file(hook, "#!/bin/sh\n" + _CUSTOMIZE, mode=0o755)
    run(
        [
            # In namespaces of its own: what it mounts and starts ends with it, however it ends.
            "unshare", "--mount", "--propagation", "private", "--mount-proc",
            "--pid", "--fork", "--kill-child=KILL",
            "mmdebstrap", "--quiet", "--mode=root", "--variant=minbase",
            f"--include={','.join(recipe.packages)}",
            '--aptopt=Acquire::Retries "3"',
            *(f"--dpkgopt={option}" for option in _DPKG),
            f"--setup-hook=sync-in {overlay} /",
            f"--customize-hook={hook}",
            recipe.suite, str(archive), *sources_for(recipe.suite),
        ],
        timeout=_BUILD_TIMEOUT,
        what="build the hosts' image",
        env={**ENVIRONMENT, **_proxies(), "TMPDIR": str(work)},
    )  # fmt: skip


def _proxies() -> dict[str, str]:
    names = ("http_proxy", "https_proxy", "no_proxy")
    return {name: os.environ[name] for name in names if name in os.environ}
