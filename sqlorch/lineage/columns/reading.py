"""One expression: which columns its value is made of, and which only decide about rows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum, auto
from functools import cache
from typing import TYPE_CHECKING

from sqlglot import exp

from sqlorch.lineage.columns.functions import is_aggregate, keyword_arguments
from sqlorch.lineage.columns.paths import PATHS, split_path
from sqlorch.lineage.columns.relation import (
    MAX_STEPS,
    Bound,
    Relation,
    everything,
    stronger,
    used_indirectly,
)
from sqlorch.lineage.columns.scope import by_position, resolve
from sqlorch.lineage.columns.syntax import bare, child, children, column_parts, items, position_of
from sqlorch.lineage.columns.types import type_of
from sqlorch.lineage.columns.values import EdgeKind, Label, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlorch.lineage.columns.context import Context
    from sqlorch.lineage.columns.scope import Scope

_NO_COLUMNS = (exp.DataType, exp.Literal, exp.Identifier, exp.Var, exp.Star, exp.Placeholder)
# What names a column: by name, by position (DuckDB ``#1``), as ``$1`` (Snowflake; else a bind parameter).
COLUMNS = (exp.Column, exp.PositionalColumn, exp.Parameter)


class _Way(Enum):
    """How a kind of node is read."""

    COLUMN = auto()
    LEAF = auto()
    QUERY = auto()
    EXISTS = auto()
    PATH = auto()
    PARTS = auto()


@cache
def _way(kind: type[exp.Expression]) -> _Way:
    """Decided once for each class: most of the time goes into asking what a node is."""
    classes = (
        (COLUMNS, _Way.COLUMN),
        (_NO_COLUMNS, _Way.LEAF),
        (exp.Query, _Way.QUERY),
        (exp.Exists, _Way.EXISTS),
        (PATHS, _Way.PATH),
    )
    return next((way for parents, way in classes if issubclass(kind, parents)), _Way.PARTS)


_NONE: Mapping[str, Bound] = {}


@dataclass(slots=True)
class Reading:
    """What was found in an expression so far.

    The work list holds (node, kind, names): ``kind`` is None where the value counts, else what the columns
    decide about; ``names`` are variables of lambdas and comprehensions that hide columns.
    """

    scope: Scope
    context: Context
    aliases: Mapping[str, Bound] = field(default_factory=dict)
    alias_first: bool = False
    label: Label = Label.PASS_THROUGH
    sources: set[Source] = field(default_factory=set)
    indirect: set[tuple[Source, EdgeKind]] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    steps: dict[int, exp.Expression] = field(default_factory=dict)
    types: dict[int, str] = field(default_factory=dict)
    work: list[tuple[exp.Expression, EdgeKind | None, frozenset[str]]] = field(default_factory=list)

    def read(self, node: exp.Expression, kind: EdgeKind | None = None) -> Reading:
        """Walk the expression; may be called again for another one."""
        self.work.append((node, kind, frozenset()))
        while self.work:
            self.context.spend(1)
            current, how, hidden = self.work.pop()
            self._visit(current, how, hidden)
        return self

    def read_all(self, nodes: Iterable[exp.Expression], kind: EdgeKind | None) -> Reading:
        """Walk several expressions."""
        for node in nodes:
            self.read(node, kind)
        return self

    def _visit(self, node: exp.Expression, kind: EdgeKind | None, hidden: frozenset[str]) -> None:
        way = _way(type(node))  # type: ignore[arg-type] # a class is hashable, its instances' hash aside
        if way is _Way.COLUMN:
            self._column(node, kind, hidden)
        elif way is _Way.QUERY or (way is _Way.EXISTS and isinstance(node.this, exp.Query)):
            self._subquery(node, kind)
        elif way is not _Way.LEAF and not (way is _Way.PATH and self._path(node, kind, hidden)):
            if kind is None and is_aggregate(node):
                self.label = stronger(self.label, Label.AGGREGATE)
            handler = _HANDLERS.get(type(node))
            if handler is not None:
                handler(self, node, kind, hidden)
            else:
                self._push(children(node), kind, hidden)

    def _push(self, nodes: Iterable[exp.Expression], kind: EdgeKind | None, hidden: frozenset[str]) -> None:
        self.work.extend([(n, kind, hidden) for n in nodes if type(n) is not exp.Identifier])

    def _column(self, node: exp.Expression, kind: EdgeKind | None, hidden: frozenset[str]) -> None:
        if isinstance(node.this, exp.Star):
            self._row(node, kind)
            return
        found = self.lookup(node, hidden)
        if found is not None:
            self.types[id(node)] = found.type
            self.take(found, kind)

    def lookup(self, node: exp.Expression, hidden: frozenset[str] = frozenset()) -> Bound | None:
        """The column a node means; None for a variable or a keyword that only looks like one."""
        nodes = column_parts(node)
        place = position_of(node, self.context.dialect)
        if place is not None:
            alias = self.context.names.identifier(node.args.get("table"))
            return by_position(self.scope, alias, place)
        if not isinstance(node.this, exp.Identifier):
            return None
        parts = [self.context.names.identifier(p) for p in nodes]
        if parts[0] in hidden or (len(parts) == 1 and keyword_arguments(node)):
            return None
        return resolve(self.scope, parts, self.aliases, alias_first=self.alias_first)

    def _row(self, node: exp.Expression, kind: EdgeKind | None) -> None:
        """``count(t.*)``: the row as a whole."""
        alias = self.context.names.identifier(node.args.get("table"))
        for place in self.scope.chain():
            entry = place.entry(alias)
            if entry is not None:
                self.take(everything(entry.relation, alias), kind)
                return
        self.unknown.add(f"no table here is called {alias}")

    def take(self, found: Bound, kind: EdgeKind | None) -> None:
        """Count a column in, for its value or for what it decides."""
        self.context.spend(len(found.sources) + len(found.indirect))
        self.unknown |= found.unknown
        if kind is not None:
            self.indirect |= used_indirectly(found, kind)
            return
        self.sources |= found.sources
        self.indirect |= found.indirect
        self.label = stronger(self.label, found.label)
        self.steps.update((id(s), s) for s in found.steps)

    def _path(self, node: exp.Expression, kind: EdgeKind | None, hidden: frozenset[str]) -> bool:
        """Reads ``a.b``, ``a[0]``, ``a:b`` as a part of ``a``."""
        split = split_path(node, self.context.dialect)
        if split is None:
            return False
        base, path, choosers = split
        self._push(choosers, kind, hidden)
        column = self.lookup(base, hidden) if isinstance(base, COLUMNS) else None
        if column is not None:
            self.take(column.part(path), kind)
        else:
            self.label = stronger(self.label, Label.TRANSFORM) if kind is None else self.label
            self._push([base], kind, hidden)
        return True

    def _subquery(self, node: exp.Expression, kind: EdgeKind | None) -> None:
        """A query as a value: its columns are the value, its filters decide about that value."""
        exists = isinstance(node, exp.Exists)
        query = node.this if exists else node
        relation = self.context.read_query(query, self.context, self.scope.ctes, self.scope)
        if kind is None:
            self.label = stronger(self.label, Label.TRANSFORM)
        self.indirect |= relation.indirect
        self.scope.notes |= relation.notes
        if exists:
            return
        self.take(_value(relation), kind)

    def window(self, node: exp.Expression, kind: EdgeKind | None, hidden: frozenset[str]) -> None:
        """``f(x) OVER (...)``: x is the value, the rest places the row."""
        how = EdgeKind.WINDOW
        if isinstance(node.this, exp.Expression):
            self._push([node.this], kind, hidden)
        specification: exp.Expression | None = node
        seen = 0
        while specification is not None and seen <= len(self.scope.windows):
            self._push(items(specification, "partition_by"), how, hidden)
            self._push(items(specification, "order"), how, hidden)
            named = self.context.names.identifier(child(specification, "alias"))
            specification, seen = self.scope.windows.get(named), seen + 1

    def filtered(self, node: exp.Expression, kind: EdgeKind | None, hidden: frozenset[str]) -> None:
        """``sum(x) FILTER (WHERE y)``."""
        self._push([node.this], kind, hidden)
        self._push(items(node, "expression"), kind or EdgeKind.FILTER, hidden)

    def ordered(self, node: exp.Expression, kind: EdgeKind | None, hidden: frozenset[str]) -> None:
        """``array_agg(x ORDER BY y)``: y only orders."""
        if isinstance(node.this, exp.Expression):
            self._push([node.this], kind, hidden)
            self._push(items(node), kind or EdgeKind.ORDER, hidden)
        else:
            self._push(items(node), kind, hidden)

    def within_group(self, node: exp.Expression, kind: EdgeKind | None, hidden: frozenset[str]) -> None:
        """``percentile_cont(0.5) WITHIN GROUP (ORDER BY x)`` is about x; ``listagg(y)`` is about y."""
        self._push([node.this], kind, hidden)
        about = node.this.find(exp.Column) is not None
        self._push(items(node, "expression"), (kind or EdgeKind.ORDER) if about else kind, hidden)

    def lambda_(self, node: exp.Expression, kind: EdgeKind | None, hidden: frozenset[str]) -> None:
        """``x -> x + y``: x is a variable."""
        names = hidden.union(self.context.names.identifier(n) for n in items(node))
        self._push([node.this], kind, names)

    def comprehension(self, node: exp.Expression, kind: EdgeKind | None, hidden: frozenset[str]) -> None:
        """``[x + y for x in list if z]``."""
        variables = [*items(node, "expression"), *items(node, "position")]
        names = hidden.union(self.context.names.identifier(n) for n in variables)
        self._push(items(node, "iterator"), kind, hidden)
        self._push([node.this, *items(node, "condition")], kind, names)

    def named_argument(self, node: exp.Expression, kind: EdgeKind | None, hidden: frozenset[str]) -> None:
        """``name := x``, ``name => x``, ``{'name': x}``, ``x AS name``."""
        self._push(items(node, "expression") or items(node, "this"), kind, hidden)

    def only_value(self, node: exp.Expression, kind: EdgeKind | None, hidden: frozenset[str]) -> None:
        """An alias inside an expression names, it reads nothing."""
        self._push(items(node, "this"), kind, hidden)

    def finish(self, name: str, node: exp.Expression, *, named: bool = True) -> Bound:
        """The output column that the expression makes."""
        inner = bare(node)
        found = self.lookup(inner) if isinstance(inner, COLUMNS) else None
        if found is not None:
            return replace(found, name=name, named=named)
        return Bound(
            name=name,
            sources=frozenset(self.sources),
            label=stronger(self.label, Label.TRANSFORM),
            indirect=frozenset(self.indirect),
            unknown=frozenset(self.unknown),
            type=type_of(inner, self.types, self.context),
            steps=(node, *self.steps.values())[:MAX_STEPS],
            whole=self._is_part(inner),
            named=named,
        )

    def _is_part(self, node: exp.Expression) -> bool:
        """Whether the value is a part of one source, so that a path can go on from it."""
        split = split_path(node, self.context.dialect)
        if split is None or split[2] or not isinstance(split[0], COLUMNS):
            return False
        found = self.lookup(split[0])
        return found is not None and found.whole


_HANDLERS = {
    exp.Window: Reading.window,
    exp.Filter: Reading.filtered,
    exp.Order: Reading.ordered,
    exp.WithinGroup: Reading.within_group,
    exp.Lambda: Reading.lambda_,
    exp.Comprehension: Reading.comprehension,
    exp.PropertyEQ: Reading.named_argument,
    exp.Kwarg: Reading.named_argument,
    exp.Alias: Reading.only_value,
    exp.Aliases: Reading.only_value,
}


def _value(relation: Relation) -> Bound:
    """The one column of a scalar query, else its row."""
    only = len(relation.columns) == 1 and not relation.tails
    return relation.columns[0] if only else everything(relation, "")
