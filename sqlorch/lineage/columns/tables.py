"""The items of FROM: tables, CTEs, derived tables, lateral ones, files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from sqlorch.lineage.columns import joins, pivots, rows, stars
from sqlorch.lineage.columns.relation import Relation, Tail, opaque
from sqlorch.lineage.columns.scope import Entry, Scope
from sqlorch.lineage.columns.syntax import alias_columns, child, is_query, items, table_parts
from sqlorch.lineage.columns.values import EXTERNAL

if TYPE_CHECKING:
    from sqlorch.lineage.columns.context import Context

_LATERAL_BY_ITSELF = frozenset({"duckdb"})
_ARRAYS_IN_FROM = frozenset({"bigquery", "redshift"})
# A name longer than this is not a file one would describe; in a message it is cut.
_ASKED, _SHOWN = 4_000, 120
# Compiled SQL has ephemeral models as CTEs called so; they are nodes of their own all the same.
_INJECTED = "__dbt__cte__"
_ROW_MAKERS = (exp.Unnest, exp.Lateral, exp.Values, exp.TableFromRows)


def read_from(select: exp.Expression, scope: Scope, context: Context) -> None:
    """Fill the scope with what FROM, JOIN and LATERAL VIEW bring."""
    origin = child(select, "from")
    if origin is not None:
        for item in [*items(origin, "this"), *items(origin)]:
            add_item(item, scope, context)
    for join in items(select, "joins"):
        _add_join(join, scope, context)
    if child(select, "match") is not None:
        indirect = frozenset().union(*(e.relation.indirect for e in scope.entries))
        scope.entries[:] = [
            Entry(alias="", relation=opaque("MATCH_RECOGNIZE is not understood", indirect=indirect))
        ]
    for lateral in items(select, "laterals"):
        add_item(lateral, scope, context)


def _add_join(join: exp.Expression, scope: Scope, context: Context) -> None:
    start = len(scope.entries)
    add_item(join.this, scope, context)
    joins.apply(join, scope, start, context)


def add_item(item: exp.Expression, scope: Scope, context: Context) -> None:
    """Add one item and the joins written inside it."""
    context.spend(1)
    if _is_bracket(item):
        add_item(item.this, scope, context)
    else:
        scope.entries.append(_entry(item, scope, context))
    for join in items(item, "joins"):
        _add_join(join, scope, context)


def _is_bracket(item: exp.Expression) -> bool:
    """``(a JOIN b)`` only groups; with an alias or a pivot it is a table of its own."""
    grouped = isinstance(item, exp.Subquery) and not is_query(item.this)
    nested = (
        isinstance(item, exp.Subquery)
        and isinstance(item.this, exp.Subquery)
        and bool(items(item.this, "joins"))
    )
    return (grouped or nested) and not item.alias and not items(item, "pivots")


def _entry(item: exp.Expression, scope: Scope, context: Context) -> Entry:
    names = context.names
    alias = names.identifier(item.args["alias"].this) if item.alias else ""
    if isinstance(item, exp.Table):
        return _table(item, alias, scope, context)
    relation = _relation(item, alias, scope, context)
    if not isinstance(item, _ROW_MAKERS):
        relation = relation.renamed(_alias_names(item, context))
    relation, alias = _pivoted(item, relation, alias, scope, context)
    if not alias and isinstance(item, exp.Unnest) and len(alias_columns(item)) == 1:
        alias = names.identifier(alias_columns(item)[0])
    return Entry(alias=alias, relation=relation)


def _alias_names(item: exp.Expression, context: Context) -> list[str]:
    found = (n.this if isinstance(n, exp.ColumnDef) else n for n in alias_columns(item))
    return [context.names.identifier(n) for n in found]


def _relation(item: exp.Expression, alias: str, scope: Scope, context: Context) -> Relation:
    if isinstance(item, exp.Subquery):
        return _derived(item, scope, context)
    if isinstance(item, exp.Values):
        return rows.values(item, scope, context)
    if isinstance(item, exp.Unnest):
        return rows.unnest(item, alias, scope, context)
    if isinstance(item, (exp.Lateral, exp.TableFromRows)):
        return _lateral(item, alias, scope, context)
    return opaque(f"{item.key} in FROM is not understood")


def _derived(item: exp.Subquery, scope: Scope, context: Context) -> Relation:
    if is_query(item.this):
        return context.read_query(item, context, scope.ctes, _around(scope, context))
    inner = Scope(
        outer=scope.outer, ctes=scope.ctes, struct_dots=scope.struct_dots, first_wins=scope.first_wins
    )
    add_item(item.this, inner, context)
    found = stars.all_columns(inner, context)
    indirect = frozenset().union(*(e.relation.indirect for e in inner.entries), inner.indirect)
    return Relation(columns=found.columns, tails=found.tails, indirect=indirect, notes=inner.notes)


def _around(scope: Scope, context: Context) -> Scope | None:
    """What a derived table may look at: in DuckDB also its left neighbours, elsewhere the outer query."""
    if context.dialect not in _LATERAL_BY_ITSELF or not scope.entries:
        return scope.outer
    return scope


def _lateral(item: exp.Expression, alias: str, scope: Scope, context: Context) -> Relation:
    inner = item.this
    if isinstance(inner, exp.Query) and isinstance(inner, exp.Expression):
        found = context.read_query(inner, context, scope.ctes, scope)
        return found.renamed(_alias_names(item, context))
    if isinstance(inner, exp.Unnest):
        return rows.unnest(inner, alias, scope, context).renamed(_alias_names(item, context))
    names = _alias_names(item, context)
    if context.dialect == "snowflake" and isinstance(inner, exp.Explode):
        return rows.flatten(inner, scope, context).renamed(names)
    if item.args.get("view"):
        return rows.exploded(inner, names, scope, context)
    return rows.table_function(inner, alias, names, scope, context)


def _table(item: exp.Table, alias: str, scope: Scope, context: Context) -> Entry:
    names = context.names
    key: tuple[str, ...] = ()
    if isinstance(item.this, exp.Identifier) and _is_array(item, scope, context):
        alias = alias or names.identifier(item.this)
        relation = rows.array_in_from(item, alias, scope, context)
    elif isinstance(item.this, exp.Identifier):
        key = names.table_key(table_parts(item))
        relation = _named(item, key, scope, context).renamed(_alias_names(item, context))
        alias = alias or names.identifier(item.this)
    else:
        relation = _function(item, alias, scope, context)
        alias = alias or (
            names.column(item.this.name or item.this.key) if isinstance(item.this, exp.Func) else ""
        )
    relation, alias = _pivoted(item, relation, alias, scope, context)
    return Entry(alias=alias, key=key if not item.alias else (), relation=relation)


def _is_array(item: exp.Table, scope: Scope, context: Context) -> bool:
    """``FROM t, t.items``: the second is a column of the first, unless there is a table of that name."""
    parts = table_parts(item)
    if context.dialect not in _ARRAYS_IN_FROM or len(parts) == 1 or not scope.entries:
        return False
    there = scope.entry(context.names.identifier(parts[0])) is not None
    return there and context.names.table_key(parts) not in context.relations


def _named(item: exp.Table, key: tuple[str, ...], scope: Scope, context: Context) -> Relation:
    """A CTE of that name, a parent, a described file, or something unknown."""
    cte = scope.ctes.get(context.names.identifier(item.this)) if len(key) == 1 else None
    if cte is not None and not key[0].lower().startswith(_INJECTED):
        return cte
    found = context.relations.get(key, cte)
    if found is not None:
        return found
    return _external(item, context) or _stranger(_text(item, context))


def _stranger(text: str) -> Relation:
    """A table that the project does not know: its columns are named, but never certain."""
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    reason = f"{shown} is not a known parent of this model"
    return Relation(tails=(Tail(node=EXTERNAL + shown, reason=reason, certain=False),))


def _external(item: exp.Table, context: Context) -> Relation | None:
    text = _text(item, context)
    return context.external(text) if len(text) <= _ASKED else None


def _text(item: exp.Table, context: Context) -> str:
    """How the item is written without alias; DuckDB files as string literals."""
    if isinstance(item.this, exp.Identifier):
        name = item.this.name
        quoted = item.this.args.get("quoted") and len(item.parts) == 1 and context.dialect == "duckdb"
        if quoted and any(c in name for c in "./*:"):
            return context.sql(exp.Literal.string(name))
        return ".".join(context.sql(p) for p in table_parts(item))
    return context.sql(item.this)


def _function(item: exp.Table, alias: str, scope: Scope, context: Context) -> Relation:
    names = _alias_names(item, context)
    found = _external(item, context)
    if found is None and rows.is_file_reader(item.this):
        found = _stranger(_text(item, context))
    if found is not None:
        return found.renamed(names)
    return rows.table_function(item.this, alias, names, scope, context)


def _pivoted(
    item: exp.Expression, relation: Relation, alias: str, scope: Scope, context: Context
) -> tuple[Relation, str]:
    for pivot in items(item, "pivots"):
        relation = pivots.apply(pivot, relation, scope, context)
        relation = relation.renamed(_alias_names(pivot, context))
        if pivot.alias:
            alias = context.names.identifier(pivot.args["alias"].this)
    return relation, alias
