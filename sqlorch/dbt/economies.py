"""Work that dbt repeats for every node and that gives the same result each time, done once or more cheaply.

Each replacement computes what it replaces computes; the contract tests run the same project with and without
them and compare every statement that reaches the database. They hold while a session is open.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from types import CodeType, ModuleType
from typing import Any

import dbt.clients.jinja
import dbt.context.providers
import dbt_common.clients.agate_helper
import dbt_common.clients.jinja
from dbt.context.exceptions_jinja import CONTEXT_EXPORTS
from dbt.context.macros import MacroNamespaceBuilder
from dbt.exceptions import DbtRuntimeError

from sqlorch.dbt.lazy_events import lazy_events
from sqlorch.dbt.macro_contexts import MacroContexts
from sqlorch.dbt.macro_names import build_namespace

_MOST_TEMPLATES = 5_000
_M_ARENA_MAX = -8  # mallopt(3)
_NEW_OBJECTS = 5_000  # Python's default is 700; one context of dbt makes about 600


class TemplateCode:
    """Compiled templates by source. dbt compiles a model's Jinja anew for every interval.

    A source is kept from the second time on: most are seen once in a run over a single interval, and code
    takes memory.
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._code: dict[tuple[str, bool, bool], CodeType] = {}

    def get_template(
        self,
        string: str,
        ctx: dict[str, Any],
        node: Any = None,
        capture_macros: bool = False,  # noqa: FBT001, FBT002 - dbt's signature
        native: bool = False,  # noqa: FBT001, FBT002 - dbt's signature
    ) -> Any:
        """As ``dbt_common.clients.jinja.get_template``."""
        with dbt_common.clients.jinja.catch_jinja(node):
            environment = dbt_common.clients.jinja.get_environment(node, capture_macros, native=native)
            source = str(string)
            code = self._code.get((source, capture_macros, native))
            if code is None:
                code = environment.compile(source)
                self._keep((source, capture_macros, native), code)
            # what Environment.from_string does after compiling
            names = environment.make_globals(ctx)
            return environment.template_class.from_code(environment, code, names, None)

    def _keep(self, key: tuple[str, bool, bool], code: CodeType) -> None:
        if hash(key) not in self._seen:
            self._seen.add(hash(key))
        elif len(self._code) < _MOST_TEMPLATES:
            self._code[key] = code


class TypeTesters:
    """agate's type testers by what they are made from; making one builds seven parsers."""

    def __init__(self) -> None:
        self._build = dbt_common.clients.agate_helper.build_type_tester
        self._made: dict[tuple[tuple[str, ...], tuple[str, ...] | None], Any] = {}

    def build_type_tester(
        self, text_columns: Iterable[str], string_null_values: Iterable[str] | None = ("null", "")
    ) -> Any:
        """As ``dbt_common.clients.agate_helper.build_type_tester``."""
        columns = tuple(text_columns)
        nulls = None if string_null_values is None else tuple(string_null_values)
        if (columns, nulls) not in self._made:
            if len(self._made) > _MOST_TEMPLATES:
                self._made.clear()
            self._made[columns, nulls] = self._build(columns, nulls)
        return self._made[columns, nulls]


class Arguments:
    """The invocation's arguments as a dict, which every context offers to templates."""

    def __init__(self) -> None:
        self._make = dbt.context.providers.args_to_dict
        self._last: tuple[Any, dict[str, Any]] | None = None

    def args_to_dict(self, args: Any) -> dict[str, Any]:
        """As ``dbt.utils.args_to_dict``; each call gives a dict of its own."""
        if self._last is None or self._last[0] is not args:
            self._last = (args, self._make(args))
        return dict(self._last[1])


def wrapped_exports(model: Any) -> dict[str, Callable[..., Any]]:
    """As ``dbt.context.exceptions_jinja.wrapped_exports``, without copying names and docstrings."""
    return {name: _naming(export, model) for name, export in CONTEXT_EXPORTS.items()}


def _naming(export: Callable[..., Any], model: Any) -> Callable[..., Any]:
    def inner(*args: Any, **kwargs: Any) -> Any:
        try:
            return export(*args, **kwargs)
        except DbtRuntimeError as error:
            error.add_node(model)
            raise

    return inner


@contextmanager
def economies(adapter: Any) -> Iterator[None]:
    """Let dbt and this adapter of its work economically until the block ends."""
    share_memory()
    templates, testers = TemplateCode(), TypeTesters()
    replacements: Mapping[tuple[ModuleType | type, str], Any] = {
        (MacroNamespaceBuilder, "build_namespace"): build_namespace,
        (dbt.clients.jinja, "get_template"): templates.get_template,
        (dbt.context.providers, "wrapped_exports"): wrapped_exports,
        (dbt.context.providers, "args_to_dict"): Arguments().args_to_dict,
        (dbt_common.clients.agate_helper, "build_type_tester"): testers.build_type_tester,
    }
    with ExitStack() as stack:
        for (home, name), value in replacements.items():
            stack.callback(setattr, home, name, getattr(home, name))
            setattr(home, name, value)
        stack.enter_context(lazy_events())
        stack.enter_context(MacroContexts(adapter).installed())
        stack.enter_context(calm_collector())
        yield


def share_memory() -> None:
    """Let threads share two of glibc's memory arenas; one for each leaves holes in all of them.

    A twentieth less memory with four threads; for the rest of the process, and nothing elsewhere than glibc.
    """
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


@contextmanager
def calm_collector() -> Iterator[None]:
    """Keep Python's cyclic garbage collector away from what lives as long as the session.

    Every context makes hundreds of objects, so that the collector walks the whole parsed project again and
    again to find nothing. What is alive now is set aside; what comes later is collected, less often. Where
    somebody else has set something aside already, it stays so: Python cannot take back a part of it.
    """
    before, ours = gc.get_threshold(), gc.get_freeze_count() == 0
    gc.collect()
    if ours:
        gc.freeze()
    gc.set_threshold(max(before[0], _NEW_OBJECTS), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        if ours:
            gc.unfreeze()
