"""``./inv``: when it starts invoke, and when it builds the environment anew. Nothing is installed here."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements-uv.lock", "requirements.lock")
BUILDS = "building .venv from requirements.lock"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Give a checkout whose environment is complete, with an invoke that says where it is and what it was given."""
    here = tmp_path / "a place"
    programs = here / ".venv/bin"
    programs.mkdir(parents=True)
    for name in ("inv", *LOCKS):
        shutil.copy(ROOT / name, here / name)
    for name, text in (("invoke", '#!/bin/sh\npwd\nprintf "%s\\n" "$@"\n'), ("python", "#!/bin/sh\n")):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    _stamp(here)
    return here


def _stamp(here: Path) -> None:
    (here / ".venv/.complete").write_text(f"{here}\n" + "".join((here / name).read_text() for name in LOCKS))


def _run(*argv: str, cwd: Path, tools: Path) -> subprocess.CompletedProcess[str]:
    """Run with a python3 that refuses to make environments."""
    tools.mkdir(exist_ok=True)
    (tools / "python3").write_text("#!/bin/sh\ncase $* in *venv\\ *) echo refused >&2; exit 1;; esac\n")
    (tools / "python3").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "CDPATH": "/tmp:/"}
    return subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("how", ["inside", "by sh", "above", "absolute", "by a link", "deep"])
def test_it_starts_invoke_in_its_own_place(how: str, place: Path, tmp_path: Path) -> None:
    (place / "deep").mkdir()
    (tmp_path / "link").symlink_to(place)
    argv, cwd = {
        "inside": (["./inv"], place),
        "by sh": (["sh", "inv"], place),
        "above": (["a place/inv"], tmp_path),
        "absolute": ([str(place / "inv")], Path("/")),
        "by a link": (["link/inv"], tmp_path),
        "deep": (["../inv"], place / "deep"),
    }[how]
    done = _run(*argv, "x", "--y", "a b", "", cwd=cwd, tools=tmp_path / "tools")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{place}\nx\n--y\na b\n\n"


def _other_lock(here: Path) -> Path:
    lock = here / "requirements.lock"
    lock.write_text(lock.read_text() + "\n")
    os.utime(lock, (0, 0))  # older than the environment: what counts is what stands in it
    return here


def _moved(here: Path) -> Path:
    return here.rename(here.with_name("elsewhere"))


def _interrupted(here: Path) -> Path:
    (here / ".venv/.complete").unlink()
    return here


def _no_python(here: Path) -> Path:
    (here / ".venv/bin/python").unlink()
    return here


@pytest.mark.parametrize("change", [_other_lock, _moved, _interrupted, _no_python])
def test_it_builds_anew_after_a_change(change, place: Path, tmp_path: Path) -> None:
    here = change(place)
    done = _run("./inv", "--list", cwd=here, tools=tmp_path / "tools")
    assert done.returncode != 0, "the build was refused"
    assert BUILDS in done.stderr
    assert done.stdout == ""
    assert not (here / ".venv/.complete").exists()


def test_of_an_exported_base_it_stays_where_it_was_called_and_writes_beside_the_export(tmp_path: Path) -> None:
    trust = tmp_path / "config/drillbook/trust/0123"
    base = trust / "bases/4567"
    base.mkdir(parents=True)
    for name in ("inv", *LOCKS):
        shutil.copy(ROOT / name, base / name)
    (trust / "base").symlink_to("bases/4567")
    programs = trust / "venv/bin"
    programs.mkdir(parents=True)
    said = '#!/bin/sh\npwd\nprintf "%s\\n" "$PYTHONPATH" "$PYTHONPYCACHEPREFIX" "$PYTHONSAFEPATH" "$@"\n'
    for name, text in (("invoke", said), ("python", "#!/bin/sh\n")):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    locks = "".join((base / name).read_text() for name in LOCKS)
    (trust / "venv/.complete").write_text(f"{trust}\n{locks}")
    estate = tmp_path / "estate"
    estate.mkdir()
    done = _run(str(trust / "base/inv"), "trust.status", cwd=estate, tools=tmp_path / "tools")
    assert (done.returncode, done.stderr) == (0, "")
    wanted = [estate, f"{base}/src", trust / "pycache", 1, "--search-root", base, "trust.status"]
    assert done.stdout == "".join(f"{each}\n" for each in wanted)
    (trust / "venv/.complete").unlink()
    done = _run(str(trust / "base/inv"), "trust.status", cwd=estate, tools=tmp_path / "tools")
    assert BUILDS in done.stderr
    assert sorted(path.name for path in base.iterdir()) == sorted(["inv", *LOCKS])
