"""Whole queries: WITH, set operations, recursion, brackets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from sqlorch.lineage.columns import pivots, rows, selects, stars, tables
from sqlorch.lineage.columns.reading import Reading
from sqlorch.lineage.columns.relation import (
    Bound,
    Relation,
    Tail,
    merged,
    opaque,
    unknown_column,
    used_indirectly,
)
from sqlorch.lineage.columns.scope import Scope
from sqlorch.lineage.columns.syntax import alias_columns, child, is_query, items
from sqlorch.lineage.columns.values import EdgeKind, Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlorch.lineage.columns.context import Context

# These let a WITH query name itself without the word RECURSIVE.
_RECURSIVE_BY_ITSELF = frozenset({"snowflake", "tsql", "oracle"})
_EPHEMERAL = "__dbt__cte__"


def read_query(
    node: exp.Expression, context: Context, ctes: Mapping[str, Relation], outer: Scope | None
) -> Relation:
    """What a query of any form offers to the query around it."""
    known = _with(node, context, ctes, outer)
    if isinstance(node, exp.Select):
        return selects.read_select(node, context, known, outer)
    if isinstance(node, exp.SetOperation):
        return _set_operation(node, context, known, outer)
    scope = Scope(outer=outer, ctes=known, first_wins=context.dialect == "duckdb")
    if isinstance(node, exp.Subquery):
        return _bracket(node, scope, context, outer)
    if isinstance(node, exp.Values):
        return rows.values(node, scope, context)
    if isinstance(node, exp.Pivot) and isinstance(node.this, exp.Expression):
        tables.add_item(node.this, scope, context)
        return pivots.apply(node, scope.entries[0].relation, scope, context)
    return opaque(f"{node.key.upper()} is not a query that is understood")


def _bracket(node: exp.Subquery, scope: Scope, context: Context, outer: Scope | None) -> Relation:
    """``(query) ORDER BY ...``."""
    inner = node.this
    if not is_query(inner):
        return opaque("brackets around a table are not a query")
    found = read_query(inner, context, scope.ctes, outer)
    return _ordered(node, found, scope, context)


def _ordered(node: exp.Expression, found: Relation, scope: Scope, context: Context) -> Relation:
    outputs = stars.Expansion(columns=found.columns, tails=found.tails)
    names = {c.name: c for c in reversed(found.columns)}
    selects.order(child(node, "order"), outputs, Reading(scope, context, names, alias_first=True))
    return replace(found, indirect=found.indirect | scope.indirect, notes=found.notes | scope.notes)


def _with(
    node: exp.Expression, context: Context, ctes: Mapping[str, Relation], outer: Scope | None
) -> Mapping[str, Relation]:
    clause = child(node, "with")
    if clause is None:
        return ctes
    known = dict(ctes)
    for cte in items(clause):
        name = context.names.identifier(cte.args["alias"].this) if cte.args.get("alias") else ""
        parent = context.relations.get((name,)) if name.lower().startswith(_EPHEMERAL) else None
        recursive = bool(clause.args.get("recursive"))
        known[name] = parent or _cte(cte, context, known, outer, recursive=recursive)
    return known


def _cte(
    cte: exp.Expression, context: Context, known: dict[str, Relation], outer: Scope | None, *, recursive: bool
) -> Relation:
    name = context.names.identifier(cte.args["alias"].this)
    names = [context.names.identifier(n) for n in alias_columns(cte)]
    may = recursive or (context.dialect in _RECURSIVE_BY_ITSELF and (name,) not in context.relations)
    body = cte.this
    if may and isinstance(body, exp.SetOperation) and _mentions(body.expression, name, context):
        return _recursive(body, (name, *names), context, known, outer)
    return read_query(body, context, known, outer).renamed(names)


def _mentions(node: exp.Expression, name: str, context: Context) -> bool:
    return any(not t.db and context.names.identifier(t.this) == name for t in node.find_all(exp.Table))


def _recursive(
    body: exp.SetOperation,
    own: tuple[str, ...],
    context: Context,
    known: dict[str, Relation],
    outer: Scope | None,
) -> Relation:
    """The anchor's columns, widened by the recursive part until nothing is added.

    Sources only grow and are finite, so this ends; a source's path is dropped on the way round because it
    would grow for ever.
    """
    inner = _with(body, context, known, outer)
    anchor = read_query(body.this, context, inner, outer).renamed(list(own[1:]))
    current = anchor
    for _ in range(len(anchor.columns) + 2):
        again = {**inner, own[0]: replace(current, columns=tuple(_pathless(c) for c in current.columns))}
        step = read_query(body.expression, context, again, outer)
        wider = _union(anchor, step, body, context)
        if _extent(wider) == _extent(current):
            break
        current = wider
    return _ordered(body, wider, Scope(outer=outer, ctes=inner), context)


def _pathless(column: Bound) -> Bound:
    sources = frozenset(Source(s.node, s.column) for s in column.sources)
    return replace(column, sources=sources, whole=False, steps=())


def _extent(relation: Relation) -> tuple[object, ...]:
    columns = tuple((c.name, c.sources, c.label, c.indirect, c.unknown) for c in relation.columns)
    return columns, relation.indirect, len(relation.tails)


def _set_operation(
    node: exp.SetOperation, context: Context, ctes: Mapping[str, Relation], outer: Scope | None
) -> Relation:
    """A chain of set operations, left to right without recursion: chains may be thousands long."""
    chain: list[tuple[exp.SetOperation, Mapping[str, Relation]]] = []
    current: exp.Expression = node
    known = ctes
    while isinstance(current, exp.SetOperation):
        known = known if current is node else _with(current, context, known, outer)
        chain.append((current, known))
        current = current.this
    found = read_query(current, context, known, outer)
    for operation, visible in reversed(chain):
        right = read_query(operation.expression, context, visible, outer)
        found = _combined(found, right, operation, context)
        found = _ordered(operation, found, Scope(outer=outer, ctes=visible), context)
    return found


def _combined(left: Relation, right: Relation, node: exp.Expression, context: Context) -> Relation:
    if isinstance(node, exp.Union):
        return _union(left, right, node, context)
    decides = frozenset().union(*(used_indirectly(c, EdgeKind.FILTER) for c in right.columns))
    return replace(left, indirect=left.indirect | right.indirect | decides, notes=left.notes | right.notes)


def _union(left: Relation, right: Relation, node: exp.Expression, context: Context) -> Relation:
    context.spend(len(left.columns) + len(right.columns))
    named = node.args.get("by_name") or items(node, "on")
    columns, tails = _by_name(left, right, node, context) if named else _by_place(left, right)
    return Relation(
        columns=tuple(columns),
        tails=tails,
        indirect=left.indirect | right.indirect,
        notes=left.notes | right.notes,
    )


def _by_place(left: Relation, right: Relation) -> tuple[list[Bound], tuple[Tail, ...]]:
    tails = left.tails or right.tails
    if tails:
        reason = f"a UNION matches by position over a list that is not known ({tails[0].reason})"
        columns = [merged(c.name, [c, unknown_column(c.name, reason)]) for c in left.columns]
        return columns, (Tail(reason=reason),) if left.tails else ()
    if len(left.columns) != len(right.columns):
        reason = f"a UNION has {len(left.columns)} columns on one side and {len(right.columns)} on the other"
        return [merged(c.name, [c, unknown_column(c.name, reason)]) for c in left.columns], ()
    return [merged(a.name, [a, b]) for a, b in zip(left.columns, right.columns, strict=True)], ()


def _by_name(
    left: Relation, right: Relation, node: exp.Expression, context: Context
) -> tuple[list[Bound], tuple[Tail, ...]]:
    """UNION BY NAME; BigQuery and Trino can restrict the names (INNER, LEFT, CORRESPONDING BY)."""
    side, kind = str(node.args.get("side") or "").upper(), str(node.args.get("kind") or "").upper()
    names = list(dict.fromkeys(c.name for c in (*left.columns, *right.columns)))
    if side == "LEFT":
        names = list(left.index)
    elif kind == "INNER":
        names = [n for n in left.index if n in right.index]
    on = {context.names.identifier(n.this if isinstance(n, exp.Column) else n) for n in items(node, "on")}
    names = [n for n in names if not on or n in on]
    columns = [_named_column(n, left, right) for n in names]
    return columns, (*left.tails, *right.tails)


def _named_column(name: str, left: Relation, right: Relation) -> Bound:
    found = [relation.index[name][0] for relation in (left, right) if name in relation.index]
    found.extend(
        unknown_column(name, f"one side may also have {name}: {relation.tails[0].reason}")
        for relation in (left, right)
        if name not in relation.index and relation.tails
    )
    return merged(name, found)
