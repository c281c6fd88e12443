"""The directed acyclic graph of a project's nodes, and the questions asked of it.

A :class:`Node` is anything dbt gives a ``unique_id``: model, seed, snapshot, source, data test, unit test,
exposure, analysis. Edges point from parent to child. The graph is immutable; every derived structure is
computed once, on first use.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from heapq import heapify, heappop, heappush
from types import MappingProxyType
from typing import Any

from sqlorch.domain.cycles import find_cycles
from sqlorch.domain.errors import CycleError, ProjectError

EXPECTATIONS = "expectations"  # ours, not dbt's: what Great Expectations checks on one model
TEST_KINDS = frozenset({"test", "unit_test", EXPECTATIONS})
EXECUTABLE_KINDS = frozenset({"model", "seed", "snapshot", "function"}) | TEST_KINDS
_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node of a dbt project.

    Attributes:
        unique_id: dbt's identifier, ``model.package.name``.
        kind: dbt's resource type: ``model``, ``seed``, ``snapshot``, ``source``, ``test``, ``unit_test``,
            ``exposure``, ``analysis``, ...
        name: the node's own name; for a source table, the table's name.
        fqn: fully qualified name, the path dbt's ``fqn:`` selector walks.
        package: the dbt package that holds it.
        path: file it is written in, relative to its package's root, with ``/``.
        tags: dbt tags after inheritance.
        config: dbt config after inheritance (``materialized``, ``meta``, ``severity`` ...).
        description: what its author says of it.
        dbt_group: dbt's own ``group`` (an owner's name), not a sqlorch group.
        source_name: for a source, the name of the source that holds the table.
        relation: the quoted name of what it builds in the warehouse, or None.
        blank: whether its SQL is empty, so that there is nothing to build (dbt passes over it too).
        attached_to: for a test, the node it is declared on, if it is declared on one.
        patch_path: the YAML file that describes it, relative to its package's root, or "" if none does.
        access: for a model, dbt's ``private``, ``protected`` or ``public``.
        version: for a versioned model, its version (``2`` or ``"2b"``).
        latest_version: for a versioned model, the version an unversioned ``ref`` means.
        test_name: for a generic test, the name of the test it applies (``not_null``); None for a singular
            test, which is how the two are told apart.
        test_column: for a generic test declared on a column, that column, quoted where dbt quotes it.
    """

    unique_id: str
    kind: str
    name: str
    fqn: tuple[str, ...] = ()
    package: str = ""
    path: str = ""
    tags: frozenset[str] = frozenset()
    config: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    description: str = ""
    dbt_group: str | None = None
    source_name: str | None = None
    relation: str | None = None
    attached_to: str | None = None
    blank: bool = False
    patch_path: str = ""
    access: str | None = None
    version: str | float | None = None
    latest_version: str | float | None = None
    test_name: str | None = None
    test_column: str | None = None

    @property
    def materialized(self) -> str:
        """How dbt builds it: ``table``, ``view``, ``incremental``, ... or ``""`` where that means nothing."""
        return str(self.config.get("materialized", "") or "")

    @property
    def is_test(self) -> bool:
        """Whether it checks data instead of building it."""
        return self.kind in TEST_KINDS

    @property
    def meta(self) -> Mapping[str, Any]:
        """Its ``meta`` after inheritance; empty when there is none."""
        meta = self.config.get("meta")
        return meta if isinstance(meta, Mapping) else _EMPTY


