"""Straight lines: rows that are to be at one height are tied into blocks, and the blocks moved as one.

After U. Brandes and B. Koepf ("Fast and Simple Horizontal Coordinate Assignment", 2001): links that do not
cross may all be straight at once, because the blocks they tie lie above one another without a circle. Unlike
there, blocks go as near as they can to heights that were found before.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Sequence
from itertools import pairwise

Link = tuple[int, int]

_TURNS = 3  # up and down, to take back what the first push moved too far


def uncrossed(first: Iterable[Link], then: Iterable[Link]) -> list[Link]:
    """Links of which no two cross and no two share an end, those of ``first`` before those of ``then``.

    Args:
        first: links from a row to one in the next layer, ascending; rows are numbered layer by layer, from
            top to bottom, so that of two links that do not cross one is greater in both ends.
        then: likewise.
    """
    kept = _ascending(first, [])
    return sorted([*kept, *_ascending(then, kept)])


def _ascending(links: Iterable[Link], fixed: Sequence[Link]) -> list[Link]:
    rows = [row for row, _ in fixed]
    kept: list[Link] = []
    last = (-1, -1)
    for row, other in links:
        at = bisect(rows, row)
        clear = not at or (fixed[at - 1][0] < row and fixed[at - 1][1] < other)
        clear = clear and (at == len(fixed) or other < fixed[at][1])
        if clear and row > last[0] and other > last[1]:
            kept.append((row, other))
            last = (row, other)
    return kept


class Blocks:
    """Rows tied by links, and how far the blocks must be from one another.

    Args:
        layers: rows of each layer from top to bottom.
        gaps: for each row the least distance to the row above it in its layer.
        links: what ties rows, none crossing another.
    """

    def __init__(
        self, layers: Sequence[Sequence[int]], gaps: Sequence[Sequence[float]], links: Iterable[Link]
    ) -> None:
        self.of = _numbered(sum(map(len, layers)), links)
        count = max(self.of, default=-1) + 1
        self.members: list[list[int]] = [[] for _ in range(count)]
        for row, block in enumerate(self.of):
            self.members[block].append(row)
        self._above: list[dict[int, float]] = [{} for _ in range(count)]
        self._below: list[dict[int, float]] = [{} for _ in range(count)]
        for layer, apart in zip(layers, gaps, strict=True):
            for (upper, lower), gap in zip(pairwise(layer), apart[1:], strict=True):
                self._keep_apart(self.of[upper], self.of[lower], gap)
        self._order = self._downwards()

    def _keep_apart(self, upper: int, lower: int, gap: float) -> None:
        gap = max(gap, self._below[upper].get(lower, 0.0))
        self._below[upper][lower] = self._above[lower][upper] = gap

    def _downwards(self) -> list[int]:
        """The blocks, each after all that lie above it."""
        missing = [len(above) for above in self._above]
        order = [block for block, count in enumerate(missing) if not count]
        for block in order:
            for lower in self._below[block]:
                missing[lower] -= 1
                if not missing[lower]:
                    order.append(lower)
        return order

    def heights(self, wanted: Sequence[float]) -> list[float]:
        """Heights of the blocks near those wanted, the distances kept.

        Pushing everything down until it fits, and everything up, each gives heights that keep the distances;
        so does the mean of both, from which each block then goes where it wants to as far as it can.
        """
        down = list(wanted)
        for block in self._order:
            down[block] = max([down[block], *(down[a] + gap for a, gap in self._above[block].items())])
        up = list(wanted)
        for block in reversed(self._order):
            up[block] = min([up[block], *(up[b] - gap for b, gap in self._below[block].items())])
        found = [(low + high) / 2 for low, high in zip(down, up, strict=True)]
        for turn in range(_TURNS):
            for block in self._order if turn % 2 == 0 else reversed(self._order):
                found[block] = self._free(block, wanted[block], found)
        return found

    def _free(self, block: int, wanted: float, heights: Sequence[float]) -> float:
        """The height nearest to the one wanted that its neighbours allow."""
        highest = max([heights[a] + gap for a, gap in self._above[block].items()], default=wanted)
        lowest = min([heights[b] - gap for b, gap in self._below[block].items()], default=wanted)
        return max(highest, min(lowest, wanted))

    def steps(self, heights: Sequence[float], grain: int) -> list[int]:
        """Heights in whole steps, the distances kept."""
        found = [0] * len(heights)
        for block in self._order:
            room = [found[a] + round(gap * grain) for a, gap in self._above[block].items()]
            found[block] = max([round(heights[block] * grain), *room])
        return found


def _numbered(rows: int, links: Iterable[Link]) -> list[int]:
    """The block of each row; every row has at most one link on either side."""
    before = {other: row for row, other in links}
    block = [-1] * rows
    count = 0
    for row in range(rows):  # what a row is tied to on its left has a smaller number
        if row in before:
            block[row] = block[before[row]]
        else:
            block[row] = count
            count += 1
    return block
