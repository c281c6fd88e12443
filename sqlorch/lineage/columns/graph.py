"""The column lineage of a project: walks up and down, edges, coverage."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlorch.lineage.columns.values import ColumnRef, EdgeKind, Label, Source, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from sqlorch.lineage.columns.values import ModelColumns, OutputColumn


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How much was understood. A column is resolved when all its sources are certain.

    Columns of a model that failed count as unresolved when their number is known.
    """

    models: int
    resolved_models: int
    partial_models: int
    failed_models: int
    columns: int
    resolved_columns: int

    @property
    def columns_percent(self) -> float:
        """Resolved columns of all, 100 when there are none."""
        return 100.0 * self.resolved_columns / self.columns if self.columns else 100.0

    @property
    def models_percent(self) -> float:
        """Models with nothing unknown of all, 100 when there are none."""
        return 100.0 * self.resolved_models / self.models if self.models else 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnEdge:
    """From a source to an output column; ``kind`` is None for a direct edge.

    ``target.column`` is empty for an indirect edge that touches every column of the model.
    """

    source: Source
    target: ColumnRef
    kind: EdgeKind | None = None
    label: Label | None = None
    expression: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceStep:
    """One station on the way back from a column to where it comes from; depth 0 is the column itself.

    ``label`` is None where the way ends: a source, a seed, a file, a model without SQL.
    """

    depth: int
    ref: ColumnRef
    label: Label | None
    expression: str = ""
    steps: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnLineage:
    """All models' columns and how they hang together.

    ``computed`` are the nodes whose SQL was read now; the others came from the cache.
    """

    models: Mapping[str, ModelColumns]
    coverage: Coverage
    computed: tuple[str, ...] = ()
    _outputs: dict[ColumnRef, OutputColumn] = field(init=False, repr=False, compare=False)
    _down: dict[ColumnRef, dict[ColumnRef, None]] = field(init=False, repr=False, compare=False)
    _down_indirect: dict[ColumnRef, dict[ColumnRef, None]] = field(init=False, repr=False, compare=False)
    _up_indirect: dict[ColumnRef, dict[ColumnRef, None]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the edges once, both ways."""
        outputs = {ColumnRef(m.node, c.name): c for m in self.models.values() for c in m.columns}
        down: dict[ColumnRef, dict[ColumnRef, None]] = {}
        for ref, output in outputs.items():
            for source in output.sources:
                down.setdefault(source.ref, {})[ref] = None
        down_indirect: dict[ColumnRef, dict[ColumnRef, None]] = {}
        up_indirect: dict[ColumnRef, dict[ColumnRef, None]] = {}
        for above, below in self._indirect_pairs():
            down_indirect.setdefault(above, {})[below] = None
            up_indirect.setdefault(below, {})[above] = None
        for name, value in (
            ("_outputs", outputs),
            ("_down", down),
            ("_down_indirect", down_indirect),
            ("_up_indirect", up_indirect),
        ):
            object.__setattr__(self, name, value)

    def _indirect_pairs(self) -> Iterator[tuple[ColumnRef, ColumnRef]]:
        """Indirect edges; one that touches a whole model goes to its pseudo-column ``""``."""
        for model in self.models.values():
            for edge in model.indirect:
                yield edge.source.ref, ColumnRef(model.node, edge.column or "")

    def find(self, node: str, column: str) -> ColumnRef | None:
        """The column of a node by its name, in any case when that is unambiguous."""
        exact = ColumnRef(node, column)
        if exact in self._outputs or exact in self._down or exact in self._down_indirect:
            return exact
        wanted = column.casefold()
        known = {
            r for r in (*self._outputs, *self._down, *self._down_indirect) if r.node == node and r.column
        }
        close = [r for r in known if r.column.casefold() == wanted]
        return close[0] if len(close) == 1 else None

    def upstream(self, node: str, column: str, *, indirect: bool = False) -> tuple[ColumnRef, ...]:
        """Every column it is made from, at any distance; with ``indirect`` also what decides about rows."""
        return self._walk(ColumnRef(node, column), lambda ref: self._above(ref, indirect=indirect))

    def downstream(self, node: str, column: str, *, indirect: bool = False) -> tuple[ColumnRef, ...]:
        """Every column made from it, at any distance; with ``indirect`` also where it decides about rows."""
        return self._walk(ColumnRef(node, column), lambda ref: self._below(ref, indirect=indirect))

    def _above(self, ref: ColumnRef, *, indirect: bool) -> Iterator[ColumnRef]:
        output = self._outputs.get(ref)
        if output is not None:
            yield from (s.ref for s in output.sources)
        if indirect:
            yield from self._up_indirect.get(ref, ())
            yield from self._up_indirect.get(ColumnRef(ref.node, ""), ())

    def _below(self, ref: ColumnRef, *, indirect: bool) -> Iterator[ColumnRef]:
        yield from self._down.get(ref, ())
        for touched in self._down_indirect.get(ref, ()) if indirect else ():
            if touched.column:
                yield touched
            else:
                yield from (ColumnRef(touched.node, c.name) for c in self.models[touched.node].columns)

    @staticmethod
    def _walk(start: ColumnRef, step: Callable[[ColumnRef], Iterable[ColumnRef]]) -> tuple[ColumnRef, ...]:
        seen = {start}
        queue = deque([start])
        while queue:
            for ref in step(queue.popleft()):
                if ref not in seen:
                    seen.add(ref)
                    queue.append(ref)
        return tuple(sorted(seen - {start}))

    def trace(self, node: str, column: str) -> tuple[TraceStep, ...]:
        """The way back from a column, nearest first, each column once with its expression."""
        start = ColumnRef(node, column)
        found: list[TraceStep] = []
        seen = {start}
        queue = deque([(0, start)])
        while queue:
            depth, ref = queue.popleft()
            found.append(self._station(depth, ref))
            for source in found[-1].sources:
                if source.ref not in seen:
                    seen.add(source.ref)
                    queue.append((depth + 1, source.ref))
        return tuple(found)

    def _station(self, depth: int, ref: ColumnRef) -> TraceStep:
        output = self._outputs.get(ref)
        if output is None:
            return TraceStep(depth=depth, ref=ref, label=None)
        return TraceStep(
            depth=depth,
            ref=ref,
            label=output.label,
            expression=output.expression,
            steps=output.steps,
            sources=output.sources,
            unknown=output.unknown,
        )

    def edges(self) -> Iterator[ColumnEdge]:
        """Direct edges of every column, then the indirect ones, model by model in the given order."""
        for model in self.models.values():
            for c in model.columns:
                target = ColumnRef(model.node, c.name)
                for source in c.sources:
                    yield ColumnEdge(source=source, target=target, label=c.label, expression=c.expression)
            for edge in model.indirect:
                target = ColumnRef(model.node, edge.column or "")
                yield ColumnEdge(source=edge.source, target=target, kind=edge.kind)


def coverage_of(models: Iterable[ModelColumns], unread: Mapping[str, int]) -> Coverage:
    """Count what was resolved.

    Args:
        models: all models.
        unread: how many columns a failed model is known to have.
    """
    found = list(models)
    states = [m.status for m in found]
    outputs = [c for m in found for c in m.columns]
    return Coverage(
        models=len(found),
        resolved_models=states.count(Status.OK),
        partial_models=states.count(Status.PARTIAL),
        failed_models=states.count(Status.FAILED),
        columns=len(outputs) + sum(unread.values()),
        resolved_columns=sum(1 for c in outputs if c.label is not Label.UNKNOWN),
    )
