from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any

import pyarrow as pa
import pytest

from sqlorch.exporters import cursor_rows
from sqlorch.exporters.cursor_rows import reading


class Driver:
    """A connection that is its own cursor and answers every query with the same rows."""

    def __init__(self, names: str, rows: list[tuple[Any, ...]]) -> None:
        self.description = [(name, None) for name in names.split()]
        self._rows = iter(rows)
        self.closed = False

    def cursor(self) -> Driver:
        return self

    def execute(self, query: str) -> None:
        assert query == "select 1"

    def fetchmany(self, size: int) -> list[tuple[Any, ...]]:
        return list(islice(self._rows, size))

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def batches_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cursor_rows, "BATCH_ROWS", 2)


def read(*values: Any) -> pa.Table:
    driver = Driver("v", [(value,) for value in values])
    with reading(driver, "select 1") as stream:
        table = pa.RecordBatchReader.from_stream(stream).read_all()
    assert driver.closed
    return table


NOON = datetime(2013, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, None, 3], "int64"),
        ([True, None], "bool"),
        ([1.5, 2.0], "double"),
        (["a", None], "string"),
        ([Decimal("1.50"), Decimal("22.5")], "decimal128(4, 2)"),
        ([date(2013, 1, 1)], "date32[day]"),
        ([NOON], "timestamp[us, tz=UTC]"),
        ([b"x"], "binary"),
    ],
)
def test_a_column_has_the_type_of_its_values(values: list[Any], kind: str) -> None:
    table = read(*values)
    assert str(table.schema.field("v").type) == kind
    assert table.column("v").to_pylist() == values


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([None, None, 7], "int64", [None, None, 7]),
        ([1, 2, 2.5], "double", [1.0, 2.0, 2.5]),
        (
            [Decimal("1.5"), None, Decimal("1234.25")],
            "decimal128(6, 2)",
            [Decimal("1.5"), None, Decimal("1234.25")],
        ),
        ([1, None, "x"], "string", ["1", None, "x"]),
        ([2**60 + 1, 2, 0.5], "string", ["1152921504606846977", "2", "0.5"]),
        ([1, 2, 2**70], "string", ["1", "2", str(2**70)]),
    ],
)
def test_later_values_widen_a_column_and_none_is_changed(
    values: list[Any], kind: str, expected: list[Any], batches_of_two: None
) -> None:
    table = read(*values)
    assert str(table.schema.field("v").type) == kind
    assert table.column("v").to_pylist() == expected


def test_what_arrow_has_no_type_for_is_text() -> None:
    assert read(Decimal("NaN"), None).column("v").to_pylist() == ["NaN", None]
    assert read(memoryview(b"\x00\x01")).column("v").to_pylist() == [b"\x00\x01"]
    assert str(read(None, None).schema.field("v").type) == "string"


def test_no_row_at_all_keeps_the_columns() -> None:
    with reading(Driver("a b", []), "select 1") as stream:
        table = pa.RecordBatchReader.from_stream(stream).read_all()
    assert table.schema == pa.schema([("a", pa.string()), ("b", pa.string())])
    assert table.num_rows == 0


def test_the_drivers_error_is_its_own_and_the_cursor_is_closed() -> None:
    connection = sqlite3.connect(":memory:")
    with (
        pytest.raises(sqlite3.OperationalError, match="no such table"),
        reading(connection, "select * from nowhere"),
    ):
        pass
    connection.close()
