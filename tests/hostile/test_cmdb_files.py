"""Broken files of the CMDB: one clear finding with file and line, exit code 3, and no traceback."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from invoke import Context

from drillbook.cmdb.load import load
from drillbook.errors import ExitCode, InvalidInput
from drillbook.tasks import cmdb as tasks
from drillbook.text import forbidden_character
from tests.cmdb_files import write
from tests.cmdb_sample import sample
from tests.estate_copy import copy_parts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SERVICES = "cmdb.d/services.yaml"


@dataclass(frozen=True)
class Damage:
    """A way to break the estate; ``line`` holds ``shows`` and is where the finding of ``rule`` points to."""

    name: str
    do: Callable[[Path], None]
    file: str
    rule: str
    shows: str
    says: str


def _replaced(old: str, new: str, file: str = SERVICES) -> Callable[[Path], None]:
    def do(root: Path) -> None:
        text = (root / file).read_text()
        assert old in text
        (root / file).write_text(text.replace(old, new, 1))

    return do


def _bytes(content: bytes, file: str = SERVICES) -> Callable[[Path], None]:
    def do(root: Path) -> None:
        (root / file).write_bytes(content)

    return do


def _added(line: str, file: str = SERVICES) -> Callable[[Path], None]:
    def do(root: Path) -> None:
        with (root / file).open("a") as stream:
            stream.write(line)

    return do


def _large(root: Path) -> None:
    with (root / SERVICES).open("ab") as file:
        file.truncate(50 * 1024 * 1024)


def _folder(root: Path) -> None:
    (root / SERVICES).unlink()
    (root / SERVICES).mkdir()


def _outside(root: Path) -> None:
    (root.parent / "outside.yaml").write_text("media: {}\n")
    _replaced("  - cmdb.d/sites.yaml", "  - ../outside.yaml\n  - cmdb.d/sites.yaml", "cmdb.yaml")(root)


def _link_outside(root: Path) -> None:
    (root / SERVICES).rename(root.parent / "outside.yaml")
    (root / SERVICES).symlink_to(root.parent / "outside.yaml")


BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 20))

DAMAGES = (
    Damage(
        "syntax",
        _replaced("depends_on: [hq-network]", "depends_on: [hq-network"),
        SERVICES,
        "yaml-syntax",
        "depends_on: [hq-network",
        "is not closed",
    ),
    Damage(
        "unknown key",
        _replaced("hours: 7x24", "hour: 7x24"),
        SERVICES,
        "schema-unknown-key",
        "hour: 7x24",
        "did you mean 'hours'",
    ),
    Damage(
        "duplicate key",
        _replaced("    tier: 1", "    tier: 1\n    tier: 2"),
        SERVICES,
        "duplicate-key",
        "tier: 2",
        "stands twice, first in line",
    ),
    Damage("duplicate id", _added("  mail: {}\n"), SERVICES, "duplicate-key", "mail: {}", "'mail' stands twice"),
    Damage(
        "wrong type", _replaced("tier: 1", "tier: one"), SERVICES, "schema-type", "tier: one", "must be a whole number"
    ),
    Damage(
        "a number for a text",
        _replaced("owner: ma-chao", "owner: 7"),
        SERVICES,
        "schema-type",
        "owner: 7",
        'in quotes: "7"',
    ),
    Damage(
        "nothing for a list",
        _replaced("provided_by: [core-db-1, core-db-2]", "provided_by:"),
        SERVICES,
        "schema-type",
        "provided_by:",
        "must be a list",
    ),
    Damage("missing", _replaced("    rto: 60 s\n", ""), SERVICES, "schema-missing", "core-business:", "has no 'rto'"),
    Damage(
        "dangling reference",
        _replaced("core-db-2]", "core-db-3]"),
        SERVICES,
        "reference",
        "core-db-3]",
        "is not in config_items; did you mean 'core-db-",
    ),
    Damage(
        "cycle",
        _replaced("depends_on: [core-business]", "depends_on: [core-business, order-entry]"),
        SERVICES,
        "cycle",
        "order-entry]",
        "order-entry → order-entry",
    ),
    Damage("alias bomb", _bytes(BOMB.encode()), SERVICES, "yaml-alias", "a0: &a0", "anchors"),
    Damage(
        "python tag",
        _added("  x: !!python/object/apply:os.system ['touch /tmp/pwned']\n"),
        SERVICES,
        "yaml-tag",
        "!!python",
        "write a plain value",
    ),
    Damage("50 MB", _large, SERVICES, "file-size", "", "52,428,800 bytes"),
    Damage("not UTF-8", _bytes(b"services: {}\n# caf\xe9\n"), SERVICES, "encoding", "# caf", "not UTF-8"),
    Damage("a picture", _bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), SERVICES, "encoding", "", "not UTF-8"),
    Damage("nul", _bytes(b"services: {}\nmedia: {}\0\n"), SERVICES, "yaml-syntax", "media", "U+0000"),
    Damage("empty", _bytes(b""), SERVICES, "yaml-top", "", "must hold a mapping"),
    Damage("a list", _bytes(b"- services\n"), SERVICES, "yaml-top", "", "must hold a mapping"),
    Damage("two documents", _added("---\nmedia: {}\n"), SERVICES, "yaml-document", "---", "a file holds one"),
    Damage("merge key", _added("  x:\n    <<: {tier: 1}\n"), SERVICES, "yaml-merge", "<<", "write the values out"),
    Damage("deep", _bytes(b"services: " + b"[" * 100_000), SERVICES, "nesting", "services", "make it flatter"),
    Damage("include outside", _outside, "cmdb.yaml", "include", "../outside.yaml", "leads outside the repository"),
    Damage("include by a link", _link_outside, "cmdb.yaml", "include", SERVICES, "is a link that leads outside"),
    Damage(
        "include of a missing file",
        lambda root: (root / SERVICES).unlink(),
        "cmdb.yaml",
        "include",
        SERVICES,
        "matches no file",
    ),
    Damage("include of a folder", _folder, "cmdb.yaml", "include", SERVICES, "is a folder"),
    Damage(
        "include in an include",
        _added("include: [x.yaml]\n"),
        SERVICES,
        "top-file",
        "include:",
        "belongs in cmdb.yaml alone",
    ),
    Damage(
        "include of a number",
        _replaced("  - cmdb.d/services.yaml", "  - 7", "cmdb.yaml"),
        "cmdb.yaml",
        "schema-type",
        "- 7",
        "must be",
    ),
    Damage(
        "top unknown key",
        _added("servces: {}\n", "cmdb.yaml"),
        "cmdb.yaml",
        "schema-unknown-key",
        "servces",
        "did you mean 'services'",
    ),
    Damage("top empty", _bytes(b"", "cmdb.yaml"), "cmdb.yaml", "yaml-top", "", "must hold a mapping"),
)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
def test_a_broken_file(
    damage: Damage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "estate"
    root.mkdir()
    copy_parts(root, "cmdb.yaml", "cmdb.d", "inventories", "playbooks")
    damage.do(root)

    with pytest.raises(InvalidInput) as caught:
        load(root)
    found = [each for each in caught.value.findings if each.rule == damage.rule]
    assert len(found) == 1, list(map(str, caught.value.findings))
    assert found[0].file == damage.file
    assert damage.says in found[0].message
    if damage.shows:
        assert damage.shows in (root / damage.file).read_text(errors="replace").splitlines()[found[0].line - 1]
    else:
        assert found[0].line == 1

    monkeypatch.chdir(root)
    with pytest.raises(SystemExit) as ended:
        tasks.check(Context())
    assert ended.value.code == ExitCode.INVALID
    said = capsys.readouterr()
    assert said.out == ""
    assert f"{damage.file}:{found[0].line}: {damage.rule}: " in said.err
    assert "Traceback" not in said.err


def test_a_broken_file_brings_no_findings_about_others(tmp_path: Path) -> None:
    """What a file that cannot be read would have said is not reported as missing elsewhere."""
    copy_parts(tmp_path, "cmdb.yaml", "cmdb.d", "playbooks")
    for path in sorted((tmp_path / "cmdb.d").glob("**/*.yaml")):
        content = path.read_bytes()
        path.write_text("services: [\n")
        with pytest.raises(InvalidInput) as caught:
            load(tmp_path)
        assert [each.file for each in caught.value.findings] == [path.relative_to(tmp_path).as_posix()], list(
            map(str, caught.value.findings)
        )
        path.write_bytes(content)


_PIECES = (
    b"\n", b"  ", b"\t", b":", b": ", b"- ", b"[", b"]", b"{", b"}", b"'", b'"', b"#", b"&a ", b"*a", b"!!str ", b"|",
    b">", b"\0", b"\x1b", b"\xff", b"\xe2\x80\xae", b"null", b"true", b"-1", b"1e9", b"{{", b"..", b"/", b"---\n",
    b"<<: ",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_random_damage_is_either_harmless_or_found(seed: int, tmp_path: Path) -> None:
    """Whatever bytes stand there, the outcome is a CMDB or findings that can be shown."""
    chance = random.Random(seed)
    root = write(tmp_path, sample())
    whole = {path: path.read_bytes() for path in (root / "cmdb.yaml", root / "cmdb.d/rest.yaml")}
    refused = 0
    for _ in range(250):
        path = chance.choice(list(whole))
        content = bytearray(whole[path])
        for _ in range(chance.randint(1, 3)):
            start = chance.randrange(len(content))
            match chance.randrange(4):
                case 0:
                    content[start:start] = chance.choice(_PIECES)
                case 1:
                    del content[start : start + chance.randint(1, 40)]
                case 2:
                    other = chance.randrange(len(content))
                    content[start:start] = content[other : other + chance.randint(1, 60)]
                case _:
                    content[start] = chance.randrange(256)
        path.write_bytes(bytes(content))
        try:
            load(root)
        except InvalidInput as error:
            refused += 1
            for finding in error.findings:
                assert forbidden_character(str(finding)) is None, json.dumps(str(finding))
                assert finding.line >= 1
                assert (root / finding.file).is_file()
        path.write_bytes(whole[path])
    assert refused > 125
