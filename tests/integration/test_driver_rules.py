"""What ends, holds back, skips and resumes a run: real store, real threads, scripted nodes."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.scripted import (
    Bell,
    Clock,
    Ear,
    Inbasket,
    Scripted,
    driver,
    node,
    run_of,
    states_of,
)

from sqlorch.domain.errors import ConfigError, ExecutionError, StateError
from sqlorch.domain.history import NodeMove, RunRecord
from sqlorch.domain.run import ErrorClass, NodeState, Outcome, RetryPolicy, RunSpec, RunState
from sqlorch.engine.stop import Stop
from sqlorch.state.owner import current_owner
from sqlorch.state.store import SqlStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with SqlStore.open(tmp_path / "state.db") as opened:
        yield opened


def now() -> datetime:
    return datetime.now(UTC)


def drive(store: SqlStore, session: Scripted, spec: RunSpec, **more: Any) -> RunRecord:
    store.create_run(spec, now=now())
    return driver(store, session, **more).drive(spec)


def reasons(store: SqlStore) -> dict[str, str]:
    return {n.unique_id: n.reason for n in store.nodes("run-1") if n.reason}


def when_started(ear: Ear, name: str, act: Callable[[], None]) -> None:
    ear.on_start = lambda uid: act() if uid == name else None


def test_a_false_condition_skips_a_node_and_what_builds_on_it(store: SqlStore) -> None:
    ear = Ear()
    spec = run_of(
        node("a"),
        node("monthly", "a", run_if="day == 2"),
        node("below", "monthly"),
        node("anyway", "monthly", trigger_rule="none_failed"),
        node("daily", "a", run_if="day == 1"),
    )
    session = Scripted({})
    record = drive(store, session, spec, ear=ear)
    assert record.state is RunState.SUCCESS
    assert record.node_counts == {"success": 3, "skipped": 2}
    assert sorted(session.order) == ["a", "anyway", "daily"]
    told = {
        "monthly": "run_if: day == 2 is false (day is 1)",
        "below": "upstream monthly was skipped",
    }
    assert ear.skipped == told
    assert reasons(store) == told


def test_a_test_skipped_by_its_condition_holds_nobody_back(store: SqlStore) -> None:
    spec = run_of(node("a"), node("t", "a", kind="test", run_if="day == 9"), node("b", "t"))
    session = Scripted({})
    assert drive(store, session, spec).state is RunState.SUCCESS
    assert (session.order, states_of(store)["t"]) == (["a", "b"], "skipped")


def test_a_condition_that_cannot_be_read_begins_nothing(store: SqlStore) -> None:
    spec = run_of(node("a", run_if="day = 1"))
    with pytest.raises(ConfigError, match="is not a condition"):
        drive(store, Scripted({}), spec)
    assert store.run("run-1").state is RunState.QUEUED


def test_trigger_rules_let_nodes_run_after_failures(store: SqlStore) -> None:
    spec = run_of(
        node("bad"),
        node("good"),
        node("normal", "bad good"),
        node("alarm", "bad good", trigger_rule="one_failed"),
        node("clean_up", "normal alarm", trigger_rule="all_done"),
        node("calm", "good", trigger_rule="one_failed"),
    )
    record = drive(store, Scripted({"bad": [Outcome.FAIL]}), spec)
    assert record.state is RunState.FAILED
    assert states_of(store) == {
        "bad": "failed",
        "good": "success",
        "normal": "upstream_failed",
        "alarm": "success",
        "clean_up": "success",
        "calm": "skipped",
    }
    assert reasons(store)["calm"] == "trigger_rule one_failed: no upstream failed"


def test_pools_limit_what_runs_at_once_and_hold_nobody_else_back(store: SqlStore) -> None:
    pooled = [node(f"p{i}", pool="warehouse", priority=9.0) for i in range(6)]
    session = Counting({}, threads=8)
    record = drive(
        store, session, run_of(*pooled, *(node(f"n{i}") for i in range(6))), pools={"warehouse": 2}
    )
    assert record.state is RunState.SUCCESS
    assert session.most["p"] == 2
    assert session.most["n"] > 2


class Counting(Scripted):
    """Counts how many nodes of each first letter run at once."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.under_way: Counter[str] = Counter()
        self.most: Counter[str] = Counter()

    def execute(self, unique_id: str, *, log_path: Path) -> Any:
        with self.lock:
            self.under_way[unique_id[0]] += 1
            self.most |= self.under_way
        time.sleep(0.02)
        result = super().execute(unique_id, log_path=log_path)
        with self.lock:
            self.under_way[unique_id[0]] -= 1
        return result


