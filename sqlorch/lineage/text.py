"""Jinja in YAML: values keep their type, and only variables, the environment and the target are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from sqlorch.lineage.jinja import functions
from sqlorch.lineage.jinja.environment import NativeDbtEnvironment, compile_source, native_value
from sqlorch.lineage.jinja.expressions import Frame, evaluate
from sqlorch.lineage.jinja.functions import TemplateFaultError
from sqlorch.lineage.jinja.modules import make_modules
from sqlorch.lineage.jinja.quick import QuickReader
from sqlorch.lineage.jinja.renderer import HAS_JINJA, describe
from sqlorch.lineage.jinja.state import State, Subject

KeyPath = tuple[Any, ...]
_LATE = frozenset({"tests", "data_tests", "description", "loaded_at_query"})
_LATE_COLUMN = frozenset({"tests", "data_tests", "description"})
_LATE_CONFIG = frozenset({"pre_hook", "post_hook", "loaded_at_query"})
_WITH_COLUMNS = frozenset({"columns", "dimensions", "measures", "entities"})
_PROJECT_LATE = frozenset({"on-run-start", "on-run-end", "query-comment", "vars"})
_PROJECT_HOOKS = frozenset({"pre-hook", "post-hook", "pre_hook", "post_hook"})


class YamlText:
    """Renders strings of YAML, package by package.

    Args:
        state: where variables and the target are looked up.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self._env = NativeDbtEnvironment()
        self._roots: dict[str, Callable[..., Any]] = {}
        plain = {
            key: functions.PLAIN[key] for key in ("fromjson", "tojson", "fromyaml", "toyaml", "set", "zip")
        }
        self._names: dict[str, Any] = {
            **self._env.globals,
            **plain,
            "log": functions.blank,
            "exceptions": functions.EXCEPTIONS,
            "flags": functions.PLAIN["flags"],
            "dbt_version": functions.PLAIN["dbt_version"],
            "target": dict(state.target.values),
            "env_var": functions.make_env_var(state),
            "var": functions.Var(state, None, strict=True),
            "project_name": state.root,
            "modules": make_modules(state, self._env.budget),
        }

        self._quick = QuickReader(self._env)
        self._frame = Frame(self._env, self._names, self._env.context_class(self._env, self._names, None, {}))

    def enter(self, package: str) -> None:
        """Render for a package from here on: variables are looked up for it."""
        self.state.subject = Subject(unique_id="", kind="properties", name="", package=package)

    def value(self, text: str) -> Any:
        """Render one string to a value.

        Raises:
            TemplateFaultError: it cannot be rendered; the message quotes it.
        """
        if not HAS_JINJA.search(text):
            # Jinja drops the newline at the end of any text.
            return text.removesuffix("\n")
        self._env.budget.reset()
        try:
            expression = self._quick.read_value(text)
            if expression is not None:
                return evaluate(expression, self._frame)
            root = self._roots.get(text)
            if root is None:
                root = self._roots[text] = compile_source(self._env, text)
            return native_value(root(self._env.context_class(self._env, self._names, None, {})))
        except Exception as error:  # a template may raise anything
            raise TemplateFaultError(f"{text.strip()[:120]} cannot be rendered: {describe(error)}") from error

    def deep(self, data: Any, skip: Callable[[KeyPath], bool], path: KeyPath = ()) -> Any:
        """Render every string of a document but those whose key path is to be skipped.

        Raises:
            TemplateFaultError: a string cannot be rendered.
        """
        if path and skip(path):
            return data
        if isinstance(data, Mapping):
            return {key: self.deep(value, skip, (*path, key)) for key, value in data.items()}
        if isinstance(data, list):
            return [self.deep(value, skip, (*path, index)) for index, value in enumerate(data)]
        if isinstance(data, date):
            return data.isoformat()
        return self.value(data) if isinstance(data, str) else data


def skip_in_project(path: KeyPath) -> bool:
    """Whether dbt leaves a value of dbt_project.yml unrendered: hooks, variables, query comment."""
    if path[0] in _PROJECT_LATE:
        return True
    if path[0] not in {"seeds", "models", "snapshots", "tests", "data_tests"}:
        return False
    return any(isinstance(key, str) and key.lstrip("+ ") in _PROJECT_HOOKS for key in path)


def skip_in_properties(path: KeyPath) -> bool:
    """Whether dbt leaves a value of a properties file unrendered: tests, descriptions, hooks."""
    match path:
        case (first, *_) if first in _LATE:
            return True
        case (_, second) if second in _LATE:
            return True
        case ("config", setting, *_) if setting in _LATE_CONFIG:
            return True
        case (_, _, _, _, "description"):
            return True
        case (first, _, third, *_) if first in _WITH_COLUMNS and third in _LATE_COLUMN:
            return True
    return False


def skip_in_sources(path: KeyPath) -> bool:
    """The same for ``sources:``, where tables nest one level deeper."""
    match path:
        case ("description" | "loaded_at_query", *_) | ("config", "loaded_at_query", *_):
            return True
        case ("tables", _, *inner) if inner:
            return skip_in_properties(tuple(inner))
    return False
