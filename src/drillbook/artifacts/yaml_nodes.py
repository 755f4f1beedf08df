"""YAML of a playbook as nodes that know their lines, and nothing in it that means something else than it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from drillbook.artifacts.lint_template import is_template
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Found = tuple[int, str, str]
"""A line, the rule's id and a sentence."""

PLAIN = "tag:yaml.org,2002:"
LITERAL = frozenset({"!unsafe", "!vault", "!vault-encrypted"})
"""Tags of texts that Ansible never takes for templates."""

_MAX_DEPTH = 40
_KINDS = frozenset(f"{PLAIN}{kind}" for kind in ("str", "int", "float", "bool", "null", "seq", "map", "timestamp"))


def composed(text: str) -> tuple[yaml.Node | None, list[Found]]:
    """Give the top of a document (None for an empty one), and what is wrong with its form."""
    try:
        deep = _too_deep(text)
        if deep is not None:
            return None, [(deep, "lint-yaml", f"is nested over {_MAX_DEPTH} levels; make it flatter")]
        top = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = visible(str(getattr(error, "problem", None) or error), limit=120)
        return None, [(mark.line + 1 if mark else 1, "lint-yaml", f"cannot be read: {what}")]
    return top, list(_shape(top, set())) if top is not None else []


def _too_deep(text: str) -> int | None:
    """Give the line where it is nested too deep: composing is recursive, and in C."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _MAX_DEPTH:
                return _line(event.start_mark)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return None


def _shape(node: yaml.Node, seen: set[int]) -> Iterator[Found]:
    """Find what makes YAML mean something else than it says: aliases, merges, tags, keys twice or computed."""
    line = node.start_mark.line + 1
    if id(node) in seen:
        yield line, "lint-yaml", "has an alias (*) to here; write the value out where it is meant"
        return
    seen.add(id(node))
    if node.tag not in _KINDS and node.tag not in LITERAL:
        yield line, "lint-yaml", f"has the tag '{visible(node.tag.removeprefix(PLAIN), limit=40)}', which is not read"
    if isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, value in node.value:
            at = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.tag not in _KINDS:
                yield at, "lint-yaml", "has a key that is no plain name, or merges (<<); write it out"
            elif key.value in keys:
                yield at, "lint-yaml", f"has '{visible(key.value, limit=40)}' twice, of which one is ignored; keep one"
            elif is_template(key.value):
                yield at, "lint-yaml", "computes the name of a key; write it out"
            else:
                keys.add(key.value)
                yield from _shape(value, seen)
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from _shape(each, seen)


def _line(mark: Any) -> int:
    return mark.line + 1 if mark is not None else 1


def fields_of(node: yaml.Node | None) -> dict[str, yaml.Node]:
    """Give the fields of a mapping; of anything else none."""
    return {key.value: value for key, value in node.value} if isinstance(node, yaml.MappingNode) else {}


def entries_of(node: yaml.Node | None) -> list[yaml.Node]:
    """Give the entries of a list; of anything else none."""
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def scalar_of(node: yaml.Node | None) -> str | None:
    """Give the text of a scalar as it is written; of anything else None."""
    return str(node.value) if isinstance(node, yaml.ScalarNode) else None


def found(node: yaml.Node, rule: str, message: str) -> Found:
    """Give a problem at a node."""
    return _line(node.start_mark), rule, message


def found_in(node: yaml.Node, rule: str, problems: Iterable[tuple[int, str]]) -> Iterator[Found]:
    """Give problems of a text at their lines in the file, as far as YAML kept its lines."""
    first = _line(node.start_mark) + (1 if getattr(node, "style", None) in ("|", ">") else 0)
    last = max(first, _line(node.end_mark))
    for line, message in problems:
        yield min(first + line - 1, last), rule, message
