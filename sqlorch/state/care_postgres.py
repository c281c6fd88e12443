"""Looking after the state in PostgreSQL: what is in it, and is it sound. Copies are pg_dump's business."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from sqlalchemy import Connection, func, inspect, select
from sqlalchemy import text as sql

from sqlorch.domain.errors import StateError
from sqlorch.state import schema
from sqlorch.state.care import NoStateError, Status
from sqlorch.state.engine_postgres import PostgresDatabase
from sqlorch.state.invariants import OF_FILES, Finding, audit_state
from sqlorch.state.schema_postgres import stored_version
from sqlorch.state.tables import metadata

_SIZE = sql(
    "SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class "
    "WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND relname = ANY(:names)"
)
_UNLIMITED = sql("SET LOCAL statement_timeout = 0")


def status(url: str) -> Status:
    """What is in the state database; nothing is changed, and an older one is not upgraded.

    Raises:
        NoStateError: there is no state in it.
        StateError: it cannot be read.
    """
    with closing(PostgresDatabase(url)) as database:
        version = _existing(database)
        with database.read() as connection:
            connection.execute(_UNLIMITED)
            tables = _tables(connection)
            size = int(connection.scalar(_SIZE, {"names": tables}) or 0)
            rows = {
                name: connection.scalar(select(func.count()).select_from(metadata.tables[name])) or 0
                for name in tables
            }
    return Status(path=database.where, size=size, version=version, newest=schema.HEAD, rows=rows)


def check(url: str) -> Iterator[Finding]:
    """Hold the state database against everything that must be true of it.

    Raises:
        StateError: it cannot be read, there is no state in it, or its schema is not this version's.
    """
    with closing(PostgresDatabase(url)) as database:
        version = _existing(database)
        if version != schema.HEAD:
            raise StateError(
                f"the state database {database.where} has the schema {version}, this sqlorch checks "
                f"{schema.HEAD}; upgrade it first: sqlorch db upgrade"
            )
        with database.read() as connection:
            connection.execute(_UNLIMITED)
            for finding in audit_state(connection):
                if finding.invariant not in OF_FILES:  # the server sees to those itself
                    yield finding


def _existing(database: PostgresDatabase) -> str:
    version = stored_version(database)
    if version is None:
        raise NoStateError(f"the state database {database.where} is empty: nothing has been run with it yet")
    return version


def _tables(connection: Connection) -> list[str]:
    there = set(inspect(connection).get_table_names())
    return [name for name in metadata.tables if name in there]
