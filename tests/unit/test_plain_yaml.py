"""The quick reader held against libyaml: what it accepts, it reads the same, with the same lines."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drillbook.errors import InvalidInput
from drillbook.node import Map, Seq
from drillbook.plain_yaml import read_plain
from drillbook.source import parse_strictly
from tests.generated_estate import Shape, write_estate

ROOT = Path(__file__).parents[2]


def _same(one: Any, two: Any) -> None:
    """Hold values, their types, the order of keys, and all lines against each other."""
    assert type(one) is type(two)
    if isinstance(one, Map):
        assert list(one) == list(two)
        assert (one.file, one.line, list(one.each_line())) == (two.file, two.line, list(two.each_line()))
        for key, value in one.items():
            _same(value, two[key])
    elif isinstance(one, Seq):
        assert (one.file, one.line, list(one.each_line())) == (two.file, two.line, list(two.each_line()))
        for first, second in zip(one, two, strict=True):
            _same(first, second)
    else:
        assert one == two


def _agrees(text: str) -> bool:
    """Hold the two readers against each other; tell whether the quick one accepted the text."""
    read = read_plain(text, "f")
    if read is None:
        return False
    try:
        strictly = parse_strictly(text, shown_as="f")
    except InvalidInput as error:
        raise AssertionError(f"libyaml refuses what the quick reader took: {error.findings[0]}\n{text}") from None
    _same(read, strictly)
    return True


ACCEPTED = (
    "a: 1\n", "a: 1", "a:\n", "a:\nb: ~\n", "a: x y\n", "a:   x  \n", "a: x # why\n", "# c\n\na: 1\n  # c\n\nb: 2\n",
    "  a: 1\n  b: 2\n", "a:\n  b:\n    c: 1\n  d: 2\ne: 3\n", "a:\n    b: 1\nc:\n b: 1\n", "a: 'x: y'\n",
    'a: "x, {y} # z"\n', 'a: "" \n', "a: ''   # c\n", "a: {b: 1, c: 'x, y', d: \"z}\"}\n", "a: { b: 1 }  # c\n",
    "a: {b: {c: [1, 2], d: {}}, e: []}\n", "a: [x, 'y', \"z\"]\n", "a: []\nb: {}\n", "a: [[1, 2], {b: 3}]\n",
    "a:\n  - x\n  - {b: 1}\n  - [1]\n  - 'y'\n", "a:\n- x\n- y\nb: 1\n", "a:\n  b:\n  - x\n  c: 1\nd: 2\n",
    "a: 文字 （一）\n", "a: {b: 文字，（一）, c: é}\n", "a: http://x.example:80/y?z=1\n", "a: {b: http://x.example:80/y}\n",
    "a: 10.1.2.3\nb: 2001:db8::1\nc: {d: 2001:db8::1}\n", "a: 7x24\nb: 017\nc: 1e3\nd: 2027-01-01\n", "a: +1\n",
    "1: 31 d\n", "null: 1\ntrue: 2\n", "a: b - c\nd: x? y!\n", "a: 😀\n", "a: \u3000x\n", "a: ...\n", "a: /x/y\n",
    "a: {b: c d, e: (f) g}\n", "a: <b>\n", "a: = \n", "a: \\x\n", "a: x'y\"z\n", "a: {b: x'y}\n",
    "a: [1,\n  2]\nb: 1\n", "a: {\n  b: 1, c: {d: 2},\n  e: [3, 4],\n}\nf: 5\n", "a: {b: 1,\n\n c: 2\n }\nd: {e: 3}\n",
    "a:\n  b: {\n    c: [\n      1,\n      2\n    ],\n  }\n  d: 1\n",
    "a:\n  - {b: 1,\n     c: 2}\n  - [x,\n    y]\n  - z\nb: 1\n",
    "a: {b: {c: 1\n}\n,\nd: 2}\n", "a: [1, 2, ]\n", "a: {b: [],\n  c: {}}\nd: x # {\n", "a: [\n]\n",
)  # fmt: skip


@pytest.mark.parametrize("text", ACCEPTED)
def test_what_is_plain_is_read_as_libyaml_reads_it(text: str) -> None:
    assert _agrees(text)


DECLINED = (
    "", "# nothing\n", "- a\n", "text\n", "a: 1\na: 2\n", "a: {b: 1, b: 2}\n", "a: {b: {c: 1, c: 2}}\n", "a: &x 1\n",
    "a: *x\n", "a: !!str 1\n", "a: {b: !x 1}\n", "<<: {a: 1}\n", "a: {<<: b}\n", "a: |\n  x\n", "a: >-\n  x\n",
    'a: "\\u0041"\n', "a: 'it''s'\n", "a: x\n  y\n", "a: 'x\n  y'\n", "a: b: c\n", "a: 1\n b: 2\n",
    "a:\n  b: 1\n c: 2\n", "a:\tb\n", "a: 1\r\n", "\ufeffa: 1\n", "a: \x01\n", "a: \x7f\n", "a: \x85x\n",
    "a: \u2028x\n", "? a\n: 1\n", "a: 1\n---\nb: 2\n", "a: 1\n...\n", "%YAML 1.2\n---\na: 1\n", "a: [1, 2\n",
    "a: {b: 1\n", "a: }\n", "a: [}\n", "a: {b}\n", "a: {b: }\n", "a: [a: 1]\n", "a: [1, , 2]\n", "a: @x\n", "a: `x`\n",
    "a: %x\n", "a: ? x\n", "a: - x\n", "a: [- x]\n", "a: x\n- y\n", "a: 1\n  - y\n", "a:\n  - x\n  b: 1\n",
    "a:\n  - x: 1\n", "a: 'x' y\n", "a: {b: 'x' y}\n", "a: {b: 1} x\n", "a: {b: 1}#x\n", "k y: 1\n", f"{'k' * 99}: 1\n",
    "a: [" * 30 + "]" * 30, "".join("  " * n + "a:\n" for n in range(30)), "a: 'x'#y\n", "a: {b: 1, c: 2,}x\n",
    "a: [1\n  2]\n", "a: {b: x\n  y}\n", "a: {b: 1,\n  b: 2}\n", "a: [1,\n...\n]\n", "a: [1,\n---\n]\n",
    "a: {b:\n  1}\n",
    "a: {b: 1, # c\n  d: 2}\n", "a: {b: 1,\n  c: 2} x\n", "a: {b: 1,\n  c: 2}}\n", "a: {b: [1,\n  2}\n",
    "a: {b: 1,\n", "a: {,}\n",
    "a: [,\n 1]\n", "a: {b: 1,, c: 2}\n", "a: [x: 1,\n 2]\n", "a: [1,\n 2]\n - 3\n", "a: {b: 1} {c: 2}\n", "a: [1] 2\n",
    "a: {b: '}',\n  c: 1}\n", "a: #x\n  - y\n b: 1\n", "a: [x]]\n", "a: [x}\n", "a: {b: x]}\n",
)  # fmt: skip


@pytest.mark.parametrize("text", DECLINED)
def test_what_is_not_plain_is_left_to_libyaml(text: str) -> None:
    assert read_plain(text, "f") is None


@pytest.mark.parametrize("text", [
    "a: {" + ", ".join(f"k{n}: {n}" for n in range(4000)) + "}\n", "a: [" + "x, " * 20_000 + "x]\n",
    "a: {\n" + "".join(f"  k{n}: {{b: {n}}},\n" for n in range(3000)) + "}\nb: 1\n",
    "a: " + "[[],\n" * 10 + "1" + "]" * 10 + "\n",
    "a: " + "x " * 500_000 + "\n", "a: '" + "x: " * 500_000 + "'\n", "".join(f"k{n}: {n}\n" for n in range(50_000)),
])  # fmt: skip
def test_what_is_long_is_read_too(text: str) -> None:
    assert _agrees(text)


@pytest.mark.parametrize("text", [
    "a: {" + "x" * 3_000_000 + "}\n", "a: {" + "b: c d " * 400_000 + "}\n", "a: " + "x:" * 1_000_000 + " \n",
    "a: " + "[" * 1_000_000 + "\n", "a: " + " " * 1_000_000 + "#\n" + " " * 1_000_000 + "?\n",
    "a: [" + "x, " * 2_000_000 + "x]\n", "a: {\n" * 300_000, "a: [\n" + "x,\n" * 1_000_000 + "]\n",
    "a: [x,\n b: 1\n" * 100_000,
    "a: '" + "''" * 1_000_000 + "x\n", "a" * 1_000_000 + ":\n", "a: {b: [" + "{c: [" * 1_000_000 + "\n",
])  # fmt: skip
def test_what_is_long_and_not_plain_is_declined_without_trying_for_ever(text: str) -> None:
    assert read_plain(text, "f") is None


_TOKENS = (
    "a", "b", "key", "1", "-1", "0x1", "~", "null", "true", "1.5", "é", "文", "a b", ": ", ":",
    ",", ", ", "{", "}", "[",
    "]", "'", '"', "''", "'x'", '"y"', "#", " #", "- ", "-", "? ", "?", "&a", "*a", "!", "|", ">", "%", "@", "`", "\\",
    " ", "  ", "\n", "\n", "\n  ", "\n    ", "\na: ", "\n  b: ", "\n- ", "\n  - ", "{\n", ",\n", "\n}", "a: {b: 1}",
    "[x, y]", "\t", "\r",
    "...", "---", "<<", "=", "::", "a:b", "http://x", "\x85", "\xa0", "\u2028", "\ufeff", "\u3000",
)  # fmt: skip


@settings(max_examples=1500)
@given(st.lists(st.sampled_from(_TOKENS), max_size=14).map("".join))
def test_pieces_in_any_order(text: str) -> None:
    _agrees("top: " + text)
    _agrees(text)


_WORDS = st.text(
    st.sampled_from("ab1 .:/-'\"#{}[],?!&*|>%@`\\()éz文，=<~_+")
    | st.characters(exclude_categories=["Cs"], exclude_characters="\n"),
    max_size=8,
)


@settings(max_examples=1500)
@given(st.sampled_from(("a: {}", "a: {{b: {}}}", "a: {{b: {}, c: 1}}", "a: [{}, x]", "a:\n- {}", "a: '{}'", 'a: "{}"',
                        "a: x {}", "a: {{b: x{} }}", "{}: 1", "a: {{{}: 1}}", "a: [{{b: {}}}]", "a: {{b: 1,\n {} }}",
                        "a: [x,\n  {}\n]\nb: 1", "a:\n  b: {{\n    c: {},\n  }}\n  d: 1",
                        "a: x{}\n  # c\nb: 1")),
       _WORDS)  # fmt: skip
def test_any_word_at_any_place(form: str, word: str) -> None:
    _agrees(form.format(word))


VALUES = st.recursive(
    st.sampled_from(
        ("x", "1", "~", "x y", "'q, r'", '"s: t"', "文", "7x24", "", "[]", "{}", "[a, b]", "{c: d, e: 'f'}")
    ),
    lambda inner: st.dictionaries(st.sampled_from(("a", "b", "k-1", "k.2", "3")), inner, min_size=1, max_size=4),
    max_leaves=12,
)


def _written(value: Any, indent: int, chance: random.Random) -> str:
    if not isinstance(value, dict):
        return f" {value}{chance.choice(('', '', '  # c'))}\n"
    step = chance.choice((1, 2, 4))
    lines = "" if indent < 0 else "\n"
    inner = max(0, indent + step) if indent >= 0 else 0
    for key, below in value.items():
        lines += chance.choice(("", "", "", "\n", " " * inner + "# c\n")) + " " * inner + f"{key}:"
        lines += _written(below, inner, chance)
    return lines


@given(st.dictionaries(st.sampled_from(("a", "b", "c", "d")), VALUES, min_size=1), st.integers(0, 10**6))
def test_what_people_write_is_accepted(value: dict[str, Any], seed: int) -> None:
    assert _agrees(_written(value, -1, random.Random(seed)))


def test_files_of_estates_are_accepted(tmp_path: Path) -> None:
    """Speed depends on it. The shipped estate has a few lists that libyaml has to read."""
    write_estate(tmp_path, Shape(600, seed=3))
    assert all(_agrees(path.read_text()) for path in tmp_path.rglob("*.yaml"))
    shipped = [path.read_text() for path in (ROOT / "cmdb.yaml", *sorted((ROOT / "cmdb.d").rglob("*.yaml")))]
    assert sum(len(text) for text in shipped if _agrees(text)) > 0.8 * sum(map(len, shipped))


@pytest.mark.parametrize("seed", range(4))
def test_damaged_files_are_read_the_same_or_not_at_all(seed: int) -> None:
    chance = random.Random(seed)
    whole = [path.read_text() for path in sorted((ROOT / "cmdb.d").rglob("*.yaml"))]
    accepted = 0
    for _ in range(120):
        lines = chance.choice(whole).splitlines(keepends=True)
        start = chance.randrange(len(lines))
        text = "".join(lines[start : start + 40])
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(text))
            text = text[:at] + chance.choice(_TOKENS) + text[at + chance.choice((0, 0, 1, 5)) :]
        accepted += _agrees(text)
    assert accepted
