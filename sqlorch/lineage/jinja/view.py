"""The names a template sees, and how a macro is called by one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlorch.lineage.jinja.core import CORE, NAMING
from sqlorch.lineage.jinja.environment import MACRO_PREFIX, DbtEnvironment, compile_source
from sqlorch.lineage.jinja.functions import MacroReturn, nothing
from sqlorch.lineage.jinja.macros import GLOBAL, MacroIndex, MacroSource
from sqlorch.lineage.jinja.quick import QuickReader
from sqlorch.lineage.jinja.quick_macro import QuickMacro, read_quick_macro
from sqlorch.lineage.jinja.relation import Relation
from sqlorch.lineage.jinja.state import State
from sqlorch.lineage.jinja.undefined import Lenient


class MacroPool:
    """Macros made callable: walked at first, compiled once they turn out to be called often.

    Args:
        env: compiles them.
        reader: reads them for walking.
    """

    HOT = 12
    """Calls after which a macro is compiled: about where compiling has paid off."""

    def __init__(self, env: DbtEnvironment, reader: QuickReader) -> None:
        self.env = env
        self._reader = reader
        self._roots: dict[str, Callable[..., Any]] = {}
        self._quick: dict[str, QuickMacro | None] = {}

    def walk(self, macro: MacroSource, names: dict[str, Any]) -> Callable[..., Any] | None:
        """Return the macro as a function that walks it; None when it must be compiled."""
        if macro.text not in self._quick:
            self._quick[macro.text] = read_quick_macro(self._reader, self.env, macro.text)
        quick = self._quick[macro.text]
        return quick.bind(self._reader, self.env, names) if quick else None

    def bind(self, macro: MacroSource, names: dict[str, Any]) -> Callable[..., Any]:
        """Return the macro as a compiled function whose free names are looked up in ``names``."""
        root = self._roots.get(macro.text)
        if root is None:
            root = self._roots[macro.text] = compile_source(self.env, macro.text)
        context = self.env.context_class(self.env, names, macro.uid, {})
        for _part in root(context):
            pass
        bound: Callable[..., Any] = context.vars[MACRO_PREFIX + macro.name]
        return bound


class Macro:
    """A project's macro as a template sees it.

    Args:
        source: its text.
        view: the names it sees.
    """

    __slots__ = ("_bound", "_calls", "_view", "source")

    unsafe_callable = False
    alters_data = False

    def __init__(self, source: MacroSource, view: View) -> None:
        self.source = source
        self._view = view
        self._bound: Callable[..., Any] | None = None
        self._calls = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the macro; what it returns may be of any type."""
        self._view.state.capture.macros.add(self.source.uid)
        pool = self._view.pool
        if self._calls == 0:
            self._bound = pool.walk(self.source, self._view.names)
        if self._bound is None or self._calls == pool.HOT:
            self._bound = pool.bind(self.source, self._view.names)
        self._calls += 1
        try:
            return self._bound(*args, **kwargs)
        except MacroReturn as returned:
            return returned.value


