"""A syntax tree as a value: equal for equal queries, without comments and without brackets that do nothing.

Brackets are only taken as needless where every dialect agrees on what binds stronger (SQL:2016 part 2, 6.3
and 6.39: arithmetic, then comparison, NOT, AND, OR), so sqlglot's own idea of precedence decides nothing.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

_OR, _AND, _NOT, _COMPARISON, _SUM, _PRODUCT, _PRIMARY = range(7)
_RANKS: tuple[tuple[type[Any], int], ...] = (
    (exp.Or, _OR),
    (exp.And, _AND),
    (exp.Not, _NOT),
    (exp.EQ, _COMPARISON),
    (exp.NEQ, _COMPARISON),
    (exp.GT, _COMPARISON),
    (exp.GTE, _COMPARISON),
    (exp.LT, _COMPARISON),
    (exp.LTE, _COMPARISON),
    (exp.Is, _COMPARISON),
    (exp.In, _COMPARISON),
    (exp.Between, _COMPARISON),
    (exp.Like, _COMPARISON),
    (exp.Add, _SUM),
    (exp.Sub, _SUM),
    (exp.Mul, _PRODUCT),
    (exp.Div, _PRODUCT),
    (exp.Column, _PRIMARY),
    (exp.Literal, _PRIMARY),
    (exp.Boolean, _PRIMARY),
    (exp.Null, _PRIMARY),
    (exp.Cast, _PRIMARY),
    (exp.Paren, _PRIMARY),
    (exp.Case, _PRIMARY),
    (exp.Anonymous, _PRIMARY),
    (exp.AggFunc, _PRIMARY),
)
_CLAUSES = (exp.Where, exp.Having, exp.Qualify, exp.Alias, exp.If, exp.Select)


def shape(node: Any) -> Any:
    """The value of a tree, or of a part of one.

    Raises:
        RecursionError: it is nested too deeply.
    """
    if isinstance(node, exp.Expression):
        return type(node).__name__, tuple(
            (key, shape(_bare(value, node, key)))
            for key, value in sorted(node.args.items())
            if value is not None and value is not False and value != []
        )
    if isinstance(node, list | tuple):
        return tuple(map(shape, node))
    return node if isinstance(node, str | int | float | bool) else str(node)


def _bare(value: Any, parent: exp.Expression, key: str) -> Any:
    """A value without brackets around all of it, where they do nothing below that parent."""
    if isinstance(value, list):
        return [_bare(each, parent, key) for each in value]
    while isinstance(value, exp.Paren) and _needless(value, parent, key):
        value = value.this
    return value


def _needless(paren: exp.Paren, parent: exp.Expression, key: str) -> bool:
    if isinstance(parent, _CLAUSES) or (isinstance(parent, exp.Join) and key == "on"):
        return not isinstance(paren.this, exp.Query)
    around, inside = _rank(parent), _rank(paren.this)
    return around is not None and inside is not None and around != _PRIMARY and inside > around


def _rank(node: Any) -> int | None:
    return next((rank for kind, rank in _RANKS if type(node) is kind or _is_call(node, kind)), None)


def _is_call(node: Any, kind: type[Any]) -> bool:
    return kind is exp.AggFunc and isinstance(node, exp.AggFunc)
