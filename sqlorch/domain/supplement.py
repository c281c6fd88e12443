"""A project's graph with edges dbt does not know, as far as they fit into it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlorch.domain.dag import Dag
from sqlorch.domain.inference import Edge, reaches


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An edge that was left out.

    Attributes:
        edge: parent and child.
        groups: the two groups that would have to run before one another; None when it is the nodes.
    """

    edge: Edge
    groups: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplemented:
    """The outcome.

    Attributes:
        dag: the graph with the edges that fit.
        refused: the others.
    """

    dag: Dag
    refused: tuple[Refusal, ...] = ()


def supplement(
    dag: Dag, found: Iterable[Edge], built: Iterable[Edge], group_of: Mapping[str, str]
) -> Supplemented:
    """Add edges to a graph; one that would close a circle of nodes or of groups is left out.

    What reads a source that the project builds gets an edge from what builds it too, since the order of
    groups is read from the edges between their nodes. Where nothing but tests reads it, these get the edge.

    Args:
        dag: the graph dbt knows.
        found: further edges; those between nodes that are not in the graph are passed over.
        built: ``(builder, source)`` pairs.
        group_of: the group of each node that has one; those of tests are not looked at: tests go where their
            models are.
    """
    growing = _Growing(dag, group_of)
    for parent, child in found:
        growing.add(parent, child, [])
    for builder, source in built:
        readers = growing.children.get(source, set())
        models = {uid for uid in readers if not dag[uid].is_test}
        growing.add(builder, source, sorted(models or readers))
    if not growing.added:
        return Supplemented(dag=dag, refused=tuple(growing.refused))
    extended = Dag(dag.nodes.values(), [*dag.edges, *growing.added], project=dag.project)
    return Supplemented(dag=extended, refused=tuple(growing.refused))


class _Growing:
    """The graph while edges are added to it."""

    def __init__(self, dag: Dag, group_of: Mapping[str, str]) -> None:
        self.children = {uid: set(dag.children(uid)) for uid in dag.nodes}
        self.added: list[Edge] = []
        self.refused: list[Refusal] = []
        self._below = {child for _, child in dag.edges}
        self._group_of = {uid: group for uid, group in group_of.items() if not dag[uid].is_test}
        self._groups: dict[str, set[str]] = {}
        for before, after in self._steps(dag.edges):
            self._groups.setdefault(before, set()).add(after)

    def add(self, parent: str, child: str, readers: list[str]) -> None:
        """Add an edge, and those from the same parent to what reads the child, or none of them."""
        if parent not in self.children or child not in self.children:
            return
        edges = [(parent, other) for other in (child, *readers) if other not in self.children[parent]]
        if (parent == child or parent in self._below) and reaches(child, parent, self.children):
            self.refused.append(Refusal(edge=(parent, child)))
            return
        steps = set(self._steps(edges))
        circle = next((step for step in sorted(steps) if reaches(step[1], step[0], self._groups)), None)
        if circle is not None:
            self.refused.append(Refusal(edge=(parent, child), groups=circle))
            return
        self.added += edges
        self.children[parent].update(end for _, end in edges)
        self._below.update(end for _, end in edges)
        for before, after in steps:
            self._groups.setdefault(before, set()).add(after)

    def _steps(self, edges: Iterable[Edge]) -> Iterable[tuple[str, str]]:
        for parent, child in edges:
            before, after = self._group_of.get(parent), self._group_of.get(child)
            if before is not None and after is not None and before != after:
                yield before, after
