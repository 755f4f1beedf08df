"""What policy names outside the CMDB, and the policy of the estate that ships."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from drillbook.cmdb.load import check, load
from drillbook.cmdb.rules.authority import covers
from drillbook.cmdb.rules.signing import malformed
from tests.cmdb_files import findings, line_of, write
from tests.cmdb_sample import sample
from tests.nested import put

ROOT = Path(__file__).parents[2]
_PATHS = ("policies", "approvals", "rules", "authority", "paths")


def _prepared(root: Path, place: str) -> Path:
    (root / "playbooks").mkdir(exist_ok=True)
    (root / "playbooks/lab_hosts.yml").touch()
    (root / "people").mkdir()
    return write(root, put(sample(), _PATHS, ["cmdb.yaml", "cmdb.d/", "runbooks/", "playbooks/", place]))


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("cmdb.d/rset.yaml", "does not exist; did you mean 'cmdb.d/rest.yaml'?"),
        ("elsewhere/", "does not exist; correct it or leave it out"),
        ("people", "is a folder; a folder ends with /"),
        ("cmdb.yaml/", "does not exist; did you mean 'cmdb.yaml'?"),
    ],
)
def test_a_protected_place_that_is_not_there_is_found(place: str, says: str, tmp_path: Path) -> None:
    root = _prepared(tmp_path, place)
    found = check(root)
    assert [each.rule for each in found] == ["protected-path"]
    assert says in found[0].message
    assert place in line_of(root, found[0])


@pytest.mark.parametrize("place", ["cmdb.d/rest.yaml", "people/", ".github/", "CODEOWNERS"])
def test_a_place_that_is_there_or_that_a_pipeline_would_have_is_no_finding(place: str, tmp_path: Path) -> None:
    """Who adds the first pipeline gives it its rights: the place is protected before it is there."""
    assert check(_prepared(tmp_path, place)) == []


def test_a_standard_change_names_a_runbook_that_exists(tmp_path: Path) -> None:
    root = _prepared(tmp_path, ".github/")
    (root / "runbooks/RB-SWITCH.yaml").unlink()
    found = check(root)
    assert [each.rule for each in found] == ["pre-approved"]
    assert "RB-SWITCH" in line_of(root, found[0])


def test_a_folder_covers_what_is_in_it_and_nothing_that_only_begins_alike() -> None:
    assert covers("src/", "src/drillbook/canonical.py")
    assert covers("inv", "inv")
    assert not covers("src/", "srcs/x")
    assert not covers("inv", "inventories/lab/hosts.yml")
    assert not covers("src", "src/x")


@pytest.mark.parametrize(
    "kind", [("ed25519",), ("ecdsa", "-b", "256"), ("ecdsa", "-b", "521"), ("rsa", "-b", "2048"), ("rsa", "-b", "1024")]
)
def test_keys_as_ssh_keygen_makes_them(kind: tuple[str, ...], tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-f", tmp_path / "k", "-t", *kind], check=True)
    key = " ".join((tmp_path / "k.pub").read_text().split()[:2])
    wrong = malformed(key)
    assert wrong == ("it has fewer than 2048 bits" if "1024" in kind else None)
    found = findings(write(tmp_path, put(sample(), ("people", "ann", "signing_keys"), [key])))
    assert [each.rule for each in found] == (["signing-key"] if wrong else [])


def test_in_the_shipped_estate_what_checks_changes_needs_more_than_a_change_of_data() -> None:
    rules = load(ROOT).policies["approvals"].get("rules")
    for path in (
        "src/drillbook/canonical.py", "inv", "tasks.py", "pyproject.toml", "requirements.lock", "requirements-uv.lock",
        "cmdb.yaml", "cmdb.d/people.yaml", "cmdb.d/policies.yaml", "cmdb.d/environments.yaml", "CODEOWNERS",
        "allowed_signers", ".github/workflows/review.yml", ".gitlab-ci.yml", ".ci/run", "playbooks/checks/network.py",
    ):  # fmt: skip
        matching = [rule for rule in rules.values() if any(covers(each, path) for each in rule.get("paths", ()))]
        assert sorted(rule["approvals"] for rule in matching) == [1, 2], path
        assert ["manage"] in [rule["approved_by"] for rule in matching], path
