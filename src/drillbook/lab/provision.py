"""Makes blank hosts what they are, with the estate's own playbook."""

from __future__ import annotations

import json
import secrets
import shutil
from typing import TYPE_CHECKING, Any

from drillbook.errors import StepFailed
from drillbook.hosts.ansible import run_playbook
from drillbook.lab.state import RUN_DIR, STATE_DIR, write_json
from drillbook.source import parse_yaml, plain

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from drillbook.hosts.access import Access
    from drillbook.progress import Phase

_WORK = RUN_DIR / "ansible"
_TIMEOUT = 300.0


def lab_secret() -> str:
    """Give the lab's secret (64 hex digits), made on first use; roles derive each account's password."""
    file = STATE_DIR / "secrets.json"
    if not file.is_file():
        write_json(file, {"lab_secret": secrets.token_hex(32)})
    value: str = json.loads(file.read_text())["lab_secret"]
    return value


def provision(playbook: Path, *, inventory: str, variables: Mapping[str, Any], access: Access, shown: Phase) -> None:
    """Run a playbook over all hosts of an inventory.

    ``inventory`` is its text (YAML); ``access`` is to these hosts; ``variables`` are extra variables and may be
    secret: what ansible-runner writes is removed again. Raises StepFailed with what each host said, Refused for a host
    of the inventory that the lab did not make.
    """
    shutil.rmtree(_WORK, ignore_errors=True)
    try:
        result = run_playbook(
            playbook.name,
            project=playbook.parent,
            inventory=plain(parse_yaml(inventory, shown_as="inventory")),
            variables=variables,
            access=access,
            folder=_WORK,
            timeout=_TIMEOUT,
            on_task=shown.note,
        )
    finally:
        shutil.rmtree(_WORK, ignore_errors=True)
    if not result.succeeded:
        raise StepFailed(
            f"the lab's hosts could not be provisioned with {playbook.name}: {'; '.join(result.failures)}",
            remedy="./inv lab.up --fresh starts from blank hosts",
        )
