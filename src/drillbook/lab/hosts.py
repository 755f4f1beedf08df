"""The lab's hosts as containers: made from the image, given their identity, started, connected."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from drillbook.canonical import digest
from drillbook.lab import machine, network
from drillbook.lab.health import HEALTH
from drillbook.lab.keys import HOST_KEY, host_key
from drillbook.lab.podman import CGROUP, LABEL, podman
from drillbook.lab.state import IDENTITY, LAB, LabHost, write_file
from drillbook.lab.vitals import init_pid

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from drillbook.lab.image import Recipe
    from drillbook.lab.spec import HostSpec

_TIMEOUT = 60.0
# A host runs its own service manager, changes addresses, and drops packets in drills.
_CAPABILITIES = "NET_ADMIN,NET_RAW,SYS_ADMIN"


def container(item: str) -> str:
    """Give the name of a host's container."""
    return f"{LAB}-{item}"


def spec_digest(spec: HostSpec, recipe: Recipe) -> str:
    """Give the digest of what a host is made from; a container carries it as a label."""
    return digest({"image": recipe.tag, "host": asdict(spec), "key": host_key(spec.item).read_text()})


def remove(items: Iterable[str]) -> None:
    """Remove hosts, running or not, with all that is on them."""
    names = [container(item) for item in items]
    if names:
        podman(
            "rm",
            "--force",
            "--ignore",
            "--time",
            "0",
            *names,
            timeout=_TIMEOUT,
            what="remove the lab's hosts",
        )


def create(specs: Sequence[HostSpec], everyone: Sequence[HostSpec], recipe: Recipe) -> None:
    """Make hosts that do not exist, each with its identity; none is started."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(lambda spec: _create(spec, recipe), specs))
    said = podman(
        "inspect", "--type", "container", "--format", "{{.Name}} {{.GraphDriver.Data.UpperDir}}",
        *(container(spec.item) for spec in specs),
        timeout=_TIMEOUT, what="find the hosts' disks",
    ).stdout  # fmt: skip
    disks = dict(line.split() for line in said.splitlines())
    from pathlib import Path

    for spec in specs:
        _give_identity(Path(disks[container(spec.item)]), spec, everyone)


def start(specs: Sequence[HostSpec], subnet: str) -> None:
    """Start hosts and connect them to the network."""
    podman("start", *(container(spec.item) for spec in specs), timeout=_TIMEOUT, what="start the lab's hosts")
    found = find()
    for spec in specs:
        network.plug(spec.address, subnet, init_pid(found[spec.item].container_id))


@dataclass(frozen=True, slots=True)
class Found:
    """A container of ours as podman knows it; ``spec`` as in ``spec_digest``."""

    container_id: str
    spec: str


def find() -> dict[str, Found]:
    """Give the containers that carry our label, by item."""
    said = podman(
        "ps", "--all", "--no-trunc", "--filter", f"label={LABEL}",
        "--format", '{{.ID}} {{index .Labels "drillbook-lab.item"}} {{index .Labels "drillbook-lab.spec"}}',
        timeout=_TIMEOUT, what="list the lab's hosts",
    ).stdout  # fmt: skip
    rows = (line.split() for line in said.splitlines())
    return {item: Found(container_id, spec) for container_id, item, spec in rows}


def lab_hosts(specs: Sequence[HostSpec]) -> dict[str, LabHost]:
    """Give what the lab's state keeps of its hosts."""
    found = find()
    return {spec.item: LabHost(spec.item, spec.address, found[spec.item].container_id) for spec in specs}


def _create(spec: HostSpec, recipe: Recipe) -> None:
    podman(
        "create",
        "--name", container(spec.item), "--hostname", spec.item,
        "--label", LABEL, "--label", f"{LAB}.item={spec.item}",
        "--label", f"{LAB}.spec={spec_digest(spec, recipe)}",
        "--systemd", "always", "--cap-add", _CAPABILITIES,
        "--network", "none", "--no-hosts",
        "--cgroup-parent", f"/{CGROUP}",
        "--log-driver", "none",
        *machine.limits(),
        recipe.reference, "/sbin/init",
        timeout=_TIMEOUT, what=f"make {spec.item}",
    )  # fmt: skip


def _give_identity(disk: Path, spec: HostSpec, everyone: Sequence[HostSpec]) -> None:
    """Write into the writable layer of a host that has not been started: a plain directory until then."""
    etc, ssh, home = disk / "etc", disk / "etc/ssh", disk / "root"
    health = disk / HEALTH.lstrip("/")
    for folder in (health.parents[2], health.parents[1], etc, ssh):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
    for folder in (health.parents[0], health, home, home / ".ssh"):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o700)
    key = host_key(spec.item)
    shutil.copyfile(key, ssh / HOST_KEY)
    (ssh / HOST_KEY).chmod(0o600)
    shutil.copyfile(key.with_suffix(".pub"), ssh / f"{HOST_KEY}.pub")
    shutil.copyfile(IDENTITY.with_suffix(".pub"), home / ".ssh/authorized_keys")
    names = [f"{each.address} {each.item}" for each in everyone]
    write_file(etc / "hosts", "\n".join(["127.0.0.1 localhost", *names]) + "\n", mode=0o644)
    if spec.ssh_port != 22:  # noqa: PLR2004 - SSH's port
        write_file(etc / "ssh/sshd_config.d/port.conf", f"Port {spec.ssh_port}\n", mode=0o644)