class Dag:
    """Nodes and the edges between them; construction refuses a cycle.

    Args:
        nodes: the nodes; a repeated ``unique_id`` is refused.
        edges: ``(parent, child)`` pairs of unique ids. An edge to a node that is not there is refused.
        project: name of the root package, the one that is not installed as a dependency; "" when unknown.

    Raises:
        ProjectError: a duplicate node or a dangling edge.
        CycleError: a cycle, named by its path.
    """

    def __init__(self, nodes: Iterable[Node], edges: Iterable[tuple[str, str]], *, project: str = "") -> None:
        self._project = project
        self._nodes: dict[str, Node] = {}
        for node in nodes:
            if node.unique_id in self._nodes:
                raise ProjectError(f"two nodes are both called {node.unique_id}")
            self._nodes[node.unique_id] = node
        self._parents: dict[str, set[str]] = {uid: set() for uid in self._nodes}
        self._children: dict[str, set[str]] = {uid: set() for uid in self._nodes}
        for parent, child in edges:
            for end in (parent, child):
                if end not in self._nodes:
                    raise ProjectError(f"the edge {parent} -> {child} names {end}, which does not exist")
            self._parents[child].add(parent)
            self._children[parent].add(child)
        self._order = self._sort()

    def __len__(self) -> int:
        return len(self._nodes)

    def __contains__(self, unique_id: object) -> bool:
        return unique_id in self._nodes

    def __getitem__(self, unique_id: str) -> Node:
        return self._nodes[unique_id]

    @property
    def nodes(self) -> Mapping[str, Node]:
        """Every node by unique id."""
        return MappingProxyType(self._nodes)

    @property
    def project(self) -> str:
        """Name of the root package; where it was not told, the only package there is, else ""."""
        if self._project:
            return self._project
        packages = {node.package for node in self._nodes.values()}
        return packages.pop() if len(packages) == 1 else ""

    @cached_property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """All ``(parent, child)`` pairs, sorted."""
        return tuple(sorted((p, c) for c, parents in self._parents.items() for p in parents))

    @property
    def order(self) -> tuple[str, ...]:
        """Unique ids in a topological order: parents first, ties by unique id."""
        return self._order

    @cached_property
    def position(self) -> Mapping[str, int]:
        """The place of each node in :attr:`order`."""
        return {uid: place for place, uid in enumerate(self._order)}

    def parents(self, unique_id: str) -> frozenset[str]:
        """Direct parents."""
        return frozenset(self._parents[unique_id])

    def children(self, unique_id: str) -> frozenset[str]:
        """Direct children."""
        return frozenset(self._children[unique_id])

    def ancestors(self, unique_ids: Iterable[str], depth: int | None = None) -> frozenset[str]:
        """Everything upstream of the given nodes within ``depth`` steps (None: any), without themselves."""
        return _walk(unique_ids, self._parents, depth)

    def descendants(self, unique_ids: Iterable[str], depth: int | None = None) -> frozenset[str]:
        """Everything downstream of the given nodes within ``depth`` steps (None: any), without themselves."""
        return _walk(unique_ids, self._children, depth)

    def _sort(self) -> tuple[str, ...]:
        missing = {uid: len(parents) for uid, parents in self._parents.items()}
        ready = [uid for uid, count in missing.items() if count == 0]
        heapify(ready)
        order: list[str] = []
        while ready:
            uid = heappop(ready)
            order.append(uid)
            for child in self._children[uid]:
                missing[child] -= 1
                if missing[child] == 0:
                    heappush(ready, child)
        if len(order) < len(self._nodes):
            left = {uid: self._parents[uid] for uid, count in missing.items() if count}
            cycles = [tuple((uid, self._nodes[uid].path) for uid in path) for path in find_cycles(left)]
            raise CycleError(cycle_message(cycles), tuple(cycles))
        return tuple(order)


def cycle_message(cycles: Sequence[Sequence[tuple[str, str]]]) -> str:
    """Independent circles, one a line, each as the files that read one another.

    Args:
        cycles: unique ids and files of each, from parent to child.
    """
    return "\n".join(map(_circle, cycles))


def _circle(cycle: Sequence[tuple[str, str]]) -> str:
    files = [path or uid for uid, path in reversed(cycle)]
    if len(cycle) == 2:  # noqa: PLR2004 - one node and itself again
        return f"{files[0]} reads itself; refer to its own table with {{{{ this }}}}"
    return f"the models form a cycle: {' reads '.join(files)}; one of them must not ref the other"


def _walk(starts: Iterable[str], step: Mapping[str, set[str]], depth: int | None) -> frozenset[str]:
    roots = set(starts)
    found: set[str] = set()
    queue = deque((uid, 0) for uid in roots)
    while queue:
        uid, distance = queue.popleft()
        if depth is not None and distance >= depth:
            continue
        for after in step[uid]:
            if after not in found and after not in roots:
                found.add(after)
                queue.append((after, distance + 1))
    return frozenset(found)
