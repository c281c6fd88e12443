"""Python models: what ``dbt.ref``, ``dbt.source`` and ``dbt.config`` say, read from the syntax tree."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from typing import Any

from sqlorch.lineage.draft import Finding
from sqlorch.lineage.jinja.capture import Reference
from sqlorch.lineage.merge import merge_calls

_CALLS = frozenset({"dbt.ref", "dbt.source", "dbt.config"})


def read_python_model(text: str) -> Finding:
    """Read a Python model without running it; arguments must be literals, as dbt demands."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of doubtful literals: whoever runs the model is told
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        place = f"line {line}: " if line else ""
        return Finding(problem=f"{place}it is not Python: {getattr(error, 'msg', error)}")
    references: dict[Reference, None] = {}
    config: dict[str, Any] = {}
    problem = ""
    for name, call in _dbt_calls(tree):
        try:
            args = [ast.literal_eval(arg) for arg in call.args]
            kwargs = {k.arg: ast.literal_eval(k.value) for k in call.keywords if k.arg}
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            problem = f"line {call.lineno}: the arguments of {name}() must be written out"
            continue
        if name == "dbt.config":
            merge_calls(config, kwargs)
            continue
        reference = _reference(name, args, kwargs)
        if reference is not None:
            references[reference] = None
    return Finding(
        references=tuple(references), config={"materialized": "table"} | config, sql="", problem=problem
    )


def _dbt_calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            name = f"{owner.id}.{node.func.attr}" if isinstance(owner, ast.Name) else ""
            if name in _CALLS:
                yield name, node


def _reference(name: str, args: list[Any], kwargs: dict[str, Any]) -> Reference | None:
    group: str | None
    match args:
        case [str(group), str(table)] if name == "dbt.source":
            return Reference("source", table, group)
        case [str(model)] if name == "dbt.ref":
            group = None
        case [str(group), str(model)] if name == "dbt.ref":
            pass
        case _:
            return None
    version = kwargs.get("version") or kwargs.get("v")
    return Reference("ref", model, group, str(version) if version else None)
