"""Which columns each relation has: what callers know, and what was inferred on the way."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlorch.lineage.columns.relation import Bound, Relation, Tail
from sqlorch.lineage.columns.values import Column, KnownColumns, SchemaOrigin, Source, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlorch.lineage.columns.names import Names
    from sqlorch.lineage.columns.values import ModelColumns

_AS_STORED = frozenset({SchemaOrigin.WAREHOUSE, SchemaOrigin.DESCRIBED, SchemaOrigin.INFERRED})


def relation_of(node: str, known: KnownColumns | None, names: Names, *, why: str = "") -> Relation:
    """A relation as the queries that read it see it."""
    why = why or f"the columns of {node} are not known"
    if known is None:
        return Relation(tails=(Tail(node=node, reason=why),))
    columns = tuple(_bound(node, c, known.origin, names) for c in known.columns)
    if known.complete:
        return Relation(columns=columns)
    hidden = frozenset(c.name for c in columns)
    reason = f"{node} may have more columns than the {len(columns)} that are {known.origin}"
    return Relation(columns=columns, tails=(Tail(node=node, hidden=hidden, reason=reason),))


def _bound(node: str, column: Column, origin: SchemaOrigin, names: Names) -> Bound:
    name = folded(column, origin, names)
    return Bound(name=name, sources=frozenset({Source(node, name)}), type=column.type, whole=True)


def folded(column: Column, origin: SchemaOrigin, names: Names) -> str:
    """The name by which queries find the column."""
    return names.column(column.name, quoted=column.quoted or origin in _AS_STORED)


@dataclass(slots=True)
class Catalog:
    """Columns by node, growing as models are read in topological order."""

    names: Names
    given: Mapping[str, KnownColumns]
    known: dict[str, KnownColumns | None] = field(default_factory=dict)

    def columns(self, node: str) -> KnownColumns | None:
        """The best list for a node at this point, None when there is none."""
        return self.known[node] if node in self.known else self._folded(node)

    def _folded(self, node: str) -> KnownColumns | None:
        given = self.given.get(node)
        if given is not None:
            columns = tuple(
                replace(c, name=folded(c, given.origin, self.names), quoted=True) for c in given.columns
            )
            given = replace(given, columns=columns)
        self.known[node] = given
        return given

    def learn(self, model: ModelColumns) -> None:
        """Take in what a model's SQL says it returns.

        A complete list from elsewhere keeps its order and types and gains the columns that only the SQL has
        (it was edited since the table was built); an incomplete one only lends its types.
        """
        given = self.columns(model.node)
        if model.status is Status.FAILED:
            return
        inferred = tuple(Column(name=c.name, type=c.type, quoted=True) for c in model.columns if c.named)
        complete = model.complete and all(c.named for c in model.columns)
        found = KnownColumns(columns=inferred, origin=SchemaOrigin.INFERRED, complete=complete)
        self.known[model.node] = found if given is None else _merged(given, found)


def _merged(given: KnownColumns, inferred: KnownColumns) -> KnownColumns:
    if given.complete:
        return replace(given, columns=given.columns + _missing(inferred, given))
    types = {c.name: c.type for c in given.columns}
    columns = tuple(replace(c, type=types.get(c.name) or c.type) for c in inferred.columns)
    if inferred.complete:
        return replace(inferred, columns=columns)
    return replace(inferred, columns=columns + _missing(given, inferred))


def _missing(of: KnownColumns, in_: KnownColumns) -> tuple[Column, ...]:
    there = {c.name for c in in_.columns}
    return tuple(c for c in of.columns if c.name not in there)
