"""With which keys hosts are reached: theirs, which we check, and ours, which we show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.cmdb.addressing import hosts_of

if TYPE_CHECKING:
    from pathlib import Path

    from drillbook.change.gate.gate import Permission
    from drillbook.cmdb.model import Cmdb, Entry

_SSH_PORT = 22


@dataclass(frozen=True, slots=True)
class Access:
    """The keys, and the gate's permission to use them.

    ``known_hosts`` has the hosts' public keys; ``identity`` is our private key, or None for the agent's.
    Whatever opens a connection asks ``permission`` first.
    """

    known_hosts: Path
    identity: Path | None
    permission: Permission


def access_by_record(cmdb: Cmdb, environment: str, permission: Permission, *, folder: Path) -> Access:
    """Give the access to hosts that no lab made.

    The public keys on record in ``cmdb``, which is the trusted base's, are written to
    ``known_hosts-<environment>`` in ``folder``, and the person's SSH agent logs in. Raises UsageError when there
    is no such environment.
    """
    path = folder / f"known_hosts-{environment}"
    fresh = path.with_suffix(".new")
    fresh.write_text(known_hosts_text(cmdb, environment))
    fresh.replace(path)
    return Access(path, None, permission)


def known_hosts_text(cmdb: Cmdb, environment: str) -> str:
    """Give the known_hosts lines of an environment's hosts, from the CMDB, in the order of its files."""
    source = hosts_of(cmdb, environment)
    lines: list[str] = []
    for item in cmdb.config_items:
        keys = item.get("host_keys", {}).get(source, ())
        if keys and source in item.get("addresses", {}):
            lines += [f"{_names(item, source)} {' '.join(key.split()[:2])}" for key in keys]
    return "".join(f"{line}\n" for line in lines)


def _names(item: Entry, source: str) -> str:
    port = item.get("ssh", {}).get("port", _SSH_PORT)
    names = (item.get("addresses")[source], item.id)
    return ",".join(names if port == _SSH_PORT else [f"[{name}]:{port}" for name in names])
