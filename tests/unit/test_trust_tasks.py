"""The tasks of trust, as a person types them, and which engine they run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from drillbook.change.trust.pin import own_folder
from tests.repo_values import commit, git, new_key, new_repository
from tests.trust_values import Estate, new_estate

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def no_trust_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    return new_estate(tmp_path)


def run(root: Path, *argv: str, source: Path = CHECKOUT, **env: str) -> subprocess.CompletedProcess[str]:
    """Run tasks in an estate with an engine's source, with no terminal."""
    return subprocess.run(
        [sys.executable, "-m", "drillbook", *argv],
        cwd=root, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(source / "src"), "COLUMNS": "200", **env},
    )  # fmt: skip


def ok(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def remote(estate: Estate, tmp_path: Path) -> Path:
    git(tmp_path, "clone", "-q", "--bare", str(estate.root), "remote.git")
    return tmp_path / "remote.git"


def test_a_commit_is_pinned_shown_and_moved_forward(tmp_path: Path, estate: Estate) -> None:
    first = estate.head
    folder = own_folder(first)
    (folder / "pin.json").unlink()
    bare = remote(estate, tmp_path)
    done = run(estate.root, "trust.pin", "main", "--remote", "../remote.git")
    assert (done.returncode, (folder / "pin.json").exists()) == (11, False)
    assert "nothing was pinned: there is no terminal" in done.stderr
    said = ok(run(estate.root, "trust.pin", "main", "--remote", "../remote.git", "--yes"))
    for part in (
        first,
        " ".join(first[at : at + 4] for at in range(0, 40, 4)),
        "bob (approve): 1 key",
        "second person",
    ):
        assert part in said
    assert "WARNING" not in said
    pin = json.loads((folder / "pin.json").read_text())
    assert (pin["commit"], pin["remote"]) == (first, str(bare))
    moved = estate.move({"runbooks/notes": "two\n"}, approved_by=["bob"])
    git(estate.root, "push", "-q", str(bare), "main")
    git(estate.root, "reset", "-q", "--hard", first)
    assert "its governed files are the trusted ones" in ok(run(estate.root, "trust.status"))
    said = ok(run(estate.root, "trust.advance"))
    assert f"is {moved[:12]}" not in said
    assert f"{moved[:12]} is trusted now; it was {first[:12]}" in said
    assert "approved by bob" in said
    assert "governed files that differ from the trusted ones (1): runbooks/notes" in ok(
        run(estate.root, "trust.status")
    )
    assert "nothing newer" in ok(run(estate.root, "trust.advance"))


def test_pinning_another_commit_is_warned_of(estate: Estate) -> None:
    first = estate.head
    second = commit(estate.root, {"runbooks/notes": "two\n"})
    said = ok(run(estate.root, "trust.pin", "HEAD", "--yes"))
    assert f"another commit is trusted now: {first}" in said
    assert "forward, past approvals" in said
    said = ok(run(estate.root, "trust.pin", first, "--yes"))
    assert f"another commit is trusted now: {second}" in said
    assert "BACKWARD" in said
    git(estate.root, "checkout", "-q", "-b", "aside", first)
    commit(estate.root, {"runbooks/notes": "three\n"})
    ok(run(estate.root, "trust.pin", second, "--yes"))
    assert "ASIDE" in ok(run(estate.root, "trust.pin", "aside", "--yes"))


def test_a_remote_that_cannot_be_reached_is_said(estate: Estate, tmp_path: Path) -> None:
    estate.pin(remote=str(tmp_path / "nothing.git"))
    done = run(estate.root, "trust.advance")
    assert "gave no branch" in ok(done)
    assert "nothing newer" in done.stdout


@pytest.mark.parametrize(
    ("argv", "code", "why"),
    [
        (("trust.pin", "nothing", "--yes"), 2, "there is no commit 'nothing'"),
        (("trust.pin", "--upload-pack=x", "--yes"), 2, "does not take 'x'"),
        (("trust.pin", "main", "--remote", "ext::sh -c evil", "--yes"), 2, "is no URL"),
        (("trust.pin", "main", "--remote=-x", "--yes"), 2, "is no URL"),
        (("trust.advance", "--to", "nothing"), 2, "there is no commit"),
        (("trust.enrol", "nobody", "KEY"), 2, "people has no 'nobody'"),
        (("trust.enrol", "ann", "missing.pub"), 30, "there is no key in missing.pub"),
        (("trust.enrol", "ann", "KEY"), 4, "this key is ann's already"),
        (("trust.owners",), 4, "nobody who may approve"),
    ],
)
def test_what_cannot_be_is_refused_with_one_message(estate: Estate, argv: tuple[str, ...], code: int, why: str) -> None:
    before = {path: path.read_bytes() for path in estate.root.rglob("*") if path.is_file() and ".git" not in path.parts}
    key = str(estate.keys["ann"].file) + ".pub"
    done = run(estate.root, *(key if word == "KEY" else word for word in argv))
    assert done.returncode == code, done.stderr
    assert why in done.stderr
    assert "Traceback" not in done.stderr
    after = {path: path.read_bytes() for path in estate.root.rglob("*") if path.is_file() and ".git" not in path.parts}
    assert after == before


def test_a_shallow_clone_and_no_repository_are_refused(estate: Estate, tmp_path: Path) -> None:
    commit(estate.root, {"b": "b"})
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{estate.root}", "shallow")
    done = run(tmp_path / "shallow", "trust.pin", "HEAD", "--yes")
    assert (done.returncode, "git fetch --unshallow" in done.stderr) == (4, True)
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain/cmdb.yaml").write_text(estate.cmdb())
    done = run(tmp_path / "plain", "trust.status")
    assert (done.returncode, "is not the folder of a git repository" in done.stderr) == (4, True)


# --- the base's engine


def engine_repository(tmp_path: Path) -> Path:
    """Make a repository of this engine's own files, with an estate that is valid, and pin it."""
    root = tmp_path / "engine"
    names = ("inv", "tasks.py", "pyproject.toml", "requirements.lock", "requirements-uv.lock")
    files: dict[str, bytes] = {name: (CHECKOUT / name).read_bytes() for name in names}
    for path in sorted((CHECKOUT / "src").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            files[path.relative_to(CHECKOUT).as_posix()] = path.read_bytes()
    estate = new_estate(tmp_path / "for-its-cmdb")
    new_repository(
        root, {**files, "cmdb.yaml": estate.cmdb(), "notes/one.yaml": "{}\n", ".gitignore": "__pycache__/\n"}
    )
    (root / "inv").chmod(0o755)
    commit(root, {})
    ok(run(root, "trust.pin", "HEAD", "--yes", source=root))
    return root


def test_the_base_s_engine_judges_and_not_that_of_the_work_tree(tmp_path: Path) -> None:
    root = engine_repository(tmp_path)
    first = git(root, "rev-parse", "HEAD")
    trust = own_folder(git(root, "rev-list", "--max-parents=0", "HEAD"))
    stamp = Path(sys.prefix) / ".complete"
    locks = b"".join((root / name).read_bytes() for name in ("requirements-uv.lock", "requirements.lock"))
    if not stamp.is_file() or stamp.read_bytes().partition(b"\n")[2] != locks:
        pytest.skip("this environment was not built by ./inv from these lock files")
    ran = "x-it-ran"
    evil = (root / "src/drillbook/change/trust/advance.py").read_text() + f"\nopen({ran!r}, 'w')\n"
    commit(root, {"src/drillbook/change/trust/advance.py": evil})
    done = run(root, "trust.advance", source=root)
    assert done.returncode == 4
    assert "no change in changes/ moves the trusted files to these" in done.stderr
    assert not (root / ran).exists(), "the proposal's engine judged"
    assert f"commit   {first}" in ok(run(root, "trust.status", source=root))
    # What the engine left behind lies beside the export, not in it.
    assert not list((trust / "bases").rglob("__pycache__"))


def test_an_engine_that_is_not_what_was_started_is_refused(tmp_path: Path) -> None:
    root = engine_repository(tmp_path)
    pinned = git(root, "rev-parse", "HEAD")
    (root / "src/drillbook/change/more.py").write_text("y = 1\n")
    done = run(root, "trust.advance", DRILLBOOK_AS_BASE=pinned, source=root)
    assert (done.returncode, "another one that runs" in done.stderr) == (4, True)


@pytest.mark.parametrize("named", ["relative", "/nonexistent", ""])
def test_a_named_estate_that_is_none_is_refused(estate: Estate, named: str) -> None:
    done = run(estate.root, "trust.status", DRILLBOOK_ESTATE=named)
    assert (done.returncode, "DRILLBOOK_ESTATE names no estate" in done.stderr) == (2, True)


def test_a_named_estate_is_the_one_that_is_meant(tmp_path: Path, estate: Estate) -> None:
    assert estate.head in ok(run(tmp_path, "trust.status", DRILLBOOK_ESTATE=str(estate.root)))


def test_a_new_key_is_enrolled_and_the_files_of_owners_follow(estate: Estate) -> None:
    for fields in estate.people.values():
        fields["forge"] = "Forge-1"
    commit(estate.root, {"cmdb.yaml": estate.cmdb()})
    key = new_key(estate.root.parent / "keys", "second")
    assert "is a key of dan" in ok(run(estate.root, "trust.enrol", "dan", f"{key.file}.pub"))
    assert run(estate.root, "trust.owners", "--check").returncode == 3
    ok(run(estate.root, "trust.owners"))
    ok(run(estate.root, "trust.owners", "--check"))
    assert f'dan namespaces="drillbook-*" {key.public}\n' in (estate.root / "allowed_signers").read_text()
    (estate.root / "allowed_signers").unlink()
    done = run(estate.root, "trust.owners", "--check")
    assert (done.returncode, "allowed_signers:1: owners: the file is missing" in done.stderr) == (3, True)


def test_with_other_lock_files_the_base_s_own_launcher_is_started(tmp_path: Path) -> None:
    root = engine_repository(tmp_path)
    commit(root, {"requirements.lock": "something-else==1\n"})
    ok(run(root, "trust.pin", "HEAD", "--yes", source=root))
    trust = own_folder(git(root, "rev-list", "--max-parents=0", "HEAD"))
    programs = trust / "venv/bin"
    programs.mkdir(parents=True)
    (programs / "python").symlink_to(sys.executable)
    (programs / "invoke").write_text(f'#!/bin/sh\nexec {sys.executable} -m invoke "$@"\n')
    (programs / "invoke").chmod(0o755)
    locks = "".join((root / name).read_text() for name in ("requirements-uv.lock", "requirements.lock"))
    (trust / "venv/.complete").write_text(f"{trust}\n{locks}")
    commit(root, {"src/drillbook/change/trust/advance.py": "x = 1\n"})
    done = run(root, "trust.advance", source=root)
    assert (done.returncode, "no change in changes/ moves" in done.stderr) == (4, True), done.stderr
    direct = subprocess.run(
        [trust / "base/inv", "trust.status"], cwd=root, capture_output=True, text=True, timeout=120, check=False
    )
    assert "governed files that differ from the trusted ones (1): src/drillbook/change/trust/advance.py" in ok(direct)
    assert not list((trust / "bases").rglob("__pycache__"))
