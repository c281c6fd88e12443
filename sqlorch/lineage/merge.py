"""How dbt combines configuration: some settings add up, some merge, the rest replace.

Rules as in dbt-common's ``BaseConfig.mergebehavior`` (1.37) and dbt's documentation, "Combining configs".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_APPEND = frozenset({"pre-hook", "post-hook", "tags", "packages"})
_UPDATE = frozenset({"quoting", "column_types", "meta", "docs", "contract"})
_GRANTS = "grants"
_SPELLING = {"pre_hook": "pre-hook", "post_hook": "post-hook"}


def as_list(value: Any) -> list[Any]:
    """Wrap what is not a list; nothing becomes the empty list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple | set) else [value]


def merge_calls(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add a ``config()`` call to the ones before it, in place."""
    for key, value in more.items():
        name = _SPELLING.get(key, key)
        if name == _GRANTS and isinstance(value, Mapping):
            # The "+" of a privilege is kept: it speaks to the project's grants, not to the earlier call's.
            into[name] = {**into.get(name, {}), **value}
        else:
            into[name] = _combine(name, into[name], value) if name in into else value


def merge_config(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add a more specific level of configuration to the ones before it, in place."""
    for key, value in more.items():
        name = _SPELLING.get(key, key)
        if name == _GRANTS and isinstance(value, Mapping):
            into[name] = _merge_grants(into.get(name, {}), value)
        elif name in _APPEND:
            into[name] = as_list(into.get(name)) + as_list(value)
        else:
            into[name] = _combine(name, into.get(name), value)


def _combine(name: str, old: Any, new: Any) -> Any:
    if name in _APPEND:
        return as_list(old) + as_list(new)
    if name in _UPDATE and isinstance(old, Mapping) and isinstance(new, Mapping):
        return {**old, **new}
    return new


def _merge_grants(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    merged = {key: as_list(value) for key, value in old.items()}
    for key, value in new.items():
        name = key.lstrip("+")
        extends = key != name
        merged[name] = (merged.get(name, []) if extends else []) + as_list(value)
    return merged
