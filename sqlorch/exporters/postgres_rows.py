"""Rows of a PostgreSQL query as an Arrow stream, through psycopg2."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

# psycopg2 ships no type information.
import psycopg2.extensions as pg  # type: ignore[import-untyped]
import pyarrow as pa

from sqlorch.domain.errors import IntegrationError
from sqlorch.exporters.arrow import BATCH_ROWS, batch
from sqlorch.exporters.postgres_types import NUMERIC, TEXT, ColumnType, decimal, element, scalar
from sqlorch.exporters.sql import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlorch.engine.ports import ArrowStream

_MOST_DIGITS = 38


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    name: str
    number: int
    precision: int | None
    scale: int | None

    @property
    def decimal(self) -> ColumnType | None:
        """What the declaration says, if it says something that 128 bits hold."""
        if self.precision is None or self.scale is None or self.precision > _MOST_DIGITS:
            return None
        # Since PostgreSQL 15 a scale may be negative or above the precision.
        return decimal(self.precision, self.scale) if 0 <= self.scale <= self.precision else None


class _Digits(NamedTuple):
    """The most digits before and after the point in a column, and whether all its values are finite."""

    before: int
    after: int
    finite: bool


@contextmanager
def reading(connection: Any, query: str) -> Iterator[ArrowStream]:
    """Run a query and stream its rows, a batch in memory at a time.

    ``numeric`` without a precision (what ``avg`` and ``sum`` give) has no type that would hold every value,
    so the query is run once more beforehand to see the digits of this result: it becomes a decimal of 38
    digits with as many places as there are, or text when 38 do not suffice or a value is NaN or infinite.

    Args:
        connection: an open psycopg2 connection, the adapter's own for instance. In a transaction, the query
            sees what the transaction sees; otherwise it runs in a read-only one of its own, which is ended.
        query: a SELECT without a semicolon.

    Raises:
        psycopg2.Error: the query cannot be run.
        IntegrationError: while the stream is read, a value that its column cannot hold.
    """
    with _snapshot(connection):
        columns = _described(connection, query)
        types = _types(connection, query, columns)
        held = bool(connection.autocommit)
        with closing(connection.cursor(name="sqlorch_export", withhold=held)) as cursor:
            for column in columns:
                _keep_text(column.number, cursor)
            cursor.execute(query)
            schema = pa.schema([(c.name, _arrow(c, kind)) for c, kind in zip(columns, types, strict=True)])
            yield pa.RecordBatchReader.from_batches(schema, _batches(schema, types, cursor))


@contextmanager
def _snapshot(connection: Any) -> Iterator[None]:
    """One state of the database for everything inside, unless the caller manages that."""
    idle = connection.info.transaction_status == pg.TRANSACTION_STATUS_IDLE
    if connection.autocommit or not idle:
        yield
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield
    finally:
        connection.rollback()


def _described(connection: Any, query: str) -> list[_Column]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM ({query}) AS q LIMIT 0")
        return [
            _Column(name=c.name, number=c.type_code, precision=c.precision, scale=c.scale)
            for c in cursor.description
        ]


def _types(connection: Any, query: str, columns: Sequence[_Column]) -> list[ColumnType]:
    """The type of each column, or of its elements when it is an array."""
    numerics = [column.name for column in columns if column.number == NUMERIC]
    digits = _digits(connection, query, numerics) if numerics else {}
    return [
        _numeric(column, digits[column.name])
        if column.number == NUMERIC
        else element(column.number) or scalar(column.number)
        for column in columns
    ]


def _digits(connection: Any, query: str, names: Sequence[str]) -> dict[str, _Digits]:
    """What the values of each numeric column need."""
    parts = []
    for name in names:
        column = quoted(name)
        finite = f"{column}::text NOT IN ('NaN', 'Infinity', '-Infinity')"
        parts += [
            f"coalesce(max(length(trunc(abs({column}))::text)) FILTER (WHERE {finite}), 1)",
            f"coalesce(max(scale({column})) FILTER (WHERE {finite}), 0)",
            f"coalesce(bool_and({finite}), true)",
        ]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)} FROM ({query}) AS q")
        found = cursor.fetchone()
    return {name: _Digits(*found[3 * i : 3 * i + 3]) for i, name in enumerate(names)}


def _numeric(column: _Column, needed: _Digits) -> ColumnType:
    if not needed.finite:
        return TEXT
    if column.decimal is not None:
        return column.decimal
    fits = needed.before + needed.after <= _MOST_DIGITS
    return decimal(_MOST_DIGITS, needed.after) if fits else TEXT


def _arrow(column: _Column, kind: ColumnType) -> pa.DataType:
    return kind.arrow if element(column.number) is None else pa.list_(kind.arrow)


def _keep_text(number: int, cursor: Any) -> None:
    """Have this cursor give values of a type as the server's text, arrays as lists of texts."""
    caster = pg.new_type((number,), f"sqlorch_{number}", _text)
    if element(number) is not None:
        caster = pg.new_array_type((number,), f"sqlorch_{number}_array", caster)
    pg.register_type(caster, cursor)


def _text(text: str | None, _cursor: Any) -> str | None:
    return text


def _batches(schema: pa.Schema, types: Sequence[ColumnType], cursor: Any) -> Iterator[pa.RecordBatch]:
    while rows := cursor.fetchmany(BATCH_ROWS):
        columns = zip(*rows, strict=True)
        yield batch(schema, list(map(_parsed, schema.names, types, columns)))


def _parsed(name: str, kind: ColumnType, texts: Sequence[Any]) -> Sequence[Any]:
    if kind.parse is str:
        return texts
    try:
        return [_value(kind.parse, text) for text in texts]
    except ValueError as error:
        raise IntegrationError(f"column {name} cannot be exported: {error}") from error


def _value(parse: Callable[[str], Any], text: Any) -> Any:
    if text is None:
        return None
    return [_value(parse, part) for part in text] if isinstance(text, list) else parse(text)
