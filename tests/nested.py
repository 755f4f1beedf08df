"""Mappings and lists in one another, as of a file: what stands at a place, and how to change it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Data = dict[str, Any]
Place = tuple[str | int, ...]


def at(data: Data, place: Place) -> Any:
    """Give the value at a place."""
    node: Any = data
    for part in place:
        node = node[part]
    return node


def put(data: Data, place: Place, value: Any) -> Data:
    """Set the value at a place; give the data."""
    at(data, place[:-1])[place[-1]] = copy.deepcopy(value)
    return data


def drop(data: Data, place: Place) -> Data:
    """Take the value at a place away; give the data."""
    del at(data, place[:-1])[place[-1]]
    return data


def strings(node: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Give every text below a value with its place."""
    if isinstance(node, str):
        yield place, node
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from strings(value, (*place, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from strings(value, (*place, index))


def mappings(node: Any, place: Place = ()) -> Iterator[Place]:
    """Give the place of every mapping below a value, its own first."""
    if isinstance(node, dict):
        yield place
        for key, value in node.items():
            yield from mappings(value, (*place, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from mappings(value, (*place, index))
