"""A run driven to its end: real store, real threads, a session whose nodes do what the test says."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sqlorch.domain.dag import Dag
from sqlorch.domain.errors import ExecutionError
from sqlorch.domain.history import RunRecord
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import (
    ErrorClass,
    NodeResult,
    NodeSpec,
    NodeState,
    Outcome,
    RetryPolicy,
    RunSpec,
    RunState,
)
from sqlorch.engine.crew import Crew
from sqlorch.engine.driver import Driver
from sqlorch.engine.stop import Stop
from sqlorch.state.owner import current_owner
from sqlorch.state.store import SqlStore

Verdict = Outcome | ErrorClass | Exception
DAY = Interval(datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 1, 2, tzinfo=UTC))


class Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class Scripted:
    """Session and run in one: nodes end as scripted, ``wait`` hangs until it is cancelled."""

    def __init__(self, script: Mapping[str, Sequence[Verdict | str]], threads: int = 4) -> None:
        self.script = {name: list(verdicts) for name, verdicts in script.items()}
        self.threads = threads
        self.dag = Dag([], [])
        self.order: list[str] = []
        self.cancelled: list[frozenset[str] | None] = []
        self.most_at_once = 0
        self.finished: list[NodeResult] = []
        self.trouble = ""
        self.opening: Exception | None = None
        self.running: set[str] = set()
        self.lock = threading.Lock()
        self.released: dict[str, threading.Event] = {}
        self.full_refresh: bool | None = None
        self.hook: Callable[[], None] | None = None
        self.interrupted = threading.Event()
        self.abandoned = False

    def open_run(self, *, nodes: Sequence[str], full_refresh: bool, **_: Any) -> Scripted:
        if self.hook is not None:
            self.hook()
            if not self.interrupted.wait(30):
                raise AssertionError("nobody interrupted the hook")
        if self.opening is not None:
            raise self.opening
        self.full_refresh = full_refresh
        self.released = {uid: threading.Event() for uid in nodes}
        return self

    def interrupt(self) -> None:
        self.interrupted.set()

    def close(self) -> None:
        pass

    def dag_for(self, variables: Mapping[str, Any]) -> Dag:
        return self.dag

    def execute(self, unique_id: str, *, log_path: Path) -> NodeResult:
        with self.lock:
            self.order.append(unique_id)
            self.running.add(unique_id)
            self.most_at_once = max(self.most_at_once, len(self.running))
            verdicts = self.script.get(unique_id, [])
            verdict = verdicts.pop(0) if verdicts else Outcome.SUCCESS
        began = datetime.now(UTC)
        try:
            if verdict == "wait":
                assert self.released[unique_id].wait(30)
                self.released[unique_id].clear()
                verdict = Outcome.CANCELLED
            elif isinstance(verdict, Exception):
                raise verdict
            else:
                time.sleep(0.005)
        finally:
            with self.lock:
                self.running.discard(unique_id)
        error = verdict if isinstance(verdict, ErrorClass) else None
        outcome = Outcome.ERROR if error else verdict
        assert isinstance(outcome, Outcome)
        bad = error or (None if outcome.ok else ErrorClass.PERMANENT)
        return NodeResult(
            unique_id=unique_id,
            outcome=outcome,
            started_at=began,
            finished_at=datetime.now(UTC),
            message=f"{outcome} of {unique_id}",
            error_class=bad,
            log_path=str(log_path),
        )

    def cancel(self, unique_ids: Iterable[str] | None = None) -> None:
        wanted = None if unique_ids is None else frozenset(unique_ids)
        self.cancelled.append(wanted)
        for uid, event in self.released.items():
            if uid in self.running and (wanted is None or uid in wanted):
                event.set()

    def finish(self, results: Sequence[NodeResult]) -> str:
        self.finished = list(results)
        return self.trouble

    def abandon(self) -> None:
        self.abandoned = True


class Ear:
    """A listener that counts."""

    def __init__(self) -> None:
        self.heard: Counter[str] = Counter()
        self.skipped: dict[str, str] = {}
        self.warnings: list[tuple[str | None, str]] = []
        self.on_start: Callable[[str], None] = lambda _uid: None

    def run_started(self, spec: RunSpec) -> None:
        self.heard["run_started"] += 1

    def node_started(self, run_id: str, unique_id: str, attempt: int) -> None:
        self.heard["node_started"] += 1
        self.on_start(unique_id)

    def node_finished(
        self, run_id: str, unique_id: str, attempt: int, result: NodeResult, retry_in: float | None
    ) -> None:
        self.heard["retried" if retry_in is not None else "node_finished"] += 1

    def node_skipped(self, run_id: str, unique_id: str, reason: str) -> None:
        self.skipped[unique_id] = reason

    def warned(self, run_id: str, unique_id: str | None, message: str) -> None:
        self.warnings.append((unique_id, message))

    def run_finished(self, record: RunRecord) -> None:
        self.heard["run_finished"] += 1


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with SqlStore.open(tmp_path / "state.db") as opened:
        yield opened


def spec(after: Mapping[str, str], *, retries: int = 0, timeout: float | None = None) -> RunSpec:
    nodes = [
        NodeSpec(
            unique_id=name,
            name=name,
            kind="model",
            after=frozenset(parents.split()),
            timeout=timeout,
            retry=RetryPolicy(retries=retries, delay=0.01),
        )
        for name, parents in after.items()
    ]
    return RunSpec(
        run_id="run-1", group="g", interval=DAY, timezone="UTC", variables={"ds": "2013-01-01"}, nodes=nodes
    )


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
    crew = Crew(
        store=store,
        clock=Clock(),
        listener=ear or Ear(),
        stop=stop or Stop(),
        owner=current_owner(),
        run_dir=lambda run_id: Path("runs") / run_id,
        fail_fast=fail_fast,
    )
    if not more:
        store.create_run(wanted, now=datetime.now(UTC))
    return Driver(crew=crew, session=session).drive(wanted, **more)  # type: ignore[arg-type]


def states(store: SqlStore) -> dict[str, str]:
    return {node.unique_id: str(node.state) for node in store.nodes("run-1")}


def test_everything_runs_once_in_order_and_never_more_than_the_threads(store: SqlStore) -> None:
    after = {f"n{i}": f"n{i - 5}" if i >= 5 else "" for i in range(40)}
    session, ear = Scripted({"n7": [Outcome.WARN]}, threads=3), Ear()
    record = drive(store, session, spec(after), ear=ear)
    assert record.state is RunState.SUCCESS
    assert set(states(store).values()) == {"success"}
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
    assert states(store) == {
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
    assert states(store) == {"a": "cancelled", "c": "cancelled"}
    assert ear.skipped == {"c": "interrupted"}
    assert session.finished


def test_a_node_that_takes_too_long_is_cancelled_and_counts_as_transient(store: SqlStore) -> None:
    session = Scripted({"a": ["wait", Outcome.SUCCESS], "b": ["wait", "wait"]})
    record = drive(store, session, spec({"a": "", "b": ""}, retries=1, timeout=0.1))
    assert states(store) == {"a": "success", "b": "failed"}
    assert record.state is RunState.FAILED
    assert [a.message for a in store.attempts("run-1", "b")] == ["timed out after 0.1 s"] * 2
    assert {uid for uids in session.cancelled for uid in uids or ()} == {"a", "b"}


def test_fail_fast_stops_the_rest(store: SqlStore) -> None:
    session = Scripted({"a": [Outcome.FAIL], "b": ["wait"]}, threads=2)
    record = drive(store, session, spec({"a": "", "b": "", "c": "", "d": "b"}), fail_fast=True)
    assert record.state is RunState.FAILED
    assert states(store) == {"a": "failed", "b": "cancelled", "c": "cancelled", "d": "cancelled"}
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
    assert states(store) == {"a": "cancelled"}
    assert session.order == []


def test_a_run_that_cannot_be_opened_is_stored_as_failed(store: SqlStore) -> None:
    session = Scripted({})
    session.opening = ExecutionError("no warehouse")
    with pytest.raises(ExecutionError):
        drive(store, session, spec({"a": "", "b": "a"}))
    record = store.run("run-1")
    assert (record.state, record.reason) == (RunState.FAILED, "no warehouse")
    assert set(states(store).values()) == {"cancelled"}


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
    assert states(store) == {"a": "success"}


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
