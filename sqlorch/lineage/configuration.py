"""What a node's configuration is after dbt_project.yml, properties and ``config()`` have spoken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from jinja2 import Undefined

from sqlorch.lineage.merge import as_list, merge_config
from sqlorch.lineage.packages import Packages
from sqlorch.lineage.project_file import ProjectFile

_BUILT = {"on_schema_change": "ignore", "lookback": 1}
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "model": {**_BUILT, "materialized": "view"},
    "analysis": {**_BUILT, "materialized": "view"},
    "seed": {**_BUILT, "materialized": "seed"},
    "snapshot": {**_BUILT, "materialized": "snapshot"},
    "test": {
        "materialized": "test",
        "severity": "ERROR",
        "schema": "dbt_test__audit",
        "fail_calc": "count(*)",
        "warn_if": "!= 0",
        "error_if": "!= 0",
    },
}
_DENIALS = frozenset({"false", "no", "off", "0", "none", ""})


def configure(
    packages: Packages,
    *,
    kind: str,
    package: str,
    fqn: Sequence[str],
    properties: Mapping[str, Any] | None = None,
    calls: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Combine every level of configuration, least specific first.

    Args:
        packages: the root project, whose word is last for other packages' nodes, and all others.
        kind: the node's kind.
        package: the node's package.
        fqn: the path along which dbt_project.yml is read.
        properties: ``config:`` of the node's properties.
        calls: the merged ``config()`` calls of its file.
    """
    config: dict[str, Any] = {"enabled": True, "tags": [], "meta": {}, **_DEFAULTS.get(kind, {})}
    own = packages.by_name.get(package, packages.root)
    for level in _levels(own, kind, fqn):
        merge_config(config, level)
    merge_config(config, properties or {})
    merge_config(config, calls or {})
    if own is not packages.root:
        for level in _levels(packages.root, kind, fqn):
            merge_config(config, level)
    return config


def is_enabled(config: Mapping[str, Any]) -> bool:
    """Whether a configuration lets its node exist."""
    value = config.get("enabled", True)
    return value.strip().lower() not in _DENIALS if isinstance(value, str) else bool(value)


def hooks_of(config: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the hooks of a configuration, ``pre-hook`` or ``post-hook``, in dbt's long form."""
    return [_hook(hook) for hook in as_list(config.get(key))]


def _hook(hook: Any) -> dict[str, Any]:
    known = hook if isinstance(hook, Mapping) else {"sql": str(hook)}
    return {"sql": "", "transaction": True, "index": None, **known}


def final(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration as it is published: plain values, hooks in the long form."""
    published: dict[str, Any] = plain(config)
    published["enabled"] = is_enabled(config)
    if published.get("incremental_strategy") == "microbatch":
        published["begin"] = _moment(published.get("begin"))
    for key in ("pre-hook", "post-hook"):
        if key in published:
            published[key] = hooks_of(published, key)
    return published


def _moment(value: Any) -> Any:
    # dbt turns the beginning of a microbatch model into a moment; what is none is left as it is.
    try:
        return datetime.fromisoformat(value).isoformat() if isinstance(value, str) else value
    except ValueError:
        return value


def tags_of(config: Mapping[str, Any]) -> frozenset[str]:
    """Return the tags of a configuration."""
    return frozenset(str(tag) for tag in as_list(config.get("tags")) if tag is not None)


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it: dates and templates' objects become text."""
    if value is None or isinstance(value, str | bool | int | float):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [
            plain(inner)
            for inner in (sorted(value, key=str) if isinstance(value, set | frozenset) else value)
        ]
    if isinstance(value, Undefined):
        return None
    return value.isoformat() if isinstance(value, date) else str(value)


def _levels(project: ProjectFile, kind: str, fqn: Sequence[str]) -> Iterator[dict[str, Any]]:
    level: Any = project.configs.get(kind, {})
    yield _settings(level)
    for name in fqn:
        level = level.get(name)
        if not isinstance(level, Mapping):
            return
        yield _settings(level)


def _settings(level: Mapping[Any, Any]) -> dict[str, Any]:
    # A key is a setting if it says so with "+", or if its value cannot be a folder. YAML reads a folder
    # called off or no as False, which no path ever equals.
    settings = {}
    for key, value in level.items():
        if isinstance(key, str) and (key.startswith("+") or not isinstance(value, Mapping)):
            settings[key[1:].strip() if key.startswith("+") else key] = value
    return settings
