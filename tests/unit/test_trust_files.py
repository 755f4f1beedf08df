"""What trust writes into the estate: a key in the CMDB, and the owners of files. Nothing else, and nothing half."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from drillbook.change.trust.enrol import enrol
from drillbook.change.trust.owners import allowed_signers, codeowners, stale_owner_files
from drillbook.cmdb.load import load
from drillbook.errors import DrillbookError, InvalidInput, Refused
from tests.repo_values import Key, new_key
from tests.trust_values import cmdb

TOP = "organisation: X\ninclude: [people.yaml]\n"
ANN = """\
# Who is who.
people:

  bob: {name: {en: Bob, zh: 名}, contact: {phone: "+1 202 555 0102"}}   # in one line

  ann:
    name: {en: Ann, zh: 名}  # her name
    roles: [approve]
    contact:
      phone: "+1 202 555 0101"   # at work
"""
FORMS = {
    "none yet": (ANN, "ann", '      phone: "+1 202 555 0101"   # at work\n    signing_keys:\n      - KEY\n'),
    "none yet, and no end of line": (ANN.rstrip(), "ann", "# at work\n    signing_keys:\n      - KEY"),
    "none yet, with a blank line and a comment after it": (
        ANN + "\n  # the next one\n  cid: {name: {en: C, zh: 名}}\n", "ann",
        "# at work\n    signing_keys:\n      - KEY\n\n  # the next one\n",
    ),
    "in one line": (ANN, "bob", '"+1 202 555 0102"}, signing_keys: [KEY]}   # in one line\n'),
    "in brackets": (ANN + "    signing_keys: [OTHER]  # one\n", "ann", "    signing_keys: [OTHER, KEY]  # one\n"),
    "in empty brackets": (ANN + "    signing_keys: []\n", "ann", "    signing_keys: [KEY]\n"),
    "in a list": (
        ANN + "    signing_keys:\n      - OTHER  # a comment\n    line: 2\n", "ann",
        "      - OTHER  # a comment\n      - KEY\n    line: 2\n",
    ),
    "in a list that is not indented": (ANN + "    signing_keys:\n    - OTHER\n", "ann", "    - OTHER\n    - KEY\n"),
    "after a key with days": (
        ANN + "    signing_keys:\n      - key: OTHER\n        until: 2027-01-31\n  cid: {name: {en: C, zh: 名}}\n",
        "ann", "        until: 2027-01-31\n      - KEY\n  cid:",
    ),
    "with other ends of lines": (ANN.replace("\n", "\r\n"), "ann", "# at work\r\n    signing_keys:\r\n      - KEY\r\n"),
    "in JSON": (
        '{"people": {"ann": {"name": {"en": "A", "zh": "名"}, "contact": {"phone": "+1 202 555 0101"}}}}\n', "ann",
        '"phone": "+1 202 555 0101"}, "signing_keys": ["KEY"]}}}\n',
    ),
}  # fmt: skip


@pytest.fixture
def key(tmp_path: Path) -> Key:
    return new_key(tmp_path / "keys", "new")


def estate(tmp_path: Path, people: str) -> Path:
    root = tmp_path / "estate"
    root.mkdir()
    (root / "cmdb.yaml").write_text(TOP)
    (root / "people.yaml").write_bytes(people.encode())
    return root


@pytest.mark.parametrize("form", FORMS)
def test_one_line_is_added_and_nothing_else(tmp_path: Path, key: Key, form: str) -> None:
    other = new_key(tmp_path / "keys", "other").public
    text, person, wanted = (part.replace("OTHER", other) for part in FORMS[form])
    root = estate(tmp_path, text)
    (root / "people.yaml").chmod(0o640)
    done = enrol(root, person, f"{key.public} ann@example.test")
    written = (root / "people.yaml").read_bytes().decode()
    assert (done.file, done.key) == ("people.yaml", key.public)
    assert wanted.replace("KEY", key.public) in written
    kept = written.replace(key.public, "")
    for line in text.splitlines():
        assert line.rstrip("]}[ #one") in kept or "#" in line, f"'{line}' is gone"
    assert len(written.splitlines()) - len(text.splitlines()) <= 2
    fields: dict[str, Any] = yaml.safe_load(written)["people"][person]
    assert fields["signing_keys"][-1] == key.public
    assert ((root / "people.yaml").stat().st_mode & 0o777, len(list(root.iterdir()))) == (0o640, 2)
    with pytest.raises(Refused, match=f"is {person}'s already"):
        enrol(root, person, key.public)


@pytest.mark.parametrize(
    "public",
    ["", "ssh-ed25519 AAAA", "{key}\n- evil", "{key} comment\nssh-ed25519 x", 'namespaces="*" {key}', "{key}\x07"],
)
def test_what_is_no_key_is_not_written(tmp_path: Path, key: Key, public: str) -> None:
    root = estate(tmp_path, ANN)
    before = (root / "people.yaml").read_bytes()
    with pytest.raises(Refused, match="what should be enrolled"):
        enrol(root, "ann", public.replace("{key}", key.public))
    assert (root / "people.yaml").read_bytes() == before


def test_a_cmdb_that_is_invalid_is_left_as_it_is(tmp_path: Path, key: Key) -> None:
    root = estate(tmp_path, ANN + "    nonsense: 1\n")
    with pytest.raises(InvalidInput):
        enrol(root, "ann", key.public)
    assert (root / "people.yaml").read_text() == ANN + "    nonsense: 1\n"


def test_a_cmdb_that_would_become_invalid_is_put_back(
    tmp_path: Path, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = estate(tmp_path, ANN)
    answers = iter([load(root)])

    def once(_root: Path) -> object:
        for answer in answers:
            return answer
        raise InvalidInput.at("people.yaml", 1, "rule", "another key than these is not allowed")

    monkeypatch.setattr("drillbook.change.trust.enrol.load", once)
    with pytest.raises(InvalidInput):
        enrol(root, "ann", key.public)
    assert (root / "people.yaml").read_text() == ANN


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path, key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    root = estate(tmp_path, ANN)

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DrillbookError, match="No space left"):
        enrol(root, "ann", key.public)
    assert (root / "people.yaml").read_text() == ANN
    assert len(list(root.iterdir())) == 2


# --- owners


def people(**forge: str) -> dict[str, dict[str, Any]]:
    roles = {"ann": ["approve", "manage"], "bob": ["approve"], "dan": ["operate"]}
    return {
        name: {"roles": kinds, **({"forge": forge[name]} if name in forge else {})} for name, kinds in roles.items()
    }


def part(entries: dict[str, dict[str, Any]]) -> str:
    """Give a file that a CMDB includes."""
    content = json.loads(cmdb(entries))
    del content["organisation"]
    return json.dumps(content)


def written(tmp_path: Path, text: str) -> Path:
    (tmp_path / "cmdb.yaml").write_text(text)
    return tmp_path


def test_codeowners_cover_what_decides_and_what_runs(tmp_path: Path) -> None:
    root = written(tmp_path, "")
    (root / "more").mkdir()
    (root / "cmdb.yaml").write_text("organisation: X\ninclude: [more/people.yaml]\n")
    (root / "more/people.yaml").write_text(part(people(ann="Ann-1", bob="bob", dan="dan")))
    lines = [line for line in codeowners(load(root)).splitlines() if not line.startswith("#")]
    assert lines[0] == "* @Ann-1 @bob"
    assert dict(line.split(" ", 1) for line in lines[1:]) == dict.fromkeys(
        ["/more/people.yaml", "/cmdb.yaml", "/src/", "/inv", "/*.py", "/*.pyc", "/*.so", "/invoke.*",
         "/*/__init__.*", "/tasks.py", "/pyproject.toml", "/requirements.lock",
         "/requirements-uv.lock", "/playbooks/checks/", "/.github/", "/.gitlab-ci.yml", "/.ci/", "/.gitattributes",
         "/allowed_signers", "/.github/CODEOWNERS"], "@Ann-1 @bob",
    )  # fmt: skip


def test_files_without_owners_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="open to all") as error:
        codeowners(load(written(tmp_path, cmdb(people(dan="dan")))))
    assert "ann, bob" in error.value.remedy


def test_a_name_with_a_line_break_reaches_no_file(tmp_path: Path) -> None:
    for forge in ("bob\n* @mallory", "bob @mallory", "@bob", "bob\u2028x", "-bob", "b" * 50):
        with pytest.raises(DrillbookError):
            codeowners(load(written(tmp_path, cmdb(people(ann="ann", bob=forge)))))


def test_a_file_whose_name_is_a_pattern_is_refused(tmp_path: Path) -> None:
    for name in ("pe ople.yaml", "people#.yaml", "[p]eople.yaml", "!people.yaml"):
        root = tmp_path / name
        root.mkdir()
        (root / "cmdb.yaml").write_text(f"organisation: X\ninclude: ['{name}']\n")
        (root / name).write_text(part(people(ann="ann")))
        with pytest.raises(DrillbookError):
            codeowners(load(root))


def test_allowed_signers_is_what_ssh_keygen_takes(tmp_path: Path, key: Key) -> None:
    from drillbook.signing.sign import Signer

    entries = people(ann="ann")
    entries["ann"]["signing_keys"] = [{"key": key.public, "until": "2099-12-31"}]
    loaded = load(written(tmp_path, cmdb(entries)))
    (tmp_path / "allowed").write_text(allowed_signers(loaded))
    (tmp_path / "sig").write_bytes(Signer("ann", key.public, key.file).sign(b"x", namespace="drillbook-approval"))
    for namespace, code in (("drillbook-approval", 0), ("git", 255)):
        done = subprocess.run(
            ["ssh-keygen", "-Y", "verify", "-f", tmp_path / "allowed", "-I", "ann", "-n", namespace,
             "-s", tmp_path / "sig"], input=b"x", check=False,
        )  # fmt: skip
        assert done.returncode == code
    assert [finding.file for finding in stale_owner_files(loaded, tmp_path)] == [
        ".github/CODEOWNERS",
        "allowed_signers",
    ]


def test_the_shipped_estate_has_its_files_of_owners() -> None:
    root = Path(__file__).parents[2]
    assert stale_owner_files(load(root), root) == []
