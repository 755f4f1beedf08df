"""cmdb.history and changes.log as a person types them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from invoke import Context

from drillbook.errors import ExitCode
from drillbook.tasks.change_log import log
from drillbook.tasks.cmdb_history import history
from tests.audit_scene import Scene, new_scene

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("audit")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        made = new_scene(folder)
        made.configure(
            1, by="gao-fei", approved_by=("lin-mei", "chen-wei"), old="rack: a03", new="rack: a04", reason="Moved"
        )
        patch.chdir(made.root)
        yield made


def ended(call: object, capsys: pytest.CaptureFixture[str], **options: object) -> tuple[int, str]:
    assert callable(call)
    with pytest.raises(SystemExit) as caught:
        call(Context(), **options)
    return int(str(caught.value.code)), capsys.readouterr().err


@pytest.mark.usefixtures("scene")
def test_an_approved_commit_has_the_changes_people_and_reason(capsys: pytest.CaptureFixture[str]) -> None:
    history(Context(), "core-db-1", json=True)
    newest, oldest = json.loads(capsys.readouterr().out)["events"]
    assert (newest["person"], newest["reason"], newest["change"], newest["approved"], newest["approved_by"]) == (
        "gao-fei", "Moved", "CHG-2026-0001", True, ["chen-wei", "lin-mei"]
    )  # fmt: skip
    assert newest["fields"] == [{"field": "rack", "old": "a03", "new": "a04"}]
    assert (oldest["kind"], oldest["approved"], oldest["person"]) == ("added", False, "Ann <ann@example.test>")


@pytest.mark.usefixtures("scene")
def test_the_terminal_says_it_in_words_of_both_languages(capsys: pytest.CaptureFixture[str]) -> None:
    history(Context(), "core-db-1", lang="zh")
    shown = capsys.readouterr().out
    assert "批准人: chen-wei, lin-mei" in shown
    assert "a03 → a04" in shown
    log(Context(), item="core-db-1")
    shown = capsys.readouterr().out
    assert "CHG-2026-0001" in shown
    assert "merged" in shown


@pytest.mark.usefixtures("scene")
def test_since_leaves_out_what_was_before(capsys: pytest.CaptureFixture[str]) -> None:
    history(Context(), "core-db-1", since="2999-01-01", json=True)
    assert json.loads(capsys.readouterr().out)["events"] == []


def test_pages_are_written(scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history(Context(), "core-db-1", html=str(tmp_path / "entry.html"))
    log(Context(), html=str(tmp_path / "log.html"), lang="zh")
    assert "✓ written" in capsys.readouterr().out
    assert "CHG-2026-0001" in (tmp_path / "entry.html").read_text()
    assert "CHG-2026-0001" in (tmp_path / "log.html").read_text()
    assert scene.estate.repo.uncommitted() == []


@pytest.mark.usefixtures("scene")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"item": "core-db-9"}, "no commit of this branch ever had an entry 'core-db-9'"),
        ({"item": "core-db-1", "lang": "fr"}, "--lang fr"),
        ({"item": "core-db-1", "since": "now"}, "--since"),
    ],
)
def test_what_history_cannot_answer(options: dict[str, str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, words = ended(history, capsys, **options)
    assert code == ExitCode.USAGE
    assert said in words


def test_a_change_that_is_not_committed_yet_is_said(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    path = scene.root / "cmdb.d/spares.yaml"
    before = path.read_bytes()
    path.write_bytes(before + b"# x\n")
    try:
        history(Context(), "core-db-1")
    finally:
        path.write_bytes(before)
    assert "not committed" in capsys.readouterr().out


def test_a_folder_without_git_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cmdb.yaml").write_text("organisation: X\n")
    monkeypatch.chdir(tmp_path)
    code, words = ended(history, capsys, item="db-1")
    assert code == ExitCode.REFUSED
    assert "git" in words
    log(Context())
    assert "Nothing of the kind" in capsys.readouterr().out
