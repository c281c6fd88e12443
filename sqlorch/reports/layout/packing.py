"""Packing: the parts of a graph that do not hang together, side by side instead of in one long column."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, sqrt

from sqlorch.reports.layout.folding import COLUMN

_SHAPE = 1.6  # width of a fair drawing for a height of 1
_AIR = 0.6  # rows between two parts
_HALF = 2  # places are tried at every half column


def packed(sizes: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Where each box goes: its left and top.

    Every box, in the order given, falls to the highest place that is free, and there as far left as it can.

    Args:
        sizes: width in columns and height in rows of each box; the largest first packs best.
    """
    area = sum([(width + 0.5) * (height + _AIR) for width, height in sizes])
    fair = ceil(sqrt(area * _SHAPE / COLUMN))
    slots = _HALF * max([ceil(width) for width, _ in sizes], default=1)
    slots = max(slots, _HALF * fair)
    depth = [0.0] * slots
    places = []
    for width, height in sizes:
        taken = min(slots, ceil(width * _HALF) + 1)  # and half a column of air
        left = min(range(slots - taken + 1), key=lambda at: max(depth[at : at + taken]))
        top = max(depth[left : left + taken])
        depth[left : left + taken] = [top + height + _AIR] * taken
        places.append((left / _HALF, top))
    return places
