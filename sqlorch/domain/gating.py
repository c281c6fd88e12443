"""In which order selected nodes run: lineage, and tests before what builds on what they test.

The rules are those of ``dbt build`` (dbt-core 1.11, ``dbt/compilation.py`` and ``dbt/task/build.py``):

* A node waits for its selected ancestors, also across nodes that are not selected or not executed.
* A data test gates a node when everything the test reads is an ancestor of that node. It therefore never
  makes a node wait for anything that is not upstream of it, so no cycle can arise: a way through a test can
  always be replaced by a way through lineage alone.
* A unit test needs only what its model needs, and its model waits for it.

Sets of nodes are integers, one bit a node, so that thousands of nodes are a few thousand operations on them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import reduce
from operator import and_, or_

from sqlorch.domain.dag import EXECUTABLE_KINDS, Dag
from sqlorch.domain.errors import ProjectError


def execution_edges(dag: Dag, selected: frozenset[str]) -> dict[str, frozenset[str]]:
    """What each selected node has to wait for.

    Args:
        dag: the whole project; nodes that are not selected still order those that are.
        selected: unique ids; those of kinds that are not executed (sources, exposures) only pass order on.

    Returns:
        For every selected executable node, the selected executable nodes that must have finished before it.
        Following the sets gives every constraint; a set need not list what its members already wait for.

    Raises:
        ProjectError: a selected node is not in the dag.
    """
    missing = sorted(uid for uid in selected if uid not in dag)
    if missing:
        raise ProjectError(f"the selected node {missing[0]} is not in the project")
    return _Order(dag, frozenset(uid for uid in selected if dag[uid].kind in EXECUTABLE_KINDS)).edges()


class _Order:
    """One pass over the graph, parents first, that carries to every node what it must wait for."""

    def __init__(self, dag: Dag, runs: frozenset[str]) -> None:
        self._dag = dag
        self._runs = runs
        self._ids = dag.order
        self._bit = {uid: 1 << place for place, uid in enumerate(self._ids)}
        self._gates = self._tests_by_gated_node()
        self._tested = {uid: self._tested_model(uid) for uid in self._ids if dag[uid].kind == "unit_test"}
        self._unit_tests: dict[str, int] = defaultdict(int)
        for test, model in self._tested.items():
            if model is not None and test in runs:
                self._unit_tests[model] |= self._bit[test]

    def edges(self) -> dict[str, frozenset[str]]:
        needs: dict[str, int] = {}
        waits: dict[str, int] = {}
        passed_on: dict[str, int] = {}
        for uid in self._ids:
            needs[uid] = _union(passed_on[p] for p in self._dag.parents(uid)) | self._gates.get(uid, 0)
            model = self._tested.get(uid)
            waits[uid] = needs[model] if model else needs[uid] | self._unit_tests.get(uid, 0)
            passed_on[uid] = self._bit[uid] if uid in self._runs else waits[uid]
        return {uid: self._members(waits[uid]) for uid in self._ids if uid in self._runs}

    def _tests_by_gated_node(self) -> dict[str, int]:
        """For each node, the selected data tests that gate it and none of its parents."""
        below = self._descendants()
        gates: dict[str, int] = defaultdict(int)
        for test in sorted(uid for uid in self._runs if self._dag[uid].kind == "test"):
            for node in self._gated(test, below):
                gates[node] |= self._bit[test]
        return gates

    def _gated(self, test: str, below: dict[str, int]) -> Iterator[str]:
        """The first nodes that descend from everything the test reads; what is below them waits anyway.

        Bits are in topological order, so the lowest one left has no ancestor among the others.
        """
        parents = self._dag.parents(test)
        left = reduce(and_, (below[p] for p in parents)) if parents else 0
        while left:
            lowest = left & -left
            node = self._ids[lowest.bit_length() - 1]
            yield node
            left &= ~(lowest | below[node])

    def _descendants(self) -> dict[str, int]:
        """For each node, what is downstream of it, tests left out."""
        below: dict[str, int] = {}
        for uid in reversed(self._ids):
            children = (c for c in self._dag.children(uid) if not self._dag[c].is_test)
            below[uid] = _union(self._bit[c] | below[c] for c in children)
        return below

    def _tested_model(self, unit_test: str) -> str | None:
        """The model a unit test is for: the one it is declared on, else its last parent in the order.

        Where a project's edges also name the inputs a unit test replaces, the model is downstream of them.
        """
        parents = self._dag.parents(unit_test)
        declared = self._dag[unit_test].attached_to
        if declared in parents:
            return declared
        return max(parents, key=self._bit.__getitem__, default=None)

    def _members(self, bits: int) -> frozenset[str]:
        found = []
        while bits:
            lowest = bits & -bits
            found.append(self._ids[lowest.bit_length() - 1])
            bits ^= lowest
        return frozenset(found)


def _union(sets: Iterable[int]) -> int:
    return reduce(or_, sets, 0)
