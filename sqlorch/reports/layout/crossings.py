"""How many edges cross: the figure by which orders of a layer are compared."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

# Beyond so many pieces between two layers, moving the tail of a sorted list costs more than a tree does.
_TREE_FROM = 20_000


def between(upper: Iterable[int], below: Sequence[Sequence[int]], place: Sequence[int]) -> int:
    """Count the crossings between one layer and the next.

    Two edges cross when their ends are in opposite order. Edges that share an end do not cross.

    Args:
        upper: the items of the first layer, in order.
        below: neighbours of each item in the next layer.
        place: place of each item within its layer.
    """
    width = len(place) + 1
    pairs = [at * width + place[node] for at, item in enumerate(upper) for node in below[item]]
    pairs.sort()
    ends = [pair % width for pair in pairs]
    return inversions(ends)


def inversions(values: Sequence[int]) -> int:
    """Pairs that stand in the wrong order: the first greater than the second. Values are not negative."""
    if len(values) > _TREE_FROM:
        return _with_tree(values)
    found = 0
    seen: list[int] = []
    for count, value in enumerate(values):
        at = bisect_right(seen, value)
        found += count - at
        seen.insert(at, value)
    return found


def _with_tree(values: Sequence[int]) -> int:
    """Likewise with a binary indexed tree (P. Fenwick, 1994): n log n, however many there are."""
    size = max(values, default=0) + 1
    tree = [0] * (size + 1)
    found = 0
    for count, value in enumerate(values):
        at, not_greater = value + 1, 0
        while at:
            not_greater += tree[at]
            at -= at & -at
        found += count - not_greater
        at = value + 1
        while at <= size:
            tree[at] += 1
            at += at & -at
    return found
