"""Broken and hostile drills: one clear refusal each, and never a crash."""

from __future__ import annotations

import pytest
import yaml

from drillbook.drill.load import load_drill
from drillbook.errors import InvalidInput
from tests.drill_values import drill, write

HOSTILE = ("\u202egniht", "a\u200bb", "bell\x07", "two\nlines", "\ufeffx", "esc\x1b[31m")
BOMB = "a: &a [x, x]\nb: &b [*a, *a]\ndrill: *b\n"


def rules(path) -> set[str]:
    with pytest.raises(InvalidInput) as caught:
        load_drill(path)
    for each in caught.value.findings:
        assert each.file == f"drills/{path.name}"
        assert each.line >= 1
        assert "\n" not in each.message
    return {each.rule for each in caught.value.findings}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("drill: [", "yaml-syntax"),
        ("drill: a\ndrill: b\n", "duplicate-key"),
        (BOMB, "yaml-alias"),
        ("drill: !!python/object/apply:os.system ['true']\n", "yaml-tag"),
        ("- a\n", "yaml-top"),
        ("", "yaml-top"),
        ("a: 1\n---\nb: 2\n", "yaml-document"),
        ("<<: {a: 1}\n", "yaml-merge"),
        ("{a: " * 60, "nesting"),
        ("drill: " + "[" * 60, "nesting"),
    ],
)
def test_a_broken_file_is_refused(tmp_path, text, rule):
    path = write(tmp_path, {})
    path.write_text(text)
    assert rule in rules(path)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = write(tmp_path, {})
    path.write_bytes(b"drill: \xff\xfe\n")
    assert "encoding" in rules(path)


def test_a_huge_file_is_not_read(tmp_path):
    path = write(tmp_path, {})
    with path.open("wb") as file:
        file.truncate(50 * 1024 * 1024)
    assert rules(path) == {"file-size"}


def test_a_file_that_is_not_there_is_refused(tmp_path):
    assert rules(write(tmp_path, {}).with_name("nothing.yaml")) == {"file"}


def texts(node, way=()):
    """Give the place of every text in a drill."""
    if isinstance(node, str):
        yield way
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from texts(value, (*way, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from texts(value, (*way, index))


@pytest.mark.parametrize("way", list(texts(drill())), ids=lambda way: "/".join(map(str, way)))
@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_no_text_may_hide_what_it_says(tmp_path, way, text):
    value = drill()
    node = value
    for part in way[:-1]:
        node = node[part]
    node[way[-1]] = text
    assert "forbidden-character" in rules(write(tmp_path, value))


@pytest.mark.parametrize("text", ["$(reboot)", "'; drop table x; --", "-rf", "../../etc/passwd", "a b", "x" * 300])
@pytest.mark.parametrize("way", [
    ("drill",), ("service",), ("environment",), ("runbook",), ("probes", 0, "id"), ("probes", 0, "from"),
    ("probes", 0, "to"), ("faults", 0, "on"), ("trigger", "probe"), ("steady_state", 0, "check", "on"),
    ("steady_state", 0, "check", "file"), ("steady_state", 0, "check", "function"),
])  # fmt: skip
def test_no_name_is_anything_but_a_name(tmp_path, way, text):
    """What ends in a file's name, a unit's name or a command must not be able to be more than that."""
    value = drill()
    node = value
    for part in way[:-1]:
        node = node[part]
    node[way[-1]] = text
    assert rules(write(tmp_path, value)) & {"schema-value", "schema-size"}


def test_a_process_to_kill_is_a_name_too(tmp_path):
    value = drill()
    value["faults"] = [{"kind": "service_killed", "on": "db-1", "after": "1 s", "process": "-9 -1"}]
    assert rules(write(tmp_path, value)) == {"schema-value"}


def test_hostile_keys_are_shown_harmlessly(tmp_path):
    path = write(tmp_path, {})
    path.write_text(yaml.safe_dump({**drill(), "\u202ex": 1}, allow_unicode=True))
    with pytest.raises(InvalidInput) as caught:
        load_drill(path)
    assert all("\u202e" not in str(each) for each in caught.value.findings)
