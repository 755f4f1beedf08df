"""Copies of the shipped estate: without its engine what tasks read, or the whole checkout with it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from drillbook.cmdb.load import load

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.repo_values import Key

ROOT = Path(__file__).resolve().parents[1]
NO_CACHES = shutil.ignore_patterns("__pycache__", "*.pyc", ".*_cache", ".ansible")
"""For copies: what Python, linters and Ansible leave beside the source is no part of it."""


def copy_parts(into: Path, *names: str) -> None:
    """Copy some files and folders of this checkout into a folder that is there."""
    for name in names:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, into / name, ignore=NO_CACHES)
        else:
            shutil.copy(source, into / name)


def copy_estate(into: Path) -> Path:
    """Copy it into a folder that is there; places of the engine are there, and empty."""
    copy_parts(into, "cmdb.yaml", "cmdb.d", "inventories", "playbooks", "runbooks")
    for rule in load(into).policies["approvals"].get("rules").values():
        for place in rule.get("paths", ()):
            path = into / place
            if place.endswith("/"):
                path.mkdir(parents=True, exist_ok=True)
            elif not path.exists():
                path.touch()
    return into


def copy_checkout(into: Path) -> Path:
    """Copy what is tracked or new in this checkout, without its changes and records, into a folder that is made."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        source = ROOT / name
        if not name.startswith(("changes/", "drills/records/")) and (source.is_file() or source.is_symlink()):
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, into / name, follow_symlinks=False)
    return into


def give_keys(root: Path, keys: Mapping[str, Key]) -> None:
    """Write people's public keys into the estate's CMDB."""
    people = root / "cmdb.d/people.yaml"
    text = people.read_text()
    for name, key in keys.items():
        text, count = re.subn(rf"(?m)^  {name}:\n", f"  {name}:\n    signing_keys: [{key.public}]\n", text)
        assert count == 1, name
    people.write_text(text)
