"""The sentences that schema errors become, and the runbook's schema itself."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from drillbook.cmdb.durations import PATTERN, seconds
from drillbook.runbook.load import schema
from drillbook.runbook.model import Kind, Verb
from drillbook.schema import findings_of, hostile_findings
from drillbook.source import parse_yaml

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "maxLength": 5, "minLength": 2},
        "timeout": {"$ref": "#/$defs/time", "description": "When it ends, such as '20 s'.", "x-rule": "no-timeout"},
        "count": {"type": "integer", "minimum": 1, "exclusiveMaximum": 10},
        "kind": {"enum": ["switchover", "failover"]},
        "list": {"type": "array", "maxItems": 2, "uniqueItems": True, "items": {"type": "string"}},
        "map": {
            "type": "object",
            "propertyNames": {"pattern": "^[a-z]+$", "patternErrorMessage": "lower-case letters"},
            "additionalProperties": {
                "type": "object",
                "required": ["timeout"],
                "properties": {"timeout": {"$ref": "#/$defs/time", "x-rule": "no-timeout", "description": "Its end."}},
                "dependentRequired": {"a": ["b"]},
            },
        },
        "action": {"type": "object", "oneOf": [{"required": ["run"]}, {"required": ["wait"]}]},
        "undo": {
            "oneOf": [
                {"const": "nothing"},
                {"type": "object", "required": ["run"], "additionalProperties": False, "properties": {"run": True}},
            ]
        },
        "open": {"type": "object", "properties": {"a": True}, "unevaluatedProperties": False},
    },
    "$defs": {
        "time": {"type": "string", "pattern": "^[0-9]+ s$", "patternErrorMessage": "a duration such as '20 s'"}
    },
}  # fmt: skip

CASES = [
    ("name: ok\nnmae: x", 2, "schema-unknown-key", "unknown key 'nmae'; did you mean 'name'?"),
    ("name: ok\nzzz: x", 2, "schema-unknown-key", "unknown key 'zzz'; known here: name, timeout"),
    ("name: ok\nopen: {b: 1}", 2, "schema-unknown-key", "unknown key 'b'; known here: a"),
    ("name: ok\nundo: {run: a, so there}", 2, "schema-unknown-key", "a text with a comma inside braces needs quotes"),
    ("count: 1", 1, "schema-missing", "the file has no 'name'; add 'name'"),
    ("name: ok\nmap:\n  a:\n    b: 1", 3, "no-timeout", "'a' has no 'timeout'; add 'timeout': its end"),
    ("name: ok\nmap:\n  a:\n    timeout: 1 s\n    a: 1", 5, "schema-missing", "'a' needs 'b' beside it"),
    ("name: 5", 1, "schema-type", "'name' is the number 5; it must be a text, in quotes: \"5\""),
    ("name: {a: 1}", 1, "schema-type", "'name' is a mapping of 1 name; it must be a text"),
    ("name: [1, 2]", 1, "schema-type", "'name' is a list of 2 entries"),
    ("name:", 1, "schema-type", "'name' is empty; it must be a text"),
    ("name: ok\ncount: true", 2, "schema-type", "'count' is true; it must be a whole number"),
    ("name: ok\ncount: 0", 2, "schema-range", "'count' is 0; it must be at least 1 and under 10"),
    ("name: ok\ntimeout: 5min", 2, "schema-value", "it must be a duration such as '20 s'"),
    ("name: ok\ntimeout: 5", 2, "schema-type", "it must be a duration such as '20 s', in quotes"),
    ("name: ok\nkind: failovr", 2, "schema-value", "(did you mean 'failover'?)"),
    ("name: o", 1, "schema-size", "at least 2 characters must be there"),
    ("name: toolong", 1, "schema-size", "'name' has 7 characters; at most 5 are allowed"),
    ("name: ok\nlist: [a, b, c]", 2, "schema-size", "'list' has 3 entries; at most 2"),
    ("name: ok\nlist: [a, a]", 2, "schema-twice", "holds a value twice"),
    ("name: ok\nlist:\n- a\n- 1", 4, "schema-type", "entry 2 of 'list' is the number 1"),
    ("name: ok\nmap:\n  a: {timeout: 1 s}\n  B1: {timeout: 1 s}", 4, "schema-name", "'B1' is not allowed here"),
    ("name: ok\naction: {}", 2, "schema-one-of", "'action' has none of run, wait; add one"),
    ("name: ok\naction: {run: 1, wait: 1}", 2, "schema-one-of", "'action' has 'run' and 'wait'; keep one"),
    ("name: ok\nundo: nix", 2, "schema-value", "it must be the text 'nothing' or a mapping with 'run'"),
    ("name: ok\nundo: {rnu: 1}", 2, "schema-unknown-key", "unknown key 'rnu'; did you mean 'run'?"),
]


@pytest.mark.parametrize(("document", "line", "rule", "part"), CASES)
def test_each_error_is_a_sentence(document: str, line: int, rule: str, part: str) -> None:
    found = findings_of(SCHEMA, parse_yaml(document, shown_as="f.yaml"), "f.yaml")
    assert any((each.line, each.rule) == (line, rule) and part in each.message for each in found), found
    assert all("\n" not in str(each) for each in found)


def test_what_is_right_has_no_findings() -> None:
    document = "name: ok\ncount: 9\nmap: {a: {timeout: 1 s}}\naction: {run: 1}\nundo: nothing"
    assert findings_of(SCHEMA, parse_yaml(document, shown_as="f"), "f") == []


def test_values_are_shown_safely() -> None:
    found = findings_of(SCHEMA, parse_yaml('name: ok\nkind: "a\\e[2J\\u202e"', shown_as="f"), "f")
    assert "\x1b" not in str(found[0])
    assert "\\u{1b}" in str(found[0])


def test_one_wrong_entry_among_many_is_found_alone() -> None:
    lines = [f"  k{'abcdefghij'[n % 10] * (n // 10 + 1)}: {{timeout: 1 s}}" for n in range(500)]
    lines[321] = "  wrong: {timeout: 1 m}"
    found = findings_of(SCHEMA, parse_yaml("name: ok\nmap:\n" + "\n".join(lines), shown_as="f"), "f")
    assert [(each.line, each.rule) for each in found] == [(324, "schema-value")]


def test_where_the_two_validators_disagree_the_gate_decides() -> None:
    # Python's $ matches before a last line feed, the gate's does not.
    found = findings_of(
        {"type": "object", "properties": {"a": {"pattern": "^[a-z]$"}}}, parse_yaml('a: "x\\n"', shown_as="f"), "f"
    )
    assert [each.rule for each in found] == ["schema"]


def test_hostile_characters_in_keys_and_values() -> None:
    document = parse_yaml('"a\\u200b": 1\nb: ["x\\e"]\nscript: |\n  a\n  b\nsql: "a\\rb"', shown_as="f")
    found = hostile_findings(document, "f", multiline=frozenset({"script", "sql"}))
    assert [(each.line, each.rule) for each in found] == [
        (1, "forbidden-character"),
        (2, "forbidden-character"),
        (6, "forbidden-character"),
    ]


def test_the_runbooks_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


def test_the_schema_and_the_model_have_the_same_words() -> None:
    properties = schema()["properties"]
    assert properties["kind"]["enum"] == list(Kind)
    assert schema()["$defs"]["step"]["properties"]["verb"]["enum"] == list(Verb)


def test_the_schema_and_the_parser_agree_on_durations() -> None:
    assert schema()["$defs"]["duration"]["pattern"] == PATTERN
    assert seconds("500 ms") == 0.5


def objects(node: Any, path: str = "") -> list[tuple[str, dict[str, Any]]]:
    found = [(path, node)] if isinstance(node, dict) and node.get("type") == "object" else []
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return found + [each for key, value in children for each in objects(value, f"{path}/{key}")]


def test_every_object_of_the_schema_is_closed_and_every_property_described() -> None:
    for path, node in objects(schema()):
        assert "additionalProperties" in node, path
        for name, value in node.get("properties", {}).items():
            target = value
            while "$ref" in target and "description" not in target:
                target = schema()["$defs"][target["$ref"].rpartition("/")[2]]
            assert target.get("description"), f"{path}/{name}"


def test_the_schema_is_plain_json() -> None:
    assert json.loads(json.dumps(schema())) == schema()
