"""What the lab remembers of itself on this machine, and where.

Everything is below two directories that only root can read::

    /var/lib/drillbook-lab/
        lab.json       which checkout and environment the lab is of, and its hosts
        secrets.json   passwords that the lab made up for its databases
        timings.json   how long each phase took lately
        ssh/           the client key, known_hosts, and each host's key
        power/         faults of the lab's power control, one file a host
        faults/        what faults took out of files, to be put back
        images/        one image store a recipe
        storage/       the containers
    /run/drillbook-lab/
        lock           held by `up` and `down`
        machine.json   what was changed on the machine, to be put back
        ns/mnt         the private mount namespace

``lab.json`` is written last by `up` and removed first by `down`: where it is, a lab was complete.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from drillbook.errors import MissingPrerequisite

if TYPE_CHECKING:
    from collections.abc import Mapping

LAB = "drillbook-lab"
STATE_DIR = Path("/var/lib") / LAB
RUN_DIR = Path("/run") / LAB
POWER_DIR = STATE_DIR / "power"
FAULTS_DIR = STATE_DIR / "faults"
SSH_DIR = STATE_DIR / "ssh"
KNOWN_HOSTS = SSH_DIR / "known_hosts"
IDENTITY = SSH_DIR / "id_ed25519"

UP_COMMAND = "./inv lab.up"

_VERSION = 1


@dataclass(frozen=True, slots=True)
class LabHost:
    """A host of the lab: its CMDB id, its IPv4 address, its container's full id (64 hex digits)."""

    item: str
    address: str
    container_id: str


@dataclass(frozen=True, slots=True)
class LabState:
    """A lab that is complete.

    ``network`` is the bridge on this machine, ``subnet`` its IPv4 subnet; ``recipe`` is the digest of
    everything the hosts were made from (image, addresses, playbook, inventory), so that a change of it
    is noticed.
    """

    name: str
    checkout: Path
    environment: str
    network: str
    subnet: str
    recipe: str
    hosts: Mapping[str, LabHost]


def read_state() -> LabState:
    """Give the state of this machine's lab. Raises MissingPrerequisite when there is none."""
    try:
        value = json.loads((STATE_DIR / "lab.json").read_text())
    except FileNotFoundError:
        raise MissingPrerequisite("the lab is not up", remedy=UP_COMMAND) from None
    except PermissionError:
        raise MissingPrerequisite("only root can use the lab of this machine", remedy=f"sudo {UP_COMMAND}") from None
    except ValueError:
        raise MissingPrerequisite("the lab's state is damaged", remedy=UP_COMMAND) from None
    if not isinstance(value, dict):
        raise MissingPrerequisite("the lab's state is damaged", remedy=UP_COMMAND)
    if value.get("version") != _VERSION:
        raise MissingPrerequisite("the lab is of another version of drillbook", remedy=UP_COMMAND)
    return LabState(
        name=value["name"],
        checkout=Path(value["checkout"]),
        environment=value["environment"],
        network=value["network"],
        subnet=value["subnet"],
        recipe=value["recipe"],
        hosts=MappingProxyType({item: LabHost(item=item, **host) for item, host in value["hosts"].items()}),
    )


def write_state(state: LabState) -> None:
    """Make the lab's state durable, in one step."""
    write_json(
        STATE_DIR / "lab.json",
        {
            "version": _VERSION,
            "name": state.name,
            "checkout": str(state.checkout),
            "environment": state.environment,
            "network": state.network,
            "subnet": state.subnet,
            "recipe": state.recipe,
            "hosts": {
                host.item: {"address": host.address, "container_id": host.container_id} for host in state.hosts.values()
            },
        },
    )


def write_json(path: Path, value: Any) -> None:
    """Write a JSON value that only root can read; a reader sees the old file or the new one."""
    write_file(path, json.dumps(value, indent=1, sort_keys=True) + "\n")


def write_file(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Write a text under a temporary name, make it durable, then rename it into place."""
    fresh = path.with_name(path.name + ".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.chmod(mode)
    fresh.rename(path)


def made_at() -> datetime | None:
    """Give when the lab was last made or mended; None when there is none that we may see.

    What journals say of its hosts from before then is past.
    """
    try:
        return datetime.fromtimestamp((STATE_DIR / "lab.json").stat().st_mtime, UTC)
    except OSError:
        return None
