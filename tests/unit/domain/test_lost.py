from __future__ import annotations

from typing import Any

import pytest

from sqlorch.domain.dag import Node
from sqlorch.domain.lengths import spell_seconds
from sqlorch.domain.lost import appends, on_lost

INCREMENTAL = {"materialized": "incremental"}
APPENDING = {**INCREMENTAL, "incremental_strategy": "append"}
MERGING = {**INCREMENTAL, "incremental_strategy": "merge"}


@pytest.mark.parametrize(
    ("kind", "config", "fate"),
    [
        ("model", {"materialized": "view"}, "retry"),
        ("model", {"materialized": "table"}, "retry"),
        ("seed", {"materialized": "seed"}, "retry"),
        ("test", {"materialized": "test"}, "retry"),
        ("snapshot", {"materialized": "snapshot", "unique_key": "id"}, "fail"),
        ("model", INCREMENTAL, "fail"),
        ("model", {**INCREMENTAL, "unique_key": "id"}, "retry"),
        ("model", {**INCREMENTAL, "unique_key": ["a", "b"]}, "retry"),
        ("model", {**INCREMENTAL, "unique_key": []}, "fail"),
        ("model", {**APPENDING, "unique_key": "id"}, "fail"),
        ("model", MERGING, "fail"),
        ("model", {**MERGING, "unique_key": "id"}, "retry"),
        ("model", {**INCREMENTAL, "incremental_strategy": "microbatch"}, "retry"),
        ("model", {**INCREMENTAL, "incremental_strategy": "insert_overwrite"}, "retry"),
    ],
)
def test_only_what_appends_is_not_repeated(kind: str, config: dict[str, Any], fate: str) -> None:
    assert on_lost(Node(unique_id="x", kind=kind, name="x", config=config)) == fate


@pytest.mark.parametrize(
    ("kind", "config", "twice"),
    [
        ("model", {"materialized": "view"}, False),
        ("snapshot", {"materialized": "snapshot", "unique_key": "id"}, False),
        ("model", INCREMENTAL, True),
        ("model", {**INCREMENTAL, "unique_key": "id"}, False),
        ("model", {**APPENDING, "unique_key": "id"}, True),
        ("model", MERGING, True),
        ("model", {**INCREMENTAL, "incremental_strategy": "microbatch"}, False),
        ("model", {**INCREMENTAL, "incremental_strategy": "interval"}, False),
    ],
)
def test_what_appends_has_its_rows_twice_when_it_is_made_again(
    kind: str, config: dict[str, Any], twice: bool
) -> None:
    assert appends(Node(unique_id="x", kind=kind, name="x", config=config)) is twice


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.05, "0.05s"), (1, "1s"), (90, "1m30s"), (7200, "2h"), (86_400 + 61.5, "1d1m1.5s")],
)
def test_lengths_are_spelled_as_they_are_written(seconds: float, text: str) -> None:
    assert spell_seconds(seconds) == text
