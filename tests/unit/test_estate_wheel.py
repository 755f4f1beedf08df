"""The wheel: it holds all that is needed, names what it depends on, and knows no estate."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from email.parser import Parser
from importlib.metadata import packages_distributions
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

import drillbook
from drillbook.cmdb.load import load
from drillbook.estate.content import content
from tests.estate_names import ALLOWED, names_of
from tests.wheel import ROOT, build_wheel

if TYPE_CHECKING:
    from email.message import Message

pytestmark = pytest.mark.slow  # each test starts processes, or waits for one

ENGINE = ROOT / "src/drillbook"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ONLY_HERE = {"drillbook/tasks/test.py", "drillbook/tasks/side_by_side.py", "drillbook/tasks/campaign.py"}
INFO = f"drillbook-{drillbook.__version__}.dist-info"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    return ZipFile(build_wheel(tmp_path_factory.mktemp("wheel")))


@pytest.fixture(scope="module")
def metadata(wheel: ZipFile) -> Message:
    return Parser().parsestr(wheel.read(f"{INFO}/METADATA").decode())


def test_it_holds_every_file_of_the_engine(wheel: ZipFile) -> None:
    files = {
        f"drillbook/{path.relative_to(ENGINE).as_posix()}": path.read_bytes()
        for path in ENGINE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {"drillbook/py.typed", "drillbook/hosts/agent.sh", "drillbook/cmdb/schema.json"} <= set(files)
    for name, data in files.items():
        assert (name in wheel.namelist()) == (name not in ONLY_HERE), name
        assert name in ONLY_HERE or wheel.read(name) == data, name


def test_it_holds_what_a_new_estate_starts_from(wheel: ZipFile) -> None:
    assert {name for name in wheel.namelist() if name.startswith("drillbook/estate/content/")} == {
        f"drillbook/estate/content/{name}" for name in content()
    }


def test_it_holds_nothing_else(wheel: ZipFile) -> None:
    info = {f"{INFO}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")}
    others = {name for name in wheel.namelist() if not name.startswith("drillbook/")}
    assert others == info
    assert wheel.read(f"{INFO}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()


def test_it_says_what_it_is(wheel: ZipFile, metadata: Message) -> None:
    assert (metadata["Name"], metadata["Version"]) == ("drillbook", drillbook.__version__)
    assert metadata["Requires-Python"] == PROJECT["requires-python"]
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert "drillbook estate.new" in metadata.get_payload()
    assert "drillbook = drillbook.tasks.program:main" in wheel.read(f"{INFO}/entry_points.txt").decode()
    assert len(metadata.get_all("Requires-Dist")) == len(PROJECT["dependencies"])


def test_it_knows_no_estate(wheel: ZipFile) -> None:
    names = names_of(load(ROOT)).without(*ALLOWED)
    for file in wheel.namelist():
        assert not set(names.found(wheel.read(file).decode())), file


def imported(source: str) -> set[str]:
    """Give the top names of the modules that a source imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def test_it_names_all_that_it_imports() -> None:
    declared = {re.split("[<>=]", line)[0] for line in PROJECT["dependencies"]}
    distributions = packages_distributions()
    for path in sorted(ENGINE.rglob("*.py")):
        if "programs" in path.parts:
            continue  # they run on the hosts, with what those have
        for name in imported(path.read_text(encoding="utf-8")) - sys.stdlib_module_names - {"drillbook"}:
            given = {each.lower().replace("_", "-") for each in distributions.get(name, ())}
            assert given & declared, f"{path.relative_to(ROOT)} imports {name}, which pyproject.toml does not name"
