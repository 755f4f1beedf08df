"""YAML as data that knows its lines: what is read, as what, and what is refused."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.errors import InvalidInput
from drillbook.source import MAX_BYTES, MAX_DEPTH, Map, Seq, line_at, parse_yaml, plain, read_yaml
from drillbook.text import forbidden_character

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("text", "text"),
        ("'5'", "5"),
        ('"true"', "true"),
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("0", 0),
        ("-7", -7),
        ("+7", 7),
        ("017", "017"),
        ("-017", "-017"),
        ("0x1f", "0x1f"),
        ("0o17", "0o17"),
        ("1_000", "1_000"),
        ("12:30:00", "12:30:00"),
        ("2027-12-31", "2027-12-31"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("-1.5e-3", -0.0015),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
        ("1.2.3", "1.2.3"),
        ("10.213.0.11", "10.213.0.11"),
        ("123456789012345678", 123456789012345678),
        ("1234567890123456789", "1234567890123456789"),
        ("0.12345678901234567890123456789012345678901", "0.12345678901234567890123456789012345678901"),
        ("１２", "１２"),
        ("=", "="),
        ("[]", []),
        ("{}", {}),
        ("[1, [two], {three: 3}]", [1, ["two"], {"three": 3}]),
        ("|\n  one\n  two\n", "one\ntwo\n"),
        (">-\n  one\n  two\n", "one two"),
    ],
)
def test_a_value_is_read_as(written: str, value: Any) -> None:
    read = parse_yaml(f"key: {written}", shown_as="file")["key"]
    assert plain(read) == value
    assert type(plain(read)) is type(value)


CHARACTERS = st.characters(exclude_categories=["Cs"], max_codepoint=0xFFFF)  # JSON writes others as pairs
KEYS = st.text(st.characters(exclude_categories=["Cs", "Cc"], max_codepoint=0xFFFF), max_size=50)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**16), 10**17)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(CHARACTERS)
)


@given(
    st.recursive(
        SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=20
    )
)
def test_json_is_read_as_json(value: Any) -> None:
    document = {"value": value}
    if "<<" in json.dumps(document):
        return
    assert plain(parse_yaml(json.dumps(document), shown_as="file")) == document


LINES = """\
# comment
first: 1

list:
  - a
  - {b: 1, c: [x,
      y]}
map:
    deep:
        last: end
