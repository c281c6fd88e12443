"""PIVOT and UNPIVOT, in the standard form after a table and in DuckDB's statement form."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from sqlglot import exp

from sqlorch.lineage.columns.reading import Reading
from sqlorch.lineage.columns.relation import NOTHING, Bound, Relation, Tail, merged, used_indirectly
from sqlorch.lineage.columns.scope import Entry, Scope
from sqlorch.lineage.columns.stars import columns_matching, expand
from sqlorch.lineage.columns.syntax import child, is_star, items
from sqlorch.lineage.columns.values import EdgeKind, Label

if TYPE_CHECKING:
    from sqlorch.lineage.columns.context import Context


def apply(pivot: exp.Expression, relation: Relation, scope: Scope, context: Context) -> Relation:
    """The relation after ``pivot``.

    A pivoted value is an aggregate of the value column; the column in FOR filters it; the columns that are
    neither aggregated nor spread are the groups.
    """
    inner = Scope(outer=scope, ctes=scope.ctes, struct_dots=scope.struct_dots, first_wins=scope.first_wins)
    inner.entries.append(Entry(alias="", relation=relation))
    if pivot.args.get("unpivot"):
        return _unpivot(pivot, relation, inner, context)
    if items(pivot, "using") or (items(pivot) and not items(pivot, "fields")):
        return _statement(pivot, relation, inner, context)
    return _standard(pivot, relation, inner, context)


def _spread(
    chosen: list[exp.Expression], aggregates: list[exp.Expression], inner: Scope, context: Context
) -> tuple[list[Bound], Reading, set[str]]:
    """The aggregates as columns, what the FOR columns decide, and the names that are used up."""
    made = [Reading(inner, context).read(_unaliased(a)).finish("", _unaliased(a)) for a in aggregates]
    decides = Reading(inner, context).read_all(
        (f.this if isinstance(f, exp.In) else f for f in chosen), EdgeKind.FILTER
    )
    used = {
        context.names.identifier(c.this)
        for node in [*aggregates, *(f.this if isinstance(f, exp.In) else f for f in chosen)]
        for c in node.find_all(exp.Column)
        if isinstance(c.this, exp.Identifier)
    }
    return made, decides, used


def _unaliased(node: exp.Expression) -> exp.Expression:
    return node.this if isinstance(node, exp.Alias) else node


def _standard(pivot: exp.Expression, relation: Relation, inner: Scope, context: Context) -> Relation:
    fields, aggregates = items(pivot, "fields") or items(pivot, "field"), items(pivot)
    made, decides, used = _spread(fields, aggregates, inner, context)
    groups = [c for c in relation.columns if c.name not in used]
    tails = tuple(t.without(used) for t in relation.tails)
    names = [context.names.identifier(n) for n in items(pivot, "columns")]
    if not names or not made or len(names) % len(made):
        tails = (*tails, Tail(reason="the values that PIVOT spreads are not written in the query"))
        names = []
    if context.dialect == "duckdb":
        names = _duckdb_names(fields, aggregates, context) if names else []
    values = [_pivoted(made[i % len(made)], n, decides) for i, n in enumerate(names)]
    return _result([*groups, *values], groups, tails, relation, decides)


def _statement(pivot: exp.Expression, relation: Relation, inner: Scope, context: Context) -> Relation:
    """DuckDB: ``PIVOT t ON x [IN (...)] USING agg GROUP BY g``."""
    chosen, aggregates = items(pivot), items(pivot, "using")
    made, decides, used = _spread(chosen, aggregates, inner, context)
    group = child(pivot, "group")
    tails: tuple[Tail, ...] = ()
    if group is not None:
        groups = [
            Reading(inner, context).read(g).finish(context.names.identifier(_last(g)), g)
            for g in items(group)
        ]
    else:
        groups = [c for c in relation.columns if c.name not in used]
        tails = tuple(t.without(used) for t in relation.tails)
    values: list[Bound] = []
    if aggregates and all(isinstance(c, exp.In) for c in chosen):
        names = _duckdb_names(chosen, aggregates, context)
        values = [_pivoted(made[i % len(made)], n, decides) for i, n in enumerate(names)]
    else:
        tails = (*tails, Tail(reason="the columns of this PIVOT depend on the values in the data"))
    return _result([*groups, *values], groups, tails, relation, decides)


def _last(node: exp.Expression) -> exp.Expression:
    return node.this if isinstance(node, exp.Column) else node


def _duckdb_names(
    chosen: list[exp.Expression], aggregates: list[exp.Expression], context: Context
) -> list[str]:
    """DuckDB joins values with ``_`` and appends the aggregate when there are several or it has an alias."""
    values = [[v.alias or v.name for v in items(c)] for c in chosen]
    stems = ["_".join(parts) for parts in product(*values)]
    suffixes = [a.alias or context.sql(a).lower() for a in aggregates]
    plain = len(aggregates) == 1 and not aggregates[0].alias
    found = stems if plain else [f"{stem}_{suffix}" for stem in stems for suffix in suffixes]
    return [context.names.column(n) for n in found]


def _pivoted(made: Bound, name: str, decides: Reading) -> Bound:
    return Bound(
        name=name,
        sources=made.sources,
        label=made.label,
        indirect=made.indirect | frozenset(decides.indirect),
        unknown=made.unknown | frozenset(decides.unknown),
        type=made.type,
        steps=made.steps,
    )


def _result(
    columns: list[Bound], groups: list[Bound], tails: tuple[Tail, ...], relation: Relation, decides: Reading
) -> Relation:
    grouped = NOTHING.union(*(used_indirectly(g, EdgeKind.GROUP) for g in groups))
    return Relation(
        columns=tuple(columns),
        tails=tails,
        indirect=relation.indirect | grouped,
        notes=relation.notes | frozenset(decides.unknown),
    )


def _unpivot(pivot: exp.Expression, relation: Relation, inner: Scope, context: Context) -> Relation:
    """Rows out of columns: a name column made of nothing, value columns made of the listed ones."""
    into = child(pivot, "into")
    if into is not None:
        name, targets = _only(items(into, "this"), "name"), _names(items(into), context, "value")
        chosen = items(pivot)
    elif items(pivot, "fields") or items(pivot, "field"):
        field = (items(pivot, "fields") or items(pivot, "field"))[0]
        name, chosen = field.this, items(field)
        targets = _names(items(pivot), context, "value")
    else:
        name, targets, chosen = exp.to_identifier("name"), [context.names.column("value")], items(pivot)
    listed = [_listed(c, inner, context) for c in chosen]
    tails = tuple(t for _, more in listed for t in more)
    groups = [columns for columns, _ in listed]
    used = {c.name for group in groups for c in group}
    kept = [c for c in relation.columns if c.name not in used]
    label = Bound(name=context.names.identifier(_last(name)), label=Label.TRANSFORM)
    values = _unpivoted(groups, targets)
    if tails:
        values = [merged(v.name, [v, tails[0].column(v.name)]) for v in values]
        tails = (Tail(reason=tails[0].reason),)
    rest = tails or tuple(t.without(used) for t in relation.tails)
    columns = (*kept, label, *values)
    return Relation(columns=columns, tails=rest, indirect=relation.indirect, notes=relation.notes)


def _only(nodes: list[exp.Expression], default: str) -> exp.Expression:
    return nodes[0] if nodes else exp.to_identifier(default)


def _names(nodes: list[exp.Expression], context: Context, default: str) -> list[str]:
    flat = [n for node in nodes for n in (items(node) if isinstance(node, exp.Tuple) else [node])]
    return [context.names.identifier(_last(n)) for n in flat] or [context.names.column(default)]


def _listed(node: exp.Expression, inner: Scope, context: Context) -> tuple[list[Bound], tuple[Tail, ...]]:
    """The columns of one entry of the list: a column, a tuple of them, a star."""
    node = node.this if isinstance(node, (exp.PivotAlias, exp.Alias)) else node
    if isinstance(node, exp.Columns):
        found = columns_matching(node.this, inner, context)
        return list(found.columns), found.tails
    if is_star(node):
        found = expand(node, inner, context)
        return list(found.columns), found.tails
    parts = items(node) if isinstance(node, exp.Tuple) else [node]
    return [Reading(inner, context).read(p).finish(context.names.identifier(_last(p)), p) for p in parts], ()


def _unpivoted(groups: list[list[Bound]], targets: list[str]) -> list[Bound]:
    if len(targets) == 1:
        return [merged(targets[0], [c for g in groups for c in g], label=Label.TRANSFORM)]
    return [
        merged(name, [g[i] for g in groups if i < len(g)], label=Label.TRANSFORM)
        for i, name in enumerate(targets)
    ]
