"""Columns of files are asked of DuckDB; nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqlorch.lineage.columns import SchemaOrigin
from sqlorch.lineage.described import FileColumns
from sqlorch.lineage.project_columns import dialect_of


def test_a_file_and_a_reader_of_files_are_described(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,name\n1,a\n")
    describe = FileColumns()
    for text in (f"'{tmp_path}/t.csv'", f"read_csv('{tmp_path}/*.csv', header = true)"):
        known = describe(text)
        assert known is not None, text
        assert [(column.name, column.type) for column in known.columns] == [
            ("id", "BIGINT"),
            ("name", "VARCHAR"),
        ]
        assert (known.origin, known.complete) == (SchemaOrigin.DESCRIBED, True)


@pytest.mark.parametrize(
    "text",
    [
        '"main"."orders"',
        "orders",
        "range(3)",
        "'s3://bucket/t.csv'",
        "read_parquet('https://example.org/t.parquet')",
        "read_parquet([ 'gs://b/t' ])",
        "'/nowhere/at/all.csv'",
        "'x'; copy (select 1) to 'TMP/stolen.csv'; select * from 'x'",
        "read_csv('x'); copy (select 1) to 'TMP/stolen.csv'",
    ],
)
def test_nothing_else_is_asked_for(text: str, tmp_path: Path) -> None:
    assert FileColumns()(text.replace("TMP", str(tmp_path))) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("adapter", "dialect"),
    [
        ("duckdb", "duckdb"),
        ("sqlserver", "tsql"),
        ("snowflake", "snowflake"),
        ("unknown", ""),
        ("dremio", "dremio"),
    ],
)
def test_adapters_have_dialects(adapter: str, dialect: str) -> None:
    assert dialect_of(adapter) == dialect
