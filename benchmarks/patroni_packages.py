"""Debian packages onto the lab's hosts, which have no way to an archive: fetched by this machine, put there as files.

This machine's own apt does it, from its own sources, but with a state of its own in a temporary folder and with a
host's list of installed packages: so it finds out what a *host* lacks, and this machine is left alone.
"""

from __future__ import annotations

import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from drillbook.lab.apt_sources import sources_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drillbook.hosts.connection import HostConnection

_FOLDER = "/root/packages"
# Debian starts a service as soon as its package is installed, before it is configured; not here.
_INSTALL = f"""\
printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
export DEBIAN_FRONTEND=noninteractive
dpkg --install {_FOLDER}/*.deb >{_FOLDER}/log 2>&1 || {{ tail -5 {_FOLDER}/log >&2; exit 1; }}
rm -r /usr/sbin/policy-rc.d {_FOLDER}
"""


def install(packages: Sequence[str], hosts: Sequence[HostConnection], *, suite: str) -> dict[str, str]:
    """Install packages and what they need on hosts that have the same packages; give each one's version."""
    with tempfile.TemporaryDirectory(prefix="drillbook-debs-") as scratch:
        found = fetch(packages, Path(scratch), status=hosts[0].get("/var/lib/dpkg/status"), suite=suite)
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda host: _put(host, found), hosts))
    return {name: version for name, version, _ in (file.stem.split("_") for file in found) if name in packages}


def fetch(packages: Sequence[str], folder: Path, *, status: bytes, suite: str) -> list[Path]:
    """Download packages and what they need beside what ``status`` says is installed; give the files."""
    for each in ("lists/partial", "archives/partial"):
        (folder / each).mkdir(parents=True)
    (folder / "status").write_bytes(status)
    (folder / "sources.list").write_text("\n".join(sources_for(suite)) + "\n")
    own = {
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder,
        "APT::Sandbox::User": "root",
    }
    options = [f"-o{name}={value}" for name, value in own.items()]
    for words in (["update"], ["--yes", "--no-install-recommends", "--download-only", "install", *packages]):
        done = subprocess.run(["apt-get", "-q", *options, *words], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"apt-get {words[0]} failed:\n{done.stderr}")
    return sorted((folder / "archives").glob("*.deb"))


def _put(host: HostConnection, files: Sequence[Path]) -> None:
    host.run(["mkdir", "-p", _FOLDER], timeout=10)
    for file in files:
        host.put(file.read_bytes(), f"{_FOLDER}/{file.name}")
    done = host.run(["/bin/sh", "-eu", "-c", _INSTALL], timeout=120)
    if done.exit_code != 0:
        raise SystemExit(f"{host.target.item}: the packages cannot be installed: {done.stderr}")
