"""Rows of sqlorch's own tables as Arrow, and Arrow in the types that every exporter understands."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sqlorch.domain.errors import IntegrationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

BATCH_ROWS = 16_384

_LOGICAL = {
    "text": pa.string(),
    "integer": pa.int64(),
    "real": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}


def table_from_rows(
    columns: Sequence[tuple[str, str]], rows: Iterable[tuple[Any, ...]]
) -> pa.RecordBatchReader:
    """Rows as a stream of Arrow batches; None is null.

    Args:
        columns: name and logical type of each column: ``text``, ``integer`` (64 bit), ``real``, ``boolean``,
            ``timestamp`` (an instant; aware datetimes of any zone, naive ones are taken as UTC).
        rows: read once, as the stream is read.

    Raises:
        IntegrationError: an unknown logical type; and while the stream is read, a row of another length or a
            value that its column cannot hold, named.
    """
    unknown = sorted({kind for _, kind in columns} - _LOGICAL.keys())
    if unknown:
        raise IntegrationError(f"unknown column types {', '.join(unknown)}; known: {', '.join(_LOGICAL)}")
    schema = pa.schema([(name, _LOGICAL[kind]) for name, kind in columns])
    return pa.RecordBatchReader.from_batches(schema, _batches(schema, rows))


def batch(schema: pa.Schema, columns: Sequence[Sequence[Any]]) -> pa.RecordBatch:
    """Columns of Python values as one batch, typed by the schema.

    Raises:
        IntegrationError: a value its column cannot hold, named.
    """
    return pa.record_batch(list(map(_array, schema, columns)), schema=schema)


def _batches(schema: pa.Schema, rows: Iterable[Sequence[Any]]) -> Iterator[pa.RecordBatch]:
    remaining = iter(rows)
    while chunk := list(islice(remaining, BATCH_ROWS)):
        if any(len(row) != len(schema) for row in chunk):
            raise IntegrationError(f"a row does not have the {len(schema)} columns {', '.join(schema.names)}")
        yield batch(schema, list(zip(*chunk, strict=True)))


def _array(field: pa.Field, values: Sequence[Any]) -> pa.Array:
    try:
        return pa.array(values, field.type)
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        raise IntegrationError(f"column {field.name} cannot hold a value as {field.type}: {error}") from error


def readable(reader: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """The same rows, in types that DuckDB can read from Arrow, no value changed.

    Half floats are widened; decimals of 256 bits narrow to 128 where their precision allows, else they
    become text, as do decimals of a negative scale.
    """
    schema = pa.schema(
        [field.with_type(_readable(field.type)) for field in reader.schema], reader.schema.metadata
    )
    if schema.equals(reader.schema):
        return reader
    return pa.RecordBatchReader.from_batches(schema, (_cast(arrived, schema) for arrived in reader))


def _readable(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_float16(kind):
        return pa.float32()
    if pa.types.is_decimal(kind) and kind.scale < 0:
        return pa.string()
    if pa.types.is_decimal256(kind):
        return pa.decimal128(kind.precision, kind.scale) if kind.precision <= 38 else pa.string()  # noqa: PLR2004 the most that 128 bits hold
    return kind


def _cast(arrived: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    return pa.record_batch(
        [column.cast(field.type) for column, field in zip(arrived.columns, schema, strict=True)],
        schema=schema,
    )
