"""JSON Schema findings as sentences for a person.

jsonschema-rs is the gate (0.010 s of CPU for 10,000 items against 1.85 s); jsonschema, which reports
each error with its subschema, gives the words when the gate refuses. A schema may carry
``patternErrorMessage`` beside ``pattern``: a noun phrase ("a duration such as '20 s'") that editors
show too; and ``x-rule`` in a property: the rule's name when the property is missing. ``format`` is
not asserted; use ``pattern``.
"""

from __future__ import annotations

import difflib
import json
import re
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from drillbook.errors import Finding
from drillbook.source import Map, Seq, line_at
from drillbook.text import forbidden_character, visible

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jsonschema.exceptions import ValidationError

_TYPES = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "empty",
    "object": "a mapping (lines of 'name: value')",
    "array": "a list (lines of '- value')",
}
_LISTED = 12  # names shown of a longer list
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

    words = _Words(plain_schema, document, file)
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


def nearest(name: str, known: list[str]) -> str:
    """Give the end of a sentence about an unknown name: the nearest ones, or all that are known."""
    near = difflib.get_close_matches(name[:200], known, n=2)
    if near:
        return "did you mean " + " or ".join(f"'{each}'" for each in near) + "?"
    if not known:
        return "nothing is known here"
    shown = ", ".join(known[:_LISTED])
    return f"known here: {shown}{', …' if len(known) > _LISTED else ''}"


def described(value: Any) -> str:
    """Say in a few words what a value is."""
    match value:
        case None:
            return "empty"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text '{visible(value, limit=60)}'"
        case dict():
            return f"a mapping of {len(value)} name{'s' if len(value) != 1 else ''}"
        case _:
            return f"a list of {len(value)} entr{'ies' if len(value) != 1 else 'y'}"


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


