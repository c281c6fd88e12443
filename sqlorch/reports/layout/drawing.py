"""The layout of a whole graph: each part that hangs together laid out, then all of them packed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import ceil, sqrt
from typing import Self

from sqlorch.reports.layout.folding import COLUMN, Rows, folded
from sqlorch.reports.layout.layers import Layered, layered
from sqlorch.reports.layout.lines import GRAIN
from sqlorch.reports.layout.ordering import ordered
from sqlorch.reports.layout.packing import packed
from sqlorch.reports.layout.placing import placed

Point = tuple[float, float]

_CARD = 0.4  # half the width of a node in columns: lines bend outside of it
_STUB = 0.44  # rows from the middle of a node in a block to the first line beside it
_NEXT = 0.045  # rows from one line to the next there
_STEEP = 1.5  # so many times its width an edge may climb on average
_FLAT = 0.2  # columns of air that are there anyway
_AIR = 3.0  # columns between two layers at most
_LONE = 1.4  # width of a block of nodes without any edge for its height


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a node is.

    Attributes:
        layer: its depth in the part of the graph it belongs to.
        x: middle, in columns from the left.
        y: middle, in rows from the top.
    """

    layer: int
    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where a graph is drawn.

    Attributes:
        places: of each node.
        bends: of each edge that is not one curve from node to node, the points it passes horizontally.
    """

    places: Mapping[str, Place]
    bends: Mapping[tuple[str, str], tuple[Point, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Some nodes laid out by themselves; its top left corner is the middle of a card there."""

    names: Sequence[str]
    places: Sequence[Place]
    bends: Mapping[tuple[int, int], tuple[Point, ...]]

    @property
    def size(self) -> tuple[float, float]:
        lowest = max(place.y for place in self.places)
        for points in self.bends.values():
            lowest = max(lowest, *(y for _, y in points))
        return max(place.x for place in self.places) + 1, lowest + 1

    def moved(self, left: float, top: float) -> _Part:
        """The same with its corner elsewhere."""
        places = [
            Place(layer=place.layer, x=round(place.x + left, 2), y=round(place.y + top, 2))
            for place in self.places
        ]
        bends = {
            edge: tuple((round(x + left, 2), round(y + top, 2)) for x, y in points)
            for edge, points in self.bends.items()
        }
        return _Part(names=self.names, places=places, bends=bends)


def lay_out(
    nodes: Iterable[str], edges: Iterable[tuple[str, str]], *, stay_left: Collection[str] | None = None
) -> Layout:
    """Lay out a graph from left to right.

    Nodes of one column are at least one row apart. Every edge goes to the right.

    Args:
        nodes: names of the nodes, each once.
        edges: from parent to child; the graph has no cycle.
        stay_left: nodes that keep to the first layer when they have no parents, where others would move to
            their children; None means all.
    """
    names = sorted(nodes)
    number = {name: index for index, name in enumerate(names)}
    children: list[list[int]] = [[] for _ in names]
    for parent, child in sorted(set(edges)):
        children[number[parent]].append(number[child])
    kept = [stay_left is None or name in stay_left for name in names]
    groups = _components(children)
    parts = [_part(names, children, kept, group) for group in groups if len(group) > 1]
    lone = [names[group[0]] for group in groups if len(group) == 1]
    return _together([*parts, *([_block(lone)] if lone else [])])


def _components(children: Sequence[Sequence[int]]) -> list[list[int]]:
    """Nodes that hang together, each list ascending; the largest first, then by first node."""
    group = list(range(len(children)))

    def root(node: int) -> int:
        while group[node] != node:
            group[node] = group[group[node]]
            node = group[node]
        return node

    for node, below in enumerate(children):
        for child in below:
            first, second = root(node), root(child)
            group[max(first, second)] = min(first, second)
    found: dict[int, list[int]] = {}
    for node in range(len(children)):
        found.setdefault(root(node), []).append(node)
    return sorted(found.values(), key=lambda members: (-len(members), members[0]))


