"""A run driven to its end: real store, real threads, a session whose nodes do what the test says."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.promises import within
from support.scripted import Ear, Scripted, driver, node, run_of, states_of

from sqlorch.domain.errors import ExecutionError, TransientError
from sqlorch.domain.history import RunRecord
from sqlorch.domain.run import ErrorClass, NodeState, Outcome, RetryPolicy, RunSpec, RunState
from sqlorch.engine.stop import Stop
from sqlorch.state.store import SqlStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with SqlStore.open(tmp_path / "state.db") as opened:
        yield opened


def spec(after: Mapping[str, str], *, retries: int = 0, timeout: float | None = None) -> RunSpec:
    policy = RetryPolicy(retries=retries, delay=0.01)
    return run_of(*(node(name, above, timeout=timeout, retry=policy) for name, above in after.items()))


def drive(
    store: SqlStore,
    session: Scripted,
    wanted: RunSpec,
    *,
    ear: Ear | None = None,
    stop: Stop | None = None,
    fail_fast: bool = False,
    **more: Any,
) -> RunRecord:
    if not more:
        store.create_run(wanted, now=datetime.now(UTC))
    return driver(store, session, ear=ear, stop=stop, fail_fast=fail_fast).drive(wanted, **more)


def test_everything_runs_once_in_order_and_never_more_than_the_threads(store: SqlStore) -> None:
    after = {f"n{i}": f"n{i - 5}" if i >= 5 else "" for i in range(40)}
    session, ear = Scripted({"n7": [Outcome.WARN]}, threads=3), Ear()
    record = drive(store, session, spec(after), ear=ear)
    assert record.state is RunState.SUCCESS
    assert set(states_of(store).values()) == {"success"}
    assert Counter(session.order) == dict.fromkeys(after, 1)
    assert all(session.order.index(p) < session.order.index(n) for n, p in after.items() if p)
    assert 1 < session.most_at_once <= 3
    assert ear.heard == {"run_started": 1, "node_started": 40, "node_finished": 40, "run_finished": 1}
    assert len(session.finished) == 40
    assert [a.n for a in store.attempts("run-1")] == [1] * 40


def test_transient_errors_are_tried_again_and_permanent_ones_are_not(store: SqlStore) -> None:
    transient, permanent = ErrorClass.TRANSIENT, ErrorClass.PERMANENT
    session = Scripted({"a": [transient, transient], "b": [permanent], "d": [transient] * 9})
    record = drive(store, session, spec({"a": "", "b": "", "c": "b", "d": "", "e": "a"}, retries=2))
    assert record.state is RunState.FAILED
    assert states_of(store) == {
        "a": "success",
        "b": "failed",
        "c": "upstream_failed",
        "d": "failed",
        "e": "success",
    }
    assert Counter(session.order) == {"a": 3, "b": 1, "d": 3, "e": 1}
    assert [a.outcome for a in store.attempts("run-1", "a")] == [
        Outcome.ERROR,
        Outcome.ERROR,
        Outcome.SUCCESS,
    ]
    assert next(n for n in store.nodes("run-1") if n.unique_id == "c").reason == "upstream b failed"


def test_a_stop_cancels_what_runs_and_what_waits(store: SqlStore) -> None:
    session, ear, stop = Scripted({"a": ["wait"], "b": [Outcome.SUCCESS]}), Ear(), Stop()
    ear.on_start = lambda uid: stop.request() if uid == "a" else None
    record = drive(store, session, spec({"a": "", "c": "a"}), ear=ear, stop=stop)
    assert record.state is RunState.CANCELLED
    assert states_of(store) == {"a": "cancelled", "c": "cancelled"}
    assert ear.skipped == {"c": "interrupted"}
    assert session.finished


def test_a_node_that_takes_too_long_is_cancelled_and_counts_as_transient(store: SqlStore) -> None:
    session = Scripted({"a": ["wait", Outcome.SUCCESS], "b": ["wait", "wait"]})
    record = drive(store, session, spec({"a": "", "b": ""}, retries=1, timeout=0.1))
    assert states_of(store) == {"a": "success", "b": "failed"}
    assert record.state is RunState.FAILED
    assert [a.message for a in store.attempts("run-1", "b")] == ["timed out after 0.1 s"] * 2
    assert {uid for uids in session.cancelled for uid in uids or ()} == {"a", "b"}


def test_fail_fast_stops_the_rest(store: SqlStore) -> None:
    session = Scripted({"a": [Outcome.FAIL], "b": ["wait"]}, threads=2)
    record = drive(store, session, spec({"a": "", "b": "", "c": "", "d": "b"}), fail_fast=True)
    assert record.state is RunState.FAILED
    assert states_of(store) == {"a": "failed", "b": "cancelled", "c": "cancelled", "d": "cancelled"}
    assert session.order.count("c") == 0


@pytest.mark.parametrize("error", [ExecutionError("INTERRUPT Error"), None])
def test_a_stop_interrupts_a_hook_before_the_first_node(store: SqlStore, error: Exception | None) -> None:
    session, stop = Scripted({}), Stop()
    session.hook, session.opening = stop.request, error
    if error is None:
        assert drive(store, session, spec({"a": ""}), stop=stop).state is RunState.CANCELLED
    else:
        with pytest.raises(KeyboardInterrupt):
            drive(store, session, spec({"a": ""}), stop=stop)
    record = store.run("run-1")
    assert (record.state, record.reason) == (RunState.CANCELLED, "interrupted")
    assert states_of(store) == {"a": "cancelled"}
    assert session.order == []


def test_a_run_that_cannot_be_opened_is_stored_as_failed(store: SqlStore) -> None:
    session = Scripted({})
    session.opening = ExecutionError("no warehouse")
    with pytest.raises(ExecutionError):
        drive(store, session, spec({"a": "", "b": "a"}))
    record = store.run("run-1")
    assert (record.state, record.reason) == (RunState.FAILED, "no warehouse")
    assert set(states_of(store).values()) == {"cancelled"}


def test_an_opening_that_may_yet_do_is_tried_as_often_as_the_most_patient_node(store: SqlStore) -> None:
    session, ear = Scripted({}), Ear()
    session.openings = [TransientError("away"), TransientError("still away")]
    nodes = (node("a"), node("b", retry=RetryPolicy(retries=2, delay=0.01)))
    assert drive(store, session, run_of(*nodes), ear=ear).state is RunState.SUCCESS
    assert [said for _, said in ear.warnings] == [
        "away; opened again in 0 s",
        "still away; opened again in 0 s",
    ]
    assert session.openings == []


def test_a_stop_between_two_tries_to_open_a_run_is_heeded(store: SqlStore) -> None:
    class Hasty(Ear):
        """Stops as a signal handler does: what nobody waits for would end the process on the spot."""

        def warned(self, run_id: str, unique_id: str | None, message: str) -> None:
            if not stop.waited_for:
                raise KeyboardInterrupt
            stop.request()

    session, stop = Scripted({}), Stop()
    session.openings = [TransientError("away")]
    spec = run_of(node("a", retry=RetryPolicy(retries=3, delay=60)))
    store.create_run(spec, now=datetime.now(UTC))
    with pytest.raises(KeyboardInterrupt):
        driver(store, session, ear=Hasty(), stop=stop).drive(spec)
    assert store.run(spec.run_id).state == "cancelled"
    assert states_of(store) == {"a": "cancelled"}
    assert not stop.waited_for


def test_an_opening_is_not_tried_for_ever_nor_after_another_error(store: SqlStore) -> None:
    for number, error in enumerate([TransientError("away"), ExecutionError("hook")]):
        session = Scripted({})
        session.openings = [error, error, error]
        patient = replace(spec({"a": ""}, retries=1), run_id=f"run-{number}")
        with pytest.raises(ExecutionError):
            drive(store, session, patient)
        assert len(session.openings) == 1 + number
        assert store.run(f"run-{number}").state is RunState.FAILED


def test_a_run_that_waits_to_be_opened_again_can_be_stopped(store: SqlStore) -> None:
    session, ear, stop = Scripted({}), Ear(), Stop()
    session.openings = [TransientError("away")]
    threading.Timer(0.2, stop.request).start()
    patient = run_of(node("a", retry=RetryPolicy(retries=1, delay=60)))
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        drive(store, session, patient, ear=ear, stop=stop)
    assert time.monotonic() - began < within(10)
    assert store.run("run-1").state is RunState.CANCELLED


def test_an_exception_in_a_worker_is_a_failed_node_not_a_hanging_run(store: SqlStore) -> None:
    record = drive(store, Scripted({"a": [MemoryError("too big")]}), spec({"a": "", "b": "a"}, retries=3))
    assert record.state is RunState.FAILED
    (attempt,) = store.attempts("run-1", "a")
    assert "MemoryError: too big" in attempt.message


def test_a_hook_that_fails_at_the_end_fails_the_run(store: SqlStore) -> None:
    session = Scripted({})
    session.trouble = "on-run-end failed: no such table"
    record = drive(store, session, spec({"a": ""}))
    assert (record.state, record.reason) == (RunState.FAILED, "on-run-end failed: no such table")
    assert states_of(store) == {"a": "success"}


def test_a_rerun_keeps_what_succeeded(store: SqlStore) -> None:
    wanted = spec({"a": "", "b": "a", "c": "b"})
    drive(store, Scripted({"b": [Outcome.ERROR]}), wanted)
    assert store.rerun("run-1", ["b", "c"], now=datetime.now(UTC)) == 2
    session = Scripted({})
    record = drive(store, session, wanted, states={"a": NodeState.SUCCESS})
    assert (record.state, record.gen) == (RunState.SUCCESS, 2)
    assert session.order == ["b", "c"]


def test_nodes_blocked_from_outside_do_not_start(store: SqlStore) -> None:
    wanted = spec({"a": "", "b": "a", "c": ""})
    store.create_run(wanted, now=datetime.now(UTC))
    session = Scripted({})
    record = drive(store, session, wanted, blocked={"a": "stg_weather failed in run-0"})
    assert record.state is RunState.FAILED
    assert session.order == ["c"]
    assert {n.unique_id: n.reason for n in store.nodes("run-1") if n.reason} == {
        "a": "stg_weather failed in run-0",
        "b": "upstream a could not run",
    }