class _Words:
    """Turns errors into findings; each says what is wrong and what would be right."""

    def __init__(self, schema: dict[str, Any], document: Map, file: str) -> None:
        self.schema = schema
        self.document = document
        self.file = file
        self.findings: set[Finding] = set()

    def report(self, path: list[str | int], rule: str, message: str) -> None:
        self.findings.add(Finding(self.file, line_at(self.document, path), rule, message))

    def add(self, error: ValidationError) -> None:
        path: list[str | int] = list(error.absolute_path)
        name = _name(path)
        schema = error.schema if isinstance(error.schema, dict) else {}
        value: Any = error.instance
        limit: Any = error.validator_value
        if "propertyNames" in list(error.absolute_schema_path)[-2:-1]:
            shown = visible(str(value), limit=60)
            self.report(
                [*path, str(value)], "schema-name",
                f"the name '{shown}' is not allowed here; it must be {self.expected(schema)}",
            )  # fmt: skip
            return
        match error.validator:
            case "additionalProperties" | "unevaluatedProperties":
                self._unknown_keys(error, path, schema)
            case "required":
                missing = next(each for each in limit if each not in value and repr(each) in error.message)
                known = self.resolved(schema.get("properties", {}).get(missing, {}))
                self.report(
                    path, str(known.get("x-rule", "schema-missing")),
                    f"{name} has no '{missing}'; add {self.add_this(missing, known)}",
                )  # fmt: skip
            case "dependentRequired":
                for key, needed in limit.items():
                    for each in needed if key in value else ():
                        if each not in value:
                            self.report(
                                [*path, key], "schema-missing",
                                f"'{key}' needs '{each}' beside it; add '{each}' or remove '{key}'",
                            )  # fmt: skip
            case "oneOf" | "anyOf":
                self._alternatives(error, path, name)
            case "minItems" | "minProperties" | "minLength":
                self.report(
                    path, "schema-size",
                    f"{name} is {described(value)}; at least {limit} {_unit(value, limit)} must be there",
                )  # fmt: skip
            case "maxItems" | "maxProperties" | "maxLength":
                self.report(
                    path, "schema-size",
                    f"{name} has {len(value):,} {_unit(value, len(value))}; at most {limit:,} are allowed",
                )  # fmt: skip
            case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum":
                self.report(path, "schema-range", f"{name} is {value}; it must be {_range(schema)}")
            case "uniqueItems":
                self.report(path, "schema-twice", f"{name} holds a value twice; keep one of each")
            case "type":
                wanted = self.expected(schema)
                if isinstance(value, int | float) and not isinstance(value, bool) and limit == "string":
                    wanted += f', in quotes: "{value}"'
                self.report(path, "schema-type", f"{name} is {described(value)}; it must be {wanted}")
            case _:
                self.report(
                    path,
                    "schema-value",
                    f"{name} is {described(value)}; it must be {self.expected(schema, value)}",
                )

    def add_this(self, name: str, schema: dict[str, Any]) -> str:
        text = str(self.resolved(schema).get("description", ""))
        return f"'{name}': {text[:1].lower()}{text[1:].rstrip('.')}" if text else f"'{name}'"

    def resolved(self, schema: Any) -> dict[str, Any]:
        """Follow references within the schema; what stands beside ``$ref`` wins. ``true`` says nothing."""
        if not isinstance(schema, dict):
            return {}
        found: dict[str, Any] = schema
        for _ in range(20):
            reference = found.get("$ref")
            if not isinstance(reference, str) or not reference.startswith("#/"):
                break
            target: Any = self.schema
            for part in reference[2:].split("/"):
                target = target[part.replace("~1", "/").replace("~0", "~")]
            found = {**target, **{key: value for key, value in found.items() if key != "$ref"}}
        return found

    def expected(self, schema: dict[str, Any], value: Any = None) -> str:
        """Say what a subschema wants, as a noun phrase."""
        schema = self.resolved(schema)
        if "patternErrorMessage" in schema:
            return str(schema["patternErrorMessage"])
        if "const" in schema:
            return described(schema["const"])
        if "enum" in schema:
            names = [str(each) for each in schema["enum"]]
            near = difflib.get_close_matches(str(value)[:200], names, n=1) if isinstance(value, str) else []
            hint = f" (did you mean '{near[0]}'?)" if near else ""
            return f"one of {', '.join(names)}{hint}"
        for key in ("oneOf", "anyOf"):
            if key in schema:
                return " or ".join(dict.fromkeys(self.expected(each) for each in schema[key]))
        if "pattern" in schema:
            return f"a text of the form {schema['pattern']}"
        types = schema.get("type", [])
        types = [types] if isinstance(types, str) else types
        phrase = " or ".join(_TYPES.get(each, each) for each in types) or "another value"
        only = schema.get("required", [])
        if types == ["object"] and len(only) == 1:
            phrase = f"a mapping with '{only[0]}'"
        return phrase

    def _unknown_keys(self, error: ValidationError, path: list[str | int], schema: dict[str, Any]) -> None:
        instance: Any = error.instance
        known = list(schema.get("properties", {}))
        patterns = list(schema.get("patternProperties", {}))
        for key in instance:
            if key in known or any(re.search(pattern, key) for pattern in patterns):
                continue
            if error.validator == "unevaluatedProperties" and repr(key) not in error.message:
                continue
            help_ = nearest(key, known)
            if instance[key] is None and " " in key:  # {en: fast, or slow} is two names
                help_ = "a text with a comma inside braces needs quotes"
            self.report([*path, key], "schema-unknown-key", f"unknown key '{visible(key, limit=60)}'; {help_}")

    def _alternatives(self, error: ValidationError, path: list[str | int], name: str) -> None:
        alternatives: Any = error.validator_value
        branches = [self.resolved(each) for each in alternatives]
        if all(set(branch) == {"required"} and len(branch["required"]) == 1 for branch in branches):
            self._exactly_one(error, path, name, [branch["required"][0] for branch in branches])
            return
        # The branch that is meant is the one whose root fits; the others fail at their own root.
        fitting: dict[int, list[ValidationError]] = {}
        for index in range(len(branches)):
            below = [each for each in error.context or [] if each.schema_path[0] == index]
            if not any(each.validator in {"type", "const", "enum"} and not each.path for each in below):
                fitting[index] = below
        keys = set(error.instance) if isinstance(error.instance, dict) else set()
        if len(fitting) > 1 and keys:  # several mappings: the one that knows most of the keys
            best = max(fitting, key=lambda i: len(keys & set(branches[i].get("properties", {}))))
            if keys & set(branches[best].get("properties", {})):
                fitting = {best: fitting[best]}
        if len(fitting) == 1:
            for each in next(iter(fitting.values())):
                self.add(each)
            return
        wanted = " or ".join(dict.fromkeys(self.expected(branch) for branch in branches))
        self.report(path, "schema-value", f"{name} is {described(error.instance)}; it must be {wanted}")

    def _exactly_one(self, error: ValidationError, path: list[str | int], name: str, keys: list[str]) -> None:
        instance: Any = error.instance
        if not isinstance(instance, dict):
            return  # that it must be a mapping is a finding of its own
        present = [key for key in keys if key in instance]
        if present:
            found = " and ".join(f"'{key}'" for key in present)
            self.report(path, "schema-one-of", f"{name} has {found}; keep one of them")
        else:
            self.report(path, "schema-one-of", f"{name} has none of {', '.join(keys)}; add one of them")


def _name(path: list[str | int]) -> str:
    if not path:
        return "the file"
    last = path[-1]
    if isinstance(last, int):
        holder = next((part for part in reversed(path) if isinstance(part, str)), "the list")
        return f"entry {last + 1} of '{visible(holder, limit=60)}'"
    return f"'{visible(last, limit=60)}'"


def _unit(value: Any, count: int) -> str:
    if isinstance(value, str):
        return "characters" if count != 1 else "character"
    return "entries" if count != 1 else "entry"


def _range(schema: dict[str, Any]) -> str:
    parts = [
        f"{words} {schema[key]}"
        for key, words in (
            ("minimum", "at least"),
            ("exclusiveMinimum", "over"),
            ("maximum", "at most"),
            ("exclusiveMaximum", "under"),
        )
        if key in schema
    ]
    return " and ".join(parts)


__all__ = ["described", "findings_of", "hostile_findings", "nearest", "read_schema"]