class CoreMacro:
    """A macro of dbt itself: a project may override it by dispatch, else it is one of :data:`CORE`.

    Args:
        name: its name.
        view: where overrides are looked for.
    """

    __slots__ = ("_name", "_view")

    unsafe_callable = False
    alters_data = False

    def __init__(self, name: str, view: View) -> None:
        self._name = name
        self._view = view

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the project's override, or what is known of dbt's own macro."""
        override = self._view.find(self._name, GLOBAL)
        if override is not None:
            return override(*args, **kwargs)
        name = self._name.removeprefix("default__")
        if name in NAMING:
            return NAMING[name](self._view.state.target, *args, **kwargs)
        native = CORE.get(name)
        return native(*args, **kwargs) if native else Lenient(name=self._name)


class Package:
    """A package's name in a template: ``dbt_utils.star``.

    Args:
        macros: what it offers.
        fallback: makes what it does not list, or None.
    """

    unsafe_callable = False
    alters_data = False

    def __init__(self, macros: Mapping[str, Any], fallback: Callable[[str], Any] | None = None) -> None:
        self._macros = macros
        self._fallback = fallback

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in self._macros:
            return self._macros[name]
        if self._fallback is not None:
            return self._fallback(name)
        raise AttributeError(name)

    def __getitem__(self, name: str) -> Any:
        try:
            return getattr(self, name)
        except AttributeError:
            raise KeyError(name) from None

    def get(self, name: str, default: Any = None) -> Any:
        """Return a macro, or the default."""
        return self._macros.get(name, default)


@dataclass(slots=True, kw_only=True, eq=False)
class View:
    """The names visible to the nodes of one package.

    Attributes:
        state: the render under way.
        index: every macro there is.
        pool: compiled macros.
        names: the context itself, shared by all renders of the package.
        packages: macros of each package, bound to this view.
    """

    state: State
    index: MacroIndex
    pool: MacroPool
    names: dict[str, Any]
    packages: dict[str, dict[str, Macro]] = field(default_factory=dict)

    def populate(self, package: str, *, inner: str | None = None) -> None:
        """Put the macros into the names, in dbt's order: own package, root, packages by name, dbt's own.

        Args:
            package: whose nodes are rendered.
            inner: for generic tests, the package of the test's macro: its helpers come first.
        """
        self.packages = {
            name: {macro.name: Macro(macro, self) for macro in macros.values()}
            for name, macros in self.index.packages.items()
        }
        for name in (*CORE, *NAMING):
            self.names[name] = CoreMacro(name, self)
            self.names[f"default__{name}"] = CoreMacro(f"default__{name}", self)
        self.names[GLOBAL] = Package({}, lambda name: CoreMacro(name, self))
        if inner is not None:
            for macros in self.packages.values():
                self.names.update(macros)
        self.names.update({name: Package(macros) for name, macros in self.packages.items()})
        for source in (self.index.root, package, inner):
            self.names.update(self.packages.get(source or "", {}))
        self.names["context"] = self.names

    def find(self, name: str, namespace: str | None) -> Callable[..., Any] | None:
        """Search as ``adapter.dispatch`` does: package by package, adapter first."""
        for package in self.index.search_order(namespace):
            for prefix in self.index.prefixes:
                found = self._lookup(package, f"{prefix}__{name}")
                if found is not None:
                    return found
        return None

    def dispatch(self, name: str, namespace: str | None) -> Callable[..., Any]:
        """Return the implementation for the adapter; dbt's own where the project has none."""
        return self.find(name, namespace) or CoreMacro(f"default__{name}", self)

    def _lookup(self, package: str | None, name: str) -> Callable[..., Any] | None:
        if package is None:
            found = self.names.get(name)
            return found if isinstance(found, Macro) else None
        return self.packages.get(package, {}).get(name)


class Adapter:
    """``adapter``: knows its type and dispatches; asks nothing of a warehouse.

    Args:
        view: where dispatch looks.
    """

    unsafe_callable = False
    alters_data = False

    def __init__(self, view: View) -> None:
        self._view = view

    def dispatch(self, macro_name: str, macro_namespace: str | None = None, **_kwargs: Any) -> Any:
        """Find a macro for the adapter."""
        return self._view.dispatch(macro_name, macro_namespace)

    def type(self) -> str:
        """Return the adapter's type."""
        return self._view.state.target.adapter

    def quote(self, identifier: Any) -> str:
        """Quote a name."""
        mark = "`" if self.type() in {"bigquery", "databricks", "spark"} else '"'
        return f"{mark}{identifier}{mark}"

    def quote_as_configured(self, identifier: Any, _key: Any = None) -> str:
        """Quote a name."""
        return self.quote(identifier)

    def get_columns_in_relation(self, *_args: Any) -> list[Any]:
        """Return no columns: nothing is asked while parsing."""
        return []

    get_missing_columns = get_column_schema_from_query = list_relations = get_columns_in_relation

    @property
    def Relation(self) -> Any:  # noqa: N802 # dbt's name
        """The class templates create relations with."""
        return _RelationType()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return nothing


class _RelationType:
    unsafe_callable = False
    alters_data = False

    def create(self, database: Any = "", schema: Any = "", identifier: Any = "", **_kwargs: Any) -> Relation:
        """Make a relation from its parts."""
        parts = [str(part) for part in (database, schema, identifier) if part]
        return Relation(
            ".".join(f'"{part}"' for part in parts),
            database=str(database or ""),
            schema=str(schema or ""),
            identifier=str(identifier or ""),
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self.create


_COLUMN_TYPES = {
    "STRING": "TEXT",
    "TIMESTAMP": "TIMESTAMP",
    "FLOAT": "FLOAT",
    "INTEGER": "INT",
    "BOOLEAN": "BOOLEAN",
}


class Column:
    """``api.Column``: column types as text."""

    unsafe_callable = False
    alters_data = False

    @classmethod
    def translate_type(cls, dtype: Any) -> str:
        """Return the warehouse's word for a type."""
        return _COLUMN_TYPES.get(str(dtype).upper(), str(dtype))

    @classmethod
    def numeric_type(cls, dtype: Any, precision: Any = None, scale: Any = None) -> str:
        """Return a type with precision and scale."""
        return f"{dtype}({precision},{scale})" if precision is not None else str(dtype)

    @classmethod
    def string_type(cls, size: Any = "") -> str:
        """Return a text type."""
        return f"character varying({size})"

    def create(self, name: Any = "", label_or_dtype: Any = "") -> Lenient:
        """Make a column; nothing asks for one while parsing."""
        del name, label_or_dtype
        return Lenient(name="column")


API = {"Relation": _RelationType(), "Column": Column()}
