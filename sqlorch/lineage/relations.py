"""The name of what a node builds in the warehouse."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlorch.domain.inference import relation_key
from sqlorch.lineage.draft import Draft
from sqlorch.lineage.external import external_location
from sqlorch.lineage.jinja.core import NAMING
from sqlorch.lineage.jinja.macros import MacroIndex, MacroSource
from sqlorch.lineage.packages import Packages
from sqlorch.lineage.templates import Templates

_BUILT = frozenset({"model", "seed", "snapshot"})
_BACKTICKS = frozenset({"bigquery", "databricks", "spark"})
_UNQUOTED = frozenset({"snowflake"})
_NODE = re.compile(r"\bnode\b")
EPHEMERAL_PREFIX = "__dbt__cte__"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A relation's parts and how they are written.

    Attributes:
        parts: database, schema and identifier; the first two may be missing.
        text: quoted as the warehouse is asked to.
    """

    parts: tuple[str, ...]
    text: str

    @property
    def key(self) -> str:
        """The name without case and quotes, to compare by."""
        return relation_key(self.text)


@dataclass(slots=True, kw_only=True)
class RelationNamer:
    """Names relations, with the project's own macros where it has them.

    Attributes:
        packages: for quoting and for which packages there are.
        index: where the naming macros are looked up.
        templates: call them.
    """

    packages: Packages
    index: MacroIndex
    templates: Templates
    _known: dict[tuple[str, str, str | None], str | None] = field(default_factory=dict)

    def name(self, draft: Draft) -> Named | None:
        """Return the relation of a source, or of what a node builds; None for a node that builds nothing."""
        if draft.kind == "source":
            return self._source(draft)
        keeps_failures = draft.kind == "test" and bool(draft.config.get("store_failures"))
        if draft.kind not in _BUILT and not keeps_failures:
            return None
        if draft.config.get("materialized") == "ephemeral":
            return None
        quoting = {**self.packages.root.quoting, **_mapping(draft.config.get("quoting"))}
        return self._write(self._database(draft), self._schema(draft), self._alias(draft), quoting)

    def _source(self, draft: Draft) -> Named:
        target = self.templates.state.target
        database = draft.database or target.database
        external = external_location(draft, database) if target.adapter == "duckdb" else None
        if external is not None:
            return Named(parts=(external,), text=external)
        quoting = {**self.packages.root.quoting, **draft.quoting}
        return self._write(database, draft.schema, draft.identifier, quoting)

    def _database(self, draft: Draft) -> str | None:
        config = draft.config
        if draft.kind == "snapshot" and config.get("target_database"):
            return str(config["target_database"])
        custom = _text(config.get("database") or config.get("project") or config.get("catalog"))
        return self._generate("database", draft, custom)

    def _schema(self, draft: Draft) -> str | None:
        config = draft.config
        if draft.kind == "snapshot" and config.get("target_schema"):
            return str(config["target_schema"])
        return self._generate("schema", draft, _text(config.get("schema") or config.get("dataset")))

    def _alias(self, draft: Draft) -> str | None:
        return self._generate("alias", draft, _text(draft.config.get("alias")))

    def _generate(self, part: str, draft: Draft, custom: str | None) -> str | None:
        macro = f"generate_{part}_name"
        node = {"name": draft.name, "version": draft.version_value}
        default = NAMING[macro](self.templates.state.target, custom, node)
        owner = self._naming_macro(draft.package, macro)
        if owner is None:
            return default
        looks_at_node = len(_NODE.findall(owner.text)) > 1
        key = (owner.uid, draft.package, custom)
        if not looks_at_node and key in self._known:
            return self._known[key]
        value = self.templates.name(draft.subject(), owner.package, owner.name, custom, _node(draft))
        value = default if value is None else value
        self._known[key] = value
        return value

    def _naming_macro(self, package: str, macro: str) -> MacroSource | None:
        """Find the macro that names a package's nodes: its own, the root's, or an override of dbt's."""
        for name in (package, self.index.root):
            if macro in self.index.packages.get(name, {}):
                return self.index.packages[name][macro]
        return self.index.override(macro)

    def _write(
        self, database: str | None, schema: str | None, identifier: str | None, quoting: Mapping[str, Any]
    ) -> Named:
        adapter = self.templates.state.target.adapter
        mark = "`" if adapter in _BACKTICKS else '"'
        named = (("database", database), ("schema", schema), ("identifier", identifier))
        present = [(key, part) for key, part in named if part]
        text = ".".join(
            f"{mark}{part}{mark}" if quoting.get(key, adapter not in _UNQUOTED) else part
            for key, part in present
        )
        return Named(parts=tuple(part for _, part in present), text=text)


def _node(draft: Draft) -> dict[str, Any]:
    return {
        "config": draft.config,
        "version": draft.version_value,
        "tags": list(draft.tags),
        "meta": draft.config["meta"],
    }


def _text(value: Any) -> str | None:
    return str(value).strip() or None if value is not None else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
