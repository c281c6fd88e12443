"""The order of each layer: sorted by where the neighbours are, to and fro, and the best order kept.

Sweeps after Sugiyama et al. (barycentres of one side, then of both) and the exchange of neighbours after
E. Gansner et al. ("A Technique for Drawing Directed Graphs", 1993). Sweeps oscillate, so what they find is
compared by the exact number of crossings. Where a sweep ends depends on where it began; small graphs are
tried from two beginnings.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from sqlorch.reports.layout.crossings import between
from sqlorch.reports.layout.layers import Layered

# How much is tried: counted in items looked at, not in seconds, so that the same graph gets the same order.
_SWEEPS = 32_000
_FEWEST, _MOST = 4, 24  # sweeps of each kind
_EXCHANGES = 24_000
_TWO_BEGINNINGS = 3_000  # items for which there is time to begin twice
_PATIENCE = 6  # sweeps in a row that find nothing better


def ordered(graph: Layered) -> list[list[int]]:
    """The items of each layer from top to bottom."""
    items = len(graph.depth)
    beginnings = [_nearest_first(graph)]
    if items <= _TWO_BEGINNINGS:
        beginnings.append(_from_the_ends(graph))
    rounds = max(_FEWEST, min(_MOST, _SWEEPS // (items + 1)))
    searches = [_Search(graph, order) for order in beginnings]
    for search in searches:
        search.sweep(rounds=rounds)
        search.settle(rounds=rounds)
    best = min(searches, key=lambda search: search.crossings)
    best.exchange(budget=_EXCHANGES - 2 * items)
    return best.best


def count_crossings(graph: Layered, order: Sequence[Sequence[int]]) -> int:
    """The crossings of a whole drawing."""
    place = [0] * len(graph.depth)
    for layer in order:
        for at, item in enumerate(layer):
            place[item] = at
    return sum(between(layer, graph.right, place) for layer in order)


class _Search:
    """The orders tried, and the best of them."""

    def __init__(self, graph: Layered, order: list[list[int]]) -> None:
        self._graph = graph
        self._order = order
        self._place = [0] * len(graph.depth)
        self._number()
        self._keep(self._count())

    def sweep(self, *, rounds: int) -> None:
        """Sort layer after layer by the neighbours on one side, rightwards and leftwards in turn."""
        idle = 0
        for turn in range(rounds):
            if not self.crossings or idle >= _PATIENCE:
                return
            self._pass(rightwards=turn % 2 == 0, reverse=turn % 4 > 1)
            idle = 0 if self._improved() else idle + 1

    def settle(self, *, rounds: int) -> None:
        """Sort the layers of the best order by the neighbours on both sides."""
        self._go_back()
        idle = 0
        for turn in range(rounds):
            if not self.crossings or idle >= _PATIENCE:
                return
            layers = range(len(self._order))
            for number in layers if turn % 2 == 0 else reversed(layers):
                self._sort(number, self._both_sides(number))
            idle = 0 if self._improved() else idle + 1

    def exchange(self, *, budget: int) -> None:
        """Exchange neighbours in the best order as long as that removes crossings."""
        self._go_back()
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

    def _improved(self) -> bool:
        found = self._count()
        better = found < self.crossings
        if better:
            self._keep(found)
        return better

    def _go_back(self) -> None:
        """To the best order."""
        self._order = [list(layer) for layer in self.best]
        self._number()

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
            self._sort(number, [_barycentre(neighbours[i], place, place[i] * stretch) for i in layer])

    def _both_sides(self, number: int) -> list[float]:
        """For each item of a layer the mean place of its neighbours, as shares of their layers."""
        order, place, graph = self._order, self._place, self._graph
        before = 1 / len(order[number - 1]) if number else 0.0
        after = 1 / len(order[number + 1]) if number + 1 < len(order) else 0.0
        own = 1 / len(order[number])
        wanted = []
        for item in order[number]:
            left, right = graph.left[item], graph.right[item]
            total = sum([place[n] for n in left]) * before + sum([place[n] for n in right]) * after
            count = len(left) + len(right)
            wanted.append(total / count if count else place[item] * own)
        return wanted

    def _sort(self, number: int, wanted: Sequence[float]) -> None:
        layer, place = self._order[number], self._place
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


def _nearest_first(graph: Layered) -> list[list[int]]:
    """Breadth first from each node without parents: what is near one another starts out together."""
    order: list[list[int]] = [[] for _ in range(graph.layers)]
    seen = [False] * len(graph.depth)
    for start in range(graph.nodes):
        if seen[start]:
            continue
        seen[start] = True
        queue = deque([start])
        while queue:
            item = queue.popleft()
            order[graph.depth[item]].append(item)
            for beside in graph.right[item] + graph.left[item]:
                if not seen[beside]:
                    seen[beside] = True
                    queue.append(beside)
    return order


def _from_the_ends(graph: Layered) -> list[list[int]]:
    """Depth first from each node without children: what an end is made of starts out together."""
    order: list[list[int]] = [[] for _ in range(graph.layers)]
    seen = [False] * len(graph.depth)
    for start in range(graph.nodes):
        stack = [] if graph.right[start] else [start]
        while stack:
            item = stack.pop()
            if not seen[item]:
                seen[item] = True
                order[graph.depth[item]].append(item)
                stack.extend(n for n in reversed(graph.right[item]) if not seen[n])
                stack.extend(n for n in reversed(graph.left[item]) if not seen[n])
    return order