def test_a_node_that_waits_for_its_pool_says_so(store: SqlStore) -> None:
    session, ear, seen = Scripted({"a": ["wait"]}), Ear(), {}

    def look() -> None:
        seen.update(reasons(store))
        session.cancel(["a"])

    # started() comes right after the step that makes b wait was written
    when_started(ear, "a", lambda: threading.Timer(0.1, look).start())
    drive(
        store,
        session,
        run_of(node("a", pool="x", priority=1.0), node("b", pool="x")),
        ear=ear,
        pools={"x": 1},
    )
    assert seen == {"b": "waiting for the pool x (1 of 1 in use)"}
    assert states_of(store) == {"a": "cancelled", "b": "success"}
    assert reasons(store) == {"a": "interrupted"}


def test_an_unknown_pool_has_no_limit(store: SqlStore) -> None:
    spec = run_of(*(node(f"n{i}", pool="gone") for i in range(4)))
    assert drive(store, Scripted({}), spec).state is RunState.SUCCESS


def test_a_slow_node_is_warned_of_once(store: SqlStore) -> None:
    session, ear, bell = Scripted({"a": ["wait"]}), Ear(), Bell()
    when_started(ear, "a", lambda: threading.Timer(0.4, session.cancel).start())
    drive(store, session, run_of(node("a", expected_runtime=0.05)), ear=ear, alerts=bell)
    assert ear.warnings == [("a", "takes longer than the 0.05s it is expected to")]
    ((dedupe, kind, payload),) = bell.rung
    assert (dedupe, kind) == ("node_slow/run-1/1/a", "node_slow")
    assert payload == {"run_id": "run-1", "node": "a", "group": "g", "expected_seconds": 0.05}


def test_a_run_that_takes_too_long_is_stopped_and_fails(store: SqlStore) -> None:
    session, ear = Scripted({"a": ["wait"]}), Ear()
    record = drive(store, session, run_of(node("a"), node("b", "a"), timeout=0.2), ear=ear)
    assert (record.state, record.reason) == (RunState.FAILED, "timed out after 0.2s")
    assert states_of(store) == {"a": "cancelled", "b": "cancelled"}
    assert reasons(store) == dict.fromkeys("ab", "timed out after 0.2s")
    assert ear.skipped == {"b": "timed out after 0.2s"}
    assert session.finished


def test_a_run_that_ends_in_time_does_not_time_out(store: SqlStore) -> None:
    assert drive(store, Scripted({}), run_of(node("a"), timeout=30.0)).state is RunState.SUCCESS


def test_a_run_whose_opening_takes_too_long_fails(store: SqlStore) -> None:
    session = Scripted({})
    session.hook, session.opening = (lambda: None), ExecutionError("INTERRUPT Error")
    record = drive(store, session, run_of(node("a"), timeout=0.2))
    assert (record.state, record.reason) == (RunState.FAILED, "timed out after 0.2s")
    assert states_of(store) == {"a": "cancelled"}


def test_somebody_may_ask_for_a_run_to_be_cancelled(store: SqlStore) -> None:
    session, ear, asked = Scripted({"a": ["wait"]}), Ear(), Inbasket()
    when_started(ear, "a", lambda: setattr(asked, "asked", "wrong target (ann)"))
    record = drive(store, session, run_of(node("a"), node("b", "a")), ear=ear, queue=asked)
    assert (record.state, record.reason) == (RunState.CANCELLED, "wrong target (ann)")
    assert states_of(store) == {"a": "cancelled", "b": "cancelled"}
    assert reasons(store)["b"] == "wrong target (ann)"


def test_somebody_may_ask_while_a_run_is_being_opened(store: SqlStore) -> None:
    session, asked = Scripted({}), Inbasket()
    session.hook = lambda: setattr(asked, "asked", "changed my mind")
    session.opening = ExecutionError("INTERRUPT Error")
    record = drive(store, session, run_of(node("a")), queue=asked)
    assert (record.state, record.reason) == (RunState.CANCELLED, "changed my mind")


