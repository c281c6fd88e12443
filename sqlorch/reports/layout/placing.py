"""Heights: every row as near to its neighbours as the order of its layer allows, long edges straight.

Layer after layer is moved to the least squares of the distances to its neighbours. Within a layer that is
isotonic regression, which pooling adjacent violators solves exactly (R. Barlow et al., 1972). Then what
nearly lies on one line is put on one line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from sqlorch.reports.layout.folding import BEND, FOLDED, Rows
from sqlorch.reports.layout.layers import Layered
from sqlorch.reports.layout.lines import GRAIN, NEARLY, Bounds, Lines
from sqlorch.reports.layout.straightening import Blocks, uncrossed

_WORK = 40_000  # rows moved, at most; counted, not timed
_STIFF = 8.0  # how hard a bend keeps to the height of the one before it
_FAR = 0.3  # rows that a line may be away from another to be tied to it
_AT_EASE = 0.01  # how hard a row without neighbours on one side holds its place
# How hard an edge pulls, by its kind, after Gansner et al. (1993): long edges shall be straight first of all.
_PULL = {(False, False): 1.0, (False, True): 2.0, (True, False): 2.0, (True, True): 8.0}


def placed(graph: Layered, rows: Rows) -> list[int]:
    """The height of each item in steps of a row, downwards from 0."""
    table = _Table(graph, rows)
    table.settle()
    table.straighten()
    top = min(table.steps, default=0)
    heights = [0] * len(graph.depth)
    for layer in table.layers:
        for row in layer:
            for item in table.items[row]:
                heights[item] = table.steps[row] - top
    return heights


_Links = list[list[tuple[int, float]]]  # of each row the rows it is joined to, and how hard they pull


class _Table:
    """Rows as numbers, and where each is."""

    def __init__(self, graph: Layered, rows: Rows) -> None:
        self._graph = graph
        self.items: list[tuple[int, ...]] = []
        self.layers: list[list[int]] = []
        for layer in rows.rows:
            self.layers.append(list(range(len(self.items), len(self.items) + len(layer))))
            self.items += layer
        wide = [width > 1 for width in rows.columns]
        self._half = [self._half_height(items, folded=wide[graph.depth[items[0]]]) for items in self.items]
        self._gaps = [
            [0.0, *(self._half[a] + self._half[b] for a, b in pairwise(layer))] for layer in self.layers
        ]
        self._left, self._right = self._linked()
        self.steps: list[int] = []
        self._height = self._first_heights()

    def _half_height(self, items: tuple[int, ...], *, folded: bool) -> float:
        if items[0] >= self._graph.nodes:
            return BEND / 2
        return FOLDED / 2 if folded else 0.5

    def _linked(self) -> tuple[_Links, _Links]:
        graph = self._graph
        row_of = [0] * len(graph.depth)
        for row, items in enumerate(self.items):
            for item in items:
                row_of[item] = row
        left: _Links = [[] for _ in self.items]
        right: _Links = [[] for _ in self.items]
        for item, after in enumerate(graph.right):
            here = row_of[item]
            for other in after:
                there = row_of[other]
                pull = _PULL[item >= graph.nodes, other >= graph.nodes]
                right[here].append((there, pull))
                left[there].append((here, pull))
        return left, right

    def _first_heights(self) -> list[float]:
        """Every layer as tight as it may be, all around one middle."""
        heights = [0.0] * len(self.items)
        for layer, gaps in zip(self.layers, self._gaps, strict=True):
            total = 0.0
            for gap in gaps:
                total += gap
            at = -total / 2
            for row, gap in zip(layer, gaps, strict=True):
                at += gap
                heights[row] = at
        return heights

    def settle(self) -> None:
        """Move layer after layer to where its neighbours are: those on one side first, then all."""
        turns = max(2, min(16, _WORK // (2 * len(self.items) + 1)))
        self._pass(self.layers[1:], self._gaps[1:], self._left)
        self._pass(self.layers[-2::-1], self._gaps[-2::-1], self._right)
        both = [left + right for left, right in zip(self._left, self._right, strict=True)]
        for turn in range(turns):
            way = slice(None) if turn % 2 == 0 else slice(None, None, -1)
            self._pass(self.layers[way], self._gaps[way], both)
        self._follow()

    def _follow(self) -> None:
        """Let every bend be as high as the one before it, as far as there is room.

        Least squares spread a climb over all pieces of a long edge; a line that bends once is read better.
        """
        heights, nodes = self._height, self._graph.nodes
        for layer, apart in zip(self.layers[1:], self._gaps[1:], strict=True):
            wanted: list[float] = []
            pulls: list[float] = []
            for row in layer:
                item = self.items[row][0]
                before = self._left[row][0][0] if item >= nodes else row
                bend = item >= nodes and self.items[before][0] >= nodes
                wanted.append(heights[before] if bend else heights[row])
                pulls.append(_STIFF if bend else 1.0)
            for row, height in zip(layer, _apart(wanted, pulls, apart), strict=True):
                heights[row] = height

    def _pass(self, layers: Sequence[list[int]], gaps: Sequence[list[float]], links: _Links) -> None:
        heights = self._height
        for layer, apart in zip(layers, gaps, strict=True):
            wanted: list[float] = []
            pulls: list[float] = []
            for row in layer:
                total, pulled = 0.0, 0.0
                for other, pull in links[row]:
                    total += pull * heights[other]
                    pulled += pull
                wanted.append(total / pulled if pulled else heights[row])
                pulls.append(pulled or _AT_EASE)
            for row, height in zip(layer, _apart(wanted, pulls, apart), strict=True):
                heights[row] = height

    def straighten(self) -> None:
        """Put long edges on one line, and pairs that have only each other, where that moves nothing far."""
        links = uncrossed(self._close(self._bent_links()), self._close(self._lone_links()))
        blocks = Blocks(self.layers, self._gaps, links)
        wanted = []
        for members in blocks.members:
            total = 0.0
            for row in members:
                total += self._height[row]
            wanted.append(total / len(members))
        steps = blocks.steps(blocks.heights(wanted), GRAIN)
        self.steps = [steps[block] for block in blocks.of]
        self._join_near(blocks.members, links)

    def _join_near(self, members: list[list[int]], links: Sequence[tuple[int, int]]) -> None:
        """Then whatever nearly lies on one line with a neighbour."""
        lines = Lines(self.steps, self._bounds(), members, links)
        for _, row, other in sorted(self._near_links()):
            lines.join(row, other)

    def _close(self, links: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        height = self._height
        return ((row, other) for row, other in links if abs(height[row] - height[other]) <= _FAR)

    def _bent_links(self) -> Iterator[tuple[int, int]]:
        """From bend to bend: the inner pieces of long edges."""
        nodes = self._graph.nodes
        for row, links in enumerate(self._right):
            if self.items[row][0] >= nodes:
                yield from ((row, other) for other, _ in links if self.items[other][0] >= nodes)

    def _lone_links(self) -> Iterator[tuple[int, int]]:
        """Pairs that are all the other has on that side."""
        for row, links in enumerate(self._right):
            if len(links) == 1 == len(self._left[links[0][0]]):
                yield row, links[0][0]

    def _bounds(self) -> Bounds:
        above = [-1] * len(self.items)
        below = [-1] * len(self.items)
        for layer in self.layers:
            for row, after in pairwise(layer):
                below[row] = after
                above[after] = row
        return Bounds(self._half, above, below)

    def _near_links(self) -> Iterator[tuple[int, int, int]]:
        for row, links in enumerate(self._right):
            for other, _ in links:
                away = abs(self.steps[row] - self.steps[other])
                if away <= NEARLY:
                    yield away, row, other


def _apart(wanted: Sequence[float], pulls: Sequence[float], gaps: Sequence[float]) -> list[float]:
    """The heights nearest to those wanted (weighted least squares) that keep the gaps."""
    means: list[float] = []
    weights: list[float] = []
    counts: list[int] = []
    offset = 0.0
    for want, pull, gap in zip(wanted, pulls, gaps, strict=True):
        offset += gap
        mean, weight, count = want - offset, pull, 1
        while means and means[-1] >= mean:
            other = weights.pop()
            mean = (mean * weight + means.pop() * other) / (weight + other)
            weight += other
            count += counts.pop()
        means.append(mean)
        weights.append(weight)
        counts.append(count)
    heights: list[float] = []
    offset, at = 0.0, 0
    for mean, count in zip(means, counts, strict=True):
        for gap in gaps[at : at + count]:
            offset += gap
            heights.append(mean + offset)
        at += count
    return heights
