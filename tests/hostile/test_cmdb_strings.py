"""Hostile texts in every text field of the schema and in every name: refused, or carried as they are."""

from __future__ import annotations

import copy
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from rich.console import Console

from drillbook.cmdb.impact import impact
from drillbook.cmdb.inventory import inventory_text
from drillbook.cmdb.load import SCHEMA, load
from drillbook.console.cmdb_view import listing, show
from drillbook.console.impact_view import impact_view
from drillbook.source import line_at, read_yaml
from drillbook.text import forbidden_character
from tests.cmdb_cases import changed
from tests.cmdb_cases.snapshots import GIVEN, SNAPSHOT
from tests.cmdb_files import file_of, findings, write
from tests.cmdb_sample import sample
from tests.nested import Data, Place, at, mappings, put, strings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from drillbook.errors import Finding

ROOT_SCHEMA: Data = json.loads(SCHEMA.read_text())

MUST_BE_REFUSED = [
    "a\nb",  # a line break forges a line
    "a\x1b[2J\0",  # controls of a terminal
    "a\u202etxt.exe",  # shown in another order than it has
    "{{ lookup('pipe', 'reboot') }}",
    "x" * 10_000,
]
MAY_BE_TEXT = ['it\'s "so"', "$(reboot)", "`id`; rm -rf ${HOME}", "[bold red]x[/]", "../../etc/passwd", "a: [b, *c] #"]
OPTIONS = ["-rf", "--checkpoint-action=exec=sh"]


def _resolved(schema: Data, *, inside: bool = False) -> Data:
    """Follow references; of a text or a mapping, take the mapping when a place leads ``inside`` it."""
    while "$ref" in schema or "oneOf" in schema:
        if "oneOf" in schema:
            branches = [_resolved(each) for each in schema["oneOf"]]
            schema = next(each for each in branches if (each["type"] == "object") is inside)
        else:
            schema = ROOT_SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema


def _schema_of(place: Place, *, mapping: bool = False) -> Data:
    """Give the subschema of a place in a document, by the schema itself; ``mapping``: of the mapping there."""
    schema = _resolved(ROOT_SCHEMA)
    for index, part in enumerate(place):
        if isinstance(part, int):
            schema = _resolved(schema["items"], inside=index + 1 < len(place) or mapping)
        elif part in schema.get("properties", {}):
            schema = _resolved(schema["properties"][part])
        else:
            schema = _resolved(schema["additionalProperties"])
    return schema


def _kind(place: Place) -> tuple[str, ...]:
    """Give a place with its ids and indexes blotted out, so that each field of the schema is tried once."""
    schema, kind = _resolved(ROOT_SCHEMA), []
    for index, part in enumerate(place):
        if isinstance(part, int):
            schema = _resolved(schema["items"], inside=index + 1 < len(place))
            kind.append("[]")
        elif part in schema.get("properties", {}):
            schema = _resolved(schema["properties"][part])
            kind.append(str(part))
        else:
            schema = _resolved(schema["additionalProperties"])
            kind.append("*")
    return tuple(kind)


FIELDS = {".".join(_kind(place)): place for place, _ in strings(sample())}
NAMES = {".".join(_kind(place)): place for place in mappings(sample())}


def _is_argument(place: Place) -> bool:
    """Tell whether the value becomes (part of) an argument of a command: all but free lines of text."""
    return "pattern" in _schema_of(place) or "enum" in _schema_of(place) or "settings" in place


def _used(schema: Data, node: Any, seen: dict[str, bool], at_: str) -> None:
    """Note which properties of the schema a document uses."""
    schema = _resolved(schema, inside=isinstance(node, dict))
    if isinstance(node, dict):
        for name in schema.get("properties", {}):
            seen.setdefault(f"{at_}.{name}", False)
        for key, value in node.items():
            if key in schema.get("properties", {}):
                seen[f"{at_}.{key}"] = True
                _used(schema["properties"][key], value, seen, f"{at_}.{key}")
            elif isinstance(schema.get("additionalProperties"), dict):
                _used(schema["additionalProperties"], value, seen, f"{at_}.*")
    elif isinstance(node, list):
        for value in node:
            _used(schema["items"], value, seen, f"{at_}[]")


def test_the_sample_uses_every_field_of_the_schema() -> None:
    seen: dict[str, bool] = {}
    _used(ROOT_SCHEMA, {**changed({SNAPSHOT: GIVEN}), "include": ["x"]}, seen, "")
    assert [name for name, used in seen.items() if not used] == []
    assert len(FIELDS) > 100


