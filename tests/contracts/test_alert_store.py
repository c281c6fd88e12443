"""What a store promises of alerts: the end of a run is told with it, and who was told what is kept."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from support.stores import NOW, A, B, begin, do, manual, result, slot

from sqlorch.domain.alert_news import Topic
from sqlorch.domain.alerts import BY_HAND
from sqlorch.domain.history import NodeMove
from sqlorch.domain.run import NodeState, Outcome, RunState
from sqlorch.engine.alert_ports import Delivery, DeliveryState
from sqlorch.state.store import SqlStore

TOLD = {"invocation": {BY_HAND: True}}
SENT, WAITING, FAILED = DeliveryState.SENT, DeliveryState.WAITING, DeliveryState.FAILED


def drive(store: SqlStore, run_id: str, n: float, outcome: Outcome, **more: Any) -> None:
    """A run of one node that ends like this."""
    manual(store, run_id, slot(n), A, B, **more)
    end(store, run_id, outcome)


def end(store: SqlStore, run_id: str, outcome: Outcome) -> None:
    (attempt,) = begin_again(store, run_id)
    good = outcome.ok
    moves = [
        NodeMove(
            unique_id=A, before=NodeState.RUNNING, after=NodeState.SUCCESS if good else NodeState.FAILED
        ),
        NodeMove(
            unique_id=B,
            before=NodeState.WAITING,
            after=NodeState.SKIPPED if good else NodeState.UPSTREAM_FAILED,
        ),
    ]
    store.step(run_id, now=NOW, results=[(attempt, result(A, outcome))], moves=moves)
    assert store.move_run(
        run_id, RunState.RUNNING, RunState.SUCCESS if good else RunState.FAILED, now=NOW, reason=""
    )


def begin_again(store: SqlStore, run_id: str) -> list[Any]:
    return begin(store, run_id, A)


def kinds(store: SqlStore) -> list[str]:
    return [alert.kind for alert in store.alerts.alerts()]


def delivery(number: int, state: DeliveryState = SENT, **more: Any) -> Delivery:
    values: dict[str, Any] = {"tries": 0, "next_at": None, "at": NOW}
    return Delivery(alert_id=number, receiver="env:A", state=state, **(values | more))


def test_a_run_by_hand_is_told_of_only_where_it_says_so(store: SqlStore) -> None:
    drive(store, "quiet", 1, Outcome.ERROR)
    assert kinds(store) == []
    drive(store, "loud", 2, Outcome.ERROR, **TOLD)
    assert kinds(store) == ["run_failed"]


def test_a_scheduled_run_s_failure_is_told_with_its_nodes(store: SqlStore) -> None:
    drive(store, "r1", 1, Outcome.ERROR, kind="scheduled")
    (alert,) = store.alerts.alerts(unsent=True)
    payload = alert.payload
    assert (payload["run_id"], payload["group"], payload["interval"]) == (
        "r1",
        "daily",
        "2026-03-02T05:00/2026-03-03T05:00",
    )
    assert [node["unique_id"] for node in payload["nodes"]] == [A]
    assert payload["skipped_nodes"] == 1
    (attempt,) = store.deliveries.attempts([payload["nodes"][0]["attempt_id"]])
    assert (attempt.run_id, attempt.unique_id) == ("r1", A)


def test_the_first_success_after_a_failure_is_a_recovery_and_the_next_is_nothing(store: SqlStore) -> None:
    for n, outcome in enumerate(
        [Outcome.SUCCESS, Outcome.ERROR, Outcome.FAIL, Outcome.SUCCESS, Outcome.SUCCESS]
    ):
        drive(store, f"r{n}", n, outcome, kind="scheduled")
    assert kinds(store) == ["run_failed", "run_failed", "run_recovered"]
    assert store.alerts.alerts()[-1].payload["run_id"] == "r3"


def test_a_run_without_the_failed_node_is_no_recovery(store: SqlStore) -> None:
    drive(store, "bad", 1, Outcome.ERROR, kind="scheduled")
    manual(store, "other", slot(2), B, **TOLD)
    do(store, "other", B)
    assert kinds(store) == ["run_failed"]
    drive(store, "again", 1, Outcome.SUCCESS)  # by hand and not told of, yet it repairs
    manual(store, "third", slot(3), B, **TOLD)
    do(store, "third", B)
    assert kinds(store) == ["run_failed", "run_recovered"]
    assert "still_failed" not in store.alerts.alerts()[-1].payload


def test_a_recovery_waits_for_every_node_and_names_what_is_still_failed(store: SqlStore) -> None:
    drive(store, "r1", 1, Outcome.ERROR, kind="scheduled")
    manual(store, "r2", slot(2), B, kind="scheduled")
    do(store, "r2", B, fails=True)
    drive(store, "r3", 3, Outcome.SUCCESS, **TOLD)
    assert kinds(store) == ["run_failed", "run_failed"]
    manual(store, "r4", slot(2), B, **TOLD)
    do(store, "r4", B)
    assert kinds(store) == ["run_failed", "run_failed", "run_recovered"]
    assert store.alerts.alerts()[-1].payload["still_failed"] == "2026-03-02T05:00/2026-03-03T05:00"


def test_a_node_the_group_no_longer_has_is_not_waited_for(store: SqlStore) -> None:
    drive(store, "r1", 1, Outcome.ERROR, kind="scheduled")
    manual(store, "r2", slot(2), B, kind="scheduled")
    do(store, "r2", B)
    assert kinds(store) == ["run_failed", "run_recovered"]


def test_a_rerun_tells_of_its_own_end(store: SqlStore) -> None:
    drive(store, "r1", 1, Outcome.ERROR, kind="scheduled")
    for outcome in (Outcome.ERROR, Outcome.SUCCESS):
        store.rerun("r1", [A, B], now=NOW)
        store.move_run("r1", RunState.QUEUED, RunState.RUNNING, now=NOW)
        end(store, "r1", outcome)
    assert kinds(store) == ["run_failed", "run_failed", "run_recovered"]


def test_a_check_that_warns_is_told_though_the_run_succeeds(store: SqlStore) -> None:
    drive(store, "r1", 1, Outcome.WARN, kind="scheduled")
    (alert,) = store.alerts.alerts()
    assert alert.kind == "check_failed"
    assert [node["unique_id"] for node in alert.payload["nodes"]] == [A]


def test_an_end_that_is_refused_tells_nothing(store: SqlStore) -> None:
    manual(store, "r1", slot(1), A, kind="scheduled")
    assert not store.move_run("r1", RunState.QUEUED, RunState.FAILED, now=NOW)
    assert kinds(store) == []


def test_what_was_recorded_is_there_for_the_next_process(open_store: Callable[[], SqlStore]) -> None:
    first = open_store()
    first.alerts.raise_alert("x", "group_held", {"group": "daily"}, now=NOW)
    topic = Topic(since=NOW, seen_at=NOW, told_at=None, times=2)
    waits = delivery(1, WAITING, tries=3, next_at=NOW + timedelta(hours=1), error="no")
    first.deliveries.record([waits], {"run_failed|daily|a": topic, "other": topic})
    first.close()
    second = open_store()
    assert second.deliveries.deliveries([1, 2]) == [waits]
    assert second.deliveries.topics("env:A") == {"run_failed|daily|a": topic, "other": topic}
    assert second.deliveries.topics("env:B") == {}


def test_closing_topics_takes_those_of_the_group_alone(store: SqlStore) -> None:
    topic = Topic(since=NOW, seen_at=NOW, told_at=NOW, times=1)
    store.alerts.raise_alert("x", "run_failed", {}, now=NOW)
    keys = ["run_failed|a_b|n", "run_failed|a%b|n", "run_failed|axb|n"]
    store.deliveries.record([delivery(1)], dict.fromkeys(keys, topic))
    store.deliveries.record([delivery(1)], {}, ["run_failed|a_b|"])
    assert set(store.deliveries.topics("env:A")) == set(keys[1:])


def test_settled_alerts_are_not_looked_at_again_until_reopened(store: SqlStore) -> None:
    for number in (1, 2):
        store.alerts.raise_alert(f"x{number}", "group_held", {}, now=NOW)
    store.deliveries.record([delivery(1), delivery(2, FAILED, tries=12, error="gone")], {})
    store.deliveries.settle([1], now=NOW)
    store.deliveries.settle([2], now=NOW, error="env:A: gone")
    assert store.deliveries.unsettled(10) == []
    assert [alert.alert_id for alert in store.alerts.newest(10, unsent=True)] == [2]
    store.deliveries.reopen(["env:A"])
    assert [alert.alert_id for alert in store.deliveries.unsettled(10)] == [2]
    assert [(one.state, one.tries) for one in store.deliveries.deliveries([1, 2])] == [
        (SENT, 0),
        (WAITING, 0),
    ]


@pytest.mark.parametrize(
    ("outcome", "there"), [(Outcome.SUCCESS, True), (Outcome.WARN, True), (Outcome.FAIL, False)]
)
def test_when_a_node_last_succeeded(store: SqlStore, outcome: Outcome, there: bool) -> None:
    drive(store, "r1", 1, outcome)
    assert store.deliveries.succeeded([A, B]) == ({A: NOW} if there else {})
