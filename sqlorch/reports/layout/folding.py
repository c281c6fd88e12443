"""Folding: a layer that is far too tall for the drawing becomes a block of several columns.

A project has hundreds of sources and a depth of ten, so one column a layer would make a strip that no screen
shows. The order of the layer stays: it is filled row by row, so that neighbours in it stay neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlorch.reports.layout.layers import Layered

COLUMN = 5.0  # how many rows are as tall as a column is wide, where the page draws it
BEND = 0.3  # rows between two lines that run side by side
FOLDED = 1.3  # rows a folded row takes: lines run between the nodes of a block
_TALL = 44.0  # rows that no fold is made for
_SQUARE = 0.75  # rows may take up so much more than columns do
_WIDEST = 6  # columns of a block; the lines beside its nodes have room for so many


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A graph cut into rows.

    Attributes:
        rows: per layer the rows from top to bottom; a row holds nodes side by side, or one bend.
        columns: per layer how many columns it takes.
        start: per layer its first column.
    """

    rows: list[list[tuple[int, ...]]]
    columns: list[int]
    start: list[int]


def folded(graph: Layered, order: Sequence[Sequence[int]]) -> Rows:
    """Cut every layer into rows, as many columns wide as makes the drawing a fair shape."""
    nodes = [sum([item < graph.nodes for item in layer]) for layer in order]
    columns = _columns(nodes, [len(layer) - count for layer, count in zip(order, nodes, strict=True)])
    start = [0] * len(columns)
    for layer in range(1, len(columns)):
        start[layer] = start[layer - 1] + columns[layer - 1]
    rows = [
        _rows(layer, graph.nodes, width) if width > 1 else [(item,) for item in layer]
        for layer, width in zip(order, columns, strict=True)
    ]
    return Rows(rows=rows, columns=columns, start=start)


def _columns(nodes: Sequence[int], bends: Sequence[int]) -> list[int]:
    """Widen the tallest layer until the drawing is not taller than it may be, or nothing helps."""
    columns = [1] * len(nodes)

    def height(layer: int, width: int) -> float:
        rows = -(-nodes[layer] // width)
        return rows * (1.0 if width == 1 else FOLDED) + bends[layer] * BEND

    heights = [height(layer, 1) for layer in range(len(nodes))]
    while heights:
        tallest = max(range(len(heights)), key=heights.__getitem__)
        fair = heights[tallest] <= max(_TALL, sum(columns) * COLUMN * _SQUARE)
        if fair or columns[tallest] == _WIDEST:
            break
        wider = height(tallest, columns[tallest] + 1)
        if wider > heights[tallest] - 1.0:
            break
        columns[tallest] += 1
        heights[tallest] = wider
    return columns


def _rows(layer: Sequence[int], nodes: int, width: int) -> list[tuple[int, ...]]:
    """Fill rows in the order of the layer; a bend goes above the row it falls into, or below."""
    rows: list[tuple[int, ...]] = []
    open_row: list[int] = []
    after: list[tuple[int, ...]] = []
    for item in layer:
        if item >= nodes:
            (after if 2 * len(open_row) > width else rows).append((item,))
            continue
        open_row.append(item)
        if len(open_row) == width:
            rows += [tuple(open_row), *after]
            open_row, after = [], []
    return [*rows, *([tuple(open_row)] if open_row else []), *after]
