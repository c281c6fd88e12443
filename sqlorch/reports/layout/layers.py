"""Layers: every node its depth, every long edge cut into pieces from one layer to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Layered:
    """A connected graph in layers. Items are its nodes, numbered first, and the bends of its long edges.

    The edges of a node to children in far layers share their bends: one line leaves the node, and branches.

    Attributes:
        nodes: how many of the items are nodes.
        depth: the layer of each item.
        left: neighbours of each item in the layer before.
        right: neighbours of each item in the layer after.
        trunk: of each node the bends of its long edges, one a layer from the one after its own.
    """

    nodes: int
    depth: list[int]
    left: list[list[int]]
    right: list[list[int]]
    trunk: list[list[int]]

    @property
    def layers(self) -> int:
        """How many layers there are."""
        return max(self.depth, default=-1) + 1

    def way(self, parent: int, child: int) -> list[int]:
        """The bends an edge passes, from left to right."""
        return self.trunk[parent][: self.depth[child] - self.depth[parent] - 1]


def layered(children: Sequence[Sequence[int]], *, stay_left: Sequence[bool]) -> Layered:
    """Put a graph into layers.

    A node is as far left as its parents allow, one without parents in the first layer. Unless it is to stay
    there, a node without parents moves to just before the first of its children: what a lone table is for is
    seen beside what uses it.

    Args:
        children: children of each node, ascending; the graph has no cycle.
        stay_left: of each node, whether it keeps to the first layer when it has no parents.
    """
    depth = _depths(children)
    has_parents = [False] * len(children)
    for below in children:
        for child in below:
            has_parents[child] = True
    for node, below in enumerate(children):
        if below and not has_parents[node] and not stay_left[node]:
            depth[node] = min([depth[child] for child in below]) - 1
    return _cut(children, depth)


def _depths(children: Sequence[Sequence[int]]) -> list[int]:
    """Longest path from a node without parents."""
    missing = [0] * len(children)
    for below in children:
        for child in below:
            missing[child] += 1
    depth = [0] * len(children)
    ready = [node for node, count in enumerate(missing) if not count]
    for node in ready:
        beyond = depth[node] + 1
        for child in children[node]:
            depth[child] = max(depth[child], beyond)
            missing[child] -= 1
            if not missing[child]:
                ready.append(child)
    return depth


def _cut(children: Sequence[Sequence[int]], depth: list[int]) -> Layered:
    nodes = len(children)
    left: list[list[int]] = [[] for _ in children]
    right: list[list[int]] = [[] for _ in children]
    trunks: list[list[int]] = []
    for node, below in enumerate(children):
        here = depth[node]
        trunk: list[int] = []
        last = node
        for bend in range(here + 1, max([depth[child] for child in below], default=here)):
            item = len(depth)
            depth.append(bend)
            left.append([last])
            right.append([])
            right[last].append(item)
            trunk.append(item)
            last = item
        for child in below:
            steps = depth[child] - here - 1
            before = trunk[steps - 1] if steps else node
            right[before].append(child)
            left[child].append(before)
        trunks.append(trunk)
    return Layered(nodes=nodes, depth=depth, left=left, right=right, trunk=trunks)
