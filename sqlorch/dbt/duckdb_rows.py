"""How many rows a statement wrote on DuckDB, which dbt-duckdb does not say.

DuckDB answers ``CREATE TABLE AS``, ``INSERT``, ``UPDATE`` and ``DELETE`` with one row, the count, in one
column called ``Count``; dbt-duckdb throws it away.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any


def tell_rows(adapter: Any) -> None:
    """Let the adapter's answers to statements that fetch nothing carry ``rows_affected``."""
    connections = adapter.connections
    execute = connections.execute

    def counting(sql: str, auto_begin: bool = False, fetch: bool = False, limit: int | None = None) -> Any:  # noqa: FBT001, FBT002 - dbt's signature
        response, table = execute(sql, auto_begin, fetch, limit)
        rows = None if fetch else _count(connections.get_thread_connection().handle.cursor())
        return (response if rows is None else replace(response, rows_affected=rows)), table

    connections.execute = counting


def _count(cursor: Any) -> int | None:
    description = cursor.description
    if not description or len(description) != 1 or description[0][0] != "Count":
        return None
    row = cursor.fetchone()
    return int(row[0]) if row and isinstance(row[0], int) else None
