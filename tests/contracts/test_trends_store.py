"""What the store tells of many runs together."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.stores import ME, NOW, TEST, A, B, day, new_run, result, slot, spec_of

from sqlorch.domain.anomaly import Sample
from sqlorch.domain.history import NodeMove
from sqlorch.domain.run import NodeResult, NodeState, Outcome, RunState
from sqlorch.state.store import SqlStore

_S = NodeState


def drive(
    store: SqlStore,
    n: float,
    *,
    until: float | None = None,
    group: str = "daily",
    seconds: float = 10,
    rows: int | None = None,
    outcomes: tuple[Outcome, ...] = (Outcome.SUCCESS,),
    ends_as: RunState = RunState.SUCCESS,
) -> str:
    """A run of a model and its test, begun on the day ``n``; the model ends as told, attempt by attempt."""
    spec = replace(spec_of(new_run(n, until=until, group=group), A, TEST), kind="manual")
    store.create_run(spec, now=day(n))
    start = day(n) + timedelta(seconds=30)
    store.move_run(spec.run_id, RunState.QUEUED, RunState.RUNNING, now=start, owner=ME)
    before = _S.WAITING
    for number, outcome in enumerate(outcomes, 1):
        told = replace(result(A, outcome), started_at=start, rows=rows)
        told = replace(told, finished_at=start + timedelta(seconds=seconds))
        after = _S.UP_FOR_RETRY if number < len(outcomes) else _S.SUCCESS if outcome.ok else _S.FAILED
        execute(store, spec.run_id, told, before, after)
        before = after
    if outcomes[-1].ok:
        told = replace(result(TEST, Outcome.WARN), started_at=start)
        told = replace(told, finished_at=start + timedelta(seconds=1))
        execute(store, spec.run_id, told, _S.WAITING, _S.SUCCESS)
    else:
        dropped = NodeMove(unique_id=TEST, before=_S.WAITING, after=_S.UPSTREAM_FAILED)
        store.step(spec.run_id, now=start, moves=[dropped])
    end = start + timedelta(seconds=100)
    if ends_as is RunState.CANCELLED:
        store.move_run(spec.run_id, RunState.RUNNING, RunState.CANCELLING, now=end)
    last = RunState.CANCELLING if ends_as is RunState.CANCELLED else RunState.RUNNING
    store.move_run(spec.run_id, last, ends_as, now=end)
    return spec.run_id


def execute(store: SqlStore, run_id: str, told: NodeResult, before: NodeState, after: NodeState) -> None:
    """One attempt, with this result."""
    uid, started = told.unique_id, told.started_at
    ready = NodeMove(unique_id=uid, before=before, after=_S.READY)
    (attempt,) = store.step(run_id, now=started, moves=[ready], dispatch=[uid])
    move = NodeMove(unique_id=uid, before=_S.RUNNING, after=after)
    store.step(run_id, now=told.finished_at, results=[(attempt, told)], moves=[move])


def test_executions_are_attempts_that_gave_an_answer(store: SqlStore) -> None:
    first = drive(store, 0, rows=7, outcomes=(Outcome.ERROR, Outcome.SUCCESS))
    drive(store, 1, group="weekly", seconds=2.5)
    found = store.trends.executions()
    assert [(e.unique_id, e.attempt, str(e.outcome), e.seconds, e.rows) for e in found] == [
        (A, 1, "error", 10.0, 7),
        (A, 2, "success", 10.0, 7),
        (TEST, 1, "warn", 1.0, None),
        (A, 1, "success", 2.5, None),
        (TEST, 1, "warn", 1.0, None),
    ]
    assert (found[0].name, found[0].kind, found[0].group, found[0].run_id) == ("a", "model", "daily", first)
    assert found[0].at == day(0) + timedelta(seconds=30)
    assert {e.group for e in store.trends.executions(group="weekly")} == {"weekly"}
    assert len(store.trends.executions(day(1))) == 2
    assert store.trends.executions(day(2)) == []


def test_one_that_was_lost_gave_none(store: SqlStore) -> None:
    spec = replace(spec_of(new_run(0), A), kind="manual")
    store.create_run(spec, now=NOW)
    store.move_run(spec.run_id, RunState.QUEUED, RunState.RUNNING, now=NOW, owner=ME)
    ready = NodeMove(unique_id=A, before=_S.WAITING, after=_S.READY)
    store.step(spec.run_id, now=NOW, moves=[ready], dispatch=[A])
    assert store.trends.executions() == []
    store.abandon_dead(NOW, lambda _: False)
    assert store.trends.executions() == []


def test_runs_that_ended_by_themselves(store: SqlStore) -> None:
    good = drive(store, 0)
    bad = drive(store, 1, group="weekly", outcomes=(Outcome.FAIL,), ends_as=RunState.FAILED)
    drive(store, 2, ends_as=RunState.CANCELLED)
    store.create_run(replace(spec_of(new_run(3), A), kind="manual"), now=NOW)
    found = store.trends.runs()
    assert [(run.run_id, run.ok, run.queued, run.seconds) for run in found] == [
        (good, True, 30.0, 100.0),
        (bad, False, 30.0, 100.0),
    ]
    assert [run.run_id for run in store.trends.runs(group="weekly")] == [bad]
    assert [run.run_id for run in store.trends.runs(day(1))] == [bad]


def test_what_a_node_was_like_before(store: SqlStore) -> None:
    drive(store, 0, seconds=3, rows=30)
    drive(store, 1, seconds=4, rows=40, outcomes=(Outcome.ERROR, Outcome.SUCCESS))
    drive(store, 2, outcomes=(Outcome.FAIL,), ends_as=RunState.FAILED)
    drive(store, 10, until=40, seconds=500, rows=900)  # a month is not like a day
    last = drive(store, 50, seconds=5, rows=50)
    drive(store, 51, seconds=6)
    assert store.trends.before(last, slot(50)) == {
        A: [Sample(seconds=4, rows=40), Sample(seconds=3, rows=30)]
    }
    assert store.trends.before("sched-daily-0", slot(0)) == {}


@pytest.mark.parametrize("group", [None, "daily"])
def test_a_store_without_runs_has_nothing_to_tell(store: SqlStore, group: str | None) -> None:
    assert store.trends.executions(NOW, group=group) == []
    assert store.trends.runs(NOW, group=group) == []
    assert B not in store.trends.before("none", slot(0))
