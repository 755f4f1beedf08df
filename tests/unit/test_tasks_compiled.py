"""What Python compiled of the engine is kept for the next command, although invoke forbids it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.estate_copy import ROOT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("forbidden", "kept"), [(None, True), ("", True), ("1", False)])
def test_it_is_kept_unless_the_user_forbids_it(forbidden: str | None, kept: bool, tmp_path: Path) -> None:
    name = "PYTHONDONTWRITEBYTECODE"
    environment = {key: value for key, value in os.environ.items() if key != name}
    environment |= {"PYTHONPYCACHEPREFIX": str(tmp_path), **({} if forbidden is None else {name: forbidden})}
    subprocess.run(
        [sys.executable, "-m", "invoke", "--list"],
        cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip
    compiled = {path.parent.name for path in tmp_path.rglob("*.pyc") if "drillbook" in path.parts}
    assert ("tasks" in compiled) is kept
