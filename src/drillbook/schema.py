"""A document held against a JSON Schema, and its texts against what no text may hold.

jsonschema-rs is the gate (0.010 s of CPU for 10,000 items against 1.85 s); jsonschema, which reports each error with
its subschema, is asked when the gate refuses, and ``drillbook.schema_words`` says it to a person. ``format`` is not
asserted; use ``pattern``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from drillbook.errors import Finding
from drillbook.schema_words import Words
from drillbook.source import Map, Seq
from drillbook.text import forbidden_character, visible

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


_LARGE = 100  # entries from which a mapping is reduced to what the gate refused


def read_schema(path: Path) -> dict[str, Any]:
    """Read a JSON Schema that ships with the engine."""
    value = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(value, dict)
    return value


def findings_of(schema: Mapping[str, Any], document: Map, file: str) -> list[Finding]:
    """Hold a document against a JSON Schema (Draft 2020-12).

    Args:
        schema: the schema as a JSON value.
        document: what ``source.read_yaml`` gave.
        file: the document's name in findings.

    Returns:
        One finding for each thing that is wrong, sorted by line; empty when the document is valid.
    """
    plain_schema = dict(schema)
    refusals = list(jsonschema_rs.Draft202012Validator(plain_schema, mask="it").iter_errors(document))
    if not refusals:
        return []
    from jsonschema import Draft202012Validator  # 60 ms, and a valid document does not need it

    words = Words(plain_schema, document, file)
    suspect = _only(document, {tuple(error.instance_path[:2]) for error in refusals})
    for error in Draft202012Validator(plain_schema).iter_errors(suspect):
        words.add(error)
    if not words.findings:  # the two disagree (a pattern, say): the gate decides, in its own words
        for refusal in refusals:
            words.report(list(refusal.instance_path), "schema", visible(refusal.message))
    return sorted(words.findings)


def hostile_findings(document: Map, file: str, *, multiline: frozenset[str] = frozenset()) -> list[Finding]:
    """Find characters that no name and no value may hold (see ``drillbook.text``).

    Args:
        document: what ``source.read_yaml`` gave.
        file: the document's name in findings.
        multiline: keys whose texts may break lines and hold tabs.

    Returns:
        One finding for each key and each value that holds such a character.
    """
    found: list[Finding] = []

    def look(value: str, line: int, what: str, *, lines: bool) -> None:
        character = forbidden_character(value, multiline=lines)
        if character is not None:
            reason = "a line break" if character in {"U+000A", "U+000D"} else f"the character {character}"
            found.append(
                Finding(
                    file, line, "forbidden-character",
                    f"{what} holds {reason}, which can make a text look other than it is; remove it",
                )
            )  # fmt: skip

    def walk(node: Any, key: str, line: int) -> None:
        if isinstance(node, str):
            look(node, line, f"the value of '{visible(key, limit=60)}'", lines=key in multiline)
        elif isinstance(node, Map):
            for (name, value), at in zip(node.items(), node.each_line(), strict=True):
                look(name, at, f"the name '{visible(name, limit=60)}'", lines=False)
                walk(value, name, at)
        elif isinstance(node, Seq):
            for value, at in zip(node, node.each_line(), strict=True):
                walk(value, key, at)

    walk(document, "", document.line)
    return found


def _only(document: Map, suspects: set[tuple[str | int, ...]]) -> Map:
    """Leave out the entries below large top-level mappings that the gate had nothing against.

    jsonschema needs 1.85 s for 10,000 items; one wrong item must not cost that.
    """
    reduced = Map(document.file, document.line)
    for (name, value), line in zip(document.items(), document.each_line(), strict=True):
        kept = value
        if isinstance(value, Map) and len(value) > _LARGE and (name,) not in suspects:
            kept = Map(value.file, value.line)
            for (key, entry), at in zip(value.items(), value.each_line(), strict=True):
                if (name, key) in suspects:
                    kept.next_at(at)
                    kept[key] = entry
        reduced.next_at(line)
        reduced[name] = kept
    return reduced
