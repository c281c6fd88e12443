"""dbt's context functions: the ones that say what a file refers to, and the ones that say nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NoReturn

import yaml

from sqlorch.domain.errors import ProjectError
from sqlorch.lineage.jinja.capture import Reference
from sqlorch.lineage.jinja.relation import Relation, mark
from sqlorch.lineage.jinja.state import Render, State
from sqlorch.lineage.jinja.undefined import Lenient
from sqlorch.lineage.merge import merge_calls
from sqlorch.lineage.yaml_io import load_yaml

_UNSET = object()
SECRET_PREFIX = "DBT_ENV_SECRET"  # noqa: S105 # a prefix, not a secret


class TemplateFaultError(Exception):
    """A template says of itself that it cannot be rendered, or uses a function wrongly."""


class MacroReturn(BaseException):
    """Carries the value of ``return`` out of a macro; not an Exception, so that no handler swallows it."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


def do_return(value: Any = None) -> NoReturn:
    """``return(x)`` of dbt: leave the macro with a value of any type."""
    raise MacroReturn(value)


def make_ref(state: State) -> Callable[..., Relation]:
    """Build ``ref``, which notes a node."""

    def ref(*args: Any, **kwargs: Any) -> Relation:
        group, name = _names("ref", args)
        version = kwargs.get("version") or kwargs.get("v")
        reference = Reference("ref", name, group, str(version) if version else None)
        return _relation(state, reference, schema=state.target.schema)

    return ref


def make_source(state: State) -> Callable[..., Relation]:
    """Build ``source``, which notes a source table."""

    def source(*args: Any) -> Relation:
        group, name = _names("source", args)
        if group is None:
            raise TemplateFaultError(f"source() takes two names, not {_show(args)}")
        return _relation(state, Reference("source", name, group), schema=group)

    return source


def make_named(state: State, kind: str) -> Callable[..., Relation]:
    """Build ``metric`` or ``function``, which note a node by name and perhaps package."""

    def named(*args: Any, **_kwargs: Any) -> Relation:
        group, name = _names(kind, args)
        return _relation(state, Reference(kind, name, group), schema="")

    return named


def _names(function: str, args: tuple[Any, ...]) -> tuple[str | None, str]:
    match args:
        case (str(name),):
            return None, name
        case (str(group), str(name)):
            return group, name
    raise TemplateFaultError(f"{function}() takes one or two names, not {_show(args)}")


def _relation(state: State, reference: Reference, *, schema: str) -> Relation:
    index = state.capture.refer(reference)
    return Relation(mark(index), database=state.target.database, schema=schema, identifier=reference.name)


def _show(values: Any) -> str:
    return ", ".join(repr(value)[:40] for value in values) or "nothing"


class Config:
    """``config``: a call adds to the node's configuration; nothing can be read from it while parsing."""

    unsafe_callable = False
    alters_data = False

    def __init__(self, state: State) -> None:
        self._state = state

    def __call__(self, *args: Any, **kwargs: Any) -> str:
        """Add settings."""
        values = args[0] if len(args) == 1 and not kwargs else kwargs
        if not isinstance(values, Mapping) or len(args) > 1:
            raise TemplateFaultError("config() takes keyword arguments, or one dictionary")
        merge_calls(self._state.capture.config, dict(values))
        return ""

    def set(self, name: str, value: Any) -> str:
        """Add one setting."""
        return self({name: value})

    def get(self, *_args: Any, **_kwargs: Any) -> str:
        """Return "": dbt knows no configuration while it parses."""
        return ""

    require = meta_get = meta_require = get

    def persist_relation_docs(self) -> bool:
        """Return False, as while parsing."""
        return False

    persist_column_docs = persist_relation_docs


class Var:
    """``var``: the variables of the node's package, overridden by the root project's and the command line's.

    Args:
        state: the render under way.
        render: renders a variable's value when it is a template itself, or None to leave it alone.
        strict: whether a missing variable without default is an error, as in YAML; in models it is None.
    """

    unsafe_callable = False
    alters_data = False

    def __init__(self, state: State, render: Render | None, *, strict: bool = False) -> None:
        self._state = state
        self._render = render
        self._strict = strict

    def __call__(self, name: str, default: Any = _UNSET) -> Any:
        """Return a variable's value."""
        found, value = self._state.read_variable(name)
        if found:
            templated = self._render is not None and isinstance(value, str) and "{" in value
            return self._render(value) if templated and self._render else value
        if default is not _UNSET:
            return default
        if self._strict:
            raise TemplateFaultError(f"the variable '{name}' is not defined and has no default")
        return None

    def has_var(self, name: str) -> bool:
        """Whether a variable exists."""
        return self._state.read_variable(name)[0]


