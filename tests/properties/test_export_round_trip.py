"""Any table goes out and comes back equal, whatever its names, types and values."""

from __future__ import annotations

import math
import sqlite3
import tempfile
from contextlib import closing
from datetime import UTC, date, datetime, time
from decimal import Context, Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sqlorch.engine.ports import ExportTable
from sqlorch.exporters.duckdb_file import DuckDBFile
from sqlorch.exporters.sqlite_file import SQLiteFile

INTEGERS = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
# What Arrow's strings hold: every character but lone surrogates.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)


def folded(name: str) -> str:
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in name)


@st.composite
def integers(draw: st.DrawFn) -> tuple[pa.DataType, st.SearchStrategy[Any]]:
    kind = draw(st.sampled_from(INTEGERS))
    low = 0 if pa.types.is_unsigned_integer(kind) else -(2 ** (kind.bit_width - 1))
    return kind, st.integers(low, low + 2**kind.bit_width - 1)


@st.composite
def decimals(draw: st.DrawFn) -> tuple[pa.DataType, st.SearchStrategy[Any]]:
    precision = draw(st.integers(1, 38))
    scale = draw(st.integers(0, precision))
    # Of few digits as often as of many: the border where SQLite's numbers end is between.
    digits = draw(st.integers(1, precision))
    units = st.integers(1 - 10**digits, 10**digits - 1)
    return pa.decimal128(precision, scale), units.map(lambda unit: Decimal(unit).scaleb(-scale))


COLUMN = st.one_of(
    integers(),
    decimals(),
    st.sampled_from(
        [
            (pa.bool_(), st.booleans()),
            (pa.float64(), st.floats(allow_subnormal=True)),
            (pa.float32(), st.floats(width=32)),
            (pa.string(), TEXT),
            (pa.large_string(), TEXT),
            (pa.binary(), st.binary(max_size=12)),
            (pa.date32(), st.dates()),
            (pa.time64("us"), st.times()),
            (pa.timestamp("us"), st.datetimes()),
            (pa.timestamp("us", tz="UTC"), st.datetimes().map(lambda at: at.replace(tzinfo=UTC))),
        ]
    ),
)


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique_by=folded))
    rows = draw(st.integers(0, 5))
    arrays = []
    for _ in names:
        kind, values = draw(COLUMN)
        cells = draw(st.lists(st.none() | values, min_size=rows, max_size=rows))
        arrays.append(pa.array(cells, kind))
    return pa.table(arrays, names=names)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return type(one) is type(other) and one == other


def read_decimal(value: Any, kind: pa.DataType) -> Decimal:
    """A number has the digits that 15 places show, text has them all."""
    digits = f"{value:.15g}" if isinstance(value, float) else str(value)
    return Decimal(digits).quantize(Decimal(1).scaleb(-kind.scale), context=WIDE)


READERS: list[tuple[Any, Any]] = [
    (pa.types.is_decimal, read_decimal),
    (pa.types.is_integer, lambda value, _: int(value)),
    (pa.types.is_boolean, lambda value, _: bool(value)),
    (pa.types.is_date, lambda value, _: date.fromisoformat(value)),
    (pa.types.is_time, lambda value, _: time.fromisoformat(value)),
    (
        pa.types.is_timestamp,
        lambda value, kind: datetime.fromisoformat(value).replace(tzinfo=UTC if kind.tz else None),
    ),
]


def from_sqlite(value: Any, kind: pa.DataType) -> Any:
    """A value of the SQLite file as what it was, by the rules of docs/dashboards.md."""
    readers = (read for matches, read in READERS if matches(kind))
    read = next(readers, lambda value, _: value)
    return None if value is None else read(value, kind)


WIDE = Context(prec=80)
THOROUGH = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(table=tables(), name=NAMES)
@THOROUGH
def test_duckdb_gives_back_the_table(table: pa.Table, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "m.duckdb"
        DuckDBFile(target).publish([ExportTable(name=name, open=table.to_reader)])
        with closing(duckdb.connect(str(target), read_only=True)) as connection:
            connection.execute("SET TimeZone = 'UTC'").fetchall()
            quoted = '"' + name.replace('"', '""') + '"'
            back = connection.sql(f"SELECT * FROM {quoted}").to_arrow_table()
    assert back.column_names == table.column_names
    assert [str(kind).removeprefix("large_") for kind in table.schema.types] == [
        str(kind).replace("Etc/UTC", "UTC") for kind in back.schema.types
    ]
    for before, after in zip(table.columns, back.columns, strict=True):
        assert all(map(same, before.to_pylist(), after.to_pylist()))


@given(table=tables(), name=NAMES.filter(lambda name: not folded(name).startswith("sqlite_")))
@THOROUGH
def test_sqlite_gives_back_the_table(table: pa.Table, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "m.sqlite"
        SQLiteFile(target).publish([ExportTable(name=name, open=table.to_reader)])
        with closing(sqlite3.connect(target)) as connection:
            quoted = '"' + name.replace('"', '""') + '"'
            cursor = connection.execute(f"SELECT * FROM {quoted}")
            assert [column for column, *_ in cursor.description] == table.column_names
            back = list(zip(*cursor.fetchall(), strict=True)) or [()] * table.num_columns
    for field, before, after in zip(table.schema, table.columns, back, strict=True):
        for one, other in zip(before.to_pylist(), after, strict=True):
            lost = isinstance(one, float) and math.isnan(one)  # SQLite has no NaN
            assert same(None if lost else one, from_sqlite(other, field.type)), (field, one, other)
        # A column is of one kind: no number stands among texts.
        assert len({type(value) for value in after if value is not None} - {int, float}) <= 1
        assert not ({str} & set(map(type, after)) and {int, float} & set(map(type, after)))
