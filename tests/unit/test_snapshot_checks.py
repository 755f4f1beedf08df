"""Which archives count as snapshots, and that what notes them and what chooses among them agree on it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import testinfra

ROOT = Path(__file__).parents[2]
CHECKS = ROOT / "playbooks/checks/snapshots.py"


@pytest.fixture(scope="module")
def checks() -> Any:
    spec = importlib.util.spec_from_file_location("snapshot_checks", CHECKS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("archive", "counts"),
    [
        ("web-1.20261122T152249Z", True),
        ("db.site-a.20261122T152249Z", True),
        ("spare-1.20261122T152249Z-last", True),
        ("web-1.20261122T152249Z.checkpoint", False),
        ("web-1.20261122T152249Z.recreate", False),
        ("web-1.20261122T152249Z-last-one", False),
        ("web-1.20261122T152249", False),
        ("20261122T152249Z", False),
        ("-x.20261122T152249Z", False),
        ("web-1.20261122T152249Z\n", False),
        ("before-upgrade", False),
    ],
)
def test_only_what_is_named_as_a_snapshot_is_restored(
    checks: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, archive: str, counts: bool
) -> None:
    note = {"archive": archive, "taken": "2001-01-01T00:00:00Z", "verified": "2001-01-01T00:00:00Z", "ok": True}
    (tmp_path / "my-web.jsonl").write_text(json.dumps(note) + "\n")
    monkeypatch.setattr(checks, "NOTES", str(tmp_path))
    host = testinfra.get_host("local://")
    found = [each["archive"] for each in checks.known(host, "my-web")]
    assert found == ([archive] if counts else [])


def test_what_notes_archives_takes_the_same_names(checks: Any) -> None:
    assert f'"{checks._ARCHIVE.pattern}"' in (ROOT / "runbooks/RB-STANDBY-SNAPSHOT.yaml").read_text()
