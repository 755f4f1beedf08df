"""The commands as a careless or hostile person meets them: one clear message, its exit code, no traceback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from drillbook.errors import ExitCode
from tests.estate_copy import copy_estate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
PLAN = ("runbooks.plan", "RB-DB-FAILOVER", "--param", "pair=core-db")


def copy_with_drills(into: Path) -> Path:
    """Copy what an estate is made of, without its state."""
    copy_estate(into)
    shutil.copy(ROOT / "tasks.py", into / "tasks.py")
    (into / "drills").mkdir(exist_ok=True)
    for path in (ROOT / "drills").glob("*.yaml"):
        shutil.copy(path, into / "drills")
    return into


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_with_drills(tmp_path_factory.mktemp("estate"))


def invoke(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "invoke", *command],
        cwd=folder, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def said(done: subprocess.CompletedProcess[str]) -> str:
    text = done.stdout + done.stderr
    assert "Traceback" not in text, text
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        (("drills.run", "nosuch"), ExitCode.USAGE, "there is no drill 'nosuch'"),
        (("drills.run", "../../etc/passwd"), ExitCode.USAGE, "there is no drill"),
        (("drills.run", "core-db-failovr"), ExitCode.USAGE, "core-db-failover"),
        (("runbooks.plan", "RB-NONE"), ExitCode.USAGE, "there is no runbook 'RB-NONE'"),
        (("runbooks.plan", "../RB"), ExitCode.USAGE, "there is no runbook"),
        (("runbooks.plan", "RB-DB-FAILOVER"), ExitCode.USAGE, "needs the parameter pair"),
        ((*PLAN, "--param", "pair=core-db"), ExitCode.USAGE, "given twice"),
        ((*PLAN, "--param", "colour=red"), ExitCode.USAGE, "no parameter 'colour'"),
        ((*PLAN, "--param", "primary"), ExitCode.USAGE, "it must be name=value"),
        ((*PLAN, "--param", "primary=core-db-9"), ExitCode.USAGE, "core-db-9"),
        ((*PLAN, "--param", "primary=mon-1"), ExitCode.USAGE, "no member"),
        ((*PLAN, "--param", "primary=$(reboot)"), ExitCode.USAGE, "$(reboot)"),
        ((*PLAN, "--param", "primary=\u202ecore-db-1"), ExitCode.REFUSED, "U+202E"),
        ((*PLAN, "--env", "mars"), ExitCode.USAGE, "mars"),
        (("runbooks.run", *PLAN[1:], "--env", "production"), ExitCode.REFUSED, "approved change"),
        (("runbooks.run", *PLAN[1:], "--env", "rehearsal"), ExitCode.REFUSED, "approved change"),
        (("runbooks.resume", "20990101"), ExitCode.USAGE, "no run is named"),
        (("runbooks.rollback", "last"), ExitCode.USAGE, "no run is named"),
        (("cmdb.show", "core-db-9"), ExitCode.USAGE, "core-db-1"),
        (("cmdb.impact", "\x1b[31mred"), ExitCode.USAGE, "the CMDB has no"),
        (("cmdb.inventory", "--env", "mars"), ExitCode.USAGE, "mars"),
    ],
    ids=lambda value: (
        " ".join(value)[:40].encode("ascii", "backslashreplace").decode() if isinstance(value, tuple) else None
    ),
)
def test_a_wrong_word_gets_its_message_and_code(
    pristine: Path, command: tuple[str, ...], code: ExitCode, words: str
) -> None:
    done = invoke(pristine, *command)
    assert words in said(done)
    assert done.returncode == code
    assert "\x1b[31mred" not in done.stdout + done.stderr
    assert not (pristine / ".drillbook" / "runs").exists()


def replace(file: str, old: str, new: str) -> Callable[[Path], None]:
    def change(estate: Path) -> None:
        path = estate / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return change


def write(file: str, data: bytes) -> Callable[[Path], None]:
    return lambda estate: (estate / file).write_bytes(data) and None


BOMB = b"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"


CHECK, DRILLS, RUNBOOKS = ("cmdb.check",), ("drills.list",), ("runbooks.list",)
FAILOVER, DRILL = "runbooks/RB-DB-FAILOVER.yaml", "drills/core-db-failover.yaml"


@pytest.mark.parametrize(
    ("change", "command", "words"),
    [
        (write("cmdb.yaml", b""), CHECK, "cmdb.yaml:1:"),
        (write("cmdb.yaml", b"\xff\xfe\x00"), CHECK, "not UTF-8"),
        (write("cmdb.yaml", BOMB), CHECK, "yaml-alias"),
        (write("cmdb.yaml", b"a: !!python/object/apply:os.system [id]\n"), CHECK, "yaml-tag"),
        (write("cmdb.d/core.yaml", b"a: [\n"), CHECK, "cmdb.d/core.yaml:"),
        (write("cmdb.d/core.yaml", b"# " + b"x" * 50_000_000), PLAN, "50,000,002 bytes"),
        (replace("cmdb.d/core.yaml", "class: host", "klass: host"), PLAN, "cmdb.d/core.yaml:"),
        (replace(FAILOVER, "    verb: fence", "    vreb: fence"), PLAN, "RB-DB-FAILOVER.yaml:"),
        (replace(FAILOVER, "on: standby", "on: standbye"), PLAN, "standbye"),
        (replace("runbooks/RB-DB-SWITCHOVER.yaml", "title:", "titel:"), RUNBOOKS, "titel"),
        (replace(DRILL, "service: core-business", "service: core-busines"), DRILLS, "core-busines"),
        (replace(DRILL, "kind: kill", "kind: nuke"), DRILLS, "core-db-failover.yaml:"),
        (lambda e: (e / "playbooks/checks/network.py").unlink(), PLAN, "checks/network.py"),
        (lambda e: (e / "playbooks/checks/evil.py").symlink_to("/etc/passwd"), PLAN, "evil.py"),
    ],
    ids=range(14),
)  # fmt: skip
def test_a_broken_file_gets_its_line_and_nothing_runs(
    tmp_path: Path, change: Callable[[Path], None], command: tuple[str, ...], words: str
) -> None:
    estate = copy_with_drills(tmp_path)
    change(estate)
    done = invoke(estate, *command)
    assert words in said(done)
    assert done.returncode == ExitCode.INVALID
    assert not (estate / ".drillbook" / "runs").exists()


def test_a_mistake_in_another_runbook_is_not_in_the_way(tmp_path: Path) -> None:
    estate = copy_with_drills(tmp_path)
    (estate / "runbooks/RB-DB-SWITCHOVER.yaml").write_text("broken: [\n")
    done = invoke(estate, *PLAN)
    assert "core-db-2" in said(done)
    assert done.returncode == ExitCode.OK


def test_outside_an_estate_the_way_to_one_is_named(tmp_path: Path) -> None:
    shutil.copy(ROOT / "tasks.py", tmp_path)
    done = invoke(tmp_path, "cmdb.check")
    assert "has a cmdb.yaml" in said(done)
    assert "drillbook estate.new" in said(done)
    assert done.returncode == ExitCode.USAGE


@pytest.fixture
def readable() -> Iterator[Path]:
    """A folder that everybody can read: pytest's own are below one that each further pytest closes as it begins."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")
def test_without_the_right_to_write_nothing_runs_and_reading_works(readable: Path) -> None:
    """As another user than the checkout's owner: checks and plans work, a run is refused with the remedy."""
    if any(folder.stat().st_mode & 0o005 != 0o005 for folder in (ROOT, *ROOT.parents)):
        pytest.skip("this checkout lies where another user cannot read it")
    estate = copy_with_drills(readable)
    # This environment's own Python may lie where only its owner can read it; the system's is everybody's.
    packages = os.pathsep.join([sysconfig.get_path("purelib"), str(ROOT / "src")])
    as_nobody = [
        "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
        "env", "HOME=/nonexistent", f"PYTHONPATH={packages}",
    ]  # fmt: skip
    for command, code, words in (
        (PLAN, ExitCode.OK, "core-db-2"),
        (("cmdb.check",), ExitCode.OK, "no findings"),
        (("lab.up",), ExitCode.PREREQUISITE, "sudo ./inv lab.up"),
        (("drills.run", "core-db-failover"), ExitCode.PREREQUISITE, "without a journal nothing is run"),
    ):
        done = subprocess.run(
            [*as_nobody, "/usr/bin/python3", "-m", "invoke", *command],
            cwd=estate, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert words in said(done)
        assert done.returncode == code
