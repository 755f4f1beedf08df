"""The checks of a cold spare, asked of a real shell: what is read off what it prints."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import testinfra

CHECKS = Path(__file__).parents[2] / "playbooks/checks/spare.py"
COLD = "./etc|d|755|root|root\n./etc/passwd|f|644|root|root|9|1.0|\n"


@pytest.fixture
def spare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module, with a folder for what a promotion keeps, and a host that is called spare and runs nothing."""
    spec = importlib.util.spec_from_file_location("spare_checks", CHECKS)
    assert spec is not None
    assert spec.loader is not None
    checks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(checks)
    monkeypatch.setattr(checks, "STANDBY", str(tmp_path / "standby"))
    for name, said in (("hostname", "spare"), ("ip", "2: eth0 inet 192.0.2.9/24"), ("systemctl", "inactive")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho '{said}'\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    kept = tmp_path / "standby/my-web"
    kept.mkdir(parents=True)
    (kept / "cold").write_text(COLD)
    return checks


def is_cold(spare: Any) -> None:
    spare.is_cold(
        testinfra.get_host("local://"), protection="my-web", item="spare", units=["web.service"],
        address="192.0.2.1", interface="eth0", places="/var/log/web",
    )  # fmt: skip


def manifest(tmp_path: Path, script: str) -> None:
    (tmp_path / "standby/my-web/manifest.sh").write_text(script)


def test_a_spare_with_the_same_files_is_cold(spare: Any, tmp_path: Path) -> None:
    manifest(tmp_path, f"printf '%s' '{COLD}'")
    is_cold(spare)


def test_files_that_stay_different_are_all_named_and_not_waited_for(spare: Any, tmp_path: Path) -> None:
    manifest(tmp_path, f"printf '%s' '{COLD}./etc/squid|d|755|root|root\n./srv/www|d|755|root|root\n'")
    with pytest.raises(spare.WillNot, match=r"^not as it was when cold: ./etc/squid, ./srv/www$"):
        is_cold(spare)


def test_many_files_are_counted(spare: Any, tmp_path: Path) -> None:
    manifest(tmp_path, f"printf '%s' '{COLD}'; seq -f './srv/%03g|f' 1 23")
    with pytest.raises(spare.WillNot, match=r"./srv/020 and 3 more$"):
        is_cold(spare)


def test_a_file_that_goes_away_by_itself_is_no_difference(spare: Any, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    manifest(tmp_path, f"printf '%s' '{COLD}'; [ -e {asked} ] || echo './srv/web.pid|f'; : > {asked}")
    is_cold(spare)
    assert asked.exists()


def test_a_service_that_still_stops_is_waited_for(spare: Any, tmp_path: Path) -> None:
    manifest(tmp_path, f"printf '%s' '{COLD}'")
    (tmp_path / "systemctl").write_text("#!/bin/sh\necho deactivating\n")
    with pytest.raises(AssertionError, match=r"still running: web\.service") as said:
        is_cold(spare)
    assert not isinstance(said.value, spare.WillNot)


def test_a_spare_without_a_manifest_is_not_told_cold(spare: Any, tmp_path: Path) -> None:
    (tmp_path / "standby/my-web/cold").unlink()
    manifest(tmp_path, "exit 0")
    with pytest.raises(spare.CannotTell, match="cold: No such file"):
        is_cold(spare)
