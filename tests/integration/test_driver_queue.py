"""A driver and the real queue: claimed, rescued and cancelled runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.scripted import DAY, Ear, Scripted, driver, node, run_of, states_of

from sqlorch.domain.history import Owner
from sqlorch.domain.run import NodeState, RunSpec, RunState
from sqlorch.domain.scheduling import NewRun, RunKind
from sqlorch.state.owner import current_owner
from sqlorch.state.store import SqlStore

ME = current_owner()
DEAD = replace(ME, pid=4_000_000, started=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with SqlStore.open(tmp_path / "state.db") as opened:
        yield opened


def now() -> datetime:
    return datetime.now(UTC)


def claimed(store: SqlStore, spec: RunSpec, owner: Owner) -> None:
    wanted = NewRun(
        run_id="run-1",
        group="g",
        kind=RunKind.TRIGGERED,
        interval=DAY,
        timezone="UTC",
        due_at=now(),
        trigger_key="k",
    )
    store.queue.enqueue(wanted, now=now())
    assert store.queue.claim(spec, owner=owner, now=now())


def spec() -> RunSpec:
    nodes = (node("a"), node("b", "a"), node("snap", "a"), node("c", "b"), node("d", "snap"))
    return run_of(*nodes, kind="triggered")


def test_a_claimed_run_is_driven_where_it_stands(store: SqlStore) -> None:
    claimed(store, spec(), ME)
    session = Scripted({})
    record = driver(store, session, queue=store.queue).drive(spec())  # type: ignore[arg-type]
    assert (record.state, record.gen) == (RunState.SUCCESS, 1)
    assert session.order[0] == "a"


def test_a_rescued_run_goes_on_where_its_driver_died(store: SqlStore) -> None:
    claimed(store, spec(), DEAD)
    died = Scripted({"b": ["wait"], "snap": ["wait"]})
    ear = Ear()
    frozen = threading.Thread(target=lambda: driver(store, died, ear=ear, owner=DEAD).drive(spec()))
    frozen.start()
    deadline = time.monotonic() + 30
    while not states_of(store)["snap"] == states_of(store)["b"] == "running":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    rescue = store.queue.rescue(
        "run-1", gen=1, was=DEAD, owner=ME, now=now(), budget=3, keep=frozenset({"snap"})
    )
    assert rescue is not None
    assert (rescue.retried, rescue.failed) == (("b",), ("snap",))
    states = {n.unique_id: n.state for n in store.nodes("run-1")}
    assert states["d"] in {NodeState.WAITING, NodeState.UPSTREAM_FAILED}
    session = Scripted({})
    record = driver(store, session, queue=store.queue).drive(spec(), states=states)  # type: ignore[arg-type]
    ended = states_of(store)
    assert record.state is RunState.FAILED
    assert session.order == ["b", "c"]
    assert ended == {"a": "success", "b": "success", "snap": "failed", "c": "success", "d": "upstream_failed"}
    # the first driver wakes up: what it brings is too late and changes nothing
    died.cancel()
    frozen.join(30)
    assert not frozen.is_alive()
    assert states_of(store) == ended
    assert store.run("run-1") == record
    assert [message.split(";")[0] for _, message in ear.warnings] == ["run run-1 is failed already"]
    assert ear.heard["run_finished"] == 0


def test_a_run_is_cancelled_by_a_request_in_the_store(store: SqlStore) -> None:
    claimed(store, spec(), ME)
    session, ear = Scripted({"a": ["wait"]}), Ear()

    def ask(uid: str) -> None:
        assert store.queue.request_cancel("run-1", reason="", who="ann", now=now())

    ear.on_start = ask
    record = driver(store, session, ear=ear, queue=store.queue).drive(spec())  # type: ignore[arg-type]
    assert (record.state, record.reason) == (RunState.CANCELLED, "cancelled by ann")
    assert set(states_of(store).values()) == {"cancelled"}


def test_a_slow_node_is_an_alert_in_the_store(store: SqlStore) -> None:
    slow = run_of(node("a", expected_runtime=0.05), kind="triggered")
    claimed(store, slow, ME)
    session, ear = Scripted({"a": ["wait"]}), Ear()
    ear.on_start = lambda _: threading.Timer(0.3, session.cancel).start()
    driver(store, session, ear=ear, queue=store.queue, alerts=store.alerts).drive(slow)  # type: ignore[arg-type]
    found = {alert.kind: alert.payload for alert in store.alerts.alerts()}
    assert found["node_slow"]["node"] == "a"
