"""What is downstream of a change: nodes, exposures, groups, columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlorch.domain.dag import Dag

if TYPE_CHECKING:
    from sqlorch.lineage.columns import ColumnLineage, ColumnRef

_SQL = frozenset({"model", "snapshot"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """What changes with its starts; every tuple in lineage order, without the starts.

    Attributes:
        starts: the nodes that change.
        nodes: what reads them, directly or through others, without tests and exposures.
        tests: tests of all of these and of the starts.
        exposures: what is told to people and is made from them.
    """

    starts: tuple[str, ...]
    nodes: tuple[str, ...]
    tests: tuple[str, ...]
    exposures: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnImpact:
    """What changes with one column.

    Attributes:
        start: the column.
        values: columns made from it.
        rows: nodes whose rows it decides about (filter, join, group, order), or that read such a node.
        unsure: nodes downstream of what could not be read in full, so that they cannot be ruled out.
        untouched: nodes downstream of the model that do not use the column.
    """

    start: ColumnRef
    values: tuple[ColumnRef, ...]
    rows: tuple[str, ...]
    unsure: tuple[str, ...]
    untouched: tuple[str, ...]

    @property
    def touched(self) -> frozenset[str]:
        """Every node it reaches or may reach."""
        return frozenset({ref.node for ref in self.values} | {*self.rows, *self.unsure})


def impact_of(dag: Dag, starts: Iterable[str], within: frozenset[str] | None = None) -> Impact:
    """Everything downstream of nodes.

    Args:
        dag: the project.
        starts: unique ids.
        within: only through these nodes, as when a column reaches no others; None for all.
    """
    begun = frozenset(starts)
    reached = dag.descendants(begun) if within is None else _through(dag, begun, within)
    tests = {c for uid in begun | reached for c in dag.children(uid) if dag[c].is_test}
    ordered = [uid for uid in dag.order if uid in reached and uid not in begun]
    return Impact(
        starts=tuple(uid for uid in dag.order if uid in begun),
        nodes=tuple(u for u in ordered if not dag[u].is_test and dag[u].kind != "exposure"),
        tests=tuple(u for u in dag.order if u in tests),
        exposures=tuple(u for u in ordered if dag[u].kind == "exposure"),
    )


def _through(dag: Dag, begun: frozenset[str], within: frozenset[str]) -> frozenset[str]:
    """What is downstream without passing a model outside of ``within``."""
    found = set(begun)
    for uid in dag.order:
        if (uid in within or dag[uid].kind not in _SQL) and found & dag.parents(uid):
            found.add(uid)
    return frozenset(found - begun)


def column_impact(dag: Dag, lineage: ColumnLineage, start: ColumnRef) -> ColumnImpact:
    """Everything that a column reaches."""
    place = {uid: index for index, uid in enumerate(dag.order)}
    values, hit = _reached(lineage, start)
    below = {uid for uid in dag.descendants([start.node]) if dag[uid].kind in _SQL}
    made = {ref.node for ref in values}
    # Whoever reads a table with other rows has other rows, or other sums of them.
    rows = ((hit | dag.descendants(hit)) & below) - made
    dim = {uid for uid in below if not _read(lineage, uid)}
    unsure = ((dim | dag.descendants(dim)) & below) - made - rows
    return ColumnImpact(
        start=start,
        values=tuple(sorted(values, key=lambda ref: (place[ref.node], ref.column))),
        rows=tuple(sorted(rows, key=place.__getitem__)),
        unsure=tuple(sorted(unsure, key=place.__getitem__)),
        untouched=tuple(sorted(below - made - rows - unsure, key=place.__getitem__)),
    )


def _reached(lineage: ColumnLineage, start: ColumnRef) -> tuple[set[ColumnRef], set[str]]:
    """The columns whose values it enters, and the nodes whose rows it or one of these decides about.

    What decides about one column alone, such as the filter of an aggregate, decides about its value.
    """
    down: dict[ColumnRef, list[ColumnRef]] = {}
    for edge in lineage.edges():
        down.setdefault(edge.source.ref, []).append(edge.target)
    values: set[ColumnRef] = set()
    hit: set[str] = set()
    queue = [start]
    while queue:
        for target in down.get(queue.pop(), ()):
            if not target.column:
                hit.add(target.node)
            elif target not in values and target != start:
                values.add(target)
                queue.append(target)
    return values, hit


def _read(lineage: ColumnLineage, uid: str) -> bool:
    model = lineage.models.get(uid)
    return model is not None and model.status == "ok"