def test_the_store_is_asked_now_and_then_not_all_the_time(store: SqlStore) -> None:
    session, ear, asked = Scripted({"a": ["wait"]}), Ear(), Inbasket()
    when_started(ear, "a", lambda: threading.Timer(1.2, session.cancel).start())
    drive(store, session, run_of(node("a")), ear=ear, queue=asked)
    assert 2 <= asked.looks <= 5


def give_away(tmp_path: Path, column: str, value: object) -> None:
    """What a process that takes a run over writes."""
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection:
        connection.execute(f"UPDATE run SET {column} = ?", (value,))
        connection.commit()


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("owner_pid", 4242, "run run-1 was taken over by process 4242 on"),
        ("gen", 2, "run run-1 was begun again (generation 2); this process stops"),
        ("state", "failed", "run run-1 is failed already; this process stops"),
    ],
)
def test_a_driver_whose_run_is_not_its_own_any_more_stops_and_writes_nothing(
    store: SqlStore, tmp_path: Path, column: str, value: object, said: str
) -> None:
    session, ear = Scripted({"a": ["wait"]}), Ear()
    when_started(ear, "a", lambda: give_away(tmp_path, column, value))
    record = drive(store, session, run_of(node("a"), node("b", "a")), ear=ear, queue=Inbasket())
    assert record == store.run("run-1")
    assert states_of(store) == {"a": "running", "b": "waiting"}
    ((who, message),) = ear.warnings
    assert who is None
    assert message.startswith(said)
    assert session.abandoned
    assert not session.finished
    assert ear.heard["run_finished"] == 0


def test_a_refused_write_stops_a_driver_that_has_not_looked_yet(store: SqlStore, tmp_path: Path) -> None:
    ear, session = Ear(), Scripted({})

    def rescued() -> None:
        give_away(tmp_path, "owner_pid", 4242)
        store.step(
            "run-1",
            now=now(),
            moves=[NodeMove(unique_id="b", before=NodeState.WAITING, after=NodeState.READY)],
        )

    when_started(ear, "a", rescued)
    drive(store, session, run_of(node("a"), node("b", "a")), ear=ear)
    assert session.order == ["a"]
    assert states_of(store)["b"] == "ready"
    assert ear.warnings[0][1].startswith("run run-1 was taken over by process 4242")


def test_a_run_of_another_process_cannot_be_driven(store: SqlStore) -> None:
    spec = run_of(node("a"))
    store.create_run(spec, now=now())
    other = replace(current_owner(), pid=4242)
    store.move_run("run-1", RunState.QUEUED, RunState.RUNNING, now=now(), owner=other)
    with pytest.raises(StateError, match="run run-1 is running; this process cannot drive it"):
        driver(store, Scripted({})).drive(spec)


def test_a_suspended_run_waits_for_the_next_worker_which_takes_it_up(store: SqlStore) -> None:
    spec = run_of(
        *(
            node(name, above, retry=RetryPolicy(retries=0))
            for name, above in (("a", ""), ("b", ""), ("c", "a b"))
        )
    )
    session, ear, stop = Scripted({"b": ["wait"]}), Ear(), Stop()
    when_started(ear, "b", lambda: stop.suspend(Clock().monotonic() + 0.3))
    record = drive(store, session, spec, ear=ear, stop=stop)
    assert record.state is RunState.RUNNING
    assert states_of(store) == {"a": "success", "b": "up_for_retry", "c": "waiting"}
    assert (session.abandoned, session.finished, ear.heard["run_finished"]) == (True, [], 0)
    states = {n.unique_id: n.state for n in store.nodes("run-1")}
    second = Scripted({})
    record = driver(store, second).drive(spec, states=states)
    assert (record.state, record.gen) == (RunState.SUCCESS, 1)
    assert second.order == ["b", "c"]
    assert [a.n for a in store.attempts("run-1", "b")] == [1, 2]


@pytest.mark.parametrize("seconds", [0.0, 0.2])
def test_a_run_may_be_suspended_while_it_is_being_opened(store: SqlStore, seconds: float) -> None:
    session, stop = Scripted({}), Stop()
    session.hook = lambda: stop.suspend(Clock().monotonic() + seconds)
    session.opening = ExecutionError("INTERRUPT Error")
    record = drive(store, session, run_of(node("a")), stop=stop)
    assert record.state is RunState.RUNNING
    assert states_of(store) == {"a": "waiting"}