def make_env_var(state: State) -> Callable[..., Any]:
    """Build ``env_var``."""

    def env_var(name: str, default: Any = None) -> Any:
        if str(name).startswith(SECRET_PREFIX):
            raise TemplateFaultError(f"secret environment variables ({name}) cannot be used here")
        value = state.read_env(name)
        value = default if value is None else value
        if value is None:
            raise TemplateFaultError(f"the environment variable '{name}' is not set and has no default")
        return value

    return env_var


def _raise(message: Any = "", *_args: Any, **_kwargs: Any) -> NoReturn:
    raise TemplateFaultError(f"it raises: {' '.join(str(message).split())[:300]}")


def blank(*_args: Any, **_kwargs: Any) -> str:
    """Do nothing: ``log``, ``print``, ``store_result`` and the like."""
    return ""


def nothing(*_args: Any, **_kwargs: Any) -> None:
    """Return None: what adapters answer while parsing."""


def _or_default(func: Callable[..., Any], *errors: type[Exception]) -> Callable[..., Any]:
    def call(value: Any, default: Any = None, **kwargs: Any) -> Any:
        try:
            return func(value, **kwargs)
        except errors:
            return default

    return call


def _to_json(value: Any, *, sort_keys: bool = False) -> str:
    return json.dumps(value, sort_keys=sort_keys, default=str)


def _to_yaml(value: Any, *, sort_keys: bool = False) -> str:
    return yaml.safe_dump(value, sort_keys=sort_keys)


def _from_yaml(value: Any) -> Any:
    """As dbt reads it, but for a text nested so deeply that the loader in C would end the process."""
    if not isinstance(value, str):
        raise AttributeError(f"YAML is text, not {type(value).__name__}")  # noqa: TRY004 - what the loader raises
    try:
        return load_yaml(value, "fromyaml")
    except ProjectError as error:
        raise ValueError(str(error)) from error


def _zip(*values: Any, default: Any = None) -> Any:
    try:
        return list(zip(*values, strict=False))
    except TypeError:
        return default


def _md5(value: Any) -> str:
    return hashlib.md5(str(value).encode(), usedforsecurity=False).hexdigest()


def _diff(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in left.items() if right.get(key) != value}


EXCEPTIONS: dict[str, Any] = {
    **dict.fromkeys(
        (
            "raise_compiler_error",
            "raise_not_implemented",
            "raise_parsing_error",
            "raise_database_error",
            "raise_fail_fast_error",
            "raise_contract_error",
            "raise_dependency_error",
            "column_type_missing",
            "missing_config",
            "missing_materialization",
            "missing_relation",
            "relation_wrong_type",
            "invalid_type_error",
        ),
        _raise,
    ),
    "warn": blank,
    "warn_snapshot_timestamp_data_types": blank,
}

PLAIN: dict[str, Any] = {
    "return": do_return,
    "log": blank,
    "print": blank,
    "write": blank,
    "debug": blank,
    "store_result": blank,
    "store_raw_result": blank,
    "submit_python_job": blank,
    "load_result": nothing,
    "load_agate_table": nothing,
    "execute": False,
    "graph": MappingProxyType({}),
    "selected_resources": (),
    "invocation_args_dict": MappingProxyType({}),
    "dbt_metadata_envs": MappingProxyType({}),
    "exceptions": EXCEPTIONS,
    "fromjson": _or_default(json.loads, ValueError, TypeError),
    "tojson": _or_default(_to_json, ValueError, TypeError),
    "fromyaml": _or_default(_from_yaml, AttributeError, ValueError, yaml.YAMLError),
    "toyaml": _or_default(_to_yaml, ValueError, yaml.YAMLError),
    "set": _or_default(set, TypeError),
    "set_strict": set,
    "zip": _zip,
    "zip_strict": _zip,
    "local_md5": _md5,
    "diff_of_two_dicts": _diff,
    "try_or_compiler_error": lambda _message, func, *args, **kwargs: func(*args, **kwargs),
    "sql": None,
    "compiled_code": None,
    "pre_hooks": (),
    "post_hooks": (),
    "sql_now": "current_timestamp",
    "thread_id": "MainThread",
    "invocation_id": "00000000-0000-0000-0000-000000000000",
    "dbt_version": "1.11.0",
    "flags": Lenient(name="flags"),
    "validation": Lenient(name="validation"),
}
"""What is the same in every render. None of it can be changed by a template in a way the next one sees."""
