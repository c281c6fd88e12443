"""A whole project: models in topological order, each read with the columns its parents were found to have."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlorch.lineage.columns.analysis import digest, read_model
from sqlorch.lineage.columns.catalog import Catalog
from sqlorch.lineage.columns.graph import ColumnLineage, coverage_of
from sqlorch.lineage.columns.names import names_for
from sqlorch.lineage.columns.records import content_key, from_record, to_record
from sqlorch.lineage.columns.values import KnownColumns, Limits, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlorch.lineage.columns.analysis import Describe
    from sqlorch.lineage.columns.records import LineageCache
    from sqlorch.lineage.columns.relation import Relation
    from sqlorch.lineage.columns.values import ModelColumns, ModelSql


def column_lineage(
    models: Iterable[ModelSql],
    known: Mapping[str, KnownColumns],
    *,
    dialect: str,
    describe: Describe | None = None,
    cache: LineageCache | None = None,
    limits: Limits | None = None,
) -> ColumnLineage:
    """Read every model and join the results.

    Args:
        models: in topological order; a parent that comes later is treated as not known.
        known: columns by node id from the warehouse, seed headers or YAML, strongest origin only.
        dialect: sqlglot's name of the project's SQL dialect.
        describe: asked for the columns of files and table functions by their SQL text.
        cache: where results are kept by content; without it everything is read.
        limits: bounds on one model.

    Raises:
        ConfigError: sqlglot knows no such dialect.
    """
    run = _Run(
        catalog=Catalog(names_for(dialect), known),
        dialect=dialect,
        describe=describe,
        cache=cache,
        limits=limits or Limits(),
    )
    found = {model.node: run.read(model) for model in models}
    return ColumnLineage(
        models=found,
        coverage=coverage_of(found.values(), _unread(found, run.catalog)),
        computed=tuple(run.computed),
    )


def _unread(found: Mapping[str, ModelColumns], catalog: Catalog) -> dict[str, int]:
    failed = [m.node for m in found.values() if m.status is Status.FAILED]
    return {node: len(known.columns) for node in failed if (known := catalog.columns(node)) is not None}


@dataclass(slots=True, kw_only=True)
class _Run:
    """One pass over the models."""

    catalog: Catalog
    dialect: str
    describe: Describe | None
    cache: LineageCache | None
    limits: Limits
    computed: list[str] = field(default_factory=list)
    relations: dict[tuple[str, int], Relation] = field(default_factory=dict)

    def read(self, model: ModelSql) -> ModelColumns:
        """One model, from the cache when nothing that it depends on has changed."""
        parents = {node: self.catalog.columns(node) for node in model.relations.values()}
        key = content_key(model, parents, self.dialect, self.limits) if self.cache is not None else ""
        found = self._remembered(model.node, key)
        if found is None:
            found = read_model(
                model,
                parents,
                dialect=self.dialect,
                describe=self.describe,
                limits=self.limits,
                shared=None if model.dialect else self.relations,
            )
            self.computed.append(model.node)
            if self.cache is not None:
                self.cache.put(key, to_record(found))
        found = _named_by_warehouse(found, self.catalog.columns(model.node))
        self.catalog.learn(found)
        return found

    def _remembered(self, node: str, key: str) -> ModelColumns | None:
        record = self.cache.get(key) if self.cache is not None else None
        found = from_record(node, record) if record is not None else None
        if found is None or any(mark != self._mark(text) for text, mark in found.externals):
            return None
        return found

    def _mark(self, text: str) -> str:
        return digest(self.describe(text)) if self.describe is not None else ""


def _named_by_warehouse(model: ModelColumns, known: KnownColumns | None) -> ModelColumns:
    """Give unnamed outputs the names, and untyped ones the types, of the table the model was built into."""
    if known is None or not known.complete or not model.complete or len(known.columns) != len(model.columns):
        return model
    pairs = list(zip(model.columns, known.columns, strict=True))
    if any(c.named and c.name != k.name for c, k in pairs):
        return model
    columns = tuple(replace(c, name=k.name, named=True, type=k.type or c.type) for c, k in pairs)
    return replace(model, columns=columns)
