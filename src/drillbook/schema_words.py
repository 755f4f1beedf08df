"""What a JSON Schema has against a document, as sentences for a person: what is wrong, and what would be right.

A schema may carry ``patternErrorMessage`` beside ``pattern``: a noun phrase ("a duration such as '20 s'") that editors
show too; and ``x-rule`` in a property: the rule's name when the property is missing.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

from drillbook.errors import Finding
from drillbook.source import Map, line_at
from drillbook.text import visible

if TYPE_CHECKING:
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


class Words:
    """Turns errors into findings; each says what is wrong and what would be right."""

    def __init__(self, schema: dict[str, Any], document: Map, file: str) -> None:
        self.schema = schema
        self.document = document
        self.file = file
        self.findings: set[Finding] = set()

    def report(self, path: list[str | int], rule: str, message: str) -> None:
        """Add a finding about what stands at a path."""
        self.findings.add(Finding(self.file, line_at(self.document, path), rule, message))

    def add(self, error: ValidationError) -> None:
        """Say what an error of jsonschema means."""
        path: list[str | int] = list(error.absolute_path)
        name = _name(path)
        schema = error.schema if isinstance(error.schema, dict) else {}
        value: Any = error.instance
        limit: Any = error.validator_value
        if "propertyNames" in list(error.absolute_schema_path)[-2:-1]:
            shown = visible(str(value), limit=60)
            self.report(
                [*path, str(value)], "schema-name",
                f"the name '{shown}' is not allowed here; it must be {self._expected(schema)}",
            )  # fmt: skip
            return
        match error.validator:
            case "additionalProperties" | "unevaluatedProperties":
                self._unknown_keys(error, path, schema)
            case "required":
                missing = next(each for each in limit if each not in value and repr(each) in error.message)
                known = self._resolved(schema.get("properties", {}).get(missing, {}))
                self.report(
                    path, str(known.get("x-rule", "schema-missing")),
                    f"{name} has no '{missing}'; add {self._this(missing, known)}",
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
                wanted = self._expected(schema)
                if isinstance(value, int | float) and not isinstance(value, bool) and limit == "string":
                    wanted += f', in quotes: "{value}"'
                self.report(path, "schema-type", f"{name} is {described(value)}; it must be {wanted}")
            case _:
                self.report(
                    path,
                    "schema-value",
                    f"{name} is {described(value)}; it must be {self._expected(schema, value)}",
                )

    def _this(self, name: str, schema: dict[str, Any]) -> str:
        text = str(self._resolved(schema).get("description", ""))
        return f"'{name}': {text[:1].lower()}{text[1:].rstrip('.')}" if text else f"'{name}'"

    def _resolved(self, schema: Any) -> dict[str, Any]:
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

    def _expected(self, schema: dict[str, Any], value: Any = None) -> str:
        """Say what a subschema wants, as a noun phrase."""
        schema = self._resolved(schema)
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
                return " or ".join(dict.fromkeys(self._expected(each) for each in schema[key]))
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
        branches = [self._resolved(each) for each in alternatives]
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
        wanted = " or ".join(dict.fromkeys(self._expected(branch) for branch in branches))
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
