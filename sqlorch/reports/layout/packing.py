"""Packing: the parts of a graph that do not hang together, side by side instead of in one long column."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, sqrt

from sqlorch.reports.layout.folding import COLUMN

_SHAPE = 1.6  # width of a fair drawing for a height of 1
_AIR = 0.6  # rows between two parts
_LOOSE = 1.1  # so much more room than their own boxes of many sizes take
_HALF = 2  # places are tried at every half column


def packed(sizes: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Where each box goes: its left and top.

    Every box, in the order given, falls to the highest place that is free, and there as far left as it can.

    Args:
        sizes: width in columns and height in rows of each box; the largest first packs best.
    """
    slots = ceil(_HALF * _width(sizes))
    depth = [0.0] * slots
    places = []
    for width, height in sizes:
        taken = min(slots, ceil(width * _HALF) + 1)  # and half a column of air
        left = min(range(slots - taken + 1), key=lambda at: max(depth[at : at + taken]))
        top = max(depth[left : left + taken])
        depth[left : left + taken] = [top + height + _AIR] * taken
        places.append((left / _HALF, top))
    return places


def _width(sizes: Sequence[tuple[float, float]]) -> float:
    """A fair width: the largest box alone may be wide enough; else the others find room beside it."""
    if not sizes:
        return 1.0
    areas = [(width + 0.5) * (height + _AIR) for width, height in sizes]
    widest = max([width for width, _ in sizes])
    largest, tallest = sizes[0]
    others = sum(areas) - areas[0]
    beside = largest + 0.5 + _LOOSE * others / tallest + max([w for w, _ in sizes[1:]], default=0.0)
    fair = sqrt(sum(areas) * _SHAPE / COLUMN)
    return max(widest, min(fair, beside))
