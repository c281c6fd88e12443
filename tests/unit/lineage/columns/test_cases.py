"""Hand-written column cases: the expected answers were written before the code was run on them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from sqlorch.lineage.columns import (
    Column,
    KnownColumns,
    ModelColumns,
    ModelSql,
    SchemaOrigin,
    read_model,
)

CASES = [
    pytest.param(case, id=f"{path.stem}: {case['name']}")
    for path in sorted((Path(__file__).parent / "cases").glob("*.yml"))
    for case in yaml.safe_load(path.read_text(encoding="utf-8"))
]


def known(text: str, types: dict[str, str]) -> KnownColumns | None:
    names = text.split()
    if names == ["?"]:
        return None
    complete = "..." not in names
    columns = tuple(Column(name=n, type=types.get(n, "")) for n in names if n != "...")
    return KnownColumns(columns=columns, origin=SchemaOrigin.WAREHOUSE, complete=complete)


def parents_of(case: dict[str, Any]) -> dict[str, KnownColumns | None]:
    types = case.get("given_types", {})
    parents = {node: known(text, types.get(node, {})) for node, text in case["given"].items()}
    for node, names in case.get("declare", {}).items():
        columns = tuple(Column(name=n) for n in names)
        parents[node] = KnownColumns(columns=columns, origin=SchemaOrigin.DECLARED)
    return parents


def analysed(case: dict[str, Any]) -> ModelColumns:
    parents = parents_of(case)
    files = {text: known(names, {}) for text, names in case.get("files", {}).items()}
    model = ModelSql(node="m", sql=case["sql"], relations={node: node for node in parents})
    return read_model(model, parents, dialect=case["dialect"], describe=files.get)


def written(column: Any) -> str:
    sources = [f"{s.node}.{s.column}{':' + s.path if s.path else ''}" for s in column.sources]
    return " ".join([column.label.value, *sorted(sources)])


def in_order(text: str) -> str:
    """Sources sorted as :func:`written` sorts them; a column name with a blank stays whole."""
    label, *sources = re.split(r" (?=[^ ]*\.)", text)
    return " ".join([label, *sorted(sources)])


@pytest.mark.parametrize("case", CASES)
def test_columns_are_as_written_by_hand(case: dict[str, Any]) -> None:
    found = analysed(case)

    assert {c.name: written(c) for c in found.columns} == {
        name: in_order(text) for name, text in case["columns"].items()
    }
    assert [c.name for c in found.columns] == list(case["columns"])
    assert found.status.value == case.get("status", "ok"), found.reasons
    assert found.complete is case.get("complete", True)


@pytest.mark.parametrize("case", CASES)
def test_indirect_columns_are_as_written_by_hand(case: dict[str, Any]) -> None:
    found = analysed(case)

    edges = {
        f"{e.kind.value} {e.source.node}.{e.source.column}{' -> ' + e.column if e.column else ''}"
        for e in found.indirect
    }
    assert edges == set(case.get("indirect", []))


@pytest.mark.parametrize("case", [c for c in CASES if {"expressions", "types", "steps"} & set(c.values[0])])
def test_expressions_and_types_are_as_written_by_hand(case: dict[str, Any]) -> None:
    columns = {c.name: c for c in analysed(case).columns}

    for name, expression in case.get("expressions", {}).items():
        assert columns[name].expression == expression
    for name, steps in case.get("steps", {}).items():
        assert list(columns[name].steps) == steps
    for name, kind in case.get("types", {}).items():
        assert columns[name].type == kind


def test_every_dialect_we_name_has_cases() -> None:
    dialects = {c.values[0]["dialect"] for c in CASES}

    assert dialects == {"duckdb", "postgres", "snowflake", "bigquery", "trino", "spark", "redshift"}
    assert len(CASES) >= 60
