"""Reading a condition: Python's syntax, of which only what compares dates and numbers is let through.

Every part is given its kind (a number, text, true or false) when it is read, so that evaluating cannot fail.
"""

from __future__ import annotations

import ast
import operator
import warnings
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from itertools import pairwise
from typing import Any, NoReturn

from sqlorch.domain.errors import ConfigError

LONGEST = 500
DEEPEST = 20
LARGEST = 10**9
_BOOL, _INT, _TEXT = "true or false", "a number", "text"

NAMES: Mapping[str, str] = {
    **dict.fromkeys(("ds", "ds_nodash", "ts", "ts_nodash", "logical_date"), _TEXT),
    **dict.fromkeys(("data_interval_start", "data_interval_end", "group", "weekday_name"), _TEXT),
    **dict.fromkeys(("year", "quarter", "month", "week", "day", "day_of_month", "day_of_year"), _INT),
    **dict.fromkeys(("days_in_month", "weekday", "hour", "minute"), _INT),
}
"""The names a condition may use, each with its kind. Parts of the date are those of the interval's start in
the group's zone; ``weekday`` counts from 1 (Monday) to 7, ``week`` is that of ISO 8601."""

ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def read(text: str) -> ast.expr:
    """The checked tree of a condition on one line.

    Raises:
        ConfigError: it is not a condition; one sentence without a place.
    """
    tree = _tree(text)
    kind = _kind(tree, DEEPEST)
    if kind != _BOOL:
        raise ConfigError(f"a condition must be true or false, but this is {kind}; compare it: day == 1")
    return tree


def _tree(text: str) -> ast.expr:
    if not text:
        raise ConfigError("a condition must not be empty; leave run_if out for a node that always runs")
    if len(text) > LONGEST or not text.isprintable():
        raise ConfigError(f"a condition is at most {LONGEST} printable characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Python's syntax, which is not the user's concern
            return ast.parse(text, mode="eval").body
    except SyntaxError as error:
        where = f" at character {error.offset}" if error.offset else ""
        raise ConfigError(
            f"{_clip(text)!r} is not a condition{where}; write it as in: day == 1 and month in [1, 7]"
        ) from error
    except (ValueError, MemoryError, RecursionError) as error:  # too deep for Python's own parser
        raise ConfigError(f"{_clip(text)!r} is too deeply nested for a condition") from error


def _kind(node: ast.expr, depth: int) -> str:
    """The kind of value a part gives; refuses what does not belong into a condition."""
    if depth == 0:
        raise ConfigError(f"a condition may be nested at most {DEEPEST} levels deep")
    check = _CHECKS.get(type(node))
    if check is None:
        _refuse(node)
    return check(node, depth - 1)


def _constant(node: Any, _depth: int) -> str:
    value = node.value
    if isinstance(value, bool):
        return _BOOL
    if isinstance(value, int):
        if value > LARGEST:
            raise ConfigError(f"numbers of a condition go up to {LARGEST:,}")
        return _INT
    if not isinstance(value, str):
        _refuse(node)
    return _TEXT


def _name(node: Any, _depth: int) -> str:
    kind = NAMES.get(node.id)
    if kind is None:
        near = get_close_matches(node.id, NAMES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(sorted(NAMES))}"
        raise ConfigError(f"a condition knows no {_clip(node.id)!r}; {hint}")
    return kind


def _logic(node: Any, depth: int) -> str:
    for part in node.values:
        _want(part, _BOOL, depth)
    return _BOOL


def _unary(node: Any, depth: int) -> str:
    if isinstance(node.op, ast.Not):
        return _want(node.operand, _BOOL, depth)
    if not isinstance(node.op, ast.USub):
        _refuse(node)
    return _want(node.operand, _INT, depth)


def _binary(node: Any, depth: int) -> str:
    if type(node.op) not in ARITHMETIC:
        _refuse(node)
    _want(node.left, _INT, depth)
    if isinstance(node.op, ast.FloorDiv | ast.Mod):
        divisor = node.right
        if not (isinstance(divisor, ast.Constant) and type(divisor.value) is int and divisor.value > 0):
            raise ConfigError("a condition divides by a written number greater than 0 only: week % 2 == 0")
    return _want(node.right, _INT, depth)


def _comparison(node: Any, depth: int) -> str:
    parts = [node.left, *node.comparators]
    kinds = [_list_or_kind(part, depth) for part in parts]
    for comparison, (left, right) in zip(node.ops, pairwise(kinds), strict=True):
        if isinstance(comparison, ast.In | ast.NotIn):
            _refuse_unlike_items(left, right)
        elif type(comparison) not in COMPARISONS or not (isinstance(left, str) and isinstance(right, str)):
            _refuse(node)
        else:
            _refuse_unlike(node, comparison, left, right)
    return _BOOL


def _list_or_kind(node: ast.expr, depth: int) -> str | list[str]:
    """The kind of a part, or the kinds of the items of a list."""
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return [_kind(item, depth) for item in node.elts]
    return _kind(node, depth)


def _refuse_unlike_items(left: str | list[str], right: str | list[str]) -> None:
    if isinstance(left, list) or not isinstance(right, list):
        raise ConfigError("what follows 'in' must be a list, as in: month in [1, 4, 7, 10]")
    for kind in right:
        if kind != left:
            raise ConfigError(f"the list after 'in' holds {kind} where {left} is wanted")


def _refuse_unlike(node: ast.expr, comparison: ast.cmpop, left: str, right: str) -> None:
    if left != right:
        raise ConfigError(f"{_clip(ast.unparse(node))!r} compares {left} with {right}")
    if left == _BOOL and not isinstance(comparison, ast.Eq | ast.NotEq):
        raise ConfigError(f"true and false have no order: {_clip(ast.unparse(node))!r}")


_CHECKS: Mapping[type[ast.expr], Callable[[Any, int], str]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.BoolOp: _logic,
    ast.UnaryOp: _unary,
    ast.BinOp: _binary,
    ast.Compare: _comparison,
}


def _want(node: ast.expr, kind: str, depth: int) -> str:
    found = _kind(node, depth)
    if found != kind:
        raise ConfigError(f"{_clip(ast.unparse(node))!r} is {found} where {kind} is wanted")
    return kind


def _refuse(node: ast.expr) -> NoReturn:
    raise ConfigError(
        f"{_clip(ast.unparse(node))!r} does not belong into a condition; it compares dates and numbers: "
        "weekday in [6, 7], ds >= '2013-02-01'"
    )


def _clip(text: str) -> str:
    safe = "".join(char if char.isprintable() else "?" for char in text)
    return safe if len(safe) <= 60 else f"{safe[:57]}..."  # noqa: PLR2004 - a message's line
