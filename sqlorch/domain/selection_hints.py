"""The sentences for a selection that finds nothing: what was looked for, the nearest names, an example."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from sqlorch.domain.dag import Dag
from sqlorch.domain.errors import ProjectError
from sqlorch.domain.selection_methods import METHODS
from sqlorch.domain.selection_syntax import Criterion, Item, quoted

_LONGEST_NAME = 200  # comparing longer text with every name of a project takes too long
_NEEDS_ARTIFACTS = {
    "state": "compares with the manifest of an earlier dbt run",
    "result": "reads the results of an earlier dbt run",
    "source_status": "compares with the results of an earlier dbt source freshness",
    "selector": "names a selector of selectors.yml",
}


def unknown_method(item: Item, criterion: Criterion) -> ProjectError:
    """The error for a method that does not exist, or that needs files sqlorch does not keep."""
    said = f"the selection {quoted(criterion.raw)}{item.place}"
    if criterion.method in _NEEDS_ARTIFACTS:
        return ProjectError(
            f"{said} cannot be used: {criterion.method}: {_NEEDS_ARTIFACTS[criterion.method]},"
            " which sqlorch does not read; select by name, tag:, path: or config.KEY: instead"
        )
    near = _suggestion(criterion.method, METHODS, prefix="", suffix=":")
    return ProjectError(
        f"{said} uses {quoted(criterion.method + ':')}, which is not a selection method.{near}"
        f" Methods are {', '.join(sorted(METHODS))}; for example tag:daily"
    )


def misplaced_key(item: Item, criterion: Criterion) -> ProjectError:
    """The error for ``tag.key:value``: only ``config`` takes a key."""
    return ProjectError(
        f"the selection {quoted(criterion.raw)}{item.place} gives {criterion.method}: a key, but only config"
        f" takes one (config.materialized:table); write {quoted(f'{criterion.method}:{criterion.value}')}"
    )


def no_match(dag: Dag, item: Item, criterion: Criterion) -> ProjectError:
    """The error for a criterion that no node meets."""
    method = METHODS[criterion.method]
    names = method.terms(criterion, dag)
    near = _elsewhere(dag, criterion) or _suggestion(
        criterion.value, names, prefix=_written_method(criterion)
    )
    inside = f" in {quoted(item.raw)}" if len(item.criteria) > 1 else ""
    return ProjectError(
        f"the selection {quoted(criterion.raw)}{inside}{item.place} finds nothing: {method.what}.{near}"
        f" Example: {method.example}"
    )


def no_intersection(item: Item) -> ProjectError:
    """The error for parts that each find something and have nothing in common."""
    return ProjectError(
        f"the selection {quoted(item.raw)}{item.place} finds nothing: each part finds nodes, but no node"
        " is in all of them. A comma takes what is common to both sides, a space takes both. Example:"
        " tag:daily,path:models/marts"
    )


def _written_method(criterion: Criterion) -> str:
    if f"{criterion.method}:" not in criterion.raw and not criterion.key:
        return ""
    return ".".join((criterion.method, *criterion.key)) + ":"


def _suggestion(value: str, names: Iterable[str], *, prefix: str, suffix: str = "") -> str:
    if len(value) > _LONGEST_NAME:
        return ""
    near = get_close_matches(value, sorted({name for name in names if name}), n=3)
    return f" Did you mean {' or '.join(prefix + name + suffix for name in near)}?" if near else ""


def _elsewhere(dag: Dag, criterion: Criterion) -> str:
    """Point to a method that knows the very value, as when a tag was written without ``tag:``."""
    for name, method in METHODS.items():
        if name not in {criterion.method, "config"} and criterion.value in set(method.terms(criterion, dag)):
            return f" Did you mean {name}:{criterion.value}?"
    return ""