def _part(
    names: Sequence[str], children: Sequence[Sequence[int]], kept: Sequence[bool], members: Sequence[int]
) -> _Part:
    local = {node: index for index, node in enumerate(members)}
    graph = layered(
        [[local[child] for child in children[node]] for node in members],
        stay_left=[kept[node] for node in members],
    )
    rows = folded(graph, ordered(graph))
    plan = _Plan.of(graph, rows)
    bends = {}
    for parent, node in enumerate(members):
        for other in children[node]:
            points = plan.bends(parent, local[other])
            if points:
                bends[parent, local[other]] = points
    return _Part(names=[names[node] for node in members], places=plan.places, bends=bends)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """Heights and columns together: ``first`` and ``last`` column of each layer, in the drawing."""

    graph: Layered
    heights: Sequence[float]
    first: Sequence[float]
    last: Sequence[float]
    places: Sequence[Place]

    @classmethod
    def of(cls, graph: Layered, rows: Rows) -> Self:
        heights = [step / GRAIN for step in placed(graph, rows)]
        first = _first_columns(graph, rows, heights)
        column = [0] * graph.nodes
        for row in chain.from_iterable(rows.rows):
            for offset, item in enumerate(row):
                if item < graph.nodes:
                    column[item] = offset
        return cls(
            graph=graph,
            heights=heights,
            first=first,
            last=[start + width - 1 for start, width in zip(first, rows.columns, strict=True)],
            places=[
                Place(layer=depth, x=round(first[depth] + column[node], 2), y=heights[node])
                for node, depth in enumerate(graph.depth[: graph.nodes])
            ],
        )

    def bends(self, parent: int, child: int) -> tuple[Point, ...]:
        """The points an edge passes: out of its block, along its trunk, into the block of its child."""
        here, there = self.places[parent], self.places[child]
        points: list[Point] = []
        behind = round(self.last[here.layer] - here.x)  # columns of its block to pass
        if behind > 0:
            level = here.y + _STUB + _NEXT * (behind - 1)
            points += [(here.x + 0.5, level), (self.last[here.layer] + _CARD, level)]
        for bend in self.graph.way(parent, child):
            layer, level = self.graph.depth[bend], self.heights[bend]
            points += [(self.first[layer] - _CARD, level), (self.last[layer] + _CARD, level)]
        ahead = round(there.x - self.first[there.layer])
        if ahead > 0:
            level = there.y - _STUB - _NEXT * (ahead - 1)
            points += [(self.first[there.layer] - _CARD, level), (there.x - 0.5, level)]
        return tuple(_corners(points))


def _first_columns(graph: Layered, rows: Rows, heights: Sequence[float]) -> list[float]:
    """The first column of each layer; where edges climb far, layers move apart so that they climb gently."""
    climb = [0.0] * len(rows.columns)
    count = [0] * len(rows.columns)
    for item, after in enumerate(graph.right):
        layer = graph.depth[item]
        for other in after:
            climb[layer] += abs(heights[other] - heights[item])
            count[layer] += 1
    first = [0.0]
    for layer, width in enumerate(rows.columns[:-1]):
        air = climb[layer] / (count[layer] or 1) / (COLUMN * _STEEP) - _FLAT
        first.append(round(first[-1] + width + max(0.0, min(_AIR, air)), 2))
    return first


def _corners(points: Sequence[Point]) -> Iterable[Point]:
    """Without the points in the middle of a straight line."""
    last = len(points) - 1
    for index, (x, y) in enumerate(points):
        if index in (0, last) or not points[index - 1][1] == y == points[index + 1][1]:
            yield round(x, 2), round(y, 2)


def _block(names: Sequence[str]) -> _Part:
    """Nodes without edges, row by row in the order of their names."""
    width = max(1, ceil(sqrt(len(names) * _LONE / COLUMN)))
    places = [Place(layer=0, x=float(index % width), y=float(index // width)) for index in range(len(names))]
    return _Part(names=names, places=places, bends={})


def _together(parts: Sequence[_Part]) -> Layout:
    places: dict[str, Place] = {}
    bends: dict[tuple[str, str], tuple[Point, ...]] = {}
    for part, (left, top) in zip(parts, packed([part.size for part in parts]), strict=True):
        moved = part.moved(left, top) if left or top else part
        places.update(zip(moved.names, moved.places, strict=True))
        for (parent, child), points in moved.bends.items():
            bends[part.names[parent], part.names[child]] = points
    return Layout(places=places, bends=bends)
