"""Rows of a DuckDB query as an Arrow stream that keeps every type."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from sqlorch.exporters.landing import DUCKDB_TYPE
from sqlorch.exporters.sql import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from sqlorch.engine.ports import ArrowStream


@contextmanager
def reading(connection: duckdb.DuckDBPyConnection, query: str) -> Iterator[ArrowStream]:
    """Run a query and stream its rows.

    Args:
        connection: an open connection, the adapter's own for instance; it is left as it was, and may be used
            by others meanwhile, because the query runs on a cursor.
        query: a SELECT; ``SELECT * FROM "db"."schema"."table"`` for a relation.

    Raises:
        duckdb.Error: the query cannot be run.
    """
    with closing(connection.cursor()) as cursor, _lossless(cursor, connection):
        yield _stream(cursor, query)


@contextmanager
def _lossless(cursor: duckdb.DuckDBPyConnection, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Every type goes into Arrow under its own name.

    By default wide integers and UUIDs pass as decimals and text, and UHUGEINT with wrong digits. The setting
    belongs to the session since DuckDB 2.0 and to the whole instance before, so it is put back for others.
    """
    if cursor.execute("SELECT current_setting('arrow_lossless_conversion')").fetchall() == [(True,)]:
        yield
        return
    cursor.execute("SET arrow_lossless_conversion = true").fetchall()
    try:
        yield
    finally:
        # An unfinished stream keeps its own cursor busy.
        with closing(connection.cursor()) as other:
            other.execute("RESET arrow_lossless_conversion").fetchall()


def _stream(cursor: duckdb.DuckDBPyConnection, query: str) -> pa.RecordBatchReader:
    relation = cursor.sql(query)
    kinds = [str(kind) for kind in relation.types]
    if "VARIANT" in kinds:
        # No file format before DuckDB 1.5 has the type, and it has no values that JSON does not.
        chosen = ", ".join(
            f"CAST({quoted(name)} AS JSON) AS {quoted(name)}" if kind == "VARIANT" else quoted(name)
            for name, kind in zip(relation.columns, kinds, strict=True)
        )
        relation = relation.project(chosen)
    reader = pa.RecordBatchReader.from_stream(relation)
    fields = [
        # Arrow sends an enumeration as its texts; the list of its values is known here alone.
        field.with_metadata({**(field.metadata or {}), DUCKDB_TYPE: kind.encode()})
        if "ENUM(" in kind
        else field
        for field, kind in zip(reader.schema, kinds, strict=True)
    ]
    return pa.RecordBatchReader.from_batches(pa.schema(fields), iter(reader))
