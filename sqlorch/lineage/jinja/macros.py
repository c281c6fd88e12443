"""The macros of a project and its packages, and which one a name means."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlorch.lineage.jinja.blocks import Block, find_blocks

MACRO_TAGS = frozenset({"macro", "test", "data_test", "materialization"})
TEST_TAGS = frozenset({"test", "data_test"})
GLOBAL = "dbt"

# What an adapter falls back to before "default", as the adapters declare their dependencies (dbt-adapters,
# `get_adapter_type_names`).
_PARENTS = {"redshift": "postgres", "materialize": "postgres", "databricks": "spark", "fabric": "sqlserver"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MacroSource:
    """The text of one macro.

    Attributes:
        package: who defines it.
        name: how it is called; a generic test's begins with ``test_``.
        text: the whole block.
        path: the file, relative to its package.
        line: where it begins.
        digest: of the text.
    """

    package: str
    name: str
    text: str
    path: str
    line: int
    digest: str = field(default="")

    @property
    def uid(self) -> str:
        """Dbt's unique id."""
        return f"macro.{self.package}.{self.name}"


def read_macros(package: str, path: str, text: str, tags: frozenset[str] = MACRO_TAGS) -> list[MacroSource]:
    """Find the macros a file defines."""
    return [_macro(package, path, block) for block in find_blocks(text, tags) if block.name]


def _macro(package: str, path: str, block: Block) -> MacroSource:
    prefix = {"test": "test_", "data_test": "test_", "materialization": "materialization_"}.get(block.tag, "")
    digest = hashlib.blake2b(block.full.encode(), digest_size=12).hexdigest()
    return MacroSource(
        package=package,
        name=prefix + block.name,
        text=block.full,
        path=path,
        line=block.line,
        digest=digest,
    )


class MacroIndex:
    """Every macro by package and name.

    Args:
        macros: all of them; of two with one name in one package the first counts.
        root: the name of the root project.
        adapter: the adapter's type, for dispatch.
        search_orders: ``dispatch:`` of the root project, by macro namespace.
        packages: the names of every package, those without macros too.
    """

    def __init__(
        self,
        macros: Iterable[MacroSource],
        *,
        root: str,
        adapter: str,
        search_orders: Mapping[str, Sequence[str]],
        packages: Iterable[str],
    ) -> None:
        self.root = root
        self.packages: dict[str, dict[str, MacroSource]] = {package: {} for package in packages}
        for macro in macros:
            self.packages.setdefault(macro.package, {}).setdefault(macro.name, macro)
        self._orders = search_orders
        self.prefixes = [adapter, *([_PARENTS[adapter]] if adapter in _PARENTS else []), "default"]

    def visible(self, package: str) -> dict[str, MacroSource]:
        """Return what an unqualified name means to a node of the package: its own macros, then the root's."""
        return {**self.packages.get(self.root, {}), **self.packages.get(package, {})}

    def search_order(self, namespace: str | None) -> list[str | None]:
        """Return the packages `adapter.dispatch` looks in; None is the caller's own view."""
        if namespace is None:
            return [None]
        if namespace in self._orders:
            return list(self._orders[namespace])
        if namespace in self.packages or namespace == GLOBAL:
            return [self.root, namespace]
        return [None]

    def override(self, name: str) -> MacroSource | None:
        """Return the project's implementation of one of dbt's own macros, as dispatch finds it."""
        for package in self.search_order(GLOBAL):
            macros = self.packages.get(package or self.root, {})
            for prefix in self.prefixes:
                if f"{prefix}__{name}" in macros:
                    return macros[f"{prefix}__{name}"]
        return None

    def fingerprint(self) -> str:
        """Return a digest of which names exist: as long as it holds, every name means the same macro."""
        digest = hashlib.blake2b(digest_size=12)
        digest.update(repr((self.root, self.prefixes, sorted(self._orders.items()))).encode())
        for package in sorted(self.packages):
            digest.update(repr((package, sorted(self.packages[package]))).encode())
        return digest.hexdigest()

    def digests(self) -> dict[str, str]:
        """Return every macro's digest by unique id."""
        return {m.uid: m.digest for macros in self.packages.values() for m in macros.values()}
