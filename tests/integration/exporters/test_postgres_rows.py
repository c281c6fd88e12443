"""PostgreSQL types from a real server into both formats."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg2
import psycopg2.extensions as pg
import pyarrow as pa
import pytest
from support.postgres import Postgres, running_postgres

from sqlorch.domain.errors import IntegrationError
from sqlorch.engine.ports import ExportTable
from sqlorch.exporters import postgres_rows
from sqlorch.exporters.arrow import BATCH_ROWS
from sqlorch.exporters.duckdb_file import DuckDBFile
from sqlorch.exporters.sqlite_file import SQLiteFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.postgres

INSTANT = "TIMESTAMP WITH TIME ZONE"
ID = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"

# (SQL of a value, type in DuckDB, DuckDB's text of the value, value in SQLite)
CASES: list[tuple[str, str, str, Any]] = [
    ("true", "BOOLEAN", "true", 1),
    ("(-32768)::smallint", "SMALLINT", "-32768", -32768),
    ("2147483647", "INTEGER", "2147483647", 2147483647),
    ("(-9223372036854775808)::bigint", "BIGINT", "-9223372036854775808", -(2**63)),
    ("4294967295::oid", "UINTEGER", "4294967295", 4294967295),
    ("1.5::real", "FLOAT", "1.5", 1.5),
    ("0.1::float8", "DOUBLE", "0.1", 0.1),
    ("'NaN'::float8", "DOUBLE", "nan", None),
    ("'-Infinity'::float8", "DOUBLE", "-inf", float("-inf")),
    ("1.2::numeric(10,2)", "DECIMAL(10,2)", "1.20", 1.2),
    ("avg(10)::numeric(12,4) / 3", "DECIMAL(38,16)", "3.3333333333333333", "3.3333333333333333"),
    ("sum(2.5::numeric(10,1))", "DECIMAL(38,1)", "2.5", 2.5),
    ("count(*)", "BIGINT", "1", 1),
    ("sum(5::bigint)", "DECIMAL(38,0)", "5", 5),
    ("0.5::numeric(50,3)", "DECIMAL(38,3)", "0.500", 0.5),
    ("12345::numeric(3,-2)", "DECIMAL(38,0)", "12300", 12300),
    ("0.00123::numeric(3,5)", "DECIMAL(38,5)", "0.00123", 0.00123),
    ("(10::numeric ^ 45)::numeric(50,0)", "VARCHAR", str(10**45), str(10**45)),
    ("'NaN'::numeric(10,2)", "VARCHAR", "NaN", "NaN"),
    ("'Infinity'::numeric", "VARCHAR", "Infinity", "Infinity"),
    ("'Zürich 😀'::text", "VARCHAR", "Zürich 😀", "Zürich 😀"),
    ("''::text", "VARCHAR", "", ""),
    ("'ab'::char(4)", "VARCHAR", "ab  ", "ab  "),
    ("'a'::varchar(3)", "VARCHAR", "a", "a"),
    ("'\\x00ff'::bytea", "BLOB", "\\x00\\xFF", b"\x00\xff"),
    ("date '2013-01-31'", "DATE", "2013-01-31", "2013-01-31"),
    ("date '9999-12-31'", "DATE", "9999-12-31", "9999-12-31"),
    ("'infinity'::date", "DATE", "infinity", "infinity"),
    ("time '12:00:00.5'", "TIME", "12:00:00.5", "12:00:00.500000"),
    ("time '24:00:00'", "TIME", "24:00:00", "24:00:00"),
    ("'12:00+03:30'::timetz", "VARCHAR", "12:00:00+03:30", "12:00:00+03:30"),
    ("timestamp '2013-01-01 00:00:00.5'", "TIMESTAMP", "2013-01-01 00:00:00.5", "2013-01-01 00:00:00.500000"),
    ("'-infinity'::timestamp", "TIMESTAMP", "-infinity", "-infinity"),
    ("timestamptz '2013-01-01 00:00:00-05'", INSTANT, "2013-01-01 05:00:00+00", "2013-01-01 05:00:00"),
    ("timestamptz '1880-01-01 00:00:00 UTC'", INSTANT, "1880-01-01 00:00:00+00", "1880-01-01 00:00:00"),
    ("'infinity'::timestamptz", INSTANT, "infinity", "infinity"),
    ("interval '-1 year 2 mons 4.5 s'", "INTERVAL", "-10 months 00:00:04.5", "-10 months 00:00:04.5"),
    ("'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid", "UUID", ID, ID),
    ("'{\"a\":  1}'::json", "JSON", '{"a":  1}', '{"a":  1}'),
    ("'{\"a\":  1}'::jsonb", "JSON", '{"a": 1}', '{"a": 1}'),
    ("'ok'::mood", "VARCHAR", "ok", "ok"),
    ("5::positive", "INTEGER", "5", 5),
    ("'10.0.0.1'::inet", "VARCHAR", "10.0.0.1", "10.0.0.1"),
    ("int4range(1, 5)", "VARCHAR", "[1,5)", "[1,5)"),
    ("b'101'", "VARCHAR", "101", "101"),
    ("point '(1,2)'", "VARCHAR", "(1,2)", "(1,2)"),
    ("array[1, null, 3]", "INTEGER[]", "[1, NULL, 3]", "[1,null,3]"),
    ("'{}'::bigint[]", "BIGINT[]", "[]", "[]"),
    ("array['a,b', null, '\"']", "VARCHAR[]", "['a,b', NULL, '\"']", '["a,b",null,"\\""]'),
    ("array[1.50, 2]", "VARCHAR[]", "[1.50, 2]", '["1.50","2"]'),
    ("array[true]", "BOOLEAN[]", "[true]", "[true]"),
    ("array[date '2013-01-01']", "DATE[]", "[2013-01-01]", '["2013-01-01"]'),
    ("array[timestamp '2013-01-01']", "TIMESTAMP[]", "['2013-01-01 00:00:00']", '["2013-01-01 00:00:00"]'),
    ("null", "VARCHAR", None, None),
]  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres(durable=False) as running:
        yield running


@pytest.fixture
def connection(server: Postgres) -> Iterator[Any]:
    with closing(psycopg2.connect(server.uri)) as connection:
        yield connection


@pytest.fixture(scope="module")
def published(server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    folder = tmp_path_factory.mktemp("published")
    with closing(psycopg2.connect(server.uri)) as connection, connection.cursor() as cursor:
        # Nothing may depend on the session's zone: this one had an offset of odd seconds in 1880.
        cursor.execute("SET TimeZone = 'America/New_York'")
        cursor.execute(
            "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN positive AS int CHECK (value > 0)"
        )
        chosen = ", ".join(f"{sql} AS c{i}" for i, (sql, *_) in enumerate(CASES))
        cursor.execute(f"CREATE TABLE t AS SELECT {chosen}")
        cursor.execute("INSERT INTO t (c0) VALUES (null)")
        connection.commit()
        read = partial(postgres_rows.reading, connection, "SELECT * FROM public.t ORDER BY c0")
        tables = [ExportTable(name="t", open=read)]
        DuckDBFile(folder / "m.duckdb").publish(tables)
        SQLiteFile(folder / "m.sqlite").publish(tables)
    with (
        closing(duckdb.connect(str(folder / "m.duckdb"), read_only=True)) as in_duckdb,
        closing(sqlite3.connect(folder / "m.sqlite")) as in_sqlite,
    ):
        in_duckdb.execute("SET TimeZone = 'UTC'").fetchall()
        yield in_duckdb, in_sqlite


@pytest.mark.parametrize("i", range(len(CASES)), ids=[sql for sql, *_ in CASES])
def test_every_type(published: tuple[Any, Any], i: int) -> None:
    in_duckdb, in_sqlite = published
    _, kind, text, value = CASES[i]
    rows = in_duckdb.execute(f"SELECT typeof(c{i}), CAST(c{i} AS VARCHAR) FROM t").fetchall()
    assert rows == [(kind, text), (kind, None)]
    assert in_sqlite.execute(f"SELECT c{i} FROM t").fetchall() == [(value,), (None,)]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        (
            "SELECT date '0044-03-15 BC' AS ides",
            "column ides cannot be exported: 0044-03-15 BC is outside the years",
        ),
        ("SELECT array[[1, 2], [3, 4]] AS matrix", "column matrix cannot hold a value as list<item: int32>"),
        ("SELECT 1 / (i - 50000) AS x FROM generate_series(1, 60000) i", "division by zero"),
        ("SELECT * FROM nowhere", 'relation "nowhere" does not exist'),
        ("SELECT 1 AS a, 2 AS a", "the columns a and a are one name"),
        ('SELECT 1 AS "id", 2 AS "ID"', "the columns id and ID are one name"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(
    connection: Any, tmp_path: Path, query: str, sentence: str
) -> None:
    table = ExportTable(name="q", open=partial(postgres_rows.reading, connection, query))
    with pytest.raises(IntegrationError) as refused:
        DuckDBFile(tmp_path / "m.duckdb").publish([table])
    assert str(refused.value).startswith(f"cannot publish to {tmp_path / 'm.duckdb'}: table q: ")
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)
    assert connection.info.transaction_status == pg.TRANSACTION_STATUS_IDLE


def test_streams_in_batches_and_ends_its_transaction(connection: Any) -> None:
    query = f"SELECT i, i::numeric(12,2) AS n FROM generate_series(1, {3 * BATCH_ROWS}) i"
    with postgres_rows.reading(connection, query) as stream:
        reader = pa.RecordBatchReader.from_stream(stream)
        assert reader.read_next_batch().num_rows == BATCH_ROWS
        # Only what was read has left the server.
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_cursors WHERE name = 'sqlorch_export'")
            assert cursor.fetchone() == (1,)
    assert connection.info.transaction_status == pg.TRANSACTION_STATUS_IDLE


def test_an_empty_result_has_its_types(connection: Any) -> None:
    query = "SELECT 1.5::numeric AS n, now() AS at, array[1] AS a WHERE false"
    with postgres_rows.reading(connection, query) as stream:
        table = pa.RecordBatchReader.from_stream(stream).read_all()
    assert [str(kind) for kind in table.schema.types] == [
        "decimal128(38, 0)",
        "timestamp[us, tz=UTC]",
        "list<item: int32>",
    ]


def test_joins_the_transaction_it_finds(connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE mine AS SELECT 42 AS a")
    with postgres_rows.reading(connection, "SELECT a FROM mine") as stream:
        assert pa.RecordBatchReader.from_stream(stream).read_all().to_pylist() == [{"a": 42}]
    assert connection.info.transaction_status == pg.TRANSACTION_STATUS_INTRANS
    connection.rollback()


def test_reads_on_a_connection_that_commits_by_itself(connection: Any) -> None:
    connection.autocommit = True
    with postgres_rows.reading(connection, "SELECT generate_series(1, 5) AS a") as stream:
        assert pa.RecordBatchReader.from_stream(stream).read_all().num_rows == 5
    assert connection.info.transaction_status == pg.TRANSACTION_STATUS_IDLE
