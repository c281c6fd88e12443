"""Name spaces of macros, built once for each context without dbt's detours.

For every context (two or more a node) dbt builds a mapping of all macros, some 500 on a bare project, one
checked insertion at a time, and flattens it through a Python-level iterator. That was a sixth of the time of
a small node. Here the same mapping is a ``dict``: same generators, same precedence, same lookups.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dbt.clients.jinja import MacroGenerator
from dbt.context.macros import GLOBAL_PROJECT_NAME, MacroNamespace, MacroNamespaceBuilder


class FlatNamespace(dict[str, Any], MacroNamespace):  # type: ignore[misc]  # dbt ships no type information
    """A :class:`MacroNamespace` whose flattened form is itself."""

    def __init__(
        self,
        *,
        global_namespace: dict[str, Any],
        local_namespace: dict[str, Any],
        global_project_namespace: dict[str, Any],
        packages: dict[str, dict[str, Any]],
    ) -> None:
        MacroNamespace.__init__(self, global_namespace, local_namespace, global_project_namespace, packages)
        # MacroNamespace._search_order, weakest first
        dict.__init__(self, global_project_namespace)
        self[GLOBAL_PROJECT_NAME] = global_project_namespace
        self.update(packages)
        self.update(global_namespace)
        self.update(local_namespace)


def build_namespace(
    builder: MacroNamespaceBuilder, macros_by_package: Mapping[str, Mapping[str, Any]], ctx: dict[str, Any]
) -> FlatNamespace:
    """What :meth:`MacroNamespaceBuilder.build_namespace` builds."""
    stack, node = builder.thread_ctx, builder.node
    generators = {
        package: {name: _generator(macro, ctx, node, stack) for name, macro in macros.items()}
        for package, macros in macros_by_package.items()
    }
    internal: dict[str, Any] = {}
    for package in reversed(builder.internal_package_names_order):
        internal.update(generators.get(package, {}))
    packages = {
        name: macros for name, macros in generators.items() if name not in builder.internal_package_names
    }
    same = builder.search_package == builder.root_package
    return FlatNamespace(
        global_namespace={} if same else packages.get(builder.root_package, {}),
        local_namespace=packages.get(builder.search_package, {}),
        global_project_namespace=internal,
        packages=packages,
    )


def _generator(macro: Any, ctx: dict[str, Any], node: Any, stack: Any) -> MacroGenerator:
    """``MacroGenerator(macro, ctx, node, stack)`` without its chain of three initialisers."""
    made = _new(MacroGenerator)
    made.context = ctx
    made.macro = macro
    made.node = node
    made.stack = stack
    return made


_new = MacroGenerator.__new__
