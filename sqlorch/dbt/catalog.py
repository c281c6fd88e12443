"""The columns of a project's tables, asked of the warehouse once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dbt.contracts.graph.manifest import Manifest

Columns = dict[str, list[tuple[str, str]]]
_Place = tuple[str, str]

# PostgreSQL's own catalog, because the standard one has no materialized views and no exact types.
_POSTGRES = """
select n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'v', 'm', 'p', 'f')
    and lower(n.nspname) in ({schemas})
order by n.nspname, c.relname, a.attnum
"""
_STANDARD = """
select table_schema, table_name, column_name, data_type
from information_schema.columns
where lower(table_schema) in ({schemas})
order by table_schema, table_name, ordinal_position
"""
_DUCKDB = _STANDARD.replace("where", "where lower(table_catalog) = {database} and")
# Each of its databases has a catalog of its own.
_SNOWFLAKE = _STANDARD.replace("information_schema.columns", "{place}.information_schema.columns")
_QUERIES = {"postgres": _POSTGRES, "duckdb": _DUCKDB, "redshift": _STANDARD, "snowflake": _SNOWFLAKE}
_KINDS = frozenset({"model", "seed", "snapshot"})


def relation_columns(manifest: Manifest, adapter: Any, handle: Any) -> Columns:
    """Name and type of each column of every table there is, by unique id.

    Args:
        manifest: which tables to look for.
        adapter: dbt's, with a connection open in this thread.
        handle: the driver's connection; read from where the warehouse has a catalog we know.
    """
    members = dict(_members(manifest))
    query = _QUERIES.get(adapter.type())
    if query is None:
        return dict(_one_by_one(members, adapter))
    found: Columns = {}
    for database in sorted({str(member.database) for member in members.values()}):
        inside = {uid: member for uid, member in members.items() if str(member.database) == database}
        place = adapter.quote_as_configured(database, "database")
        schemas = {str(member.schema).lower() for member in inside.values()}
        tables = _tables(_filled(query, database, place, schemas), handle)
        for uid, member in inside.items():
            named = str(member.schema).lower(), _name(member).lower()
            if named in tables:
                found[uid] = tables[named]
    return found


def _members(manifest: Manifest) -> Iterator[tuple[str, Any]]:
    """What has a table by a name; not the sources of DuckDB that are files."""
    for uid, node in manifest.nodes.items():
        if node.resource_type.value in _KINDS and node.relation_name:
            yield uid, node
    for uid, source in manifest.sources.items():
        name = source.relation_name
        if name and not name.startswith("'") and "(" not in name:
            yield uid, source


def _filled(query: str, database: str, place: str, schemas: Iterable[str]) -> str:
    names = ", ".join(map(_quoted, sorted(schemas)))
    return query.format(database=_quoted(database.lower()), place=place, schemas=names)


def _tables(query: str, handle: Any) -> Mapping[_Place, list[tuple[str, str]]]:
    cursor = handle.cursor()
    try:
        cursor.execute(query)
        rows = cursor.fetchall()
    finally:
        cursor.close()
    found: dict[_Place, list[tuple[str, str]]] = {}
    for schema, table, column, kind in rows:
        found.setdefault((schema.lower(), table.lower()), []).append((column, kind))
    return found


def _name(member: Any) -> str:
    return str(getattr(member, "alias", None) or member.identifier)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _one_by_one(members: Mapping[str, Any], adapter: Any) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Ask as dbt's own ``get_columns_in_relation`` does, table by table."""
    for uid, member in members.items():
        relation = adapter.get_relation(member.database, member.schema, _name(member))
        if relation is not None:
            columns = adapter.get_columns_in_relation(relation)
            yield uid, [(str(column.name), str(column.data_type)) for column in columns]
