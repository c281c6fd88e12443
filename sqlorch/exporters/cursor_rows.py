"""Rows of any warehouse as an Arrow stream, through the cursor that every Python driver has (PEP 249)."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sqlorch.exporters.arrow import BATCH_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlorch.engine.ports import ArrowStream

_NO_VALUE = pa.schema([("value", pa.null())])
_UNFIT = (pa.ArrowException, OverflowError, TypeError, ValueError)


@contextmanager
def reading(connection: Any, query: str) -> Iterator[ArrowStream]:
    """Run a query and stream its rows.

    What type a column has is seen from its values, since drivers tell types each in their own way: the
    narrowest that holds all of them, and text where none does or there is no value. For that the whole
    result is held in memory, as Arrow.

    Args:
        connection: an open connection of the driver.
        query: a SELECT without a semicolon.

    Raises:
        Exception: the driver's own, when the query cannot be run.
    """
    with closing(connection.cursor()) as cursor:
        cursor.execute(query)
        names = [column[0] for column in cursor.description]
        columns: list[list[pa.Array]] = [[] for _ in names]
        while rows := cursor.fetchmany(BATCH_ROWS):
            for chunks, values in zip(columns, zip(*rows, strict=True), strict=True):
                chunks.append(_array(values))
    table = pa.table(list(map(_joined, columns)), names=names)
    yield table.to_reader(max_chunksize=BATCH_ROWS)


def _array(values: Sequence[Any]) -> pa.Array:
    plain = [bytes(value) if isinstance(value, memoryview) else value for value in values]
    try:
        return pa.array(plain)
    except _UNFIT:
        return _texts(plain)


def _joined(chunks: Sequence[pa.Array]) -> pa.ChunkedArray:
    """One column, of the type that holds what every chunk does."""
    kinds = [pa.schema([("value", chunk.type)]) for chunk in chunks] or [_NO_VALUE]
    try:
        kind = pa.unify_schemas(kinds, promote_options="permissive").field("value").type
        kind = pa.string() if pa.types.is_null(kind) else kind
        return pa.chunked_array([chunk.cast(kind) for chunk in chunks], kind)
    except _UNFIT:
        return pa.chunked_array([_texts(chunk.to_pylist()) for chunk in chunks], pa.string())


def _texts(values: Sequence[Any]) -> pa.Array:
    return pa.array([None if value is None else str(value) for value in values], pa.string())
