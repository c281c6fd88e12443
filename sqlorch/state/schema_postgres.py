"""Opening the state in PostgreSQL: made when empty, upgraded when old, refused when newer or another's."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, select
from sqlalchemy import text as sql

from sqlorch.domain.errors import StateError
from sqlorch.state.engine_postgres import PostgresDatabase
from sqlorch.state.faults import uuid_file
from sqlorch.state.schema import HEAD, create_tables, make_private_folder
from sqlorch.state.sides import note_server, write_side_file
from sqlorch.state.tables import meta

_UNLIMITED = sql("SET LOCAL statement_timeout = 0")
_WRITES = sql("INSERT INTO meta (key, value) VALUES ('writes', '0') ON CONFLICT DO NOTHING")


def open_postgres(url: str, path: Path) -> PostgresDatabase:
    """The state database at ``url``, with the schema of this version.

    Args:
        url: of PostgreSQL.
        path: where a state file would be; beside it is remembered which store belongs to the project, and
            that it is kept here.

    Raises:
        StateError: it cannot be reached or used, is of another project, program or a newer sqlorch.
    """
    make_private_folder(path.parent)
    database = PostgresDatabase(url)
    try:
        if stored_version(database) != HEAD:
            _prepare(database, path)
        _verify(database, path)
        note_server(path, database.where)
    except BaseException:
        database.close()
        raise
    return database


def stored_version(database: PostgresDatabase) -> str | None:
    """The revision the database is at; None where there is no table yet.

    Raises:
        StateError: there are tables of another program, or no schema to keep any in.
    """
    with database.read() as connection:
        return _version(connection, database.where)


def _version(connection: Connection, where: str) -> str | None:
    schema = connection.scalar(sql("SELECT current_schema()"))
    if schema is None:
        raise StateError(
            f"the state database {where} has no schema of the name its URL says; make it: CREATE SCHEMA NAME"
        )
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return None
    if not {"alembic_version", meta.name} <= tables:
        raise StateError(
            f"the schema {schema} of {where} holds tables of another program; give the state a database of "
            "its own, or a schema: CREATE SCHEMA sqlorch, and ?options=-csearch_path%3Dsqlorch after its URL"
        )
    return str(connection.scalar(sql("SELECT version_num FROM alembic_version")))


def _prepare(database: PostgresDatabase, path: Path) -> None:
    """Create or upgrade, alone and in one transaction: whoever came second finds it done."""
    with database.write() as connection:
        connection.execute(_UNLIMITED)
        version = _version(connection, database.where)
        if version is None:
            _refuse_lost_history(database, path)
            create_postgres(connection)
        elif version < HEAD:
            from sqlorch.state.upgrade import migrate  # noqa: PLC0415 - imports Alembic

            migrate(connection)
            connection.execute(_WRITES)
        elif version > HEAD:
            needs = connection.scalar(select(meta.c.value).where(meta.c.key == "needs_sqlorch"))
            raise StateError(
                f"the state database {database.where} was written by a newer sqlorch; "
                f"install sqlorch {needs or 'of a later version'} or newer (pip install -U sqlorch)"
            )


def create_postgres(connection: Connection) -> None:
    """Make the tables, in the caller's transaction."""
    create_tables(connection)
    connection.execute(_WRITES)


def refuse_used(connection: Connection, where: str) -> None:
    """Raise a StateError when there is anything in the schema."""
    if _version(connection, where) is not None:
        raise StateError(
            f"the state database {where} is not empty: a history is copied only into an empty one; "
            "give the URL of another database or schema"
        )


def _refuse_lost_history(database: PostgresDatabase, path: Path) -> None:
    if uuid_file(path).exists():
        raise StateError(
            f"the state database {database.where} is empty, and this project has a history: copy it there "
            "(sqlorch db copy --to URL, with the URL in the environment variable or file it names), "
            f"or delete {uuid_file(path)} to start with an empty history"
        )


def _verify(database: PostgresDatabase, path: Path) -> None:
    """Compare the store's identity with the side file."""
    side = uuid_file(path)
    with database.read() as connection:
        stored = connection.scalar(select(meta.c.value).where(meta.c.key == "store_uuid"))
    if stored is None:
        raise StateError(
            f"the state database {database.where} does not say which store it is; restore a backup"
        )
    if not side.exists():
        write_side_file(side, stored)
    elif side.read_text(errors="replace").strip() != stored:
        raise StateError(
            f"the state database {database.where} is not where this project's history was kept before; "
            f"correct the URL, or delete {side} to go on with this database"
        )
