"""The digest of a tree says all that a tree says; its copy leads nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drillbook.errors import Refused
from drillbook.repo.git import Repository
from drillbook.repo.tree import digest_of_entries, export, folder_digest, tree_digest
from tests.repo_values import commit, git, new_repository

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    new_repository(tmp_path / "estate", {"a.txt": "one\n", "src/b.py": "b\n", "src/run": "#!/bin/sh\n"})
    return tmp_path / "estate"


def digest(root: Path) -> str:
    repo = Repository(root)
    return tree_digest(repo, repo.head())


def raw_tree(root: Path, *entries: tuple[str, str, str, str]) -> str:
    """Commit a tree that no work tree could have: (mode, kind, object, name) each."""
    listed = b"".join(f"{mode} {kind} {oid}\t{name}".encode() + b"\0" for mode, kind, oid, name in entries)
    tree = git(root, "mktree", "-z", "--missing", stdin=listed)
    return git(root, "commit-tree", tree, "-m", "raw")


def forged_tree(root: Path, *entries: tuple[str, str, str]) -> str:
    """As ``raw_tree``, of (mode, object, name), past the checks of mktree."""
    raw = b"".join(f"{mode} {name}".encode() + b"\0" + bytes.fromhex(oid) for mode, oid, name in entries)
    tree = git(root, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=raw)
    return git(root, "commit-tree", tree, "-m", "forged")


def blob(root: Path, content: str) -> str:
    return git(root, "hash-object", "-w", "--stdin", stdin=content.encode())


def test_every_path_mode_and_byte_of_governed_files_counts(root: Path) -> None:
    seen = {digest(root)}
    for change in (
        lambda: commit(root, {"a.txt": "two\n"}),
        lambda: commit(root, {"a.txt": None, "b.txt": "two\n"}),
        lambda: (root / "src/run").chmod(0o755),
        lambda: commit(root, {"src/empty": ""}),
        lambda: (root / "link").symlink_to("b.txt"),
    ):
        change()
        commit(root, {})
        assert digest(root) not in seen
        seen.add(digest(root))


def test_free_files_do_not_count_and_names_beside_them_do(root: Path) -> None:
    before = digest(root)
    commit(root, {"changes/CHG-2026-0001/request.json": "{}", "drills/records/x/record.json": "{}"})
    assert digest(root) == before
    commit(root, {"changes.txt": "x"})
    assert digest(root) != before


def test_the_digest_can_be_of_a_part(root: Path) -> None:
    commit(root, {"requirements.lock": "1", "requirements-uv.lock": "2", "deep/requirements.lock": "3"})
    repo = Repository(root)

    def part(*only: str) -> str:
        return tree_digest(repo, repo.head(), only=only)

    both = part("requirements*.lock")
    assert part("src/") != both
    assert both == part("requirements.lock", "requirements-uv.lock") != part("requirements.lock")
    assert part("src") == digest_of_entries([])


def test_the_copy_has_the_digest_of_the_commit(tmp_path: Path, root: Path) -> None:
    (root / "src/run").chmod(0o755)
    (root / "src/link").symlink_to("../a.txt")
    head = commit(root, {"changes/x": "x", ".gitattributes": "*.txt text eol=crlf\n"})
    repo = Repository(root)
    export(repo, head, tmp_path / "copy")
    export(repo, head, tmp_path / "governed", governed=True)
    assert folder_digest(tmp_path / "governed") == tree_digest(repo, head) != folder_digest(tmp_path / "copy")
    assert folder_digest(tmp_path / "copy", only=["src/"]) == tree_digest(repo, head, only=["src/"])
    assert (tmp_path / "copy/a.txt").read_bytes() == b"one\n"
    assert (tmp_path / "copy/src/link").read_text() == "one\n"
    assert (tmp_path / "copy/changes/x").exists()
    export(repo, head, tmp_path / "part", "src/")
    assert sorted(path.name for path in (tmp_path / "part").iterdir()) == ["src"]
    with pytest.raises(Refused, match="not empty"):
        export(repo, head, tmp_path / "part")


@pytest.mark.parametrize(
    "name", ["-rf", "a\nb", "a\u202eb", "a\\b", "x/-option", "tab\tname", "caf\udce9", ".GIT/config"]
)
def test_a_name_that_hides_something_is_refused(tmp_path: Path, root: Path, name: str) -> None:
    if name.startswith(".GIT"):
        inner = git(root, "mktree", stdin=f"100644 blob {blob(root, 'x')}\tconfig\n".encode())
        head = forged_tree(root, ("40000", inner, ".GIT"))
    else:
        head = commit(root, {name: "x"})
    repo = Repository(root)
    with pytest.raises(Refused):
        tree_digest(repo, head)
    with pytest.raises(Refused):
        export(repo, head, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize(
    ("mode", "name"), [("160000", "module"), ("100644", ".."), ("100644", "."), ("120000", "-link")]
)
def test_a_submodule_and_a_path_upwards_are_refused(tmp_path: Path, root: Path, mode: str, name: str) -> None:
    head = forged_tree(root, (mode, blob(root, "x"), name))
    repo = Repository(root)
    for asked in (lambda: tree_digest(repo, head), lambda: export(repo, head, tmp_path / "copy")):
        with pytest.raises(Refused):
            asked()


def test_an_odd_mode_is_what_git_takes_it_for(root: Path) -> None:
    repo = Repository(root)
    odd = forged_tree(root, ("100664", blob(root, "x"), "a"), ("120777", blob(root, "a"), "b"))
    plain = forged_tree(root, ("100644", blob(root, "x"), "a"), ("120000", blob(root, "a"), "b"))
    assert tree_digest(repo, odd) == tree_digest(repo, plain)


def test_a_submodule_where_records_lie_is_not_exported(tmp_path: Path, root: Path) -> None:
    inner = forged_tree(root, ("160000", "1" * 40, "sub"))
    head = raw_tree(root, ("040000", "tree", git(root, "rev-parse", f"{inner}^{{tree}}"), "changes"))
    with pytest.raises(Refused, match="submodule"):
        export(Repository(root), head, tmp_path / "copy")


def test_one_name_as_a_link_and_as_a_folder_is_refused(tmp_path: Path, root: Path) -> None:
    inner = git(root, "mktree", stdin=f"100644 blob {blob(root, 'x')}\tshadow\n".encode())
    head = forged_tree(root, ("120000", blob(root, "/etc"), "a"), ("40000", inner, "a"))
    with pytest.raises(Refused, match="both a file and a folder"):
        export(Repository(root), head, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize(
    "target", ["/etc/passwd", "..", "../x", "src/../../x", "src/../a.txt", ".git/config", "a\nb", "../estate/a.txt"]
)
def test_a_link_that_leads_outside_is_not_copied(tmp_path: Path, root: Path, target: str) -> None:
    (root / "link").symlink_to(target)
    head = commit(root, {})
    with pytest.raises(Refused, match="outside the tree"):
        export(Repository(root), head, tmp_path / "copy")


def test_a_large_file_is_refused_before_it_is_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drillbook.repo.git.MAX_BLOB", 1000)
    head = commit(root, {"large": "x" * 1001})
    with pytest.raises(Refused, match="1,001 bytes"):
        tree_digest(Repository(root), head)


def test_a_folder_with_a_file_more_is_another(tmp_path: Path, root: Path) -> None:
    repo = Repository(root)
    export(repo, repo.head(), tmp_path / "copy")
    (tmp_path / "copy/src/sitecustomize.py").write_text("evil")
    assert folder_digest(tmp_path / "copy") != tree_digest(repo, repo.head())
    assert folder_digest(tmp_path / "copy", only=["inv"]) == tree_digest(repo, repo.head(), only=["inv"])
