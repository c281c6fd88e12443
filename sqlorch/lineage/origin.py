"""Where a column comes from: every column its value depends on, back to the sources."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlorch.lineage.columns import ColumnLineage, ColumnRef, EdgeKind, Label, Source

Decider = tuple["EdgeKind", "Source"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """One column on the way back.

    Attributes:
        depth: steps from the column that was asked for, which is 0.
        ref: the column.
        label: how it is made; None where the way ends: a source, a seed, a file.
        expression: the SQL that makes it, "" when it is passed on as it is.
        inner: expressions of inner queries that feed it, nearest first.
        sources: columns it is made from.
        deciders: columns that do not enter the value but decide about it alone: the filter of an aggregate,
            the order of a window.
        unknown: why its sources may be incomplete.
    """

    depth: int
    ref: ColumnRef
    label: Label | None = None
    expression: str = ""
    inner: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    deciders: tuple[Decider, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def parents(self) -> tuple[Source, ...]:
        """Every column its value depends on, each once."""
        seen = {source.ref for source in self.sources}
        others = {source.ref: source for _, source in self.deciders if source.ref not in seen}
        return (*self.sources, *others.values())


def origin_of(lineage: ColumnLineage, start: ColumnRef) -> tuple[Station, ...]:
    """The way back from a column, nearest first, each column once."""
    found: list[Station] = []
    seen = {start}
    queue = deque([(0, start)])
    while queue:
        depth, ref = queue.popleft()
        found.append(_station(lineage, depth, ref))
        for source in found[-1].parents:
            if source.ref not in seen:
                seen.add(source.ref)
                queue.append((depth + 1, source.ref))
    return tuple(found)


def row_deciders(lineage: ColumnLineage, node: str) -> tuple[Decider, ...]:
    """The columns that decide which rows a node has."""
    return _deciders(lineage, node, None)


def _station(lineage: ColumnLineage, depth: int, ref: ColumnRef) -> Station:
    model = lineage.models.get(ref.node)
    made = next((column for column in model.columns if column.name == ref.column), None) if model else None
    if made is None:
        return Station(depth=depth, ref=ref)
    return Station(
        depth=depth,
        ref=ref,
        label=made.label,
        expression=made.expression,
        inner=made.steps,
        sources=made.sources,
        deciders=_deciders(lineage, ref.node, ref.column),
        unknown=made.unknown,
    )


def _deciders(lineage: ColumnLineage, node: str, column: str | None) -> tuple[Decider, ...]:
    model = lineage.models.get(node)
    edges = model.indirect if model else ()
    return tuple((edge.kind, edge.source) for edge in sorted(edges, key=repr) if edge.column == column)
