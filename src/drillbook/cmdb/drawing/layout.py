"""Places boxes in layers, so that what needs stands above what is needed, with few crossings.

The order within a layer is igraph's (K. Sugiyama, S. Tagawa, M. Toda: Methods for visual understanding of
hierarchical system structures, 1981). igraph gives every box the same width, so the places along a layer are
found here: each box wants to stand over the mean of its neighbours, and pool-adjacent-violators gives the
nearest places at which no two boxes overlap (least squares under an order).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_GAP = 34.0  # between boxes of a layer
_LANE = 16.0  # the width that a line takes where it passes through a layer
_SWEEPS = 24  # up and down; the places settle long before


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are, in pixels: ``left`` by box, ``layers`` of ids, and by line the middles that it passes.

    A line has one middle for each layer from its upper box to its lower one, both included. Everything lies
    between 0 and ``width``.
    """

    left: Mapping[str, float]
    layers: tuple[tuple[str, ...], ...]
    lines: Mapping[tuple[str, str], tuple[float, ...]]
    width: float


def arrange(widths: Mapping[str, float], layer_of: Mapping[str, int], lines: Sequence[tuple[str, str]]) -> Layout:
    """Place boxes along their layers.

    Args:
        widths: of each box, in pixels.
        layer_of: the layer of each box, counted from 0 at the top, none of them empty.
        lines: pairs of a box and one in a lower layer.
    """
    size: dict[tuple[str, ...], float] = {(box,): width for box, width in widths.items()}
    layer: dict[tuple[str, ...], int] = {(box,): layer_of[box] for box in widths}
    links: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
    ways: dict[tuple[str, str], list[tuple[str, ...]]] = {}
    for upper, lower in lines:
        way: list[tuple[str, ...]] = [(upper,)]
        for level in range(layer_of[upper] + 1, layer_of[lower]):
            lane = (upper, lower, str(level))
            size[lane], layer[lane] = _LANE, level
            way.append(lane)
        way.append((lower,))
        ways[upper, lower] = way
        links += pairwise(way)
    rows = _ordered(list(size), layer, links)
    middle = _placed(rows, size, links)
    first = min(middle[each] - size[each] / 2 for each in size)
    last = max(middle[each] + size[each] / 2 for each in size)
    return Layout(
        left={box: middle[(box,)] - width / 2 - first for box, width in widths.items()},
        layers=tuple(tuple(each[0] for each in row if len(each) == 1) for row in rows),
        lines={line: tuple(middle[each] - first for each in way) for line, way in ways.items()},
        width=last - first,
    )


Node = tuple[str, ...]


def _ordered(nodes: list[Node], layer: Mapping[Node, int], links: list[tuple[Node, Node]]) -> list[list[Node]]:
    import igraph  # heavy, and only drawings need it

    index = {node: number for number, node in enumerate(nodes)}
    graph = igraph.Graph(n=len(nodes), edges=[(index[a], index[b]) for a, b in links], directed=True)
    found = graph.layout_sugiyama(layers=[layer[each] for each in nodes], maxiter=500)
    rows: list[list[Node]] = [[] for _ in range(max(layer.values()) + 1)]
    for node in sorted(nodes, key=lambda each: (found[index[each]][0], each)):
        rows[layer[node]].append(node)
    return rows


def _placed(rows: list[list[Node]], size: Mapping[Node, float], links: list[tuple[Node, Node]]) -> dict[Node, float]:
    above: dict[Node, list[Node]] = {}
    below: dict[Node, list[Node]] = {}
    for upper, lower in links:
        below.setdefault(upper, []).append(lower)
        above.setdefault(lower, []).append(upper)
    middle: dict[Node, float] = {}
    for row in rows:
        middle |= dict(zip(row, _apart([0.0] * len(row), row, size), strict=True))
    for sweep in range(_SWEEPS):
        last = sweep >= _SWEEPS - 2  # once up and once down more, with all neighbours
        for row in rows if sweep % 2 else reversed(rows):
            wanted = []
            for node in row:
                near = (above if sweep % 2 else below).get(node, [])
                if last or not near:
                    near = above.get(node, []) + below.get(node, [])
                wanted.append(sum(map(middle.__getitem__, near)) / len(near) if near else middle[node])
            middle |= dict(zip(row, _apart(wanted, row, size), strict=True))
    return middle


def _apart(wanted: Sequence[float], row: Sequence[Node], size: Mapping[Node, float]) -> list[float]:
    """Give the middles nearest to those wanted at which no two of a row overlap, in its order."""
    offsets, at = [], 0.0
    for number, node in enumerate(row):
        if number:
            at += (size[row[number - 1]] + size[node]) / 2 + _GAP
        offsets.append(at)
    blocks: list[tuple[float, int]] = []  # mean of what is wanted less the offset, and how many
    for value, offset in zip(wanted, offsets, strict=True):
        mean, count = value - offset, 1
        while blocks and blocks[-1][0] > mean:
            before, many = blocks.pop()
            mean, count = (before * many + mean * count) / (many + count), many + count
        blocks.append((mean, count))
    shifts = [mean for mean, count in blocks for _ in range(count)]
    return [shift + offset for shift, offset in zip(shifts, offsets, strict=True)]
