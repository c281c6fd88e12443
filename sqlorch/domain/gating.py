"""In which order selected nodes run: lineage, and tests before what builds on what they test.

The rules are those of ``dbt build`` (dbt-core 1.11, ``dbt/compilation.py`` and ``dbt/task/build.py``):

* A node waits for its selected ancestors, also across nodes that are not selected or not executed.
* A data test gates a node when everything the test reads is an ancestor of that node. It therefore never
  makes a node wait for anything that is not upstream of it, so no cycle can arise: a way through a test can
  always be replaced by a way through lineage alone.
* A unit test needs only what its model needs, and its model waits for it.

Expectations are ours: they gate like a data test of their model, after the data tests that read it alone.

Sets of nodes are integers, one bit a node: a whole set is united or intersected in one operation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from operator import and_, or_

from sqlorch.domain.dag import EXECUTABLE_KINDS, EXPECTATIONS, Dag
from sqlorch.domain.errors import ProjectError


def execution_edges(dag: Dag, selected: frozenset[str], *, whole: bool = False) -> dict[str, frozenset[str]]:
    """What each selected node has to wait for.

    Args:
        dag: the whole project; nodes that are not selected still order those that are.
        selected: unique ids; those of kinds that are not executed (sources, exposures) only pass order on.
        whole: name everything a node reads and every test of what it reads, not only what came last: a
            trigger rule asks how each of them ended, and under other rules than ``all_success`` the last ones
            do not speak for those before them.

    Returns:
        For every selected executable node, the selected executable nodes that must have finished before it.
        Following the sets gives every constraint; unless ``whole``, a set leaves out what its other members
        wait for.

    Raises:
        ProjectError: a selected node is not in the dag.
    """
    missing = sorted(uid for uid in selected if uid not in dag)
    if missing:
        raise ProjectError(f"the selected node {missing[0]} is not in the project")
    return _Order(
        dag, frozenset(uid for uid in selected if dag[uid].kind in EXECUTABLE_KINDS), whole=whole
    ).edges()


_GATES = frozenset({"test", EXPECTATIONS})


class _Order:
    """One pass over the nodes in an order they could run in, carrying to each what it must wait for.

    A set of nodes is an integer whose bit n is the n-th node of that order.
    """

    def __init__(self, dag: Dag, runs: frozenset[str], *, whole: bool) -> None:
        self._dag = dag
        self._whole = whole
        self._runs = runs
        place = {uid: n for n, uid in enumerate(dag.order)}
        self._tested = {uid: _tested_model(dag, uid, place) for uid in place if dag[uid].kind == "unit_test"}
        self._ids = sorted(place, key=lambda uid: self._rank(uid, place))
        self._bit = {uid: 1 << n for n, uid in enumerate(self._ids)}
        self._gates = self._tests_by_gated_node()
        self._unit_tests: dict[str, int] = defaultdict(int)
        for test, model in self._tested.items():
            if model is not None and test in runs:
                self._unit_tests[model] |= self._bit[test]
        self._own_tests = self._tests_by_model()

    def edges(self) -> dict[str, frozenset[str]]:
        passed_on: dict[str, int] = {}
        before: dict[str, int] = {}
        edges: dict[str, frozenset[str]] = {}
        for uid in self._ids:
            built = self._tested.get(uid) or uid
            waits = _union(passed_on[p] for p in self._dag.parents(built)) | self._gates.get(built, 0)
            if built == uid:
                waits |= self._unit_tests.get(uid, 0)
            if self._dag[uid].kind == EXPECTATIONS:
                waits |= _union(self._own_tests.get(p, 0) for p in self._dag.parents(uid))
            passed_on[uid] = self._bit[uid] if uid in self._runs else waits
            if uid in self._runs:
                last = self._last(waits, before)
                edges[uid] = frozenset(self._members(waits) if self._whole else last)
                before[uid] = _union(self._bit[other] | before[other] for other in last)
        return edges

    def _rank(self, uid: str, place: Mapping[str, int]) -> tuple[int, int]:
        """A data test comes right after the last node it reads, a unit test right before its model.

        Expectations come after the data tests of their model.
        """
        if model := self._tested.get(uid):
            return place[model], 0
        if self._dag[uid].kind in _GATES:
            last = max((place[p] for p in self._dag.parents(uid)), default=-1)
            return last, 3 if self._dag[uid].kind == EXPECTATIONS else 2
        return place[uid], 1

    def _last(self, waits: int, before: Mapping[str, int]) -> list[str]:
        """The members of a set that no other member waits for; ``before`` is what each waits for."""
        last = []
        while waits:
            highest = self._ids[waits.bit_length() - 1]
            last.append(highest)
            waits &= ~(self._bit[highest] | before[highest])
        return last

    def _members(self, nodes: int) -> list[str]:
        members = []
        while nodes:
            members.append(self._ids[nodes.bit_length() - 1])
            nodes ^= self._bit[members[-1]]
        return members

    def _tests_by_model(self) -> dict[str, int]:
        """For each node, the selected data tests that read nothing else."""
        found: dict[str, int] = defaultdict(int)
        for test in (uid for uid in self._runs if self._dag[uid].kind == "test"):
            parents = self._dag.parents(test)
            if len(parents) == 1:
                found[next(iter(parents))] |= self._bit[test]
        return found

    def _tests_by_gated_node(self) -> dict[str, int]:
        """For each node, the selected data tests that gate it, and no parent of it unless ``whole``."""
        below = self._descendants()
        gates: dict[str, int] = defaultdict(int)
        for test in sorted(uid for uid in self._runs if self._dag[uid].kind in _GATES):
            for node in self._gated(test, below):
                gates[node] |= self._bit[test]
        return gates

    def _gated(self, test: str, below: dict[str, int]) -> Iterator[str]:
        """The first nodes that descend from everything the test reads; what is below them waits anyway.

        Parents come first in the order, so the lowest bit left has no ancestor among the others.
        """
        parents = self._dag.parents(test)
        left = reduce(and_, (below[p] for p in parents)) if parents else 0
        if self._whole:
            yield from self._members(left & _union(self._readers(p) for p in parents))
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
            below[uid] = self._readers(uid) | _union(below[c] for c in children)
        return below

    def _readers(self, uid: str) -> int:
        """What reads a node, tests left out."""
        return _union(self._bit[c] for c in self._dag.children(uid) if not self._dag[c].is_test)


def _tested_model(dag: Dag, unit_test: str, place: Mapping[str, int]) -> str | None:
    """The model a unit test is for: the one it is declared on, else its last parent in the order.

    Where a project's edges also name the inputs a unit test replaces, the model is downstream of them.
    """
    parents = dag.parents(unit_test)
    declared = dag[unit_test].attached_to
    return declared if declared in parents else max(parents, key=place.__getitem__, default=None)


def _union(sets: Iterable[int]) -> int:
    return reduce(or_, sets, 0)
