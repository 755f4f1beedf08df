"""Paths that are computed from the entries of a constant loop: all that they can be is written beside them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Sequence

Item = str | dict[str, str]
_ITEM = re.compile(r"\{\{ *item(?:\.([a-z_]+))? *\}\}")


def constant_items(loop: yaml.Node | None) -> Sequence[Item]:
    """Give the entries of a loop that is written out as texts, or as mappings of texts; of any other, nothing."""
    if not isinstance(loop, yaml.SequenceNode):
        return ()
    items: list[Item] = []
    for each in loop.value:
        if isinstance(each, yaml.ScalarNode):
            items.append(each.value)
        elif isinstance(each, yaml.MappingNode):
            items.append({key.value: value.value for key, value in each.value if isinstance(value, yaml.ScalarNode)})
        else:
            return ()
    return items


def filled(path: str | None, items: Sequence[Item]) -> list[str | None]:
    """Give a path with each entry put in its place; what is computed otherwise stays as it is.

    An entry that holds a template itself gives a path that still holds one.
    """
    if path is None or not items or not _ITEM.search(path):
        return [path]

    def value(item: Item, field: str | None) -> str:
        if isinstance(item, str):
            return item if field is None else "{{"
        return item.get(field or "", "{{")

    return [_ITEM.sub(lambda found, item=item: value(item, found[1]), path) for item in items]  # type: ignore[misc]