def half_done(store: SqlStore, spec: RunSpec, to: Mapping[str, list[NodeState]]) -> dict[str, NodeState]:
    """A run whose driver has died and that was taken over: some attempts lost, the nodes moved as said."""
    store.create_run(spec, now=now())
    store.move_run("run-1", RunState.QUEUED, RunState.RUNNING, now=now(), owner=current_owner())
    state = dict.fromkeys(to, NodeState.WAITING)
    for uid, path in to.items():
        for after in path:
            if after is NodeState.RUNNING:
                store.step("run-1", now=now(), dispatch=[uid])
            else:
                move = NodeMove(unique_id=uid, before=state[uid], after=after)
                store.step("run-1", now=now(), moves=[move])
            state[uid] = after
    return {n.unique_id: n.state for n in store.nodes("run-1")}


def test_a_rescued_run_goes_on_from_every_state(store: SqlStore) -> None:
    s = NodeState
    spec = run_of(
        node("done"),
        node("again"),
        node("ready"),
        node("gone"),
        node("below_gone", "gone"),
        node("knew", "gone"),
        node("skipped"),
        node("tolerant", "skipped gone done", trigger_rule="all_done"),
        node("next", "done again ready"),
        node("untouched"),
    )
    begun = [s.READY, s.RUNNING]
    states = half_done(
        store,
        spec,
        {
            "done": [*begun, s.SUCCESS],
            "again": [*begun, s.LOST, s.UP_FOR_RETRY],
            "ready": [s.READY],
            "gone": [*begun, s.LOST, s.FAILED],
            "knew": [s.UPSTREAM_FAILED],
            "skipped": [s.SKIPPED],
        },
    )
    session = Scripted({})
    record = driver(store, session).drive(spec, states=states)
    assert record.state is RunState.FAILED
    assert sorted(session.order) == ["again", "next", "ready", "tolerant", "untouched"]
    assert states_of(store) == {
        "done": "success",
        "again": "success",
        "ready": "success",
        "gone": "failed",
        "below_gone": "upstream_failed",
        "knew": "upstream_failed",
        "skipped": "skipped",
        "tolerant": "success",
        "next": "success",
        "untouched": "success",
    }


def test_a_rescued_run_keeps_count_of_its_transient_errors(store: SqlStore) -> None:
    spec = run_of(node("a", retry=RetryPolicy(retries=1, delay=60.0)))
    session, ear, stop = Scripted({"a": [ErrorClass.TRANSIENT]}), Ear(), Stop()
    when_started(ear, "a", lambda: stop.suspend(Clock().monotonic() + 5))
    assert drive(store, session, spec, ear=ear, stop=stop).state is RunState.RUNNING
    assert states_of(store) == {"a": "up_for_retry"}
    again = Scripted({"a": [ErrorClass.TRANSIENT]})
    record = driver(store, again).drive(spec, states={"a": NodeState.UP_FOR_RETRY})
    assert record.state is RunState.FAILED
    assert again.order == ["a"]


def test_a_rescued_run_that_is_over_ends_at_once(store: SqlStore) -> None:
    spec = run_of(node("a"))
    states = half_done(store, spec, {"a": [NodeState.READY, NodeState.RUNNING, NodeState.SUCCESS]})
    session = Scripted({})
    assert driver(store, session).drive(spec, states=states).state is RunState.SUCCESS
    assert session.order == []


def test_a_rescued_run_has_the_rest_of_its_time(store: SqlStore) -> None:
    spec = run_of(node("a"), timeout=0.5)
    states = half_done(store, spec, {"a": [NodeState.READY]})
    time.sleep(0.6)
    record = driver(store, Scripted({"a": ["wait"]})).drive(spec, states=states)
    assert (record.state, record.reason) == (RunState.FAILED, "timed out after 0.5s")


def test_a_live_node_must_be_given_up_before_its_run_goes_on(store: SqlStore) -> None:
    spec = run_of(node("a"))
    states = half_done(store, spec, {"a": [NodeState.READY, NodeState.RUNNING]})
    with pytest.raises(StateError, match="a is running: its attempt must be given up"):
        driver(store, Scripted({})).drive(spec, states=states)
