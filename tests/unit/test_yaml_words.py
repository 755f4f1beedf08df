"""Broken YAML: the line that a person should look at, and words that say what would be right."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.errors import InvalidInput
from drillbook.source import parse_yaml

NO_COLON, TAB, QUOTES = "the line has no colon", "a tab indents the line; use blanks", "must be in quotes"
DEEPER, COLUMN, BESIDE = "indented deeper than the one above", "the column of no line", "stand in one column"
BRACKET, BRACE = "close it with ']'", "close it with '}'"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\n\tb: 2\n", 2, TAB),
        ("a:\n\tb: 2\n", 2, TAB),
        ("a:\n  - x\n\t- y\n", 3, TAB),
        ("items:\n  rack a01\n  b: 1\n", 2, NO_COLON),
        ("items:\n  x: 1\n  rack a01\n  b: 1\n", 3, NO_COLON),
        ("rack a01\n\n# why\nb: 1\n", 1, NO_COLON),
        ("a:\n  rack a01 # why\n  b: 1\n", 2, NO_COLON),
        ("a: 1\nrack a01", 2, NO_COLON),
        ("a:\n  b: {en: Anna}\n  phone +49 # an extension\n", 3, NO_COLON),
        ("a: [1, 2\nb: 3\n", 1, BRACKET),
        ("a: 0\nb: [1, 2,\nc: 3\nd: 4\n", 2, BRACKET),
        ("a: {x: [1}\n", 1, BRACKET),
        ("a: [", 1, BRACKET),
        ("\ufeffa: [", 1, BRACKET),
        ("a: [1,\n  {b: [\n\n", 2, BRACKET),
        ("a: {x: 1\nb: 3\n", 1, BRACE),
        ("a: {x: 1, y: 2\nb:\n  - c\n", 1, BRACE),
        ("a: [x, {y: 1]\n", 1, BRACE),
        ("a: {b: 1, c:\n", 1, BRACE),
        ("a: 1\n b: 2\n", 2, DEEPER),
        ("a:\n  b: 1\n   c: 2\n", 3, DEEPER),
        ("a: {en: Database: main}\n", 1, QUOTES),
        ("a: {zh: 数据库: 主}\n", 1, QUOTES),
        ("a: {x: 1,\n    en: Database: main}\n", 2, QUOTES),
        ("a: 1\nb: Database: main\n", 2, QUOTES),
        ("a:\n  b: 1\n c: 2\n", 3, COLUMN),
        ("a:\n  - x\n - y\n", 3, COLUMN),
        ("- a\nb: 1\n", 2, BESIDE),
        ("a: 1\n- b\n", 2, BESIDE),
        ("a: 1\nb: 'x\nc: 1\n", 2, "the quote (') that opens here is not closed"),
        ('a: {x: "y}\nb: 1\n', 1, 'the quote (") that opens here is not closed'),
        ("a: 'it's'\n", 1, "more stands behind a closing quote or bracket"),
        ('a: "one" two\n', 1, "more stands behind a closing quote or bracket"),
        ("a: ['x' 'y']\n", 1, "a comma is missing before '"),
        ("a: [\n  'x'\n  'y'\n]\n", 3, "a comma is missing before '"),
        ("a: @x\n", 1, "a value cannot begin with '@'; put it in quotes"),
        ("a: [1,, 2]\n", 1, "a value is missing before ','"),
        ("a: {b: 1}}\n", 1, "a '}' too many"),
        ('a: "\\q"\n', 1, "a backslash begins an escape"),
        ("a: | text\n  more\n", 1, "begin the text in the next line"),
        ("a: *\n", 1, "while scanning an alias"),
    ],
)
def test_a_mistake_is_named_where_it_is(text: str, line: int, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_yaml(text, shown_as="file")
    [finding] = caught.value.findings
    assert (finding.line, finding.rule) == (line, "yaml-syntax")
    assert words in finding.message
    assert "\n" not in finding.message


@given(st.text(st.sampled_from("ab1-:,[]{}'\"\\|>#@*&!?%\t\r\n   \ufeff\u2028é"), max_size=40))
def test_whatever_is_wrong_has_a_line_of_the_file(text: str) -> None:
    try:
        parse_yaml(text, shown_as="file")
    except InvalidInput as error:
        [finding] = error.findings
        assert 1 <= finding.line <= len(text.splitlines()) + 1
