"""Runs a macro without compiling it, for as long as it is called only a few times."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError, nodes

from sqlorch.lineage.jinja.environment import DbtEnvironment, DbtParser
from sqlorch.lineage.jinja.expressions import Frame, evaluate, supported
from sqlorch.lineage.jinja.quick import QuickReader, Run
from sqlorch.lineage.jinja.undefined import Lenient

_HEAD = re.compile(r"\{%-?\s*macro\b.*?(?P<trim>-?)%\}", re.DOTALL)
_TAIL = re.compile(r"\{%(?P<trim>-?)[+]?\s*endmacro\s*-?%\}\s*\Z")
# What a macro is given beside its arguments; only the compiler provides them.
_SPECIAL = re.compile(r"\b(caller|varargs|kwargs)\b")


@dataclass(frozen=True, slots=True)
class QuickMacro:
    """A macro read into steps.

    Attributes:
        args: its arguments' names.
        defaults: of the last arguments.
        steps: its body.
    """

    args: tuple[str, ...]
    defaults: tuple[nodes.Expr, ...]
    steps: list[Run]

    def bind(self, reader: QuickReader, env: DbtEnvironment, names: dict[str, Any]) -> Callable[..., str]:
        """Return the macro as a function."""
        known = frozenset(self.args)

        def call(*args: Any, **kwargs: Any) -> str:
            if len(args) > len(self.args) or not known.issuperset(kwargs):
                raise TypeError(f"the macro takes no more than ({', '.join(self.args)})")
            frame = Frame(env, names, env.context_class(env, names, None, {}))
            frame.scope.update(zip(self.args, args, strict=False))
            for name in kwargs.keys() & frame.scope.keys():
                raise TypeError(f"the macro got multiple values for argument {name!r}")
            frame.scope.update(kwargs)
            self._fill(frame)
            return reader.run(self.steps, frame)

        return call

    def _fill(self, frame: Frame) -> None:
        first = len(self.args) - len(self.defaults)
        for index, name in enumerate(self.args):
            if name not in frame.scope:
                default = self.defaults[index - first] if index >= first else None
                frame.scope[name] = evaluate(default, frame) if default is not None else Lenient(name=name)


def read_quick_macro(reader: QuickReader, env: DbtEnvironment, text: str) -> QuickMacro | None:
    """Read a ``{% macro %}`` block; None when it has to be compiled."""
    head, tail = _HEAD.match(text), _TAIL.search(text)
    if head is None or tail is None or _SPECIAL.search(text):
        return None
    try:
        tree = DbtParser(env, f"{head[0]}{{% endmacro %}}").parse()
    except TemplateError:
        # A string in the signature may hold the closing mark.
        return None
    macro = next(tree.find_all(nodes.Macro), None)
    if macro is None or not all(map(supported, macro.defaults)):
        return None
    body = text[head.end() : tail.start()]
    body = body.lstrip() if head["trim"] else body
    body = body.rstrip() if tail["trim"] else body
    # The reader drops one newline at the end of a file; this is the middle of one.
    steps = reader.read(body + "\n" if body.endswith("\n") else body)
    if steps is None:
        return None
    return QuickMacro(tuple(arg.name for arg in macro.args), tuple(macro.defaults), steps)
