"""Several runs driven at once, as workers of a daemon do: one writer a relation, pools over all runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.scripted import Clock, Ear, Scripted, node, run_of
from support.stores import result

from sqlorch.domain.history import AttemptRecord, NodeMove, Owner
from sqlorch.domain.run import NodeResult, NodeState, RunSpec, RunState
from sqlorch.engine.crew import Crew
from sqlorch.engine.driver import Driver
from sqlorch.engine.pools import Pools
from sqlorch.engine.stop import Stop
from sqlorch.state.owner import current_owner
from sqlorch.state.store import SqlStore

DEAD = Owner(host=current_owner().host, boot_id=current_owner().boot_id, pid=2**22 + 1, started=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with SqlStore.open(tmp_path / "state.db") as opened:
        yield opened


class Witness(Scripted):
    """A session that sees how often a node is executed at once, over all sessions that share the ledger."""

    def __init__(self, ledger: dict[str, int], most: dict[str, int], threads: int = 4) -> None:
        super().__init__({}, threads)
        self.ledger, self.most = ledger, most

    def execute(self, unique_id: str, *, log_path: Path) -> NodeResult:
        self.count(unique_id, 1)
        try:
            return super().execute(unique_id, log_path=log_path)
        finally:
            self.count(unique_id, -1)

    def count(self, unique_id: str, change: int) -> None:
        with LOCK:
            for name in (unique_id, "all"):
                self.ledger[name] = self.ledger.get(name, 0) + change
                self.most[name] = max(self.most.get(name, 0), self.ledger[name])


LOCK = threading.Lock()


def drive(store: SqlStore, session: Scripted, spec: RunSpec, limits: dict[str, int] | None = None) -> None:
    crew = Crew(
        store=store,
        clock=Clock(),
        listener=Ear(),
        stop=Stop(),
        owner=current_owner(),
        run_dir=lambda run_id: Path("runs") / run_id,
        pools=Pools(limits or {}),
    )
    Driver(crew=crew, session=session).drive(spec)


def several(store: SqlStore, *specs: RunSpec, limits: dict[str, int] | None = None) -> dict[str, int]:
    """Drive them all at once, each in a driver of its own; how often each node was executed at once."""
    ledger: dict[str, int] = {}
    most: dict[str, int] = {}
    for spec in specs:
        store.create_run(spec, now=datetime.now(UTC))
    threads = [
        threading.Thread(target=drive, args=(store, Witness(ledger, most), spec, limits)) for spec in specs
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return most


def begin(store: SqlStore, run_id: str, unique_id: str, *, owner: Owner) -> AttemptRecord:
    """A run of another driver, in the middle of a node."""
    now = datetime.now(UTC)
    assert store.move_run(run_id, RunState.QUEUED, RunState.RUNNING, now=now, owner=owner)
    ready = NodeMove(unique_id=unique_id, before=NodeState.WAITING, after=NodeState.READY)
    return store.step(run_id, now=now, moves=[ready], dispatch=[unique_id])[0]


def end(store: SqlStore, attempt: AttemptRecord) -> None:
    """The other driver's node succeeds."""
    moves = [NodeMove(unique_id=attempt.unique_id, before=NodeState.RUNNING, after=NodeState.SUCCESS)]
    done = [(attempt, result(attempt.unique_id))]
    store.step(attempt.run_id, now=datetime.now(UTC), results=done, moves=moves)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_relation_is_built_by_one_run_at_a_time(store: SqlStore) -> None:
    nodes = [node(f"m{number}") for number in range(12)]
    specs = [replace(run_of(*nodes), run_id=f"run-{number}") for number in range(3)]
    most = several(store, *specs)
    assert [store.run(spec.run_id).state for spec in specs] == [RunState.SUCCESS] * 3
    assert most.pop("all") > 1, "runs go on side by side where nothing is in the way"
    assert set(most.values()) == {1}


def test_tests_of_a_node_may_run_in_several_runs_at_once(store: SqlStore) -> None:
    nodes = [node("t", kind="test")]
    store.create_run(replace(run_of(*nodes), run_id="other"), now=datetime.now(UTC))
    begin(store, "other", "t", owner=current_owner())
    several(store, run_of(*nodes))
    assert store.run("run-1").state is RunState.SUCCESS


def test_a_pool_counts_over_all_runs(store: SqlStore) -> None:
    specs = [
        replace(run_of(*(node(f"n{run}{number}", pool="heavy") for number in range(5))), run_id=f"run-{run}")
        for run in range(3)
    ]
    most = several(store, *specs, limits={"heavy": 2})
    assert [store.run(spec.run_id).state for spec in specs] == [RunState.SUCCESS] * 3
    assert most["all"] == 2


def test_what_is_held_back_says_why_and_holds_nobody_else_back(store: SqlStore) -> None:
    store.create_run(replace(run_of(node("a")), run_id="other"), now=datetime.now(UTC))
    attempt = begin(store, "other", "a", owner=current_owner())
    spec = run_of(node("a"), node("b"), node("c"))
    store.create_run(spec, now=datetime.now(UTC))
    session = Scripted({}, threads=1)
    thread = threading.Thread(target=drive, args=(store, session, spec))
    thread.start()
    until(lambda: session.order == ["b", "c"])
    reasons = {row.unique_id: row.reason for row in store.nodes("run-1")}
    assert reasons["a"] == "waiting for other, which builds it now"
    end(store, attempt)
    thread.join(30)
    assert session.order == ["b", "c", "a"]
    assert store.run("run-1").state is RunState.SUCCESS


def test_a_run_whose_process_is_dead_is_not_waited_for(store: SqlStore) -> None:
    store.create_run(replace(run_of(node("a")), run_id="other"), now=datetime.now(UTC))
    begin(store, "other", "a", owner=DEAD)
    several(store, run_of(node("a")))
    assert store.run("run-1").state is RunState.SUCCESS
