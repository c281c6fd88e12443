"""What a store remembers of the time in which a node waited for its turn."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from support.stores import ME, A, B, day, new_run, result, spec_of

from sqlorch.domain.history import NodeMove
from sqlorch.domain.run import NodeState, Outcome, RunState
from sqlorch.state.store import SqlStore

_S = NodeState
NOON = day(0.5)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def begun(store: SqlStore) -> str:
    spec = replace(spec_of(new_run(0), A, B), kind="manual")
    store.create_run(spec, now=NOON)
    store.move_run(spec.run_id, RunState.QUEUED, RunState.RUNNING, now=NOON, owner=ME)
    return spec.run_id


def move(store: SqlStore, run_id: str, uid: str, path: list[NodeState], at: float) -> None:
    for before, then in pairwise(path):
        store.step(run_id, now=after(at), moves=[NodeMove(unique_id=uid, before=before, after=then)])


def execute(store: SqlStore, run_id: str, uid: str, outcome: Outcome, *, at: float) -> None:
    """An attempt that is opened at one second and begins in a thread a tenth later."""
    (attempt,) = store.step(run_id, now=after(at), dispatch=[uid])
    began, ended = after(at + 0.1), after(at + 1)
    told = replace(result(uid, outcome), started_at=began, finished_at=ended)
    then = _S.SUCCESS if outcome.ok else _S.UP_FOR_RETRY
    moves = [NodeMove(unique_id=uid, before=_S.RUNNING, after=then)]
    store.step(run_id, now=ended, results=[(attempt, told)], moves=moves)


def queued(store: SqlStore, run_id: str) -> dict[str, float | None]:
    records = {node.unique_id: node.queued for node in store.nodes(run_id)}
    columns, rows = store.dashboard_rows("node_runs")
    names = [name for name, _ in columns]
    assert {row[names.index("unique_id")]: row[names.index("queued_seconds")] for row in rows} == records
    return records


def waits(store: SqlStore) -> list[tuple[str, int, float | None]]:
    return [(one.unique_id, one.attempt, one.queued) for one in store.trends.executions()]


def test_it_lasts_from_the_moment_a_node_could_start_to_its_first_start(store: SqlStore) -> None:
    run_id = begun(store)
    assert queued(store, run_id) == {A: None, B: None}
    move(store, run_id, A, [_S.WAITING, _S.READY], 2)
    assert queued(store, run_id) == {A: None, B: None}, "it has not started"
    execute(store, run_id, A, Outcome.SUCCESS, at=5)
    move(store, run_id, B, [_S.WAITING, _S.READY], 6)
    execute(store, run_id, B, Outcome.SUCCESS, at=6)
    assert queued(store, run_id) == {A: 3.1, B: 0.1}
    assert waits(store) == [(A, 1, 3.1), (B, 1, 0.1)]


def test_the_wait_to_be_tried_again_is_none_for_a_turn(store: SqlStore) -> None:
    run_id = begun(store)
    move(store, run_id, A, [_S.WAITING, _S.READY], 0)
    execute(store, run_id, A, Outcome.ERROR, at=1)
    move(store, run_id, A, [_S.UP_FOR_RETRY, _S.READY], 60)
    execute(store, run_id, A, Outcome.SUCCESS, at=61)
    assert queued(store, run_id) == {A: 1.1, B: None}
    assert waits(store) == [(A, 1, 1.1), (A, 2, None)]


def test_a_new_generation_waits_anew(store: SqlStore) -> None:
    run_id = begun(store)
    for uid in (A, B):
        move(store, run_id, uid, [_S.WAITING, _S.READY], 0)
        execute(store, run_id, uid, Outcome.SUCCESS, at=1)
    store.move_run(run_id, RunState.RUNNING, RunState.FAILED, now=after(5))
    store.rerun(run_id, [A], now=after(90))
    store.move_run(run_id, RunState.QUEUED, RunState.RUNNING, now=after(100), owner=ME)
    assert queued(store, run_id) == {A: None, B: 1.1}
    move(store, run_id, A, [_S.WAITING, _S.READY], 100)
    execute(store, run_id, A, Outcome.SUCCESS, at=107)
    assert queued(store, run_id) == {A: 7.1, B: 1.1}
    assert waits(store) == [(A, 1, None), (B, 1, 1.1), (A, 1, 7.1)]


def test_a_clock_that_was_set_back_tells_nothing(store: SqlStore) -> None:
    run_id = begun(store)
    move(store, run_id, A, [_S.WAITING, _S.READY], 100)
    execute(store, run_id, A, Outcome.SUCCESS, at=1)
    assert queued(store, run_id)[A] is None
    assert waits(store) == [(A, 1, None)]
