"""The tasks as a person types them: what they print, and their exit codes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from drillbook.canonical import digest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests/plan_cases"


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("estate")
    shutil.copytree(CASES / "estate", folder, dirs_exist_ok=True)
    (folder / "runbooks").mkdir()
    for path in [*CASES.glob("failback/RB-*.yaml"), *CASES.glob("failover/RB-*.yaml")]:
        shutil.copy(path, folder / "runbooks")
    (folder / "runbooks/RB-BROKEN.yaml").write_text("runbook: [")
    return folder


def inv(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "invoke", "--search-root", str(ROOT), *arguments],
        cwd=folder, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_plan(estate: Path) -> None:
    done = inv(estate, "runbooks.plan", "RB-FAILBACK", "--env", "site", "--param", "pair=pair")
    assert done.returncode == 0, done.stderr
    assert "$ systemctl stop core.service" in done.stdout
    assert "5. switch/promote  Promote" in done.stdout


def test_plan_as_json_is_what_is_digested(estate: Path) -> None:
    arguments = ("runbooks.plan", "RB-FAILOVER", "--env", "site", "--param", "pair=pair", "--param", "primary=db-2")
    value = json.loads(inv(estate, *arguments, "--json").stdout)
    assert value["roles"] == {"primary": "db-2", "standby": "db-1", "watch": "watch-1"}
    assert digest(value) in inv(estate, *arguments).stdout
    assert digest(value) in inv(estate, *arguments, "--markdown").stdout


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        (("runbooks.show", "--help"), "runbooks.show"),
        (("cmdb.impact", "-h"), "cmdb.impact"),
        (("drills.run", "--lang", "zh", "--help"), "drills.run"),
        (("estate.new", "--help"), "estate.new"),
    ],
)
def test_help_after_a_command_is_help_and_not_its_value(typed: tuple[str, ...], command: str, tmp_path: Path) -> None:
    asked, before = inv(tmp_path, *typed), inv(tmp_path, "--help", command)
    assert before.stdout.startswith("Usage: ")
    assert (asked.returncode, asked.stdout, asked.stderr) == (0, before.stdout, "")


def test_show_in_chinese(estate: Path) -> None:
    done = inv(estate, "runbooks.show", "RB-FAILOVER", "--lang", "zh")
    assert done.returncode == 0
    assert "何时使用" in done.stdout
    assert "standby$ psql -p {protection.settings.port}" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("runbooks.list",), 3, "runbooks/RB-BROKEN.yaml:1: yaml-syntax"),
        (("runbooks.show", "RB-BROKEN"), 3, "runbooks/RB-BROKEN.yaml:1: yaml-syntax"),
        (("runbooks.show", "RB-FAILOVR"), 2, "did you mean 'RB-FAILOVER'"),
        (("runbooks.show", "RB-FAILOVER", "--lang", "fr"), 2, "--lang en or --lang zh"),
        (("runbooks.plan", "RB-FAILOVER", "--env", "site"), 2, "needs the parameter pair"),
        (("runbooks.plan", "RB-FAILOVER", "--env", "site", "--param", "pair"), 2, "name=value"),
        (("runbooks.plan", "RB-FAILOVER", "--param", "pair=pair"), 2, "no environment of kind lab"),
        (("runbooks.plan", "RB-FAILOVER", "--env", "site", "--param", "pair=pair", "--param", "primary=watch-1"), 2,
         "the parameter 'primary' of RB-FAILOVER is 'watch-1', which is no member of the protection pair"),
        (("runbooks.plan", "RB-FAILOVER", "--env", "site", "--param", "pair=pear"), 2, "there is no such protection"),
    ],
)  # fmt: skip
def test_exit_codes(arguments: tuple[str, ...], code: int, words: str, estate: Path) -> None:
    done = inv(estate, *arguments)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_list(estate: Path, tmp_path: Path) -> None:
    shutil.copytree(estate, tmp_path, dirs_exist_ok=True)
    (tmp_path / "runbooks/RB-BROKEN.yaml").unlink()
    done = inv(tmp_path, "runbooks.list")
    assert done.returncode == 0
    for name in ("RB-FAILBACK", "RB-FAILOVER", "RB-SWITCH", "[primary]"):
        assert name in done.stdout
