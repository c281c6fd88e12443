from __future__ import annotations

import pytest

from sqlorch.exporters.sqlite_types import TEXT, form_of


@pytest.mark.parametrize(
    ("kind", "declared"),
    [
        ("BOOLEAN", "BOOLEAN"),
        ("UTINYINT", "INTEGER"),
        ("UINTEGER", "BIGINT"),
        ("HUGEINT", "BIGINT"),
        ("DOUBLE", "REAL"),
        ("DECIMAL(38,2)", "DECIMAL(38,2)"),
        ("DATE", "DATE"),
        ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP"),
        ("ENUM('a', 'b[]')", "TEXT"),
        ("STRUCT(a INTEGER)", "TEXT"),
    ],
)
def test_declares_types_that_dashboards_know(kind: str, declared: str) -> None:
    assert form_of(kind).declared == declared


@pytest.mark.parametrize("kind", ["UBIGINT", "HUGEINT", "BIGNUM", "DECIMAL(38,0)", "DECIMAL(16,2)"])
def test_looks_at_values_of_types_wider_than_sqlite_numbers(kind: str) -> None:
    assert form_of(kind).fits


@pytest.mark.parametrize("kind", ["BIGINT", "DECIMAL(15,2)", "DOUBLE", "VARCHAR", "TIMESTAMP"])
def test_needs_no_look_where_nothing_can_be_lost(kind: str) -> None:
    assert not form_of(kind).fits


@pytest.mark.parametrize(
    "kind", ["INTEGER[]", "INTEGER[3]", "STRUCT(a INTEGER)", "MAP(VARCHAR, DATE)", "UNION(a DATE)"]
)
def test_nested_types_are_json(kind: str) -> None:
    assert "to_json" in form_of(kind).expression


def test_a_type_nobody_heard_of_is_text() -> None:
    assert form_of("NOVELTY(1)") is TEXT
