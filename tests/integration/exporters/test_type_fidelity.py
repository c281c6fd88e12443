"""Every type of DuckDB through Arrow into both formats, compared value by value with where it came from."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pytest

from sqlorch.domain.errors import IntegrationError
from sqlorch.engine.ports import ExportTable
from sqlorch.exporters import duckdb_rows
from sqlorch.exporters.duckdb_file import DuckDBFile
from sqlorch.exporters.sqlite_file import SQLiteFile

if TYPE_CHECKING:
    from pathlib import Path

MAX128 = 2**127 - 1

# (SQL of a value, type in the DuckDB file or None for the source's own, declared in SQLite, value in SQLite)
CASES: list[tuple[str, str | None, str, Any]] = [
    ("true", None, "BOOLEAN", 1),
    ("(-128)::TINYINT", None, "INTEGER", -128),
    ("(-32768)::SMALLINT", None, "INTEGER", -32768),
    ("2147483647::INTEGER", None, "INTEGER", 2**31 - 1),
    ("(-9223372036854775808)::BIGINT", None, "BIGINT", -(2**63)),
    ("255::UTINYINT", None, "INTEGER", 255),
    ("65535::USMALLINT", None, "INTEGER", 65535),
    ("4294967295::UINTEGER", None, "BIGINT", 2**32 - 1),
    ("9223372036854775807::UBIGINT", None, "BIGINT", 2**63 - 1),
    ("18446744073709551615::UBIGINT", None, "TEXT", str(2**64 - 1)),
    ("sum(336776)", "HUGEINT", "BIGINT", 336776),
    (f"{MAX128}::HUGEINT", None, "TEXT", str(MAX128)),
    ("(-170141183460469231731687303715884105728)::HUGEINT", None, "TEXT", str(-(2**127))),
    (f"{2**128 - 1}::UHUGEINT", None, "TEXT", str(2**128 - 1)),
    ("(-7)::BIGNUM", None, "BIGINT", -7),
    (f"'{10**60}'::BIGNUM", None, "TEXT", str(10**60)),
    ("0.1::FLOAT", None, "REAL", 0.10000000149011612),
    ("0.1::DOUBLE", None, "REAL", 0.1),
    ("'-inf'::DOUBLE", None, "REAL", -math.inf),
    ("'nan'::DOUBLE", None, "REAL", None),
    ("1.23::DECIMAL(4,2)", None, "DECIMAL(4,2)", 1.23),
    ("9999999999999.99::DECIMAL(15,2)", None, "DECIMAL(15,2)", 9999999999999.99),
    ("sum(19.95::DECIMAL(10,2))", "DECIMAL(38,2)", "DECIMAL(38,2)", 19.95),
    ("12.50::DECIMAL(38,30)", None, "DECIMAL(38,30)", 12.5),
    ("(-0.000000000000000000000123)::DECIMAL(38,38)", None, "DECIMAL(38,38)", -1.23e-22),
    ("12345678901234.56::DECIMAL(18,2)", None, "TEXT", "12345678901234.56"),
    ("9223372036854775807::DECIMAL(38,0)", None, "DECIMAL(38,0)", 2**63 - 1),
    ("99999999999999999999::DECIMAL(38,0)", None, "TEXT", "99999999999999999999"),
    ("'Zürich 😀'::VARCHAR", None, "TEXT", "Zürich 😀"),
    ("''", "VARCHAR", "TEXT", ""),
    ("'a' || chr(0) || 'b'", "VARCHAR", "TEXT", "a\0b"),
    ("'123'", "VARCHAR", "TEXT", "123"),
    ("'\\x00\\xFF'::BLOB", None, "BLOB", b"\x00\xff"),
    ("'0101'::BIT", None, "TEXT", "0101"),
    ("DATE '2013-01-31'", None, "DATE", "2013-01-31"),
    ("'infinity'::DATE", None, "DATE", "infinity"),
    ("'0044-03-15 (BC)'::DATE", None, "DATE", "0044-03-15 (BC)"),
    ("TIME '23:59:59'", None, "TIME", "23:59:59"),
    ("TIME '23:59:59.5'", None, "TIME", "23:59:59.500000"),
    ("'24:00:00'::TIME", None, "TIME", "24:00:00"),
    ("'12:00:00.123456789'::TIME_NS", None, "TIME", "12:00:00.123456789"),
    ("'12:00:00+03:30'::TIMETZ", None, "TEXT", "12:00:00+03:30"),
    ("TIMESTAMP '2013-01-01 00:00:00'", None, "TIMESTAMP", "2013-01-01 00:00:00"),
    ("TIMESTAMP '2013-01-01 00:00:00.12'", None, "TIMESTAMP", "2013-01-01 00:00:00.120000"),
    ("'2013-01-01 00:00:00'::TIMESTAMP_S", None, "TIMESTAMP", "2013-01-01 00:00:00"),
    ("'2013-01-01 00:00:00.123'::TIMESTAMP_MS", None, "TIMESTAMP", "2013-01-01 00:00:00.123000"),
    ("'2013-01-01 00:00:00.123456789'::TIMESTAMP_NS", None, "TIMESTAMP", "2013-01-01 00:00:00.123456789"),
    ("'-infinity'::TIMESTAMP", None, "TIMESTAMP", "-infinity"),
    ("TIMESTAMP '20000-01-01 00:00:00.5'", None, "TIMESTAMP", "20000-01-01 00:00:00.500000"),
    ("'2013-01-01 00:00:00-05'::TIMESTAMPTZ", None, "TIMESTAMP", "2013-01-01 05:00:00"),
    ("'infinity'::TIMESTAMPTZ", None, "TIMESTAMP", "infinity"),
    (
        "'2013-01-01 00:00:00.000000001-05'::TIMESTAMPTZ_NS",
        None,
        "TIMESTAMP",
        "2013-01-01 05:00:00.000000001",
    ),
    ("INTERVAL '1 month 2 days 3.5 seconds'", None, "TEXT", "1 month 2 days 00:00:03.5"),
    ("'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::UUID", None, "TEXT", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("'{\"a\": 1}'::JSON", None, "TEXT", '{"a": 1}'),
    ("'late'::ENUM('early', 'it''s', 'late')", None, "TEXT", "late"),
    ("['late']::ENUM('early', 'late')[]", None, "TEXT", '["late"]'),
    ("[1, NULL, 3]", None, "TEXT", "[1,null,3]"),
    ("[]::INTEGER[]", None, "TEXT", "[]"),
    ("[1, 2]::INTEGER[2]", None, "TEXT", "[1,2]"),
    (f"[{MAX128}::HUGEINT]", None, "TEXT", f"[{MAX128}]"),
    ("{'a': 1, 'B c': [DATE '2013-01-01']}", None, "TEXT", '{"a":1,"B c":["2013-01-01"]}'),
    ("MAP {'k': 1.50::DECIMAL(38,20)}", None, "TEXT", '{"k":1.50000000000000000000}'),
    ("union_value(num := 2)", None, "TEXT", '{"num":2}'),
    ("NULL", "INTEGER", "INTEGER", None),
    ("NULL::TIMESTAMP", None, "TIMESTAMP", None),
]


@pytest.fixture(scope="module")
def source() -> Any:
    with closing(duckdb.connect()) as connection:
        chosen = ", ".join(f"{sql} AS c{i}" for i, (sql, *_) in enumerate(CASES))
        # A second row of nulls: no type is told by its values alone.
        nulls = ", ".join(f"NULL AS c{i}" for i in range(len(CASES)))
        connection.execute(f"CREATE TABLE t AS SELECT {chosen} UNION ALL BY NAME SELECT {nulls}").fetchall()
        yield connection


@pytest.fixture(scope="module")
def tables(source: duckdb.DuckDBPyConnection) -> list[ExportTable]:
    read = partial(duckdb_rows.reading, source, "SELECT * FROM t ORDER BY c0 NULLS LAST")
    return [ExportTable(name="t", open=read, description="every type's sample")]


@pytest.fixture(scope="module")
def in_duckdb(tables: list[ExportTable], tmp_path_factory: pytest.TempPathFactory) -> Any:
    target = tmp_path_factory.mktemp("types") / "m.duckdb"
    DuckDBFile(target).publish(tables)
    with closing(duckdb.connect(str(target), read_only=True)) as connection:
        yield connection


@pytest.fixture(scope="module")
def in_sqlite(tables: list[ExportTable], tmp_path_factory: pytest.TempPathFactory) -> Any:
    target = tmp_path_factory.mktemp("types") / "m.sqlite"
    SQLiteFile(target).publish(tables)
    with closing(sqlite3.connect(target)) as connection:
        yield connection


numbered = pytest.mark.parametrize("i", range(len(CASES)), ids=[sql for sql, *_ in CASES])


@numbered
def test_duckdb_keeps_type_and_value(source: Any, in_duckdb: Any, i: int) -> None:
    # The text of a value has all of its digits, where Python's objects round some.
    query = f"SELECT typeof(c{i}), CAST(c{i} AS VARCHAR) FROM t ORDER BY c0 NULLS LAST"
    (kind, value), (_, null) = in_duckdb.execute(query).fetchall()
    (source_kind, source_value), _ = source.execute(query).fetchall()
    assert (kind, value, null) == (CASES[i][1] or source_kind, source_value, None)


@numbered
def test_sqlite_declares_and_writes(in_sqlite: Any, i: int) -> None:
    _, _, declared, expected = CASES[i]
    (value,), (null,) = in_sqlite.execute(f"SELECT c{i} FROM t").fetchall()
    assert in_sqlite.execute(
        "SELECT type FROM pragma_table_info('t') WHERE name = ?", [f"c{i}"]
    ).fetchone() == (declared,)
    assert (value, type(value), null) == (expected, type(expected), None)


def test_sqlite_reads_the_text_of_times(in_sqlite: Any) -> None:
    checks = {
        "'2013-01-31'": "date('2013-01-31')",
        "'2013-01-01 05:00:00'": "datetime('2013-01-01 05:00:00')",
        "'2013-01-01 00:00:00'": "datetime('2013-01-01 00:00:00.120000')",
        "'23:59:59'": "time('23:59:59.500000')",
    }
    for expected, expression in checks.items():
        assert in_sqlite.execute(f"SELECT {expected} = {expression}").fetchone() == (1,)


def test_the_file_is_sound(in_sqlite: Any) -> None:
    assert in_sqlite.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_the_description_is_a_comment(in_duckdb: Any) -> None:
    assert in_duckdb.execute("SELECT comment FROM duckdb_tables()").fetchall() == [("every type's sample",)]


def test_older_clients_read_the_file(tmp_path: Path) -> None:
    target = tmp_path / "m.duckdb"
    DuckDBFile(target).publish([ExportTable(name="t", open=pa.table({"a": [1]}).to_reader)])
    # The format's number is at offset 12; DuckDB 0.10 to 1.x read 64, DuckDB 2.0 writes 999 by default.
    assert int.from_bytes(target.read_bytes()[12:20], "little") == 64


def test_a_column_is_text_when_a_single_value_needs_it(source: Any, tmp_path: Path) -> None:
    value = "CASE i WHEN 40000 THEN 99999999999999999.25 ELSE i * 0.25 END"
    query = f"SELECT CAST({value} AS DECIMAL(38,2)) AS d FROM range(50000) r(i)"
    SQLiteFile(tmp_path / "m.sqlite").publish(
        [ExportTable(name="t", open=partial(duckdb_rows.reading, source, query))]
    )
    with closing(sqlite3.connect(tmp_path / "m.sqlite")) as connection:
        assert connection.execute("SELECT DISTINCT typeof(d) FROM t").fetchall() == [("text",)]
        assert connection.execute("SELECT d FROM t LIMIT 1 OFFSET 1").fetchall() == [("0.25",)]
        assert connection.execute("SELECT d FROM t LIMIT 1 OFFSET 40000").fetchall() == [
            ("99999999999999999.25",)
        ]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        (
            "SELECT 1 / (i - 4000) AS x, error('at ' || i) AS e FROM range(9) r(i)",
            "Invalid Input Error: at 0",
        ),
        ("SELECT * FROM nowhere", "Table with name nowhere does not exist"),
    ],
)
def test_a_query_that_fails_is_told_in_a_sentence(
    source: Any, tmp_path: Path, query: str, sentence: str
) -> None:
    with pytest.raises(IntegrationError, match=sentence) as refused:
        DuckDBFile(tmp_path / "m.duckdb").publish(
            [ExportTable(name="t", open=partial(duckdb_rows.reading, source, query))]
        )
    assert "\n" not in str(refused.value)


def test_variants_are_json(source: Any, tmp_path: Path) -> None:
    read = partial(duckdb_rows.reading, source, "SELECT {'a': [1, 2]}::VARIANT AS \"v v\", 1 AS n")
    DuckDBFile(tmp_path / "m.duckdb").publish([ExportTable(name="t", open=read)])
    with closing(duckdb.connect(str(tmp_path / "m.duckdb"), read_only=True)) as connection:
        found = connection.execute('SELECT typeof("v v"), "v v", n FROM t').fetchall()
    assert found == [("JSON", '{"a":[1,2]}', 1)]


def test_reading_leaves_the_connection_as_it_was(source: Any) -> None:
    setting = "SELECT current_setting('arrow_lossless_conversion')"
    before = source.execute(setting).fetchall()
    with duckdb_rows.reading(source, "SELECT * FROM range(3000000)") as stream:
        reader = pa.RecordBatchReader.from_stream(stream)
        assert reader.read_next_batch().num_rows  # and the rest is abandoned
        assert source.execute("SELECT 42").fetchall() == [(42,)]
    assert source.execute(setting).fetchall() == before == [(False,)]
