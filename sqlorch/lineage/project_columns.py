"""Column lineage of a loaded project: its SQL, and what its files say about columns, put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot.dialects.dialect import Dialect

from sqlorch.lineage.collecting import rarely_collecting
from sqlorch.lineage.columns import Column, KnownColumns, ModelSql, SchemaOrigin, column_lineage

if TYPE_CHECKING:
    from sqlorch.domain.dag import Node
    from sqlorch.lineage.columns import ColumnLineage, LineageCache
    from sqlorch.lineage.project import DeclaredColumn, Project

Describe = Callable[[str], KnownColumns | None]

_WITH_COLUMNS = frozenset({"model", "snapshot"})
_EPHEMERAL = "__dbt__cte__"
# dbt's snapshot columns, in the order its materialisation adds them (dbt-adapters, snapshots/helpers.sql).
_SNAPSHOT = ("dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to")
# What sqlglot calls the SQL of adapters it has no dialect of the same name for.
_DIALECTS = {
    "sqlserver": "tsql",
    "synapse": "tsql",
    "glue": "spark",
    "fabricspark": "spark",
    "mariadb": "mysql",
    "greenplum": "postgres",
}


def dialect_of(adapter: str) -> str:
    """The sqlglot name of an adapter's SQL; "", its plain SQL, where there is none."""
    name = _DIALECTS.get(adapter, adapter)
    return name if Dialect.get(name) is not None else ""


def project_columns(
    project: Project,
    known: Mapping[str, KnownColumns],
    *,
    describe: Describe | None = None,
    cache: LineageCache | None = None,
    compiled: Callable[[str], str] = lambda _: "",
) -> ColumnLineage:
    """Read which column of the project is made from which.

    Args:
        project: as loaded.
        known: what :func:`known_columns` found, or better.
        describe: asked for the columns of files by their SQL text.
        cache: where results are kept by content.
        compiled: gives the compiled SQL of a node, "" where the rendered SQL is to be read.
    """
    with rarely_collecting():
        return column_lineage(
            _models(project, compiled),
            known,
            dialect=dialect_of(project.adapter),
            describe=describe,
            cache=cache,
        )


def known_columns(
    project: Project, describe: Describe | None = None, seen: Describe = lambda _: None
) -> dict[str, KnownColumns]:
    """What is known of columns without reading SQL: files of sources, the warehouse, headers of seeds, YAML.

    Args:
        project: as loaded.
        describe: asked for the columns of files by their SQL text.
        seen: asked for the columns of a node's table in the warehouse by unique id.
    """
    found: dict[str, KnownColumns] = {}
    for uid, node in project.dag.nodes.items():
        known = _known(project, node, describe, seen(uid))
        if known is not None:
            found[uid] = known
    return found


def _known(
    project: Project, node: Node, describe: Describe | None, seen: KnownColumns | None
) -> KnownColumns | None:
    if node.kind == "source" and node.relation and describe is not None:
        described = describe(node.relation)
        if described is not None:
            return described
    declared = project.columns.get(node.unique_id)
    if seen is not None and node.kind != "seed":
        return seen
    if seen is not None and _same_names(seen, declared or ()):
        return replace(seen, complete=True)
    if not declared:
        return None
    columns = tuple(Column(name=column.name, type=column.data_type) for column in declared)
    if node.kind == "seed":
        return KnownColumns(columns=columns, origin=SchemaOrigin.SEED)
    return KnownColumns(columns=columns, origin=SchemaOrigin.DECLARED, complete=False)


def _same_names(seen: KnownColumns, header: Iterable[DeclaredColumn]) -> bool:
    """Whether a seed's table has the columns of its file, which may have been edited since it was loaded."""
    return [c.name.casefold() for c in seen.columns] == [c.name.casefold() for c in header]


def _models(project: Project, compiled: Callable[[str], str]) -> Iterator[ModelSql]:
    made_by = {source: maker for maker, source in project.inferred}
    for uid in project.dag.order:
        node = project.dag[uid]
        if uid in made_by and node.relation:
            # A table that the project builds itself and reads as a source has the columns of what builds it.
            sql = f"select * from {node.relation}"
            yield ModelSql(node=uid, sql=sql, relations={node.relation: made_by[uid]})
        elif node.kind in _WITH_COLUMNS and (sql := _sql(project, node, compiled(uid))):
            yield ModelSql(node=uid, sql=sql, relations=_relations(project, uid))


def _sql(project: Project, node: Node, compiled: str) -> str:
    """The SQL of a node; a snapshot written in YAML alone is a select of the one relation it names."""
    sql = compiled or project.sql.get(node.unique_id, "")
    if node.kind != "snapshot":
        return sql
    if not sql:
        relations = list(_relations(project, node.unique_id))
        if len(relations) != 1:
            return ""
        sql = f"select * from {relations[0]}"
    # The table is what the query returns and, per row, when it was so.
    names = node.config.get("snapshot_meta_column_names") or {}
    added = [str(names.get(name, name)) for name in _SNAPSHOT]
    nulls = ", ".join(f"cast(null as varchar(32)) as {name}" for name in added[:1])
    times = ", ".join(f"cast(null as timestamp) as {name}" for name in added[1:])
    return f"select snapshotted.*, {nulls}, {times} from (\n{sql}\n) as snapshotted"


def _relations(project: Project, uid: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for parent in sorted(project.dag.parents(uid)):
        node = project.dag[parent]
        if node.relation:
            found[node.relation] = parent
        elif node.materialized == "ephemeral":
            found[_EPHEMERAL + node.name] = parent
    return found
