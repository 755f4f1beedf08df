"""The checks of a PostgreSQL pair: how they ask. What they find is tested on the lab's hosts."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import testinfra

CHECKS = Path(__file__).parents[2] / "playbooks/checks/postgresql.py"


def test_psql_is_run_from_a_folder_that_its_user_may_enter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("postgresql_checks", CHECKS)
    assert spec is not None
    assert spec.loader is not None
    checks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(checks)
    program = tmp_path / "runuser"
    program.write_text("#!/bin/sh\necho 'server is down' >&2\npwd >&2\nexit 2\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(checks.CannotTell, match=r"port 5432: server is down\n/$"):
        checks.is_primary(testinfra.get_host("local://"), 5432)
