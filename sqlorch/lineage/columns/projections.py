"""The outputs of a SELECT: values, stars, and what spreads into several columns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from sqlorch.lineage.columns import stars
from sqlorch.lineage.columns.naming import output_name
from sqlorch.lineage.columns.paths import ANY_ELEMENT
from sqlorch.lineage.columns.reading import COLUMNS, Reading
from sqlorch.lineage.columns.relation import MAX_STEPS, Bound, Tail
from sqlorch.lineage.columns.rows import exploded
from sqlorch.lineage.columns.syntax import bare, children, is_star, items
from sqlorch.lineage.columns.values import Label

if TYPE_CHECKING:
    from sqlorch.lineage.columns.context import Context
    from sqlorch.lineage.columns.scope import Scope

# An output alias may be used by later outputs of the same SELECT (a real column of that name wins).
_LATERAL_ALIASES = frozenset({"duckdb", "snowflake", "redshift", "spark", "databricks"})
# A set-returning function in the output is one column whatever its type.
_ONE_FROM_UNNEST = frozenset({"postgres", "redshift"})
_EMPTY = "a SELECT lists no columns (a macro that asks the warehouse gives nothing without it)"


def read_outputs(select: exp.Select, scope: Scope, context: Context) -> stars.Expansion:
    """The outputs in order; their aliases are left in the scope for the other clauses."""
    columns: list[Bound] = []
    tails: list[Tail] = []
    for node in select.expressions:
        found = _projection(node, columns, scope, context)
        columns.extend(found.columns)
        tails.extend(found.tails)
        context.check_width(len(columns))
        if isinstance(node, (exp.Alias, exp.Aliases)):
            for column in found.columns:
                scope.aliases.setdefault(column.name, column)
    if not select.expressions:
        return stars.Expansion(tails=(Tail(reason=_EMPTY),))
    if str(select.args.get("kind") or "").upper() == "VALUE":
        return stars.Expansion(tails=(Tail(reason="SELECT AS VALUE gives the fields of a value"),))
    hidden = {c.name for c in columns if c.named}
    return stars.Expansion(
        columns=tuple(columns),
        tails=tuple(t if t.base is None and not t.node else t.without(hidden) for t in tails),
    )


def _projection(node: exp.Expression, before: list[Bound], scope: Scope, context: Context) -> stars.Expansion:
    star = _star(node, scope, context)
    if star is not None:
        return star
    value = node.this if isinstance(node, exp.Alias) else node
    if isinstance(node, exp.Aliases):
        names = [context.names.identifier(n) for n in items(node)]
        found = exploded(node.this, names, scope, context)
        return stars.Expansion(columns=found.columns, tails=found.tails)
    name, named = output_name(node, context.names, len(before), _generated(before))
    if isinstance(bare(value), (exp.Explode, exp.Inline)):
        return _row_maker(node, value, replace(Bound(name=name), named=named), scope, context)
    return stars.Expansion(columns=(_value(value, name, scope, context, named=named),))


def _generated(before: list[Bound]) -> int:
    """How many outputs so far BigQuery had to name (``f0_``, ``f1_``, ...)."""
    names = {c.name for c in before}
    return next(i for i in range(len(before) + 1) if f"f{i}_" not in names)


def _star(node: exp.Expression, scope: Scope, context: Context) -> stars.Expansion | None:
    """Everything that stands for several outputs by their names."""
    if is_star(node):
        return stars.expand(node, scope, context)
    if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Star):
        return stars.fields_of(bare(node.this), scope, context)
    if isinstance(node, (exp.Like, exp.ILike)) and is_star(node.this):
        return _filtered_star(node, scope, context)
    chooser = _chooser(node) if context.spreads and context.dialect == "duckdb" else None
    return _spread(node, chooser, scope, context) if chooser is not None else None


def _value(value: exp.Expression, name: str, scope: Scope, context: Context, *, named: bool) -> Bound:
    aliases = scope.aliases if context.dialect in _LATERAL_ALIASES else {}
    inner = bare(value)
    reading = Reading(scope, context, aliases)
    found = reading.lookup(inner) if isinstance(inner, COLUMNS) else None
    if found is not None:
        return replace(found, name=name, named=named)
    return reading.read(inner).finish(name, inner, named=named)


def _filtered_star(node: exp.Expression, scope: Scope, context: Context) -> stars.Expansion:
    """DuckDB: ``* LIKE 'a%'``."""
    found = stars.expand(node.this, scope, context)
    if not isinstance(node.expression, exp.Literal):
        return stars.Expansion(tails=(Tail(reason="a star is filtered by an expression"),))
    matches = stars.like_pattern(node.expression.name, ignore_case=isinstance(node, exp.ILike))
    return replace(found, columns=tuple(c for c in found.columns if matches(c.name)))


def _chooser(node: exp.Expression) -> exp.Expression | None:
    """The COLUMNS(...) in a projection, not one in a query inside it."""
    stack = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, exp.Columns):
            return current
        if not isinstance(current, exp.Query):
            stack.extend(children(current))
    return None


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
    made = []
    for column in chosen.columns:
        name = context.names.identifier(node.args["alias"]) if isinstance(node, exp.Alias) else column.name
        reading = Reading(
            scope, context, sources=set(rest.sources), indirect=set(rest.indirect), label=rest.label
        )
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
    """``COLUMNS('a|b') AS x``: a plain name is given to all, one with a regex group is not worked out."""
    if not isinstance(node, exp.Alias):
        return columns
    if "\\" in node.alias:
        return tuple(replace(c, name=f"?{i + 1}", named=False) for i, c in enumerate(columns))
    return tuple(c.as_(context.names.identifier(node.args["alias"])) for c in columns)


def _row_maker(
    node: exp.Expression, value: exp.Expression, output: Bound, scope: Scope, context: Context
) -> stars.Expansion:
    """UNNEST/EXPLODE as an output: a list gives one column, a struct or a map gives several."""
    inner = bare(value)
    found = Reading(scope, context).read(inner.this).finish("", inner.this)
    kind = found.type.upper()
    is_list = kind.endswith("[]") or kind.startswith("ARRAY")
    several = isinstance(inner, exp.Inline) or items(inner) or kind.startswith(("STRUCT", "MAP"))
    if context.dialect in _ONE_FROM_UNNEST or (not several and (is_list or isinstance(node, exp.Alias))):
        element = replace(found.part(ANY_ELEMENT), name=output.name, named=output.named)
        return stars.Expansion(columns=(replace(element, steps=(inner, *element.steps)[:MAX_STEPS]),))
    if kind.startswith("STRUCT"):
        return stars.struct_fields(found, context)
    reason = "what UNNEST or EXPLODE gives here depends on a type that is not known"
    return stars.Expansion(tails=(Tail(reason=reason),))
