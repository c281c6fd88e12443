"""Heights: every row as near to its neighbours as the order of its layer allows, long edges straight.

Layer after layer is moved to the least squares of the distances to its neighbours. Within a layer that is
isotonic regression, which pooling adjacent violators solves exactly (R. Barlow et al., 1972). Then what
nearly lies on one line is put on one line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sqlorch.reports.layout.folding import BEND, FOLDED, Rows
from sqlorch.reports.layout.layers import Layered

GRAIN = 100  # steps a row; heights are whole numbers of them, so that equal means equal
_WORK = 40_000  # rows moved, at most; counted, not timed
_NEARLY = 45  # steps: so near to one line counts as meant to be
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
        self._to_steps()

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

    def _to_steps(self) -> None:
        """Whole numbers, never nearer than the gaps allow."""
        self.steps = [0] * len(self.items)
        for layer, gaps in zip(self.layers, self._gaps, strict=True):
            before: int | None = None
            for row, gap in zip(layer, gaps, strict=True):
                step = round(self._height[row] * GRAIN)
                if before is not None:
                    step = max(step, before + round(gap * GRAIN))
                self.steps[row] = before = step

    def straighten(self) -> None:
        """Put long edges on one line, then whatever nearly lies on one with its only neighbour or any."""
        lines = _Lines(self.steps, self._bounds())
        for row, other in self._only_links():
            lines.join(row, other, nearly=None)
        for _, row, other in sorted(self._near_links()):
            lines.join(row, other, nearly=_NEARLY)

    def _bounds(self) -> _Bounds:
        above = [-1] * len(self.items)
        below = [-1] * len(self.items)
        for layer in self.layers:
            for row, after in pairwise(layer):
                below[row] = after
                above[after] = row
        return _Bounds(self._half, above, below)

    def _only_links(self) -> Iterator[tuple[int, int]]:
        """Pieces of long edges; then pairs that are all the other has on that side."""
        bends = [items[0] >= self._graph.nodes for items in self.items]
        alone = []
        for row, links in enumerate(self._right):
            for other, _ in links:
                if bends[row] and bends[other]:
                    yield row, other
                elif len(links) == 1 == len(self._left[other]):
                    alone.append((row, other))
        yield from alone

    def _near_links(self) -> Iterator[tuple[int, int, int]]:
        for row, links in enumerate(self._right):
            for other, _ in links:
                away = abs(self.steps[row] - self.steps[other])
                if away <= _NEARLY:
                    yield away, row, other


@dataclass(frozen=True, slots=True)
class _Bounds:
    """What a row must keep away from: the rows above and below it in its layer (-1: none)."""

    half: list[float]
    above: list[int]
    below: list[int]

    def allows(self, steps: Sequence[int], row: int, step: int) -> bool:
        """Whether a row may be at a height while its neighbours stay."""
        up, down = self.above[row], self.below[row]
        if up >= 0 and step - steps[up] < round((self.half[up] + self.half[row]) * GRAIN):
            return False
        return down < 0 or steps[down] - step >= round((self.half[down] + self.half[row]) * GRAIN)


class _Lines:
    """Rows of neighbouring layers at one height: each has at most one partner on either side."""

    def __init__(self, steps: list[int], bounds: _Bounds) -> None:
        self._steps = steps
        self._bounds = bounds
        self._line: list[list[int]] = [[row] for row in range(len(steps))]
        self._right_taken = [False] * len(steps)
        self._left_taken = [False] * len(steps)

    def join(self, row: int, other: int, *, nearly: int | None) -> None:
        """Put two rows on one line if both are free there and room allows it; ``nearly`` bounds the move."""
        if self._right_taken[row] or self._left_taken[other]:
            return
        first, second = self._line[row], self._line[other]
        here, there = self._steps[row], self._steps[other]
        if nearly is not None and abs(here - there) > nearly:
            return
        middle = (here * len(first) + there * len(second)) // (len(first) + len(second))
        for height in dict.fromkeys(
            (here, there, middle) if len(first) >= len(second) else (there, here, middle)
        ):
            if self._move(first + second, height):
                self._right_taken[row] = self._left_taken[other] = True
                joined = first + second
                for member in joined:
                    self._line[member] = joined
                return

    def _move(self, rows: Sequence[int], height: int) -> bool:
        if not all(self._bounds.allows(self._steps, row, height) for row in rows):
            return False
        for row in rows:
            self._steps[row] = height
        return True


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
