"""What a store remembers of sources, run by run."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.stores import ME, NOW, A, B, day, new_run, result, spec_of

from sqlorch.domain.freshness import FreshnessStatus, SourceFreshness
from sqlorch.domain.history import NodeMove
from sqlorch.domain.run import NodeState, Outcome, RunState
from sqlorch.state.retention import prune
from sqlorch.state.store import SqlStore

ORDERS = SourceFreshness(
    unique_id="source.shop.raw.orders",
    source="raw.orders",
    status=FreshnessStatus.ERROR,
    snapshotted_at=NOW,
    max_loaded_at=NOW - timedelta(days=2, microseconds=1),
    warn_after=3600.0,
    error_after=86_400.0,
)
NOTES = SourceFreshness(
    unique_id="source.shop.raw.notes",
    source="raw.notes",
    status=FreshnessStatus.UNKNOWN,
    snapshotted_at=NOW,
    message="no such table: notes\0",
)


def begun(store: SqlStore, n: float = 0) -> str:
    spec = replace(spec_of(new_run(n), A, B), kind="manual")
    store.create_run(spec, now=day(n))
    store.move_run(spec.run_id, RunState.QUEUED, RunState.RUNNING, now=day(n), owner=ME)
    return spec.run_id


def test_what_was_kept_is_read_back_in_the_order_of_names(store: SqlStore) -> None:
    run_id = begun(store)
    assert store.freshness.of_run(run_id) == []
    store.freshness.keep(run_id, 1, [])
    store.freshness.keep(run_id, 1, [ORDERS, NOTES])
    kept = replace(NOTES, message="no such table: notes\N{REPLACEMENT CHARACTER}")
    assert store.freshness.of_run(run_id) == [kept, ORDERS]
    assert store.freshness.of_run("another") == []


def test_the_newest_measurement_of_a_source_counts_and_each_generation_keeps_its_own(store: SqlStore) -> None:
    run_id = begun(store)
    later = replace(ORDERS, status=FreshnessStatus.PASS, snapshotted_at=NOW + timedelta(minutes=1))
    store.freshness.keep(run_id, 1, [ORDERS, replace(NOTES, message="gone")])
    store.freshness.keep(run_id, 1, [ORDERS, later])
    assert store.freshness.of_run(run_id) == [replace(NOTES, message="gone"), later]
    store.freshness.keep(run_id, 2, [ORDERS])
    assert store.freshness.of_run(run_id) == [ORDERS]
    columns, rows = store.dashboard_rows("source_freshness")
    at = {name: place for place, (name, _) in enumerate(columns)}
    told = [
        tuple(row[at[name]] for name in ("source", "generation", "status", "age_seconds")) for row in rows
    ]
    age = pytest.approx(172_800.000001)
    assert told == [
        ("raw.notes", 1, "runtime error", None),
        ("raw.orders", 1, "pass", pytest.approx(172_860.000001)),
        ("raw.orders", 2, "error", age),
    ]


def test_of_a_run_that_is_gone_nothing_is_kept(store: SqlStore) -> None:
    store.freshness.keep("gone", 1, [ORDERS])
    assert store.freshness.of_run("gone") == []


def test_it_is_forgotten_with_its_run(store: SqlStore) -> None:
    old, new = begun(store, 0), begun(store, 1)
    for run_id in (old, new):
        store.freshness.keep(run_id, 1, [ORDERS])
        for uid in (A, B):
            store.step(run_id, now=NOW, moves=[_move(uid, NodeState.WAITING, NodeState.READY)])
            (attempt,) = store.step(run_id, now=NOW, dispatch=[uid])
            done = _move(uid, NodeState.RUNNING, NodeState.SUCCESS)
            store.step(run_id, now=NOW, results=[(attempt, result(uid, Outcome.SUCCESS))], moves=[done])
        store.move_run(run_id, RunState.RUNNING, RunState.SUCCESS, now=day(2))
    prune(store._database, before=day(3), keep=1, dry_run=False)
    assert store.freshness.of_run(old) == []
    assert store.freshness.of_run(new) == [ORDERS]


def _move(uid: str, before: NodeState, after: NodeState) -> NodeMove:
    return NodeMove(unique_id=uid, before=before, after=after)
