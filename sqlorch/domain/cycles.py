"""Circles in a graph that should have none: every knot of them, each with one short way round."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping


def find_cycles(parents: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Name one circle of each knot: of each set of nodes that all depend on one another.

    The knots are the strongly connected components (Tarjan 1972, without recursion). What only leads into a
    knot or out of it is not named.

    Args:
        parents: parents by node; parents that are not keys are left out.

    Returns:
        For each knot, by its first node in the order of names, a shortest circle through that node: its nodes
        from parent to child, the first one repeated at the end.
    """
    known = {uid: sorted(p for p in found if p in parents) for uid, found in parents.items()}
    knots = [knot for knot in _components(known) if len(knot) > 1 or knot[0] in known[knot[0]]]
    return sorted(_way_round(min(knot), set(knot), known) for knot in knots)


def _components(parents: Mapping[str, list[str]]) -> list[list[str]]:
    found: list[list[str]] = []
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    open_: list[str] = []
    for start in sorted(parents):
        work = [(start, iter(parents[start]))] if start not in number else []
        while work:
            uid, rest = work[-1]
            if uid not in number:
                number[uid] = low[uid] = len(number)
                open_.append(uid)
            fresh = _next(uid, rest, number, low)
            if fresh is not None:
                work.append((fresh, iter(parents[fresh])))
                continue
            work.pop()
            if work:
                above = work[-1][0]
                low[above] = min(low[above], low[uid])
            if low[uid] == number[uid]:
                found.append(_close(uid, open_, low, len(parents)))
    return found


def _next(uid: str, rest: Iterable[str], number: Mapping[str, int], low: dict[str, int]) -> str | None:
    """The next parent that was not seen; what was seen and is still open lowers the node's mark."""
    for parent in rest:
        if parent not in number:
            return parent
        low[uid] = min(low[uid], low[parent])
    return None


def _close(root: str, open_: list[str], low: dict[str, int], closed: int) -> list[str]:
    """Take a component off the stack; its mark is then too high to lower another's."""
    component = []
    while True:
        uid = open_.pop()
        low[uid] = closed
        component.append(uid)
        if uid == root:
            return component


def _way_round(start: str, knot: set[str], parents: Mapping[str, list[str]]) -> list[str]:
    """A shortest circle through a node, looked for upwards."""
    ways: deque[tuple[str, ...]] = deque([(start,)])
    seen = {start}
    while True:
        way = ways.popleft()
        for parent in parents[way[-1]]:
            if parent == start:
                return [start, *reversed(way)]
            if parent in knot and parent not in seen:
                seen.add(parent)
                ways.append((*way, parent))
