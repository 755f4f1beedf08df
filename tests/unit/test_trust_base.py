"""The trusted base comes from a pin outside the work tree, and from nothing that a branch or a ref could say."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drillbook.change.trust.base import trusted_base
from drillbook.change.trust.engine import engine_digest, running_engine_digest
from drillbook.change.trust.pin import MACHINE, Pin, own_folder, place_of, read_pin, remember, write_pin
from drillbook.errors import DrillbookError, InvalidInput, Refused
from drillbook.repo.git import Repository
from drillbook.repo.tree import tree_digest
from tests.repo_values import commit, git, new_key, new_repository
from tests.trust_values import NOW, At, pinned

pytestmark = pytest.mark.slow


def cmdb(**keys: str) -> str:
    """Give a CMDB with people and their keys."""
    people = {
        name: {"name": {"en": name, "zh": "名"}, "roles": ["approve"], "contact": {"phone": "+1 202 555 0101"},
               "signing_keys": [key]}
        for name, key in keys.items()
    }  # fmt: skip
    return json.dumps({"organisation": "X", "people": people})


@pytest.fixture(autouse=True)
def no_trust_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr("drillbook.change.trust.pin.MACHINE", tmp_path / "etc")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    key = new_key(tmp_path / "keys", "ann")
    new_repository(tmp_path / "estate", {"cmdb.yaml": cmdb(ann=key.public), "changes/x": "x"})
    return tmp_path / "estate"


def pin_file(root: Path) -> Path:
    repo = Repository(root)
    return own_folder(repo.repository_id(repo.head())) / "pin.json"


def test_it_is_what_is_pinned_whatever_the_work_tree_and_the_refs_say(tmp_path: Path, root: Path) -> None:
    pin = pinned(root)
    mallory = new_key(tmp_path / "keys", "mallory")
    evil = commit(root, {"cmdb.yaml": cmdb(mallory=mallory.public)})
    git(root, "update-ref", "refs/remotes/origin/main", evil)
    (root / "cmdb.yaml").write_text("nonsense")
    base = trusted_base(root, At())
    assert (base.commit, base.digest, base.repository) == (pin.commit, pin.digest, pin.repository)
    assert base.cmdb.people.ids() == ["ann"]
    assert base.signers.owner(mallory.public) is None
    assert sorted(path.name for path in base.folder.iterdir()) == ["cmdb.yaml"]
    assert (base.place.folder / "base").resolve() == base.folder.resolve()
    assert base.engine == running_engine_digest()


def test_without_a_pin_it_is_refused_and_told_what_to_do(root: Path) -> None:
    with pytest.raises(Refused, match="nothing is trusted here yet") as error:
        trusted_base(root, At())
    assert "trust.pin COMMIT" in error.value.remedy


def test_a_history_of_another_root_has_no_pin(root: Path) -> None:
    pinned(root)
    git(root, "checkout", "-q", "--orphan", "other")
    commit(root, {"other": "x"})
    with pytest.raises(Refused, match="nothing is trusted here yet"):
        trusted_base(root, At())


@pytest.mark.parametrize(
    ("now", "refused"),
    [
        (datetime(2026, 11, 22, 10, 54, tzinfo=UTC), "was used at 2026-11-22 11:00 UTC already"),
        (datetime(2026, 11, 22, 10, 56, tzinfo=UTC), None),
        (datetime(2026, 11, 20, 7, 56, tzinfo=UTC), "was used at"),
    ],
)
def test_a_clock_that_was_set_back_is_noticed(root: Path, now: datetime, refused: str | None) -> None:
    pinned(root)
    if refused is None:
        trusted_base(root, At(now))
    else:
        with pytest.raises(Refused, match=refused):
            trusted_base(root, At(now))


def test_a_clock_before_the_commit_is_noticed(root: Path) -> None:
    pinned(root, last_seen="2020-01-01T00:00:00.000000Z")
    with pytest.raises(Refused, match="is of 2026-11-20 08:00 UTC"):
        trusted_base(root, At(datetime(2026, 11, 20, 7, 54, tzinfo=UTC)))


def test_what_was_seen_only_grows(root: Path) -> None:
    pinned(root)
    place = trusted_base(root, At(NOW)).place
    trusted_base(root, At(NOW - timedelta(minutes=4)))
    found = read_pin(place)
    assert found is not None
    assert found.last_seen == "2026-11-22T12:00:00.000000Z"
    assert remember(place, NOW - timedelta(days=1), ledger="a" * 40).seen_at == NOW
    assert trusted_base(root, At()).ledger == "a" * 40
    assert (place.file.stat().st_mode & 0o777) == 0o600


@pytest.mark.parametrize("damage", ["changed", "added", "removed", "mode", "file", "link", "gone"])
def test_an_export_that_was_changed_is_made_anew(tmp_path: Path, root: Path, damage: str) -> None:
    pinned(root)
    folder = trusted_base(root, At()).folder
    match damage:
        case "changed":
            (folder / "cmdb.yaml").write_text(cmdb())
        case "added":
            (folder / "changes").mkdir()
            (folder / "changes/y").write_text("y")
        case "removed":
            (folder / "cmdb.yaml").unlink()
        case "mode":
            (folder / "cmdb.yaml").chmod(0o755)
        case "gone":
            folder.rename(tmp_path / "elsewhere")
        case _:
            folder.rename(tmp_path / "elsewhere")
            folder.write_text("x") if damage == "file" else folder.symlink_to(tmp_path / "elsewhere")
    base = trusted_base(root, At())
    assert base.folder == folder
    assert not folder.is_symlink()
    assert [(path.name, path.stat().st_mode & 0o777) for path in folder.iterdir()] == [("cmdb.yaml", 0o644)]
    assert base.cmdb.people.ids() == ["ann"]


def test_a_pin_with_another_digest_is_refused(root: Path) -> None:
    pinned(root, digest="sha256:" + "0" * 64)
    with pytest.raises(Refused, match="not what was pinned"):
        trusted_base(root, At())


def test_objects_that_were_exchanged_are_noticed(root: Path) -> None:
    import zlib

    pinned(root)
    repo = Repository(root)
    oid = repo.files(repo.head())["cmdb.yaml"].oid
    place = root / ".git/objects" / oid[:2] / oid[2:]
    raw = zlib.decompress(place.read_bytes())
    place.chmod(0o600)
    place.write_bytes(zlib.compress(raw.replace(b"ann", b"eve")))
    with pytest.raises(Refused, match="not what was pinned"):
        trusted_base(root, At())


@pytest.mark.parametrize(
    "fields", [{"commit": "1" * 40}, {"commit": "2" * 64}]
)  # fmt: skip
def test_a_clone_without_the_pinned_commit_is_refused(root: Path, fields: dict[str, str]) -> None:
    pinned(root, **fields)
    with pytest.raises(Refused, match="does not have the pinned commit"):
        trusted_base(root, At())


def test_a_shallow_clone_is_refused(tmp_path: Path, root: Path) -> None:
    commit(root, {"b": "b"})
    pinned(root)
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{root}", "shallow")
    with pytest.raises(Refused, match="shallow"):
        trusted_base(tmp_path / "shallow", At())


def test_a_cmdb_that_is_invalid_is_said_with_file_and_line(root: Path) -> None:
    commit(root, {"cmdb.yaml": "organisation: X\npeople: {ann: {}}\n"})
    pinned(root)
    with pytest.raises(InvalidInput) as error:
        trusted_base(root, At())
    assert error.value.findings[0].file == "cmdb.yaml"


@pytest.mark.parametrize(
    "text",
    [
        "", "{}", "[]", "null", "{", "\udcff", '{"format":2}',
        '{"format":1,"repository":"x","commit":"y","digest":"z","remote":"","last_seen":"","ledger":""}',
        "GOOD+", "REMOTE", "EXTRA",
    ],
)  # fmt: skip
def test_a_pin_that_nobody_pinned_is_refused(root: Path, text: str) -> None:
    pinned(root)
    good = json.loads(pin_file(root).read_text())
    if text == "GOOD+":
        text = json.dumps(good | {"commit": good["commit"] + "\n"})
    elif text == "REMOTE":
        text = json.dumps(good | {"remote": "--upload-pack=touch /tmp/x"})
    elif text == "EXTRA":
        text = json.dumps(good | {"more": ""})
    pin_file(root).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(Refused, match=r"is not what trust\.pin writes"):
        trusted_base(root, At())


def test_a_pin_that_others_may_write_says_nothing(root: Path) -> None:
    pinned(root)
    pin_file(root).chmod(0o666)
    with pytest.raises(Refused, match="can be written by others"):
        trusted_base(root, At())
    pin_file(root).chmod(0o600)
    pin_file(root).parent.chmod(0o777)
    with pytest.raises(Refused, match="can be written by others"):
        trusted_base(root, At())


def test_the_machine_s_pin_comes_first_and_only_root_s_counts(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a pin of the machine")
    first = pinned(root)
    commit(root, {"later": "x"})
    second = pinned(root)
    pin_file(root).rename(tmp_path / "own.json")
    machine = tmp_path / "etc" / first.repository
    machine.mkdir(parents=True)
    (tmp_path / "own.json").rename(machine / "pin.json")
    pinned_own = Pin(**{name: getattr(first, name) for name in first.__slots__})
    own = own_folder(first.repository)
    assert trusted_base(root, At()).commit == second.commit
    # Somebody who may not write there keeps what they saw in a folder of their own.
    monkeypatch.setattr("os.access", lambda *_: False)
    place = place_of(pinned_own.repository)
    assert (place.folder, place.is_of_machine) == (own, True)
    with pytest.raises(Refused, match="only root may change it"):
        write_pin(place, pinned_own)
    later = remember(place, NOW + timedelta(days=1), ledger="b" * 40)
    assert json.loads((own / "seen.json").read_text())["last_seen"] == later.last_seen == "2026-11-23T12:00:00.000000Z"
    with pytest.raises(Refused, match="was used at 2026-11-23"):
        trusted_base(root, At())
    os.chown(machine / "pin.json", 65534, 65534)
    with pytest.raises(DrillbookError, match="others than root"):
        read_pin(place)


def test_the_machine_s_place_is_of_root() -> None:
    assert Path("/etc/drillbook/trust") == MACHINE


def test_the_engine_of_a_checkout_is_that_of_its_export(tmp_path: Path) -> None:
    from drillbook.repo.tree import export

    checkout = Path(__file__).parents[2]
    names = git(checkout, "ls-files", "-z", "src", "inv", "tasks.py", "requirements.lock", "requirements-uv.lock",
                "pyproject.toml", "README.md").split("\0")[:-1]  # fmt: skip
    copy = tmp_path / "copy"
    new_repository(copy, {name: (checkout / name).read_bytes() for name in names if (checkout / name).is_file()})
    for name in names:
        if (checkout / name).is_file():
            (copy / name).chmod((checkout / name).stat().st_mode & 0o777)
    head = commit(copy, {"README.md": "other"})
    repo = Repository(copy)
    export(repo, head, tmp_path / "out", governed=True)
    from drillbook.change.trust.engine import ENGINE
    from drillbook.repo.tree import folder_digest

    assert engine_digest(tmp_path / "out") == tree_digest(repo, head, only=ENGINE)
    assert engine_digest(tmp_path / "out") == folder_digest(copy, only=ENGINE)
    assert engine_digest(tmp_path) == running_engine_digest()


def test_a_commit_that_brings_the_state_of_a_machine_is_refused(root: Path) -> None:
    """Journals of runs that never were, or the ledger's copy, with a configuration that starts programs."""
    pinned(root)
    commit(root, {".drillbook/ledger.git/config": "[core]\n"})
    with pytest.raises(Refused, match="config into this checkout"):
        trusted_base(root, At())
    git(root, "rm", "-q", "-r", ".drillbook")
    assert trusted_base(root, At()).commit


@pytest.mark.parametrize("path", ["yaml.py", "invoke.yaml", "_x.so", "drillbook/__init__.py"])
def test_what_would_be_loaded_beside_the_tasks_is_of_the_engine(tmp_path: Path, path: str) -> None:
    for name in ("src/drillbook/__init__.py", "tasks.py", "docs/a.py", "pyproject.toml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    before = engine_digest(tmp_path)
    (tmp_path / "docs/b.py").write_text("")
    assert engine_digest(tmp_path) == before
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text("")
    assert engine_digest(tmp_path) != before
