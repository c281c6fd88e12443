from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from sqlorch.domain.errors import IntegrationError
from sqlorch.exporters.arrow import BATCH_ROWS, readable, table_from_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS = [("t", "text"), ("i", "integer"), ("r", "real"), ("b", "boolean"), ("at", "timestamp")]


def test_every_logical_type_and_null() -> None:
    noon = datetime(2013, 1, 1, 12, tzinfo=timezone(timedelta(hours=-5)))
    rows = [("x", 2**63 - 1, 1.5, True, noon), (None,) * 5]
    table = table_from_rows(COLUMNS, rows).read_all()
    assert [str(kind) for kind in table.schema.types] == [
        "string",
        "int64",
        "double",
        "bool",
        "timestamp[us, tz=UTC]",
    ]
    assert table.to_pylist() == [
        {"t": "x", "i": 2**63 - 1, "r": 1.5, "b": True, "at": datetime(2013, 1, 1, 17, tzinfo=UTC)},
        dict.fromkeys("tirb") | {"at": None},
    ]


def test_a_naive_time_is_utc() -> None:
    naive = datetime(2013, 1, 1, 12)  # noqa: DTZ001 the point of the test
    (row,) = table_from_rows([("at", "timestamp")], [(naive,)]).read_all().to_pylist()
    assert row == {"at": naive.replace(tzinfo=UTC)}


def test_no_rows_still_have_columns() -> None:
    table = table_from_rows(COLUMNS, []).read_all()
    assert (table.num_rows, table.column_names) == (0, ["t", "i", "r", "b", "at"])


def test_rows_are_taken_as_they_are_read() -> None:
    taken = 0

    def rows() -> Iterator[tuple[int]]:
        nonlocal taken
        while taken < 10 * BATCH_ROWS:
            taken += 1
            yield (taken,)

    reader = table_from_rows([("i", "integer")], rows())
    assert reader.read_next_batch().num_rows == BATCH_ROWS
    assert taken < 2 * BATCH_ROWS


@pytest.mark.parametrize(
    ("kind", "value"),
    [("integer", 2**63), ("integer", "x"), ("timestamp", "x"), ("text", 5), ("boolean", "yes")],
)
def test_a_value_of_another_type_is_named(kind: str, value: object) -> None:
    with pytest.raises(IntegrationError, match="column odd cannot hold a value as"):
        table_from_rows([("odd", kind)], [(value,)]).read_all()


def test_a_short_row_is_refused() -> None:
    with pytest.raises(IntegrationError, match="does not have the 2 columns a, b"):
        table_from_rows([("a", "text"), ("b", "text")], [("only",)]).read_all()


def test_an_unknown_type_is_refused_at_once() -> None:
    with pytest.raises(IntegrationError, match="unknown column types money; known: text, integer"):
        table_from_rows([("m", "money")], [])


def test_types_that_duckdb_cannot_read_are_changed_without_loss() -> None:
    exact = Decimal(10) ** 40 + Decimal("0.5")
    table = pa.table(
        {
            "half": pa.array([1.5, None]).cast(pa.float16()),
            "narrow": pa.array([Decimal("1.25"), None], pa.decimal256(38, 2)),
            "wide": pa.array([exact, None], pa.decimal256(50, 2)),
            "thousands": pa.array([Decimal(12000), None], pa.decimal128(5, -3)),
            "same": pa.array([1, None]),
        }
    )
    read = readable(table.to_reader()).read_all()
    assert [str(kind) for kind in read.schema.types] == [
        "float",
        "decimal128(38, 2)",
        "string",
        "string",
        "int64",
    ]
    first = read.slice(0, 1).to_pylist()[0]
    assert (first["half"], first["narrow"], Decimal(first["wide"]), Decimal(first["thousands"])) == (
        1.5, Decimal("1.25"), exact, 12000,
    )  # fmt: skip
    assert read.slice(1, 1).to_pylist()[0] == dict.fromkeys(read.column_names)
