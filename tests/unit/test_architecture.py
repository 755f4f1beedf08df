"""The rules of the design that code can hold itself to."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from drillbook.errors import DrillbookError, ExitCode

ROOT = Path(__file__).parents[2]
ENGINE = ROOT / "src/drillbook"

# From left to right, as the data flow; a stage imports only what stands before it. What stands in the
# package's own folder is the base of all.
STAGES = (
    "repo", "signing", "ledger", "cmdb", "coverage", "runbook", "artifacts", "plan", "change", "hosts", "facts",
    "journal", "execution", "evidence", "lab", "drill", "schedule", "review", "audit", "estate", "console", "tasks",
)  # fmt: skip

MODULES = sorted(path for path in ENGINE.rglob("*.py") if "programs" not in path.parts)
NAMES = [path.relative_to(ENGINE).as_posix() for path in MODULES]


def stage_of(path: Path) -> int:
    """Give the place of a module's stage; -1 for the base. What ``python -m`` runs stands after all."""
    parts = path.relative_to(ENGINE).parts
    if parts == ("__main__.py",):
        return len(STAGES)
    return STAGES.index(parts[0]) if len(parts) > 1 else -1


def imported(path: Path) -> set[str]:
    """Give the modules that a module imports, anywhere in it, for types too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            base = node.module or ""
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names if base.startswith("drillbook")}
    return found


def test_every_folder_is_a_stage() -> None:
    folders = {path.name for path in ENGINE.iterdir() if (path / "__init__.py").is_file()}
    assert folders <= set(STAGES)


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_imports_follow_the_arrows(path: Path) -> None:
    own = stage_of(path)
    for name in imported(path):
        parts = name.split(".")
        if parts[0] != "drillbook" or len(parts) == 1 or parts[1] not in STAGES:
            continue
        assert STAGES.index(parts[1]) <= own, f"{path.relative_to(ROOT)} imports {name}, which comes later"


# The same within the largest stage.
PARTS_OF_A_CHANGE = ("records", "trust", "gate")
OF_A_CHANGE = [path for path in MODULES if path.parent.parent == ENGINE / "change"]


@pytest.mark.parametrize("path", OF_A_CHANGE, ids=[path.relative_to(ENGINE).as_posix() for path in OF_A_CHANGE])
def test_the_parts_of_a_change_follow_one_another(path: Path) -> None:
    own = PARTS_OF_A_CHANGE.index(path.parent.name)
    for name in imported(path):
        if name.startswith("drillbook.change."):
            assert PARTS_OF_A_CHANGE.index(name.split(".")[2]) <= own, f"{path.name} imports {name}, which comes later"


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


# What could reach a file, a host, a process, the time or chance.
IMPURE = {
    "asyncio", "datetime", "drillbook.clock", "fabric", "getpass", "glob", "http", "importlib", "io", "jinja2",
    "mmap", "multiprocessing", "os", "paramiko", "pathlib", "random", "requests", "secrets", "select", "shutil",
    "signal", "socket", "ssl", "subprocess", "sushy", "sys", "tempfile", "testinfra", "threading", "time", "urllib",
    "uuid", "yaml",
}  # fmt: skip
IMPURE_NAMES = {"open", "input", "print", "exec", "eval", "compile", "__import__", "breakpoint"}
IMPURE_CALLS = {"read_text", "read_bytes", "write_text", "write_bytes", "connect", "system", "popen", "urlopen"}
PLAN = sorted((ENGINE / "plan").glob("*.py"))


def impurities(source: str) -> list[str]:
    """Give what in a module could touch the world."""
    found = []
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        found += [name for name in names if name in IMPURE or name.split(".")[0] in IMPURE]
        if isinstance(node, ast.Name) and node.id in IMPURE_NAMES:
            found.append(node.id)
        if isinstance(node, ast.Attribute) and node.attr in IMPURE_CALLS:
            found.append(node.attr)
    return found


@pytest.mark.parametrize("path", PLAN, ids=[path.name for path in PLAN])
def test_the_planner_touches_nothing(path: Path) -> None:
    assert impurities(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import socket", "from os import path", "import urllib.request", "open('x')", "from pathlib import Path",
        "p.read_text()", "from drillbook import clock", "from time import time", "__import__('os')",
    ],
)  # fmt: skip
def test_the_search_for_what_touches_the_world_finds_it(source: str) -> None:
    assert impurities(source)


def test_the_planner_reads_no_stage_but_its_own_inputs() -> None:
    for path in PLAN:
        for name in imported(path):
            stage = name.split(".")[1] if name.startswith("drillbook.") else None
            assert stage not in {"artifacts", "change", "hosts", "facts", "journal", "execution"}, (path, name)
            assert not re.match(r"drillbook\.(cmdb|runbook)\.(load|library|includes|inventory)", name), (path, name)


def subclasses(of: type) -> set[type]:
    direct = set(of.__subclasses__())
    return direct.union(*(subclasses(each) for each in direct))


def test_every_error_is_in_one_tree_and_has_a_code_of_the_table() -> None:
    for error in subclasses(DrillbookError):
        if error.__module__.startswith("drillbook"):
            assert isinstance(error.exit_code, ExitCode)  # type: ignore[attr-defined]
            assert error.__name__ in (ENGINE / "errors.py").read_text(), (
                f"{error.__name__} is not in the tree's drawing"
            )


def test_every_exception_class_is_of_the_tree_or_is_caught_in_its_own_stage() -> None:
    """An exception that is no DrillbookError never leaves the stage that defines it."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ClassDef) or path.name == "errors.py":
                continue
            bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
            if not bases & {"Exception", "ValueError", "RuntimeError", "OSError", "BaseException"}:
                continue
            stage = path.parent if path.parent != ENGINE else None
            users = [other for other in MODULES if re.search(rf"\b{node.name}\b", other.read_text(encoding="utf-8"))]
            catchers = [other for other in users if re.search(rf"except [^\n]*\b{node.name}\b", other.read_text())]
            assert catchers, f"{node.name} of {path.name} is caught nowhere"
            assert stage is not None


def readme_table() -> dict[int, tuple[str, str]]:
    """Give the rows of the README's table of exit codes: code, name, meaning."""
    rows = re.findall(
        r"^\|\s*(\d+)\s*\|\s*`?([^|`]+?)`?\s*\|\s*(.+?)\s*\|$", (ROOT / "README.md").read_text(), re.MULTILINE
    )
    return {int(code): (name, meaning) for code, name, meaning in rows}


def test_the_readme_has_the_table_of_exit_codes() -> None:
    assert readme_table() == {int(code): (code.name, code.meaning) for code in ExitCode}
