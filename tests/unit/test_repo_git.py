"""A repository is read as data: nothing in it runs, and nothing in it stands for something else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from drillbook.errors import DrillbookError, Refused, UsageError
from drillbook.repo.git import Changed, Repository
from tests.repo_values import commit, git, new_repository, write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    new_repository(tmp_path / "estate", {"a.txt": "one\n", "changes/x.json": "{}\n"})
    return tmp_path / "estate"


def test_it_reads_commits_and_files(root: Path) -> None:
    first = git(root, "rev-parse", "HEAD")
    second = commit(root, {"b/c.txt": "two\n", "a.txt": None}, "Second\n\nbody \x1b[31m line\n")
    repo = Repository(root)
    assert repo.head() == second
    assert repo.resolve("main~1") == first
    assert repo.resolve(second[:10]) == second
    assert repo.repository_id(second) == first
    assert repo.is_ancestor(first, second)
    assert not repo.is_ancestor(second, first)
    found = repo.commit(second)
    assert (found.parents, found.subject, found.author_name) == ((first,), "Second", "Ann")
    assert found.body == "body \\u{1b}[31m line"
    assert found.time.isoformat() == "2026-11-20T08:00:00+00:00"
    assert sorted(repo.files(second)) == ["b/c.txt", "changes/x.json"]
    assert list(repo.files(second, "b/")) == ["b/c.txt"]
    assert repo.read(second, "b/c.txt") == b"two\n"
    assert repo.changed(first, second) == [Changed("D", "a.txt", "a.txt"), Changed("A", "b/c.txt", "b/c.txt")]
    assert repo.branch() == "main"
    assert repo.remote_url() is None


def test_a_rename_is_told_or_not(root: Path) -> None:
    first = Repository(root).head()
    git(root, "mv", "a.txt", "z.txt")
    second = commit(root, {})
    repo = Repository(root)
    assert repo.changed(first, second) == [Changed("R", "z.txt", "a.txt")]
    assert [each.status for each in repo.changed(first, second, renames=False)] == ["D", "A"]


@pytest.mark.parametrize(
    "rev", ["", "--output=/tmp/x", "-h", "nothing", "main\nmain", "a" * 2000, "HEAD^{tree}", "0" * 40, "HEAD:a.txt"]
)
def test_what_names_no_commit_is_refused(root: Path, rev: str) -> None:
    with pytest.raises(UsageError):
        Repository(root).resolve(rev)


@pytest.mark.parametrize("commit_id", ["main", "--all", "HEAD", "0" * 39, "0" * 40 + "\n"])
def test_only_full_ids_are_arguments(root: Path, commit_id: str) -> None:
    with pytest.raises(DrillbookError):
        Repository(root).files(commit_id)


def test_an_id_of_a_tree_is_no_commit(root: Path) -> None:
    with pytest.raises(Refused):
        Repository(root).commit(git(root, "rev-parse", "HEAD^{tree}"))


def test_no_repository_a_folder_inside_one_and_one_without_a_commit(tmp_path: Path, root: Path) -> None:
    with pytest.raises(Refused, match="is not the folder of a git repository"):
        Repository(tmp_path)
    with pytest.raises(Refused, match="there is no folder"):
        Repository(tmp_path / "missing")
    with pytest.raises(Refused, match="lies inside a repository"):
        Repository(root / "changes")
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "-q")
    with pytest.raises(Refused, match="no commit yet"):
        Repository(empty).head()


def test_a_bare_repository_among_the_files_is_not_taken_for_the_repository(tmp_path: Path, root: Path) -> None:
    bare = tmp_path / "bare"
    git(tmp_path, "clone", "-q", "--bare", str(root), str(bare))
    with pytest.raises(Refused, match="is not the folder"):
        Repository(bare)


def test_a_detached_head_is_fine_and_a_shallow_clone_is_not(tmp_path: Path, root: Path) -> None:
    second = commit(root, {"b.txt": "b"})
    git(root, "checkout", "-q", "--detach")
    repo = Repository(root)
    assert repo.head() == second
    assert repo.branch() is None
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{root}", "shallow")
    shallow = Repository(tmp_path / "shallow")
    assert shallow.read(second, "b.txt") == b"b"
    for asked in (lambda: shallow.repository_id(second), lambda: shallow.first_parents(second, second)):
        with pytest.raises(Refused, match="shallow") as error:
            asked()
        assert error.value.remedy == "git fetch --unshallow"


def test_a_chain_of_first_parents_is_that_and_nothing_else(root: Path) -> None:
    start = Repository(root).head()
    git(root, "checkout", "-q", "-b", "side")
    side = commit(root, {"side.txt": "s"})
    git(root, "checkout", "-q", "main")
    main = commit(root, {"main.txt": "m"})
    git(root, "merge", "-q", "--no-ff", "-m", "merge", "side")
    merge = git(root, "rev-parse", "HEAD")
    repo = Repository(root)
    assert repo.first_parents(start, merge) == [main, merge]
    assert repo.first_parents(merge, merge) == []
    for old, new in ((side, merge), (merge, main), (side, main)):
        with pytest.raises(Refused, match="does not follow"):
            repo.first_parents(old, new)


def test_nothing_of_the_repository_runs(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f'#!/bin/sh\necho "$0 $*" >> {ran}\ncat\n')
    program.chmod(0o755)
    write(root, {".gitattributes": "* filter=evil diff=evil\n"})
    second = commit(root, {"b.txt": "b"})
    for name, value in {
        "core.fsmonitor": str(program),
        "core.hooksPath": str(tmp_path),
        "filter.evil.clean": str(program),
        "filter.evil.smudge": str(program),
        "filter.evil.required": "true",
        "diff.evil.textconv": str(program),
        "diff.evil.command": str(program),
        "diff.external": str(program),
        "core.pager": str(program),
        "core.sshCommand": str(program),
        "gpg.program": str(program),
        "log.showSignature": "true",
        "core.alternateRefsCommand": str(program),
        "remote.origin.url": f"ext::{program}",
        "remote.origin.promisor": "true",
        "extensions.partialClone": "origin",
        "core.repositoryFormatVersion": "1",
    }.items():
        git(root, "config", name, value)
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", str(program))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_SSH_COMMAND", str(program))
    write(root, {"a.txt": "other\n", "new.txt": "n"})
    repo = Repository(root)
    assert repo.uncommitted() == ["a.txt", "new.txt"]
    repo.changed(repo.resolve("HEAD~1"), second)
    repo.commit(second)
    repo.files(second)
    with pytest.raises(Refused):  # a partial clone would ask its remote
        repo.read_blobs(["1" * 40])
    assert not ran.exists()


def test_what_is_not_committed_is_named(root: Path) -> None:
    commit(root, {".gitignore": "ignored\n", "d/deep.txt": "d", "run": "#!/bin/sh\n"})
    repo = Repository(root)
    assert repo.uncommitted() == []
    write(root, {"ignored": "i", "d/new \n name": "n", "staged.txt": "s"})
    git(root, "add", "staged.txt")
    (root / "run").chmod(0o755)
    (root / "d/deep.txt").unlink()
    (root / "d/deep.txt").symlink_to("/etc/passwd")
    assert repo.uncommitted() == ["d/deep.txt", "d/new \n name", "run", "staged.txt"]
    assert repo.uncommitted("d/") == ["d/deep.txt", "d/new \n name"]
    assert repo.uncommitted("changes/") == []


def test_objects_that_stand_in_for_others_are_not_followed(root: Path) -> None:
    first = Repository(root).head()
    second = commit(root, {"a.txt": "evil\n"})
    third = commit(root, {"b.txt": "b\n"})
    git(root, "replace", first, second)
    (root / ".git/info/grafts").write_text(f"{third} {first}\n")
    repo = Repository(root)
    assert repo.read(first, "a.txt") == b"one\n"
    assert repo.commit(third).parents == (second,)
    assert repo.first_parents(first, third) == [second, third]


def test_a_commit_object_that_is_not_what_its_id_says_is_refused(root: Path) -> None:
    import zlib

    first = Repository(root).head()
    second = commit(root, {"a.txt": "x"})
    place = root / ".git/objects" / second[:2] / second[2:]
    raw = zlib.decompress(place.read_bytes()).replace(b"2026", b"2026")
    raw = raw.replace(b"1763", b"1764") if b"1763" in raw else raw.replace(b"Ann", b"Eve")
    place.chmod(0o600)
    place.write_bytes(zlib.compress(raw))
    assert Repository(root).commit(first)
    with pytest.raises(Refused, match=r"damaged|git cat-file failed"):
        Repository(root).commit(second)


def test_a_missing_object_is_said(root: Path) -> None:
    repo = Repository(root)
    blob = repo.files(repo.head())["a.txt"].oid
    (root / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(Refused, match="lacks the object"):
        repo.read(repo.head(), "a.txt")


def test_a_program_that_is_missing_is_a_prerequisite(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(root))
    with pytest.raises(DrillbookError) as error:
        Repository(root)
    assert error.value.remedy == "apt-get install git"


def test_a_name_that_is_no_utf_8_comes_back_as_it_is(root: Path) -> None:
    name = os.fsdecode(b"caf\xe9.txt")
    head = commit(root, {name: "x"})
    assert Repository(root).read(head, name) == b"x"


def test_a_clone_of_another_user_is_read_and_talks_to_nobody(tmp_path: Path, root: Path) -> None:
    """Its configuration names programs, which would run as us when git talks to a remote."""
    program, ran = tmp_path / "program", tmp_path / "ran"
    program.write_text(f"#!/bin/sh\ntouch {ran}\nexit 1\n")
    program.chmod(0o755)
    git(root, "config", "core.sshCommand", str(program))
    fetch = ("fetch", "--end-of-options", "ssh://git@forge.invalid/estate.git", "HEAD")
    another = {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}
    repo = Repository(root)
    assert repo.try_git("rev-parse", "HEAD", env=another).code == 0
    assert "dubious ownership" in repo.try_git(*fetch, network=True, env=another).said
    assert not ran.exists()
    assert repo.try_git(*fetch, network=True).code != 0
    assert ran.exists()
