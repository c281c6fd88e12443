"""The type of an expression when it is plain to see; nothing is claimed otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from sqlorch.lineage.columns.syntax import items

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlorch.lineage.columns.context import Context

_BOOLEAN = (
    exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.In, exp.Like,
    exp.ILike, exp.Between, exp.Exists, exp.Boolean, exp.RegexpLike, exp.StartsWith,
)  # fmt: skip
_SAME_AS_ARGUMENT = (
    exp.Paren, exp.Window, exp.Filter, exp.Max, exp.Min, exp.AnyValue, exp.First, exp.Last, exp.Lag, exp.Lead,
    exp.FirstValue, exp.LastValue, exp.Order, exp.Nullif, exp.Distinct,
)  # fmt: skip
_BIGINT = (exp.Count, exp.CountIf, exp.RowNumber)
_NESTING = 12


def type_of(node: exp.Expression, columns: Mapping[int, str], context: Context, depth: int = 0) -> str:
    """The type in the dialect's words, ``""`` when it takes more than a look to know.

    Args:
        node: the expression.
        columns: types of its column nodes, by ``id``.
        context: in whose dialect to answer.
        depth: how deep this look already is.
    """
    if depth > _NESTING:
        return ""
    if isinstance(node, exp.Column):
        return columns.get(id(node), "")
    if isinstance(node, _SAME_AS_ARGUMENT):
        inner = node.this
        return type_of(inner, columns, context, depth + 1) if isinstance(inner, exp.Expression) else ""
    if isinstance(node, exp.Coalesce):
        found = {type_of(n, columns, context, depth + 1) for n in [node.this, *items(node)]}
        return found.pop() if len(found) == 1 else ""
    return _plain(node, context)


def _plain(node: exp.Expression, context: Context) -> str:
    """Types that do not depend on the arguments."""
    if isinstance(node, exp.Cast):
        return context.type_name(node.to)
    if isinstance(node, _BOOLEAN):
        return "BOOLEAN"
    if isinstance(node, _BIGINT):
        return "BIGINT" if context.dialect != "bigquery" else "INT64"
    return ""
