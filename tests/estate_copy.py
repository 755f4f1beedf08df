"""A copy of the shipped estate without its engine: what tasks of the CMDB read, and the places that policy names."""

from __future__ import annotations

import shutil
from pathlib import Path

from drillbook.cmdb.load import load

ROOT = Path(__file__).parents[1]


def copy_estate(into: Path) -> Path:
    """Copy it into a folder that is there; places of the engine are there, and empty."""
    for name in ("cmdb.yaml", "cmdb.d", "inventories", "playbooks", "runbooks"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, into / name)
    for rule in load(into).policies["approvals"].get("rules").values():
        for place in rule.get("paths", ()):
            path = into / place
            if place.endswith("/"):
                path.mkdir(parents=True, exist_ok=True)
            elif not path.exists():
                path.touch()
    return into
