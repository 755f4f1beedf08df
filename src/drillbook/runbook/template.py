"""Templates: texts with references such as ``{primary.address}``; a literal brace is written twice."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_PART = re.compile(
    r"(?P<literal>[^{}]+)|(?P<open>\{\{)|(?P<close>\}\})"
    r"|\{(?P<reference>[a-z][a-z0-9_]*(?:\.[A-Za-z0-9_-]+)+)\}"
)
_IN_CONSTANT_TEXT = re.compile(r"\{[a-z][a-z0-9_]*(?:\.[A-Za-z0-9_-]+)+\}")


class TemplateError(ValueError):
    """A brace that is neither doubled nor part of a reference."""


@dataclass(frozen=True, slots=True)
class Reference:
    """``{primary.address}`` is ``Reference(("primary", "address"))``; at least two parts."""

    path: tuple[str, ...]

    def __str__(self) -> str:
        """Give it as it is written."""
        return "{" + ".".join(self.path) + "}"


def parse(template: str) -> tuple[str | Reference, ...]:
    """Split a template into constant texts and references, in order; no two constants are neighbours.

    Raises TemplateError for a single brace that is not part of a reference.
    """
    parts: list[str | Reference] = []
    position = 0
    while position < len(template):
        found = _PART.match(template, position)
        if found is None:
            raise TemplateError(
                f"the brace at character {position + 1} is not part of a reference such as "
                "{primary.address}; write it twice when it is meant literally"
            )
        position = found.end()
        if found["reference"]:
            parts.append(Reference(tuple(found["reference"].split("."))))
            continue
        text = found["literal"] or found.group()[0]
        if parts and isinstance(parts[-1], str):
            parts[-1] += text
        else:
            parts.append(text)
    return tuple(parts)


def references(value: Any) -> Iterator[Reference]:
    """Give the references of a template, or of all templates in nested lists and mappings.

    Raises TemplateError as ``parse``.
    """
    if isinstance(value, str):
        yield from (part for part in parse(value) if isinstance(part, Reference))
    elif isinstance(value, dict):
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from references(each)


def reference_in_constant(text: str) -> str | None:
    """Give the first thing that looks like a reference in a text that must be constant, or None."""
    found = _IN_CONSTANT_TEXT.search(text)
    return found.group() if found else None
