"""One SELECT: FROM first, then the outputs, then the clauses that decide about rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from sqlorch.lineage.columns import stars, tables
from sqlorch.lineage.columns.functions import is_aggregate
from sqlorch.lineage.columns.naming import output_name
from sqlorch.lineage.columns.reading import Reading
from sqlorch.lineage.columns.relation import Bound, Relation, Tail
from sqlorch.lineage.columns.rows import exploded
from sqlorch.lineage.columns.scope import Scope
from sqlorch.lineage.columns.syntax import bare, child, is_star, items
from sqlorch.lineage.columns.values import EdgeKind, Label

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlorch.lineage.columns.context import Context

# An output alias may be used by later outputs of the same SELECT (a real column of that name wins).
_LATERAL_ALIASES = frozenset({"duckdb", "snowflake", "redshift", "spark", "databricks"})
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
    outputs = _outputs(select, scope, context)
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


def _outputs(select: exp.Select, scope: Scope, context: Context) -> stars.Expansion:
    columns: list[Bound] = []
    tails: list[Tail] = []
    lateral = context.dialect in _LATERAL_ALIASES
    for node in select.expressions:
        found = _projection(node, len(columns), columns, scope, context)
        columns.extend(found.columns)
        tails.extend(found.tails)
        context.check_width(len(columns))
        if isinstance(node, (exp.Alias, exp.Aliases)) or lateral:
            for column in found.columns if isinstance(node, (exp.Alias, exp.Aliases)) else ():
                scope.aliases.setdefault(column.name, column)
    if str(select.args.get("kind") or "").upper() == "VALUE":
        return stars.Expansion(tails=(Tail(reason="SELECT AS VALUE gives the fields of a value"),))
    hidden = {c.name for c in columns if c.named}
    return stars.Expansion(
        columns=tuple(columns),
        tails=tuple(t if t.base is None and not t.node else t.without(hidden) for t in tails),
    )


def _projection(
    node: exp.Expression, position: int, before: list[Bound], scope: Scope, context: Context
) -> stars.Expansion:
    if is_star(node):
        return stars.expand(node, scope, context)
    if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Star):
        return stars.fields_of(bare(node.this), scope, context)
    if isinstance(node, (exp.Like, exp.ILike)) and is_star(node.this):
        return _filtered_star(node, scope, context)
    if isinstance(node, exp.Aliases):
        names = [context.names.identifier(n) for n in items(node)]
        found = exploded(node.this, names, scope, context)
        return stars.Expansion(columns=found.columns, tails=found.tails)
    chooser = _chooser(node)
    if chooser is not None:
        return _spread(node, chooser, scope, context)
    value = node.this if isinstance(node, exp.Alias) else node
    if isinstance(bare(value), (exp.Explode, exp.Inline)):
        return _row_maker(node, value, position, scope, context)
    unnamed = sum(1 for c in before if not c.named or c.name.startswith("f"))
    name, named = output_name(node, context.names, position, _unnamed_before(before, unnamed))
    return stars.Expansion(columns=(_value(value, name, scope, context, named=named),))


def _unnamed_before(before: list[Bound], bound: int) -> int:
    generated = {f"f{i}_" for i in range(bound)}
    return sum(1 for c in before if c.name in generated)


def _value(value: exp.Expression, name: str, scope: Scope, context: Context, *, named: bool) -> Bound:
    aliases = scope.aliases if context.dialect in _LATERAL_ALIASES else {}
    inner = bare(value)
    return Reading(scope, context, aliases).read(inner).finish(name, inner, named=named)


def _filtered_star(node: exp.Expression, scope: Scope, context: Context) -> stars.Expansion:
    """DuckDB: ``* LIKE 'a%'``."""
    found = stars.expand(node.this, scope, context)
    if not isinstance(node.expression, exp.Literal):
        return stars.Expansion(tails=(Tail(reason="a star is filtered by an expression"),))
    matches = stars.like_pattern(node.expression.name, ignore_case=isinstance(node, exp.ILike))
    return replace(found, columns=tuple(c for c in found.columns if matches(c.name)))


def _chooser(node: exp.Expression) -> exp.Expression | None:
    """The COLUMNS(...) in a projection; one that unpacks (``*COLUMNS``) makes a single value."""
    return node.find(exp.Columns)


def _spread(node: exp.Expression, chooser: exp.Expression, scope: Scope, context: Context) -> stars.Expansion:
    """``f(COLUMNS(...))``: one output for each chosen column."""
    chosen = stars.columns_matching(chooser.this, scope, context)
    value = node.this if isinstance(node, exp.Alias) else node
    if chooser.args.get("unpack"):
        return _unpacked(node, chosen, scope, context)
    if isinstance(bare(value), exp.Columns):
        named = _renamed_by_pattern(node, chosen.columns, context)
        return stars.Expansion(columns=named, tails=chosen.tails)
    rest = Reading(scope, context).read(value)
    label = (
        Label.AGGREGATE
        if any(is_aggregate(n) for n in value.walk() if isinstance(n, exp.Expression))
        else Label.TRANSFORM
    )
    made = []
    for column in chosen.columns:
        name = context.names.identifier(node.args["alias"]) if isinstance(node, exp.Alias) else column.name
        reading = Reading(scope, context, sources=set(rest.sources), indirect=set(rest.indirect), label=label)
        reading.take(column, None)
        made.append(reading.finish(name, value))
    return stars.Expansion(columns=tuple(made), tails=chosen.tails)


def _unpacked(
    node: exp.Expression, chosen: stars.Expansion, scope: Scope, context: Context
) -> stars.Expansion:
    value = node.this if isinstance(node, exp.Alias) else node
    reading = Reading(scope, context, label=Label.TRANSFORM).read(value)
    for column in chosen.columns:
        reading.take(column, None)
    reading.unknown.update(t.reason for t in chosen.tails)
    name, named = output_name(node, context.names, 0, 0)
    return stars.Expansion(columns=(reading.finish(name, value, named=named),))


def _renamed_by_pattern(
    node: exp.Expression, columns: tuple[Bound, ...], context: Context
) -> tuple[Bound, ...]:
    """``COLUMNS('a|b') AS x``: a name with groups (``\\0``) is not worked out, a plain one is given to all."""
    if not isinstance(node, exp.Alias):
        return columns
    if "\\" in node.alias:
        return tuple(replace(c, name=f"?{i + 1}", named=False) for i, c in enumerate(columns))
    return tuple(c.as_(context.names.identifier(node.args["alias"])) for c in columns)


def _row_maker(
    node: exp.Expression, value: exp.Expression, position: int, scope: Scope, context: Context
) -> stars.Expansion:
    """UNNEST/EXPLODE as an output: a list gives one column, a struct or a map gives several."""
    inner = bare(value)
    found = Reading(scope, context).read(inner.this).finish("", inner.this)
    kind = found.type.upper()
    several = isinstance(inner, exp.Inline) or items(inner) or kind.startswith(("STRUCT", "MAP"))
    name, named = output_name(node, context.names, position, 0)
    if not several and (isinstance(node, exp.Alias) or kind.endswith("[]") or kind.startswith("ARRAY")):
        element = (
            found.part("[*]").as_(name) if found.whole else _value(inner, name, scope, context, named=True)
        )
        return stars.Expansion(columns=(replace(element, named=named, steps=(inner, *element.steps)[:1]),))
    if context.dialect in {"postgres", "redshift"}:
        return stars.Expansion(columns=(found.part("[*]").as_(name),))
    if kind.startswith("STRUCT"):
        return stars.struct_fields(found, context)
    reason = "what UNNEST or EXPLODE gives here depends on a type that is not known"
    return stars.Expansion(tails=(Tail(reason=reason),))


def _clauses(select: exp.Select, scope: Scope, outputs: stars.Expansion, context: Context) -> None:
    """Columns that decide about rows, clause by clause."""
    dialect, aliases = context.dialect, scope.aliases
    first = dialect in _ALIAS_FIRST
    seen = aliases if dialect in _ALIAS_IN_WHERE else {}
    scope.take(Reading(scope, context, seen).read_all(items(select, "where"), EdgeKind.FILTER))
    scope.take(Reading(scope, context).read_all(items(select, "connect"), EdgeKind.FILTER))
    _group(select, scope, outputs, context)
    seen = aliases if dialect in _ALIAS_IN_HAVING else {}
    scope.take(
        Reading(scope, context, seen, alias_first=first).read_all(items(select, "having"), EdgeKind.HAVING)
    )
    scope.take(Reading(scope, context, aliases).read_all(items(select, "qualify"), EdgeKind.FILTER))
    distinct = child(select, "distinct")
    if distinct is not None:
        _by_position(items(distinct, "on"), outputs, EdgeKind.DISTINCT_ON, Reading(scope, context, aliases))
    for key in ("order", "sort", "cluster"):
        order(
            child(select, key),
            outputs,
            Reading(scope, context, {**_named(outputs), **aliases}, alias_first=True),
        )


def _named(outputs: stars.Expansion) -> dict[str, Bound]:
    return {c.name: c for c in reversed(outputs.columns)}


def order(node: exp.Expression | None, outputs: stars.Expansion, reading: Reading) -> None:
    """ORDER BY: output names and positions first."""
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
    for key in keys:
        place = _position(key)
        if place is None:
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
