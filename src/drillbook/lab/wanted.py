"""The lab that a CMDB describes, before anything is looked at or made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.canonical import digest, digest_bytes
from drillbook.errors import UsageError
from drillbook.lab.image import Recipe
from drillbook.lab.spec import specs_from

if TYPE_CHECKING:
    from pathlib import Path

    from drillbook.cmdb.model import Cmdb
    from drillbook.lab.spec import HostSpec


@dataclass(frozen=True, slots=True)
class Wanted:
    """The lab that the CMDB describes."""

    environment: str
    subnet: str
    specs: tuple[HostSpec, ...]
    image: Recipe
    playbook: str
    inventory: str
    root: Path

    @property
    def recipe(self) -> str:
        """Give the digest of all that the hosts are made from."""
        files = sorted(
            path
            for part in (self.root / "playbooks" / self.playbook, self.root / "playbooks" / "roles")
            for path in ([part] if part.is_file() else part.rglob("*"))
            if path.is_file()
        )
        return digest(
            {
                "image": self.image.tag,
                "subnet": self.subnet,
                "hosts": [[spec.item, spec.address, spec.ssh_port] for spec in self.specs],
                "inventory": self.inventory,
                "playbooks": {str(path.relative_to(self.root)): digest_bytes(path.read_bytes()) for path in files},
            }
        )


def wanted_of(cmdb: Cmdb, environment: str, root: Path) -> Wanted:
    """Give the lab of an environment. Raises UsageError for one that the lab cannot make."""
    from drillbook.cmdb.inventory import inventory_text

    entry = cmdb.environments[environment]
    if entry.get("addresses_of"):
        entry = cmdb.environments[entry.get("addresses_of")]
    if entry.get("kind") != "lab":
        labs = [each.id for each in cmdb.environments if each.get("kind") == "lab"]
        raise UsageError(
            f"'{environment}' is not an environment that the lab can make",
            remedy=f"those are: {', '.join(labs) or 'none'}",
        )
    return Wanted(
        environment=entry.id,
        subnet=cmdb.networks[entry.get("network")].get("subnet"),
        specs=specs_from(cmdb, entry.id),
        image=Recipe.from_fields(entry.get("image")),
        playbook=entry.get("provision"),
        inventory=inventory_text(cmdb, entry.id),
        root=root,
    )