def test_every_object_of_the_schema_is_closed_and_described() -> None:
    def walk(schema: Data, at_: str) -> Iterator[str]:
        if schema.get("type") == "object":
            if "additionalProperties" not in schema:
                yield f"{at_}: open"
            if "propertyNames" not in schema and isinstance(schema.get("additionalProperties"), dict):
                yield f"{at_}: any name"
        if "type" in schema and "description" not in schema:
            yield f"{at_}: no description"
        if schema.get("type") == "string" and not {"pattern", "maxLength"} & set(schema):
            yield f"{at_}: no limit"
        if "pattern" in schema and not (schema["pattern"].startswith("^") and schema["pattern"].endswith("$")):
            yield f"{at_}: a pattern that is not of the whole text"
        for key, value in schema.items():
            if isinstance(value, dict):
                for name, each in value.items() if key in ("properties", "$defs") else [(key, value)]:
                    if key != "dependentRequired":
                        yield from walk(each, f"{at_}/{name}")

    assert list(walk(ROOT_SCHEMA, "")) == []


def _check_shown(found: list[Finding]) -> None:
    for each in found:
        assert forbidden_character(str(each)) is None, repr(str(each))
        assert len(str(each)) < 1000, str(each)


def _refused_there(root: Path, place: Place) -> list[Finding]:
    """Give the findings; one of them must be at the line of the value."""
    found = findings(root)
    _check_shown(found)
    name = file_of(place)
    line = line_at(read_yaml(root / name), place)
    assert (name, line) in {(each.file, each.line) for each in found}, (place, list(map(str, found)))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("field", FIELDS)
def test_a_hostile_text_in_a_field(field: str, tmp_path: Path) -> None:
    place = FIELDS[field]
    for text in MUST_BE_REFUSED:
        if place == ("organisation",) and forbidden_character(text) is None and len(text) < 100:
            continue  # Ansible never sees it
        rules = {each.rule for each in _refused_there(write(tmp_path, put(sample(), place, text)), place)}
        if forbidden_character(text):
            assert "forbidden-character" in rules, text
    for text in OPTIONS:
        root = write(tmp_path, put(sample(), place, text))
        if _is_argument(place):
            _refused_there(root, place)
        else:
            _carried(root, place, text)
    for text in MAY_BE_TEXT:
        root = write(tmp_path, put(sample(), place, text))
        found = findings(root)
        if found:
            _refused_there(root, place)
            assert _is_argument(place), (text, list(map(str, found)))
        else:
            _carried(root, place, text)


def _carried(root: Path, place: Place, text: str) -> None:
    """The text comes through as it is: in the CMDB, in the inventory, and on the screen as one line."""
    cmdb = load(root)
    if place == ("organisation",):
        assert cmdb.organisation == text
        return
    section = cmdb.section(str(place[0]))
    entry = section[str(place[1])]
    assert at(dict(entry.fields), place[2:]) == text
    assert (
        yaml.load(inventory_text(cmdb, "lab"), yaml.CSafeLoader)["all"]["hosts"]["db-1"]["ansible_host"]
        == "10.213.0.11"
    )
    screen = io.StringIO()
    console = Console(file=screen, width=80, markup=False, highlight=False, force_terminal=False)
    console.print(listing(cmdb, section, None))
    console.print(show(cmdb, entry))
    console.print(impact_view(cmdb, impact(cmdb, "db-1")))
    assert forbidden_character(screen.getvalue(), multiline=True) is None


HOSTILE_NAMES = ["a\nb", "a\u202eb", "{{ x }}", "-rf", "x" * 10_000, "", "__proto__"]


@pytest.mark.parametrize("place", NAMES.values(), ids=NAMES)
def test_a_hostile_name_is_refused_at_its_line(place: Place, tmp_path: Path) -> None:
    closed = _schema_of(place, mapping=True).get("additionalProperties") is False
    for name in HOSTILE_NAMES:
        data = sample()
        here = at(data, place)
        here[name] = copy.deepcopy(next(iter(here.values()), "x"))
        wanted = {"schema-unknown-key" if closed else "schema-name"}
        root = write(tmp_path, data)
        found = findings(root)
        _check_shown(found)
        assert wanted <= {each.rule for each in found}, (name, list(map(str, found)))
        if place:
            file = file_of(place)
            line = line_at(read_yaml(root / file), (*place, name))
            assert (file, line) in {(each.file, each.line) for each in found}, name
