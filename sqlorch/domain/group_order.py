"""In what order groups run: after those they read from, wait for, or are triggered by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import pairwise

from sqlorch.domain.cycles import find_cycles
from sqlorch.domain.dag import Dag
from sqlorch.domain.errors import ProjectError
from sqlorch.domain.group import Group
from sqlorch.domain.triggering import producers
from sqlorch.domain.waiting import awaited

_Steps = Mapping[tuple[str, str], str]


def order_groups(dag: Dag, groups: Sequence[Group], owners: Mapping[str, str]) -> list[str]:
    """Names of the groups in topological order, ties by their place in ``groups``.

    Args:
        dag: the project.
        groups: with resolved names in ``rules.after``.
        owners: the group's name of each node that has one.

    Raises:
        ProjectError: a circle; names its path and what makes each step of it.
    """
    names = [group.name for group in groups]
    steps = _steps(dag, groups, owners)
    parents: dict[str, set[str]] = {name: set() for name in names}
    children: dict[str, list[str]] = {name: [] for name in names}
    for before, after in steps:
        parents[after].add(before)
        children[before].append(after)
    place = {name: index for index, name in enumerate(names)}
    waiting = {name: len(before) for name, before in parents.items()}
    ready = [place[name] for name in names if not waiting[name]]
    heapify(ready)
    order: list[str] = []
    while ready:
        name = names[heappop(ready)]
        order.append(name)
        for after in children[name]:
            waiting[after] -= 1
            if not waiting[after]:
                heappush(ready, place[after])
    if len(order) < len(names):
        done = set(order)
        raise ProjectError(_cycle_message({n: parents[n] for n in names if n not in done}, steps))
    return order


def _steps(dag: Dag, groups: Sequence[Group], owners: Mapping[str, str]) -> _Steps:
    """Why one group comes before another, for each such pair: the first model edge by name, or ``after``."""
    steps: dict[tuple[str, str], str] = {}
    for parent, child in dag.edges:
        before, after = owners.get(parent), owners.get(child)
        if before is not None and after is not None and before != after:
            reason = f"{after!r} reads from {before!r} because {child} reads {parent}"
            steps.setdefault((before, after), reason)
    for group in groups:
        for before, name in producers(group, owners).items():
            of = "" if before == name else f" ({name})"
            reason = f"{group.name!r} runs after {before!r}{of} by {group.origin}"
            steps.setdefault((before, group.name), reason)
        for before, place in awaited(group, owners).items():
            steps.setdefault((before, group.name), f"{group.name!r} waits for {before!r} by {place}")
    return steps


def _cycle_message(left: Mapping[str, set[str]], steps: _Steps) -> str:
    """Every independent circle of groups, one a line, with the reason for each of its steps."""
    return "\n".join(_circle(path, steps) for path in find_cycles(left))


def _circle(path: Sequence[str], steps: _Steps) -> str:
    reasons = [steps[before, after] for before, after in pairwise(path)]
    reads = any("reads from" in reason for reason in reasons)
    advice = "move one of these models to another group" if reads else "take one of them out of after"
    if reads and any("runs after" in reason for reason in reasons):
        advice += ", or take one out of after"
    if any("waits for" in reason for reason in reasons):
        advice = "take one of them out of wait_for"
    return f"the groups form a cycle: {' -> '.join(path)} ({'; '.join(reasons)}); {advice}"
