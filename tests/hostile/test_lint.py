"""Trees that are broken in every way: the lint gives findings, never an exception, and each fit to be printed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from drillbook.artifacts.lint import lint
from drillbook.text import forbidden_character

ROOT = Path(__file__).parents[2]
FILES = sorted(path for path in (ROOT / "playbooks").rglob("*") if path.is_file() and path.suffix != ".pyc")
PIECES = (
    b"{{", b"}}", b"{%", b"%}", b"{#", b"\n", b"\t", b"\0", b"\xff", b"\xe2\x80\xae", b"\x1b[2J", b"*a", b"&a ",
    b"<<: ", b"!!python/object:x ", b"? ", b"- ", b": ", b"'", b'"', b"[", b"]", b"{", b"}", b"|", b">", b"---\n",
    b"...\n", b"%YAML 9.9\n", b"lookup(", b"__", b"(" * 300, b"[" * 300, b"- " * 300, b"not " * 300, b"1" * 5000,
)  # fmt: skip


def _broken(data: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(3):
            case 0:
                data = data[:at] + chance.choice(PIECES) + data[at:]
            case 1:
                data = data[:at] + data[at + chance.randint(1, 40) :]
            case _:
                data = data[:at]
    return data


@pytest.mark.parametrize("path", FILES, ids=[path.relative_to(ROOT).as_posix() for path in FILES])
def test_files_that_are_broken_at_random(path: Path, tmp_path: Path) -> None:
    chance = random.Random(path.name)
    target = tmp_path / path.relative_to(ROOT)
    target.parent.mkdir(parents=True)
    original = path.read_bytes()
    for _ in range(60):
        target.write_bytes(_broken(original, chance))
        for finding in lint(tmp_path / "playbooks"):
            assert forbidden_character(str(finding)) is None, repr(str(finding))
            assert len(str(finding)) < 800
            assert finding.line >= 1


HOSTILE_NAMES = ["a\nb.yml", "a\x1b[2J.yml", "a\u202eb.yml", "-rf.yml", "{{ x }}.yml", " .yml", "é" * 100 + ".yml"]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_names_of_files(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("- hosts: localhost\n")
    found = lint(tmp_path)
    assert [each.rule for each in found] == ["lint-host"]
    assert forbidden_character(str(found[0])) is None
