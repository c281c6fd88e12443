"""DuckDB for SQLAlchemy, as far as Great Expectations needs it.

DuckDB speaks PostgreSQL's SQL, so this is SQLAlchemy's dialect for PostgreSQL with what differs:

* ``~`` matches a whole value in DuckDB, a part of it in PostgreSQL; expectations mean the latter.
* Columns are read from ``information_schema``; PostgreSQL's catalogs are there only in part.
* It keeps PostgreSQL's name: Great Expectations knows databases by name, and refuses regular expressions,
  LIKE and types for one it does not know. ``type_`` arguments are PostgreSQL's, too.

The published dialect (duckdb-engine) was tried first: it asks for catalogs that DuckDB 2 does not have, and
keeps DuckDB's module alive until the interpreter is gone, of which that complains on the terminal.
"""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql import (
    BIGINT,
    BOOLEAN,
    BYTEA,
    DATE,
    DOUBLE_PRECISION,
    INTEGER,
    INTERVAL,
    JSON,
    NUMERIC,
    REAL,
    SMALLINT,
    TIME,
    TIMESTAMP,
    UUID,
    VARCHAR,
)
from sqlalchemy.dialects.postgresql.base import PGCompiler, PGDialect
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.types import NullType, TypeEngine

from sqlorch.checks import buffered

NAME = "sqlorch_duckdb"
_COLUMNS = text(
    "SELECT column_name, data_type, is_nullable = 'YES' FROM information_schema.columns "
    "WHERE table_catalog = current_database() AND table_name = :name "
    "AND table_schema = coalesce(:schema, current_schema()) ORDER BY ordinal_position"
)
_LIKE_POSTGRES = (15, 0)
_MATCHES = {"~": "regexp_matches({}, {})", "!~": "NOT regexp_matches({}, {})"}


_TYPES: dict[str, TypeEngine[Any] | type[TypeEngine[Any]]] = {
    "BIGINT": BIGINT,
    "BLOB": BYTEA,
    "BOOLEAN": BOOLEAN,
    "DATE": DATE,
    "DECIMAL": NUMERIC,
    "DOUBLE": DOUBLE_PRECISION,
    "FLOAT": REAL,
    "HUGEINT": NUMERIC,
    "INTEGER": INTEGER,
    "INTERVAL": INTERVAL,
    "JSON": JSON,
    "SMALLINT": SMALLINT,
    "TIME": TIME,
    "TIMESTAMP": TIMESTAMP,
    "TIMESTAMP WITH TIME ZONE": TIMESTAMP(timezone=True),
    "TINYINT": SMALLINT,
    "UBIGINT": NUMERIC,
    "UINTEGER": BIGINT,
    "UUID": UUID,
    "VARCHAR": VARCHAR,
}


class _Compiler(PGCompiler):
    def visit_custom_op_binary(self, element: Any, operator: Any, **options: Any) -> str:
        if template := _MATCHES.get(operator.opstring):
            left, right = (self.process(side, **options) for side in (element.left, element.right))
            return template.format(left, right)
        return str(super().visit_custom_op_binary(element, operator, **options))  # type: ignore[no-untyped-call]


class DuckDBDialect(PGDialect):
    """See the module."""

    driver = "duckdb"
    default_paramstyle = "qmark"
    statement_compiler = _Compiler
    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> Any:
        """What SQLAlchemy asks a driver's module for."""
        return buffered

    def initialize(self, connection: Any) -> None:
        """Ask for nothing of PostgreSQL's own."""
        DefaultDialect.initialize(self, connection)

    def get_isolation_level(self, dbapi_connection: Any) -> Any:
        """The only one there is."""
        return "SERIALIZABLE"

    def do_begin(self, dbapi_connection: Any) -> None:
        """DuckDB's cursors have to be told."""
        dbapi_connection.begin()

    def has_table(self, connection: Any, table_name: str, schema: str | None = None, **_options: Any) -> bool:
        """Whether there is such a table or view."""
        return bool(self.get_columns(connection, table_name, schema))

    def get_columns(
        self, connection: Any, table_name: str, schema: str | None = None, **_options: Any
    ) -> list[Any]:
        """Names and types of a table's columns, in their order."""
        rows = connection.execute(_COLUMNS, {"name": str(table_name), "schema": schema and str(schema)})
        return [
            {"name": name, "type": _type(str(kind)), "nullable": bool(nullable), "default": None}
            for name, kind, nullable in rows
        ]

    def get_pk_constraint(self, *_arguments: Any, **_options: Any) -> Any:
        """Nothing: expectations do not need it."""
        return {"constrained_columns": [], "name": None}

    def _get_server_version_info(self, _connection: Any) -> tuple[int, ...]:
        return _LIKE_POSTGRES


def _type(said: str) -> Any:
    found = _TYPES.get(re.split(r"\(", said, maxsplit=1)[0].strip().upper())
    if found is None or said.endswith("]"):
        return NullType()
    return found() if isinstance(found, type) else found


registry.register(NAME, __name__, DuckDBDialect.__name__)
