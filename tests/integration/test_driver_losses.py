"""A node whose process dies is not to blame: it is executed again, unless that could do harm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.scripted import Ear, Scripted, driver, node, run_of, states_of

from sqlorch.domain.history import RunRecord
from sqlorch.domain.lost import LOST_BUDGET
from sqlorch.domain.run import ErrorClass, Outcome, RetryPolicy, RunSpec, RunState
from sqlorch.state.store import SqlStore

LOST = Outcome.LOST


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with SqlStore.open(tmp_path / "state.db") as opened:
        yield opened


def drive(store: SqlStore, session: Scripted, wanted: RunSpec, ear: Ear) -> RunRecord:
    store.create_run(wanted, now=datetime.now(UTC))
    return driver(store, session, ear=ear).drive(wanted)


def test_a_lost_node_is_executed_again_without_using_up_a_retry(store: SqlStore) -> None:
    policy = RetryPolicy(retries=1, delay=0.01)
    session, ear = Scripted({"a": [LOST, LOST, ErrorClass.TRANSIENT]}), Ear()
    record = drive(store, session, run_of(node("a", retry=policy), node("b", "a")), ear)
    assert record.state is RunState.SUCCESS
    assert states_of(store) == {"a": "success", "b": "success"}
    assert Counter(session.order) == {"a": 4, "b": 1}
    attempts = store.attempts("run-1", "a")
    assert [attempt.outcome for attempt in attempts] == [LOST, LOST, Outcome.ERROR, Outcome.SUCCESS]
    assert [attempt.state for attempt in attempts[:2]] == ["lost", "lost"]
    assert ear.heard["retried"] == 3


def test_a_node_that_loses_every_process_fails_in_the_end(store: SqlStore) -> None:
    session = Scripted({"a": [LOST] * 9})
    record = drive(store, session, run_of(node("a"), node("b", "a"), node("c")), Ear())
    assert record.state is RunState.FAILED
    assert states_of(store) == {"a": "failed", "b": "upstream_failed", "c": "success"}
    assert Counter(session.order)["a"] == LOST_BUDGET + 1
    reason = next(n.reason for n in store.nodes("run-1") if n.unique_id == "a")
    assert reason == "lost of a; lost 4 times, which is one too many"


def test_what_is_not_safe_to_repeat_is_not_repeated(store: SqlStore) -> None:
    session = Scripted({"a": [LOST]})
    record = drive(store, session, run_of(node("a", on_lost="fail"), node("b", "a")), Ear())
    assert record.state is RunState.FAILED
    assert session.order == ["a"]
    reason = next(n.reason for n in store.nodes("run-1") if n.unique_id == "a")
    assert reason.startswith("lost of a; it is not safe to repeat: rows of ")
    assert (
        "may have been written already, and sqlorch retry may write them twice; look into its table" in reason
    )
    assert [attempt.message for attempt in store.attempts("run-1", "a")] == [reason]
