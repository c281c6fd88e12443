"""Evaluates one Jinja expression by walking its syntax tree.

Turning a template into Python costs a millisecond and pays off when it is run often. A model is run once, so
its expressions are walked instead; macros, which are run often, are compiled. Both must give the same result:
the tests render the same texts both ways.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jinja2 import nodes
from jinja2.runtime import Context

from sqlorch.lineage.jinja.environment import DbtEnvironment
from sqlorch.lineage.jinja.undefined import Lenient

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "gteq": operator.ge,
    "lt": operator.lt,
    "lteq": operator.le,
    "in": lambda left, right: left in right,
    "notin": lambda left, right: left not in right,
}
_ARITHMETIC: dict[type[nodes.Expr], tuple[str, Callable[[Any, Any], Any]]] = {
    nodes.Add: ("+", operator.add),
    nodes.Sub: ("-", operator.sub),
    nodes.Mul: ("*", operator.mul),
    nodes.Div: ("/", operator.truediv),
    nodes.FloorDiv: ("//", operator.floordiv),
    nodes.Mod: ("%", operator.mod),
    nodes.Pow: ("**", operator.pow),
}


@dataclass(slots=True)
class Frame:
    """Where an expression is evaluated.

    Attributes:
        env: the environment.
        names: what the package sees.
        scope: what the template has set so far.
        context: for the few filters that ask for one.
    """

    env: DbtEnvironment
    names: Mapping[str, Any]
    context: Context
    scope: dict[str, Any] = field(default_factory=dict)

    def inner(self) -> Frame:
        """Return a frame whose assignments stay inside, as a loop's do."""
        return Frame(self.env, self.names, self.context, dict(self.scope))

    def lookup(self, name: str) -> Any:
        """Return the value of a name."""
        if name in self.scope:
            return self.scope[name]
        return self.names[name] if name in self.names else Lenient(name=name)


class UnsupportedError(Exception):
    """The walker does not know a construct; the compiler does."""


def evaluate(node: nodes.Node, frame: Frame) -> Any:
    """Return the value of an expression.

    Raises:
        UnsupportedError: it contains what only the compiler knows.
    """
    handler = _HANDLERS.get(type(node))
    if handler is None:
        raise UnsupportedError(type(node).__name__)
    return handler(node, frame)


def supported(node: nodes.Node) -> bool:
    """Whether every part of an expression can be evaluated here."""
    if type(node) not in _HANDLERS and type(node) not in _PARTS:
        return False
    return all(map(supported, node.iter_child_nodes()))


def _const(node: Any, _frame: Frame) -> Any:
    return node.value


def _name(node: Any, frame: Frame) -> Any:
    return frame.lookup(node.name)


def _call(node: Any, frame: Frame) -> Any:
    function = evaluate(node.node, frame)
    args, kwargs = _arguments(node, frame)
    return frame.env.call(frame.context, function, *args, **kwargs)


def _arguments(node: Any, frame: Frame) -> tuple[list[Any], dict[str, Any]]:
    args = [evaluate(arg, frame) for arg in node.args]
    kwargs = {keyword.key: evaluate(keyword.value, frame) for keyword in node.kwargs}
    if node.dyn_args is not None:
        args += evaluate(node.dyn_args, frame)
    if node.dyn_kwargs is not None:
        kwargs.update(evaluate(node.dyn_kwargs, frame))
    return args, kwargs


def _filter(node: Any, frame: Frame) -> Any:
    value = evaluate(node.node, frame)
    args, kwargs = _arguments(node, frame)
    return frame.env.call_filter(node.name, value, args, kwargs, frame.context, frame.context.eval_ctx)


def _test(node: Any, frame: Frame) -> Any:
    value = evaluate(node.node, frame)
    args, kwargs = _arguments(node, frame)
    return frame.env.call_test(node.name, value, args, kwargs, frame.context, frame.context.eval_ctx)


def _getattr(node: Any, frame: Frame) -> Any:
    return frame.env.getattr(evaluate(node.node, frame), node.attr)


def _getitem(node: Any, frame: Frame) -> Any:
    value = evaluate(node.node, frame)
    if isinstance(node.arg, nodes.Slice):
        parts = (node.arg.start, node.arg.stop, node.arg.step)
        return value[slice(*(evaluate(part, frame) if part is not None else None for part in parts))]
    return frame.env.getitem(value, evaluate(node.arg, frame))


def _condition(node: Any, frame: Frame) -> Any:
    if evaluate(node.test, frame):
        return evaluate(node.expr1, frame)
    return evaluate(node.expr2, frame) if node.expr2 is not None else Lenient()


def _compare(node: Any, frame: Frame) -> Any:
    left = evaluate(node.expr, frame)
    result: Any = True
    for operand in node.ops:
        right = evaluate(operand.expr, frame)
        result = _COMPARE[operand.op](left, right)
        if not result:
            return result
        left = right
    return result


def _and(node: Any, frame: Frame) -> Any:
    return evaluate(node.left, frame) and evaluate(node.right, frame)


def _or(node: Any, frame: Frame) -> Any:
    return evaluate(node.left, frame) or evaluate(node.right, frame)


def _not(node: Any, frame: Frame) -> Any:
    return not evaluate(node.node, frame)


def _negative(node: Any, frame: Frame) -> Any:
    return -evaluate(node.node, frame)


def _positive(node: Any, frame: Frame) -> Any:
    return +evaluate(node.node, frame)


def _arithmetic(node: Any, frame: Frame) -> Any:
    sign, function = _ARITHMETIC[type(node)]
    left, right = evaluate(node.left, frame), evaluate(node.right, frame)
    if sign in frame.env.intercepted_binops:
        return frame.env.call_binop(frame.context, sign, left, right)
    return function(left, right)


def _concat(node: Any, frame: Frame) -> Any:
    return frame.env.bounded_concat(tuple(evaluate(part, frame) for part in node.nodes))


def _list(node: Any, frame: Frame) -> Any:
    return [evaluate(item, frame) for item in node.items]


def _tuple(node: Any, frame: Frame) -> Any:
    return tuple(evaluate(item, frame) for item in node.items)


def _dict(node: Any, frame: Frame) -> Any:
    return {evaluate(pair.key, frame): evaluate(pair.value, frame) for pair in node.items}


_HANDLERS: dict[type[nodes.Node], Callable[[Any, Frame], Any]] = {
    nodes.Const: _const,
    nodes.Name: _name,
    nodes.Call: _call,
    nodes.Filter: _filter,
    nodes.Test: _test,
    nodes.Getattr: _getattr,
    nodes.Getitem: _getitem,
    nodes.CondExpr: _condition,
    nodes.Compare: _compare,
    nodes.And: _and,
    nodes.Or: _or,
    nodes.Not: _not,
    nodes.Neg: _negative,
    nodes.Pos: _positive,
    nodes.Concat: _concat,
    nodes.List: _list,
    nodes.Tuple: _tuple,
    nodes.Dict: _dict,
    **dict.fromkeys(_ARITHMETIC, _arithmetic),
}
_PARTS = frozenset({nodes.Pair, nodes.Keyword, nodes.Operand, nodes.Slice})
