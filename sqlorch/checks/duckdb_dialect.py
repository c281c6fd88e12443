"""DuckDB as Great Expectations can work with it: duckdb-engine's dialect, with what that library asks for.

* It knows databases by name, and for one it does not know it refuses regular expressions, LIKE and types.
  DuckDB speaks PostgreSQL's SQL, so it goes by that name; ``type_`` arguments are PostgreSQL's too.
* DuckDB's ``~`` matches a whole value, PostgreSQL's a part of it; expectations mean the latter.
* Columns are read from ``information_schema``: the reflection that duckdb-engine inherits asks for catalogs
  of PostgreSQL that DuckDB does not have.
"""

from __future__ import annotations

import re
from typing import Any

from duckdb_engine import Dialect
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
from sqlalchemy.types import NullType, TypeEngine

NAME = "sqlorch_duckdb"
_COLUMNS = text(
    "SELECT column_name, data_type, is_nullable = 'YES' FROM information_schema.columns "
    "WHERE table_catalog = current_database() AND table_name = :name "
    "AND table_schema = coalesce(:schema, current_schema()) ORDER BY ordinal_position"
)
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


class _Compiler(Dialect.statement_compiler):  # type: ignore[misc]  # a library without types
    def visit_custom_op_binary(self, element: Any, operator: Any, **options: Any) -> str:
        if template := _MATCHES.get(operator.opstring):
            left, right = (self.process(side, **options) for side in (element.left, element.right))
            return template.format(left, right)
        return str(super().visit_custom_op_binary(element, operator, **options))


class DuckDBDialect(Dialect):  # type: ignore[misc]  # likewise
    """See the module."""

    name = "postgresql"
    statement_compiler = _Compiler
    supports_statement_cache = True

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


def _type(said: str) -> Any:
    found = _TYPES.get(re.split(r"\(", said, maxsplit=1)[0].strip().upper())
    if found is None or said.endswith("]"):
        return NullType()
    return found() if isinstance(found, type) else found


registry.register(NAME, __name__, DuckDBDialect.__name__)
