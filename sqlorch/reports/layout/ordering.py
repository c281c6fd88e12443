"""The order of each layer: sorted by where the neighbours are, to and fro, and the best order kept.

Sweeps after Sugiyama et al. (barycentres) and the exchange of neighbours after E. Gansner et al. ("A
Technique for Drawing Directed Graphs", 1993). Sweeps oscillate, so what they find is compared by the exact
number of crossings.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlorch.reports.layout.crossings import between
from sqlorch.reports.layout.layers import Layered

# How much is tried: counted in items looked at, not in seconds, so that the same graph gets the same order.
_SWEEPS = 45_000
_EXCHANGES = 22_000
_PATIENCE = 6  # sweeps in a row that find nothing better


def ordered(graph: Layered) -> list[list[int]]:
    """The items of each layer from top to bottom."""
    search = _Search(graph)
    search.sweep(rounds=max(6, min(40, _SWEEPS // (len(graph.depth) + 1))))
    search.exchange(budget=_EXCHANGES)
    return search.best


def count_crossings(graph: Layered, order: Sequence[Sequence[int]]) -> int:
    """The crossings of a whole drawing."""
    place = [0] * len(graph.depth)
    for layer in order:
        for at, item in enumerate(layer):
            place[item] = at
    return sum(between(layer, graph.right, place) for layer in order)


class _Search:
    """The orders tried, and the best of them."""

    def __init__(self, graph: Layered) -> None:
        self._graph = graph
        self._order = _first_order(graph)
        self._place = [0] * len(graph.depth)
        self._number()
        self._keep(self._count())

    def sweep(self, *, rounds: int) -> None:
        """Sort layer after layer by its neighbours, rightwards and leftwards in turn."""
        idle = 0
        for turn in range(rounds):
            if not self.crossings or idle >= _PATIENCE:
                return
            self._pass(rightwards=turn % 2 == 0, reverse=turn % 4 >= 2)  # noqa: PLR2004 - every other pair
            found = self._count()
            idle = 0 if found < self.crossings else idle + 1
            if found < self.crossings:
                self._keep(found)

    def exchange(self, *, budget: int) -> None:
        """Exchange neighbours in the best order as long as that removes crossings."""
        self._order = [list(layer) for layer in self.best]
        self._number()
        active = list(range(len(self._order)))
        while active and budget > 0:
            changed: set[int] = set()
            for layer in active:
                budget -= len(self._order[layer])
                if budget <= 0:
                    break
                if self._exchange_in(layer):
                    changed.update((layer - 1, layer, layer + 1))
            active = sorted(layer for layer in changed if 0 <= layer < len(self._order))
        self._keep(self._count())

    def _keep(self, crossings: int) -> None:
        self.best = [list(layer) for layer in self._order]
        self.crossings = crossings

    def _count(self) -> int:
        right, place = self._graph.right, self._place
        return sum([between(layer, right, place) for layer in self._order])

    def _number(self) -> None:
        place = self._place
        for layer in self._order:
            for at, item in enumerate(layer):
                place[item] = at

    def _pass(self, *, rightwards: bool, reverse: bool) -> None:
        """Sort every layer by the one beside it; equals keep their order, or are reversed to get unstuck."""
        order, place = self._order, self._place
        neighbours = self._graph.left if rightwards else self._graph.right
        layers = range(1, len(order)) if rightwards else range(len(order) - 2, -1, -1)
        for number in layers:
            layer = order[number]
            beside = order[number - 1 if rightwards else number + 1]
            stretch = len(beside) / len(layer)
            if reverse:
                layer.reverse()
            wanted = [_barycentre(neighbours[item], place, place[item] * stretch) for item in layer]
            layer[:] = [layer[at] for at in sorted(range(len(layer)), key=wanted.__getitem__)]
            for at, item in enumerate(layer):
                place[item] = at

    def _exchange_in(self, number: int) -> bool:
        layer, place = self._order[number], self._place
        left, right = self._graph.left, self._graph.right
        above = [sorted([place[n] for n in left[item]]) for item in layer]
        below = [sorted([place[n] for n in right[item]]) for item in layer]
        changed = False
        for at in range(len(layer) - 1):
            if _in_order(above[at], above[at + 1]) and _in_order(below[at], below[at + 1]):
                continue
            gain = _gain(above[at], above[at + 1]) + _gain(below[at], below[at + 1])
            if gain > 0:
                layer[at], layer[at + 1] = layer[at + 1], layer[at]
                for ends in (above, below):
                    ends[at], ends[at + 1] = ends[at + 1], ends[at]
                changed = True
        for at, item in enumerate(layer):
            place[item] = at
        return changed


def _barycentre(neighbours: Sequence[int], place: Sequence[int], otherwise: float) -> float:
    count = len(neighbours)
    if count == 1:
        return place[neighbours[0]]
    if not count:
        return otherwise
    return sum([place[item] for item in neighbours]) / count


def _in_order(first: Sequence[int], second: Sequence[int]) -> bool:
    """Whether no edge of two neighbouring items crosses; both sequences ascend."""
    return not first or not second or first[-1] <= second[0]


def _gain(first: Sequence[int], second: Sequence[int]) -> int:
    """Crossings that two neighbouring items lose when they change places; both sequences ascend."""
    return _inverted(first, second) - _inverted(second, first)


def _inverted(first: Sequence[int], second: Sequence[int]) -> int:
    """Pairs in which the one of ``first`` is greater than the one of ``second``; both ascend."""
    found = at = 0
    size = len(second)
    for value in first:
        while at < size and second[at] < value:
            at += 1
        found += at
    return found


def _first_order(graph: Layered) -> list[list[int]]:
    """Depth first from the nodes without parents, so that what hangs together starts out together."""
    order: list[list[int]] = [[] for _ in range(graph.layers)]
    seen = [False] * len(graph.depth)
    for start in range(graph.nodes):
        if graph.left[start] or seen[start]:
            continue
        stack = [start]
        while stack:
            item = stack.pop()
            if seen[item]:
                continue
            seen[item] = True
            order[graph.depth[item]].append(item)
            stack.extend(n for n in reversed(graph.right[item]) if not seen[n])
            stack.extend(n for n in reversed(graph.left[item]) if not seen[n])
    return order
