"""The name a warehouse gives to an output column that the query does not name."""

from __future__ import annotations

from sqlglot import exp

from sqlorch.lineage.columns.names import Names
from sqlorch.lineage.columns.syntax import bare

_POSTGRES = frozenset({"postgres", "redshift", "materialize", "risingwave"})


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
    if isinstance(inner, exp.Column):
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
    """FigureColname in PostgreSQL's parse_target.c: a cast is called like the column in it, a call like itself."""
    while isinstance(node, (exp.Cast, exp.Window, exp.Filter, exp.Paren)) and isinstance(
        node.this, (exp.Column, exp.Cast, exp.Func, exp.Paren)
    ):
        node = node.this
    if isinstance(node, exp.Column):
        return str(node.name)
    if isinstance(node, exp.Case):
        return "case"
    plain = (exp.Count, exp.Sum, exp.Max, exp.Min, exp.Avg, exp.Coalesce, exp.RowNumber, exp.Lower, exp.Upper)
    if isinstance(node, plain):
        return node.sql_name().lower()
    if isinstance(node, exp.Anonymous):
        return node.name.lower()
    return "?column?" if isinstance(node, (exp.Binary, exp.Literal)) else ""
