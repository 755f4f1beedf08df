"""Sealing: one digest for one content, a copy that is the same bytes, and nothing from outside."""

from __future__ import annotations

import os
import shutil
import socket
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from drillbook.artifacts import seal as module
from drillbook.artifacts.seal import digest_of, seal
from drillbook.errors import InvalidInput, MissingPrerequisite, Refused

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "estate/playbooks"
    (folder / "roles/base/tasks").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "site.yml").write_text("- hosts: all\n")
    (folder / "roles/base/tasks/main.yml").write_text("[]\n")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "roles/base/link.yml").symlink_to("../../site.yml")
    return folder.parent


def test_the_copy_is_the_tree_read_only_and_whole(root: Path, tmp_path: Path) -> None:
    sealed = seal(root, tmp_path / "run")
    assert sealed.path == tmp_path / "run"
    assert sealed.digest == digest_of(root)
    assert (sealed.path / "site.yml").read_text() == "- hosts: all\n"
    assert (sealed.path / "roles/base/link.yml").readlink() == Path("../../site.yml")
    modes = {
        path.relative_to(sealed.path).as_posix(): stat.S_IMODE(path.lstat().st_mode)
        for path in sealed.path.rglob("*")
        if not path.is_symlink()
    }
    assert modes == {
        "roles": 0o555, "roles/base": 0o555, "roles/base/tasks": 0o555, "roles/base/tasks/main.yml": 0o444,
        "run.sh": 0o555, "site.yml": 0o444,
    }  # fmt: skip
    sealed.verify()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["estate", "run"]


def test_the_digest_does_not_depend_on_times_modes_owners_or_caches(root: Path, tmp_path: Path) -> None:
    before = digest_of(root)
    folder = root / "playbooks"
    os.utime(folder / "site.yml", (1, 1))
    (folder / "site.yml").chmod(0o600)
    (folder / "run.sh").chmod(0o700)
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__/x.pyc").write_bytes(b"x")
    assert digest_of(root) == before
    shutil.copytree(root, tmp_path / "other", symlinks=True)
    assert digest_of(tmp_path / "other") == before
    assert not (seal(root, tmp_path / "run").path / "__pycache__").exists()


CHANGES: list[Callable[[Path], object]] = [
    lambda top: (top / "site.yml").write_text("- hosts: none\n"),
    lambda top: (top / "new.yml").write_text(""),
    lambda top: (top / "site.yml").unlink(),
    lambda top: (top / "site.yml").rename(top / "cite.yml"),
    lambda top: (top / "site.yml").chmod(0o755),
    lambda top: (top / "run.sh").chmod(0o644),
    lambda top: (top / "roles/base/tasks/main.yml").rename(top / "main.yml"),
    lambda top: ((top / "roles/base/link.yml").unlink(), (top / "roles/base/link.yml").symlink_to("../../run.sh")),
    lambda top: ((top / "site.yml").unlink(), (top / "site.yml").symlink_to("run.sh")),
]


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_of_content_is_another_digest(change: Callable[[Path], object], root: Path) -> None:
    before = digest_of(root)
    shutil.rmtree(root / "playbooks/roles/base/empty", ignore_errors=True)
    if (root / "playbooks/roles/base/link.yml").is_symlink() and change in CHANGES[2:4]:
        (root / "playbooks/roles/base/link.yml").unlink()  # or it would lead nowhere
        before = digest_of(root)
    change(root / "playbooks")
    assert digest_of(root) != before


CHANGED_COPIES: list[Callable[[Path], object]] = [
    *(change for index, change in enumerate(CHANGES) if index not in {2, 3}),
    lambda top: ((top / "__pycache__").mkdir(), (top / "__pycache__/site.pyc").write_bytes(b"evil")),
    shutil.rmtree,
]


@pytest.mark.parametrize("change", CHANGED_COPIES)
def test_a_changed_copy_is_refused(change: Callable[[Path], object], root: Path, tmp_path: Path) -> None:
    sealed = seal(root, tmp_path / "run")
    for folder, _, _ in os.walk(sealed.path):
        Path(folder).chmod(0o755)
    for path in sealed.path.rglob("*"):
        if path.is_file() and not path.is_symlink() and not os.access(path, os.X_OK):
            path.chmod(0o644)
    sealed.verify()
    change(sealed.path)
    with pytest.raises(Refused, match="sealed copy"):
        sealed.verify()


BAD: list[tuple[str, Callable[[Path], object]]] = [
    ("outside playbooks/", lambda top: (top / "evil").symlink_to("/etc/passwd")),
    ("outside playbooks/", lambda top: (top / "evil").symlink_to("../../estate")),
    ("outside playbooks/", lambda top: (top / "evil").symlink_to((top / "site.yml").resolve())),
    ("does not exist", lambda top: (top / "evil").symlink_to("nothing")),
    ("does not exist", lambda top: (top / "evil").symlink_to("evil")),
    ("neither a file nor", lambda top: os.mkfifo(top / "evil")),
    ("hides what it is", lambda top: (top / "a\u202eb.yml").write_text("")),
    ("hides what it is", lambda top: (top / "a\nb.yml").write_text("")),
    ("at most", lambda top: (top / "big").write_bytes(b"x" * 101)),
    ("nested over", lambda top: (top / "/".join("d" * 50)).mkdir(parents=True)),
    ("is not sealed", lambda top: ((top / "__pycache__").mkdir(), (top / "x").symlink_to("__pycache__"))),
    ("does not exist", shutil.rmtree),
]


@pytest.mark.parametrize(("words", "spoil"), BAD)
def test_what_cannot_be_sealed(
    words: str, spoil: Callable[[Path], object], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 100)
    spoil(root / "playbooks")
    for attempt in (lambda: digest_of(root), lambda: seal(root, tmp_path / "run")):
        with pytest.raises(InvalidInput) as refused:
            attempt()
        assert words in refused.value.findings[0].message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["estate"]


def test_a_socket_and_a_loop_are_said_together(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root / "playbooks")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        (root / "playbooks/loop").symlink_to("loop")
        with pytest.raises(InvalidInput) as refused:
            digest_of(root)
    assert len(refused.value.findings) == 2


@pytest.mark.parametrize(("limit", "value"), [("MAX_FILES", 2), ("MAX_BYTES", 20)])
def test_limits_of_the_whole(limit: str, value: int, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, limit, value)
    with pytest.raises(InvalidInput, match="1 finding"):
        digest_of(root)


def test_sealing_again_for_a_resumed_run(root: Path, tmp_path: Path) -> None:
    first = seal(root, tmp_path / "run")
    assert seal(root, tmp_path / "run") == first
    (root / "playbooks/site.yml").write_text("changed\n")
    with pytest.raises(Refused, match="was changed"):
        seal(root, tmp_path / "run")


def test_no_room_leaves_nothing_behind(root: Path, tmp_path: Path) -> None:
    (tmp_path / "run-folder").write_text("a file where a folder must be")
    with pytest.raises(MissingPrerequisite) as refused:
        seal(root, tmp_path / "run-folder/artifacts")
    assert "df -h" in refused.value.remedy
    assert sorted(path.name for path in tmp_path.iterdir()) == ["estate", "run-folder"]


def test_a_crash_in_the_middle_is_not_taken_for_a_copy(root: Path, tmp_path: Path) -> None:
    left = tmp_path / f"run.part-{os.getpid()}"
    (left / "roles").mkdir(parents=True)
    (left / "roles/half.yml").write_text("half")
    sealed = seal(root, tmp_path / "run")
    assert sealed.digest == digest_of(root)
    assert not left.exists()
