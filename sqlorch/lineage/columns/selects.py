"""One SELECT: FROM first, then the outputs, then the clauses that decide about rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from sqlorch.lineage.columns import projections, stars, tables
from sqlorch.lineage.columns.reading import Reading
from sqlorch.lineage.columns.relation import Bound, Relation
from sqlorch.lineage.columns.scope import Scope
from sqlorch.lineage.columns.syntax import bare, child, items
from sqlorch.lineage.columns.values import EdgeKind, Label

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlorch.lineage.columns.context import Context

_ALIAS_IN_WHERE = frozenset({"duckdb", "snowflake"})
_ALIAS_IN_GROUP = frozenset(
    {"duckdb", "snowflake", "redshift", "spark", "databricks", "bigquery", "postgres", "mysql", "sqlite"}
)
_ALIAS_IN_HAVING = frozenset({"duckdb", "snowflake", "spark", "databricks", "bigquery", "mysql", "sqlite"})
# BigQuery prefers the alias in GROUP BY and HAVING ("Range variables and aliases" in its reference).
_ALIAS_FIRST = frozenset({"bigquery"})
# No dots into structs in these: a.b always is table.column.
_NO_STRUCT_DOTS = frozenset({"postgres", "snowflake"})


def read_select(
    select: exp.Select, context: Context, ctes: Mapping[str, Relation], outer: Scope | None
) -> Relation:
    """What one SELECT offers, its CTEs already known."""
    scope = Scope(
        outer=outer,
        guess_free_outer=outer is None or _strictly_outer(select),
        ctes=ctes,
        struct_dots=context.dialect not in _NO_STRUCT_DOTS,
        first_wins=context.dialect == "duckdb",
    )
    tables.read_from(select, scope, context)
    for window in items(select, "windows"):
        scope.windows[context.names.identifier(window.this)] = window
    outputs = projections.read_outputs(select, scope, context)
    _clauses(select, scope, outputs, context)
    below = [e.relation for e in scope.entries]
    return Relation(
        columns=outputs.columns,
        tails=outputs.tails,
        indirect=scope.indirect.union(*(r.indirect for r in below)),
        notes=scope.notes.union(*(r.notes for r in below)),
    )


def _strictly_outer(select: exp.Expression) -> bool:
    """Whether the query stands for a value, so that a free name may as well be the outer query's."""
    node = select.parent
    while isinstance(node, (exp.Subquery, exp.SetOperation)):
        node = node.parent
    return not isinstance(node, (exp.From, exp.Join, exp.CTE))


def _clauses(select: exp.Select, scope: Scope, outputs: stars.Expansion, context: Context) -> None:
    """Columns that decide about rows, clause by clause."""
    dialect, aliases = context.dialect, scope.aliases
    clauses: tuple[tuple[str, EdgeKind, Mapping[str, Bound]], ...] = (
        ("where", EdgeKind.FILTER, aliases if dialect in _ALIAS_IN_WHERE else {}),
        ("connect", EdgeKind.FILTER, {}),
        ("having", EdgeKind.HAVING, aliases if dialect in _ALIAS_IN_HAVING else {}),
        ("qualify", EdgeKind.FILTER, aliases),
    )
    for key, kind, seen in clauses:
        found = child(select, key)
        if found is not None:
            first = key == "having" and dialect in _ALIAS_FIRST
            scope.take(Reading(scope, context, seen, alias_first=first).read(found, kind))
    _group(select, scope, outputs, context)
    distinct = child(select, "distinct")
    if distinct is not None:
        _by_position(items(distinct, "on"), outputs, EdgeKind.DISTINCT_ON, Reading(scope, context, aliases))
    for key in ("order", "sort", "cluster"):
        keys = child(select, key)
        if keys is not None:
            order(keys, outputs, Reading(scope, context, {**_named(outputs), **aliases}))


def _named(outputs: stars.Expansion) -> dict[str, Bound]:
    return {c.name: c for c in reversed(outputs.columns)}


def order(node: exp.Expression | None, outputs: stars.Expansion, reading: Reading) -> None:
    """ORDER BY: positions, then output names; inside an expression a column wins over an output name."""
    if node is None:
        return
    keys = [k.this if isinstance(k, exp.Ordered) else k for k in items(node)]
    if any(isinstance(k, exp.Var) and k.name.upper() == "ALL" for k in keys):
        keys = []
        for column in outputs.columns:
            reading.take(column, EdgeKind.ORDER)
    _by_position(keys, outputs, EdgeKind.ORDER, reading)


def _by_position(
    keys: list[exp.Expression], outputs: stars.Expansion, kind: EdgeKind, reading: Reading
) -> None:
    """Keys may be positions in the output list."""
    before = reading.alias_first
    for key in keys:
        place = _position(key)
        if place is None:
            reading.alias_first = before or (kind is EdgeKind.ORDER and isinstance(bare(key), exp.Column))
            reading.read(key, kind)
        elif place <= len(outputs.columns) and not outputs.tails:
            reading.take(outputs.columns[place - 1], kind)
        else:
            reading.unknown.add(f"{kind} position {place} counts over a list that is not known")
    reading.scope.take(reading)


def _position(key: exp.Expression) -> int | None:
    key = bare(key)
    whole = isinstance(key, exp.Literal) and not key.is_string and key.name.isdigit()
    return int(key.name) if whole and int(key.name) > 0 else None


def _group(select: exp.Select, scope: Scope, outputs: stars.Expansion, context: Context) -> None:
    group = child(select, "group")
    if group is None:
        return
    aliases = scope.aliases if context.dialect in _ALIAS_IN_GROUP else {}
    reading = Reading(scope, context, aliases, alias_first=context.dialect in _ALIAS_FIRST)
    if group.args.get("all"):
        for column in outputs.columns:
            if column.label is not Label.AGGREGATE:
                reading.take(column, EdgeKind.GROUP)
    keys = [k for name in ("expressions", "grouping_sets", "cube", "rollup") for k in items(group, name)]
    _by_position(keys, outputs, EdgeKind.GROUP, reading)
