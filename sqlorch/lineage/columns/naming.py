"""The name a warehouse gives to an output column that the query does not name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from sqlorch.lineage.columns.syntax import bare

if TYPE_CHECKING:
    from sqlorch.lineage.columns.names import Names

_POSTGRES = frozenset({"postgres", "redshift", "materialize", "risingwave"})
_NAMED_INSIDE = (exp.Column, exp.Cast, exp.Func)
_PLAIN_FUNCTIONS = (exp.Count, exp.Sum, exp.Max, exp.Min, exp.Avg, exp.Coalesce, exp.Lower, exp.Upper)


def output_name(node: exp.Expression, names: Names, position: int, unnamed: int) -> tuple[str, bool]:
    """The folded name, and whether it is certain; an uncertain one is ``?`` and the 1-based position.

    Args:
        node: the projection.
        names: folding rules.
        position: 0-based place among the outputs.
        unnamed: how many outputs before it have no name (BigQuery counts only those).
    """
    if isinstance(node, (exp.Alias, exp.Subquery)) and node.alias:
        return names.identifier(
            node.args["alias"].this if isinstance(node, exp.Subquery) else node.args["alias"]
        ), True
    inner = bare(node)
    if isinstance(inner, exp.Column) and isinstance(inner.this, exp.Identifier):
        return names.identifier(inner.this), True
    if isinstance(inner, exp.Dot) and isinstance(inner.expression, exp.Identifier):
        return names.identifier(inner.expression), True
    given = _generated(inner, names.dialect, position, unnamed)
    return (given, True) if given else (f"?{position + 1}", False)


def _generated(node: exp.Expression, dialect: str, position: int, unnamed: int) -> str:
    if dialect == "bigquery":
        return f"f{unnamed}_"
    if dialect in {"trino", "presto", "athena"}:
        return f"_col{position}"
    if dialect in _POSTGRES:
        return _postgres(node)
    return ""


def _postgres(node: exp.Expression) -> str:
    """FigureColname of PostgreSQL: a cast is called like what it casts, a call like its function."""
    while isinstance(node, (exp.Cast, exp.Window, exp.Filter)):
        inner: exp.Expression = node.this
        if not isinstance(inner, _NAMED_INSIDE):
            break
        node = inner
    if isinstance(node, (exp.Column, exp.Anonymous)):
        return str(node.name).lower()
    if isinstance(node, exp.Case):
        return "case"
    if isinstance(node, _PLAIN_FUNCTIONS):
        return node.sql_name().lower()
    return "?column?" if isinstance(node, (exp.Binary, exp.Literal)) else ""
