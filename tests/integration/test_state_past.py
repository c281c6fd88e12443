"""What became of nodes lately, read from a state file that runs were written to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sqlorch.domain.history import NodeMove
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import (
    ErrorClass,
    NodeResult,
    NodeSpec,
    NodeState,
    Outcome,
    RunSpec,
    RunState,
)
from sqlorch.state.past import Past, open_past
from sqlorch.state.store import SqlStore

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
_MOVES = {True: NodeState.SUCCESS, False: NodeState.FAILED}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "state.db"


@pytest.fixture
def store(file: Path) -> Iterator[SqlStore]:
    with SqlStore.open(file) as opened:
        yield opened


@pytest.fixture
def past(store: SqlStore, file: Path) -> Iterator[Past]:
    with open_past(file) as opened:
        yield opened


def run_once(store: SqlStore, number: int, outcomes: dict[str, Outcome | None]) -> None:
    """A run in which each node is tried once; None leaves its attempt under way."""
    now = NOON + timedelta(hours=number)
    run_id = f"run-{number}"
    specs = [NodeSpec(unique_id=uid, name=uid, kind="model") for uid in outcomes]
    store.create_run(
        RunSpec(
            run_id=run_id,
            group="daily",
            interval=Interval(NOON, now + timedelta(days=1)),
            timezone="UTC",
            variables={},
            nodes=specs,
        ),
        now=now,
    )
    store.move_run(run_id, RunState.QUEUED, RunState.RUNNING, now=now)
    ready = [NodeMove(unique_id=uid, before=NodeState.WAITING, after=NodeState.READY) for uid in outcomes]
    attempts = store.step(run_id, now=now, moves=ready, dispatch=list(outcomes))
    ended = [(attempt, outcomes[attempt.unique_id]) for attempt in attempts]
    store.step(
        run_id,
        now=now,
        results=[(attempt, result(attempt.unique_id, how, now, number)) for attempt, how in ended if how],
        moves=[
            NodeMove(unique_id=attempt.unique_id, before=NodeState.RUNNING, after=_MOVES[how.ok])
            for attempt, how in ended
            if how
        ],
    )


def result(uid: str, outcome: Outcome, now: datetime, number: int) -> NodeResult:
    return NodeResult(
        unique_id=uid,
        outcome=outcome,
        started_at=now,
        finished_at=now + timedelta(seconds=number),
        rows=number,
        error_class=None if outcome.ok else ErrorClass.PERMANENT,
    )


def test_nothing_is_known_of_nodes_that_never_ran(past: Past) -> None:
    assert past.newest(["a"]) == {}
    assert past.successes(["a"], limit=3) == {}
    assert past.newest([]) == {}


def test_the_newest_attempt_counts_whatever_came_of_it(store: SqlStore, past: Past) -> None:
    run_once(store, 1, {"a": Outcome.SUCCESS, "b": Outcome.ERROR, "c": Outcome.SUCCESS})
    run_once(store, 2, {"a": Outcome.ERROR, "b": Outcome.WARN})
    run_once(store, 3, {"c": None})
    newest = past.newest(["a", "b", "c", "d"])
    assert {uid: (found.run_id, found.outcome) for uid, found in newest.items()} == {
        "a": ("run-2", Outcome.ERROR),
        "b": ("run-2", Outcome.WARN),
        "c": ("run-3", None),
    }


def test_the_last_successes_come_newest_first(store: SqlStore, past: Past) -> None:
    for number in range(1, 6):
        run_once(store, number, {"a": Outcome.ERROR if number == 4 else Outcome.SUCCESS, "b": Outcome.WARN})
    found = past.successes(["a", "b"], limit=3)
    assert [attempt.rows for attempt in found["a"]] == [5, 3, 2]
    assert [attempt.rows for attempt in found["b"]] == [5, 4, 3]


def test_many_nodes_are_asked_for_at_once(store: SqlStore, past: Past) -> None:
    run_once(store, 1, {"a": Outcome.SUCCESS})
    wanted = [f"n{number}" for number in range(2500)]
    assert set(past.newest([*wanted, "a"])) == {"a"}