"""


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ((), 2),
        (("first",), 2),
        (("list",), 4),
        (("list", 0), 5),
        (("list", 1), 6),
        (("list", 1, "c", 1), 7),
        (("map", "deep"), 9),
        (("map", "deep", "last"), 10),
        (("map", "unknown"), 8),
        (("list", 7), 4),
        (("first", "below"), 2),
    ],
)
def test_a_place_has_its_line(place: tuple[str | int, ...], line: int) -> None:
    assert line_at(parse_yaml(LINES, shown_as="file"), place) == line


def test_a_map_and_a_list_know_their_lines() -> None:
    document = parse_yaml(LINES, shown_as="file")
    assert isinstance(document["list"], Seq)
    assert isinstance(document["map"], Map)
    assert document.line_of("list") == 4
    assert document.line_of("unknown") == document.line == 2
    assert document["list"].line_of(1) == 6
    assert document["list"].line_of(9) == document["list"].line == 5


def test_plain_values_are_ordinary() -> None:
    value = plain(parse_yaml(LINES, shown_as="file"))
    assert type(value) is dict
    assert type(value["list"]) is list
    assert type(value["list"][1]) is dict


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "rule", "line", "says"),
    [
        ("a: 1\na: 2\n", "duplicate-key", 2, "'a' stands twice, first in line 1"),
        ("m:\n  k: 1\n  l: 1\n  'k': 2\n", "duplicate-key", 4, "first in line 2"),
        ('"k\\u202e": 1\n"k\\u202e": 1\n', "duplicate-key", 2, "'k\\u{202e}'"),
        ("a: !!python/object/apply:os.system [id]\n", "yaml-tag", 1, "tag:yaml.org,2002:python/object/apply:os.system"),
        ("a: 1\nb: !!python/name:os.system\n", "yaml-tag", 2, "python/name"),
        ("a: !!str 1\n", "yaml-tag", 1, "write a plain value"),
        ("a: ! '1'\n", "yaml-tag", 1, "the tag '!'"),
        ("a: !vault |\n  3361\n", "yaml-tag", 1, "!vault"),
        ("a: &x 1\n", "yaml-alias", 1, "write the value out"),
        ("a: 1\nb: &x {c: 1}\n", "yaml-alias", 2, "anchors"),
        ("a: *x\n", "yaml-alias", 1, "aliases"),
        ("*x : 1\n", "yaml-alias", 1, "aliases"),
        (BOMB, "yaml-alias", 1, "aliases"),
        ("a:\n  <<: {b: 1}\n", "yaml-merge", 2, "merge keys"),
        ("? [a, b]\n: 1\n", "yaml-key", 1, "one plain name"),
        ("? {a: b}\n: 1\n", "yaml-key", 1, "one plain name"),
        ("a: 1\n---\nb: 2\n", "yaml-document", 2, "a file holds one"),
        ("", "yaml-top", 1, "must hold a mapping"),
        ("# nothing\n", "yaml-top", 1, "must hold a mapping"),
        ("- a\n", "yaml-top", 1, "must hold a mapping"),
        ("text\n", "yaml-top", 1, "must hold a mapping"),
        ("a: [1, 2\nb: 3\n", "yaml-syntax", 1, "is not closed"),
        ("a: 1\n b: 2\n", "yaml-syntax", 2, "indented deeper"),
        ("a: 'x\n", "yaml-syntax", 1, "is not closed"),
        ("a: b\n\tc: d\n", "yaml-syntax", 2, "a tab indents"),
        ("a: é\nb: 😀\n\nc: \x01\n", "yaml-syntax", 4, "U+0001 is not allowed"),
        ('a: "\x00"\n', "yaml-syntax", 1, "U+0000 is not allowed"),
        ('a: "\\ud800"\n', "yaml-syntax", 1, "Unicode"),
        ("a: " + "[" * (MAX_DEPTH + 10), "nesting", 1, f"over {MAX_DEPTH} levels"),
        ("a: " + "{a: " * 100_000, "nesting", 1, f"over {MAX_DEPTH} levels"),
    ],
)  # fmt: skip
def test_what_is_refused_has_one_finding_with_its_line(text: str, rule: str, line: int, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_yaml(text, shown_as="some.yaml")
    (finding,) = caught.value.findings
    assert (finding.file, finding.rule, finding.line) == ("some.yaml", rule, line)
    assert says in finding.message
    assert forbidden_character(finding.message) is None


def test_the_deepest_nesting_that_is_read() -> None:
    depth = MAX_DEPTH - 1
    assert plain(parse_yaml("a: " + "[" * depth + "]" * depth, shown_as="file"))["a"] is not None
    with pytest.raises(InvalidInput):
        parse_yaml("a: " + "[" * (depth + 1) + "]" * (depth + 1), shown_as="file")


def test_a_value_of_one_key_does_not_become_that_of_another() -> None:
    """Scalars are kept by their text; quoted ones are not numbers for that."""
    document = parse_yaml("a: 1\nb: '1'\nc: 1\nd: \"1\"\n", shown_as="file")
    assert list(document.values()) == [1, "1", 1, "1"]


def test_a_byte_order_mark_and_line_ends_of_windows_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert read_yaml(tmp_path / "a.yaml") == {"a": 1, "b": 2}


def _missing(path: Path) -> None:
    path.unlink(missing_ok=True)


def _folder(path: Path) -> None:
    path.mkdir()


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(50 * 1024 * 1024)


def _latin(path: Path) -> None:
    path.write_bytes(b"name: caf\xe9\n")


def _utf16(path: Path) -> None:
    path.write_text("name: x\n", encoding="utf-16")


@pytest.mark.parametrize(
    ("make", "rule", "says"),
    [
        (_missing, "file", "No such file"),
        (_folder, "file", "Is a directory"),
        (_pipe, "file", "must be an ordinary file"),
        (_device, "file", "must be an ordinary file"),
        (_loop, "file", "cannot be read"),
        (_large, "file-size", "52,428,800 bytes"),
        (_latin, "encoding", "not UTF-8 (byte 9)"),
        (_utf16, "encoding", "not UTF-8"),
    ],
)
def test_what_is_no_file_of_text_is_refused(make: Any, rule: str, says: str, tmp_path: Path) -> None:
    make(tmp_path / "x.yaml")
    with pytest.raises(InvalidInput) as caught:
        read_yaml(tmp_path / "x.yaml", shown_as="x.yaml")
    (finding,) = caught.value.findings
    assert (finding.file, finding.line, finding.rule) == ("x.yaml", 1, rule)
    assert says in finding.message


def test_a_file_of_the_largest_size_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"a: 1\n#" + b"x" * (MAX_BYTES - 7) + b"\n")
    assert read_yaml(path) == {"a": 1}
