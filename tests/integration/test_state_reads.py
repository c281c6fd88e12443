"""What is read beside the port: durations, dashboards; and runs whose process is gone."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sqlorch.domain.errors import StateError
from sqlorch.domain.expectations import Expectation, ExpectationResult
from sqlorch.domain.freshness import FreshnessStatus, SourceFreshness
from sqlorch.domain.history import NodeMove, Owner
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import ErrorClass, NodeResult, NodeSpec, NodeState, Outcome, RunSpec, RunState
from sqlorch.state import dashboards
from sqlorch.state.store import SqlStore

T0 = datetime(2026, 1, 1, 0, 0, 0, 5, tzinfo=UTC)
DAY = Interval(T0, T0 + timedelta(days=1))
DEAD = Owner(host="box", boot_id="b", pid=17, started=3)
ALIVE = Owner(host="box", boot_id="b", pid=18, started=4)
A, B, CHECK = "model.shop.a", "model.shop.b", "test.shop.check"
_S = NodeState
FOUND = (
    ExpectationResult(
        expectation=Expectation(
            type="expect_x", arguments={"column": "id"}, severity="warn", origin="a.yml:3"
        ),
        ok=False,
        observed={"mean": 1.5},
        checked=10,
        unexpected=2,
        samples=(7, "x"),
    ),
    ExpectationResult(expectation=Expectation(type="expect_y"), ok=True),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with SqlStore.open(tmp_path / "state.db", owner=DEAD) as store:
        yield store


def spec(run_id: str) -> RunSpec:
    nodes = [
        NodeSpec(unique_id=A, name="a", kind="model", path="models/a.sql", materialized="view"),
        NodeSpec(unique_id=B, name="b", kind="model"),
        NodeSpec(unique_id=CHECK, name="check", kind="test", attached_to=A, severity="warn"),
    ]
    return RunSpec(run_id=run_id, group="daily", interval=DAY, timezone="UTC", variables={}, nodes=nodes)


def begin(store: SqlStore, run_id: str, owner: Owner = DEAD) -> None:
    store.create_run(spec(run_id), now=T0)
    store.move_run(run_id, RunState.QUEUED, RunState.RUNNING, now=T0, owner=owner)


def to_ready(store: SqlStore, run_id: str, *uids: str, before: NodeState = _S.WAITING) -> None:
    moves = [NodeMove(unique_id=uid, before=before, after=_S.READY) for uid in uids]
    store.step(run_id, now=T0, moves=moves)


def execute(
    store: SqlStore, run_id: str, uid: str, *, seconds: float, outcome: Outcome, after: NodeState
) -> None:
    [attempt] = store.step(run_id, now=T0, dispatch=[uid])
    result = NodeResult(
        unique_id=uid,
        outcome=outcome,
        started_at=T0,
        finished_at=T0 + timedelta(seconds=seconds),
        rows=5,
        failures=2 if uid == CHECK else None,
        message=f"{outcome}!",
        error_class=None if outcome.ok else ErrorClass.TRANSIENT,
        checks=FOUND if uid == CHECK else (),
        adapter_response={"bytes_processed": 2048},
    )
    moves = [NodeMove(unique_id=uid, before=_S.RUNNING, after=after)]
    store.step(run_id, now=T0, results=[(attempt, result)], moves=moves)


class TestDurations:
    def test_is_the_median_of_the_last_five_successes_over_all_runs(self, store: SqlStore):
        for n, seconds in enumerate([1000, 1000, 7, 1, 900, 5, 6]):
            begin(store, f"r{n}")
            to_ready(store, f"r{n}", A)
            execute(
                store,
                f"r{n}",
                A,
                seconds=seconds,
                outcome=Outcome.WARN if n % 2 else Outcome.SUCCESS,
                after=_S.SUCCESS,
            )
        assert store.durations([A]) == {A: 6.0}

    def test_failures_and_unknown_nodes_do_not_count(self, store: SqlStore):
        begin(store, "r1")
        to_ready(store, "r1", A, B)
        execute(store, "r1", A, seconds=99, outcome=Outcome.ERROR, after=_S.UP_FOR_RETRY)
        to_ready(store, "r1", A, before=_S.UP_FOR_RETRY)
        execute(store, "r1", A, seconds=3, outcome=Outcome.SUCCESS, after=_S.SUCCESS)
        execute(store, "r1", B, seconds=4, outcome=Outcome.FAIL, after=_S.FAILED)
        assert store.durations([A, A, B, "model.shop.zzz"]) == {A: 3.0}
        assert store.durations([]) == {}

    def test_any_number_of_nodes_can_be_asked_for(self, store: SqlStore):
        begin(store, "r1")
        to_ready(store, "r1", A)
        execute(store, "r1", A, seconds=3, outcome=Outcome.SUCCESS, after=_S.SUCCESS)
        assert store.durations([*(f"model.shop.n{n}" for n in range(2500)), A]) == {A: 3.0}


class TestAbandoned:
    def test_a_running_run_of_a_dead_process_fails(self, store: SqlStore):
        begin(store, "r1")
        to_ready(store, "r1", A, B)
        execute(store, "r1", A, seconds=3, outcome=Outcome.SUCCESS, after=_S.SUCCESS)
        store.step("r1", now=T0, dispatch=[B])
        now = T0 + timedelta(hours=1)
        assert store.abandon_dead(now, lambda owner: owner != DEAD) == ["r1"]
        run = store.run("r1")
        assert (run.state, run.finished_at) == (RunState.FAILED, now)
        assert run.reason == "the process that ran it is gone (box, pid 17)"
        a, b, check = store.nodes("r1")
        assert (a.state, a.outcome) == (_S.SUCCESS, Outcome.SUCCESS)
        assert (b.state, b.reason, b.outcome) == (_S.FAILED, run.reason, Outcome.LOST)
        assert (check.state, check.reason) == (_S.CANCELLED, run.reason)
        attempt = store.attempts("r1", B)[0]
        assert (attempt.state, attempt.outcome, attempt.finished_at) == ("lost", Outcome.LOST, now)
        assert (attempt.error_class, attempt.message) == (ErrorClass.INFRA, run.reason)

    def test_what_waits_for_another_try_is_cancelled(self, store: SqlStore):
        begin(store, "r1")
        to_ready(store, "r1", A, B)
        execute(store, "r1", A, seconds=3, outcome=Outcome.ERROR, after=_S.UP_FOR_RETRY)
        execute(store, "r1", B, seconds=3, outcome=Outcome.ERROR, after=_S.UP_FOR_RESCHEDULE)
        store.abandon_dead(T0, lambda _: False)
        assert [node.state for node in store.nodes("r1")] == [_S.CANCELLED] * 3

    def test_a_node_found_lost_fails(self, store: SqlStore):
        begin(store, "r1")
        to_ready(store, "r1", A)
        store.step("r1", now=T0, dispatch=[A])
        store.step("r1", now=T0, moves=[NodeMove(unique_id=A, before=_S.RUNNING, after=_S.LOST)])
        store.abandon_dead(T0, lambda _: False)
        assert store.nodes("r1")[0].state is _S.FAILED

    def test_a_run_being_cancelled_ends_cancelled(self, store: SqlStore):
        begin(store, "r1")
        to_ready(store, "r1", A)
        store.step("r1", now=T0, dispatch=[A])
        store.move_run("r1", RunState.RUNNING, RunState.CANCELLING, now=T0)
        assert store.abandon_dead(T0, lambda _: False) == ["r1"]
        assert store.run("r1").state is RunState.CANCELLED
        assert store.attempts("r1")[0].state == "lost"

    def test_a_queued_run_belongs_to_the_process_that_created_it(self, store: SqlStore):
        store.create_run(spec("r1"), now=T0)
        assert store.abandon_dead(T0, lambda owner: owner == DEAD) == []
        assert store.run("r1").state is RunState.QUEUED
        assert store.abandon_dead(T0, lambda owner: owner != DEAD) == ["r1"]
        assert store.run("r1").state is RunState.CANCELLED
        assert store.run("r1").node_counts == {"cancelled": 3}

    def test_living_and_finished_runs_are_left_alone(self, store: SqlStore):
        begin(store, "alive", ALIVE)
        begin(store, "over")
        store.move_run("over", RunState.RUNNING, RunState.SUCCESS, now=T0)
        begin(store, "dead1")
        begin(store, "dead2")
        before = [store.run("alive"), store.run("over")]
        assert store.abandon_dead(T0, lambda owner: owner == ALIVE) == ["dead1", "dead2"]
        assert [store.run("alive"), store.run("over")] == before
        assert store.abandon_dead(T0, lambda owner: owner == ALIVE) == []

    def test_it_can_be_run_again(self, store: SqlStore):
        begin(store, "r1")
        store.abandon_dead(T0, lambda _: False)
        assert store.rerun("r1", [A, B, CHECK], now=T0) == 2
        assert store.move_run("r1", RunState.QUEUED, RunState.RUNNING, now=T0, owner=ALIVE)
        assert store.abandon_dead(T0, lambda owner: owner == ALIVE) == []

    def test_a_run_that_ends_while_it_is_looked_at_is_not_touched(self, store: SqlStore):
        begin(store, "r1")

        def dies_just_after_finishing(_: Owner) -> bool:
            store.move_run("r1", RunState.RUNNING, RunState.SUCCESS, now=T0)
            return False

        assert store.abandon_dead(T0, dies_just_after_finishing) == []
        assert store.run("r1").state is RunState.SUCCESS


class TestDashboards:
    @pytest.fixture
    def filled(self, store: SqlStore) -> SqlStore:
        begin(store, "r1")
        to_ready(store, "r1", A, B, CHECK)
        execute(store, "r1", A, seconds=1.25, outcome=Outcome.SUCCESS, after=_S.SUCCESS)
        execute(store, "r1", CHECK, seconds=0.5, outcome=Outcome.ERROR, after=_S.UP_FOR_RETRY)
        to_ready(store, "r1", CHECK, before=_S.UP_FOR_RETRY)
        execute(store, "r1", CHECK, seconds=0.25, outcome=Outcome.WARN, after=_S.SUCCESS)
        execute(store, "r1", B, seconds=1, outcome=Outcome.ERROR, after=_S.FAILED)
        store.move_run("r1", RunState.RUNNING, RunState.FAILED, now=T0 + timedelta(seconds=4), reason="b")
        store.create_run(replace(spec("r2"), nodes=[]), now=T0)
        source = SourceFreshness(
            unique_id="source.shop.raw.a",
            source="raw.a",
            status=FreshnessStatus.WARN,
            snapshotted_at=T0,
            max_loaded_at=T0 - timedelta(hours=1),
            warn_after=60.0,
        )
        store.freshness.keep("r1", 1, [source])
        return store

    def table(self, store: SqlStore, name: str) -> list[dict[str, object]]:
        columns, rows = store.dashboard_rows(name)
        return [dict(zip((column for column, _ in columns), row, strict=True)) for row in rows]

    @pytest.mark.parametrize("name", dashboards.tables())
    def test_every_value_has_the_type_its_column_says(self, filled: SqlStore, name: str):
        columns, rows = filled.dashboard_rows(name)
        types = {"text": str, "integer": int, "real": float, "timestamp": datetime}
        values = [dict(zip(columns, row, strict=True)) for row in rows]
        assert values
        for (column, kind), value in (pair for row in values for pair in row.items()):
            assert value is None or type(value) is types[kind], (column, value)
            assert kind != "timestamp" or value is None or value.tzinfo is UTC

    def test_expectation_results_hold_what_each_attempt_found(self, filled: SqlStore):
        rows = self.table(filled, "expectation_results")
        assert [(row["attempt"], row["expectation"], row["ok"]) for row in rows] == [
            (1, "expect_x", 0),
            (1, "expect_y", 1),
            (2, "expect_x", 0),
            (2, "expect_y", 1),
        ]
        first = rows[0]
        assert (first["checked_node"], first["column_name"], first["severity"]) == (A, "id", "warn")
        assert (first["observed"], first["checked"], first["unexpected"]) == ('{"mean": 1.5}', 10, 2)
        assert (first["samples"], first["error"]) == ('[7, "x"]', "")

    def test_runs(self, filled: SqlStore):
        first, second = self.table(filled, "runs")
        assert (first["run_id"], first["group_name"], first["state"]) == ("r1", "daily", "failed")
        assert (first["interval_start"], first["interval_end"]) == (DAY.start, DAY.end)
        assert (first["seconds"], first["reason"]) == (4.0, "b")
        counts = [first[f"nodes{suffix}"] for suffix in ("", "_success", "_failed", "_skipped", "_cancelled")]
        assert counts == [3, 2, 1, 0, 0]
        assert (second["run_id"], second["nodes"], second["seconds"]) == ("r2", 0, None)
        assert (first["queued_seconds"], second["queued_seconds"]) == (0.0, None)

    def test_node_runs(self, filled: SqlStore):
        a, b, check = self.table(filled, "node_runs")
        assert (a["unique_id"], a["path"], a["materialized"]) == (A, "models/a.sql", "view")
        assert (a["outcome"], a["seconds"], a["rows"], a["failures"]) == ("success", 1.25, 5, None)
        assert (a["bytes"], b["bytes"]) == (2048, 2048)
        assert (b["state"], b["outcome"], b["message"]) == ("failed", "error", "error!")
        assert (check["attempts"], check["outcome"], check["failures"]) == (2, "warn", 2)

    def test_test_results_hold_every_verdict(self, filled: SqlStore):
        first, second = self.table(filled, "test_results")
        assert (first["attempt"], first["status"], second["attempt"], second["status"]) == (
            1,
            "error",
            2,
            "warn",
        )
        assert (second["tested_node"], second["severity"], second["failures"]) == (A, "warn", 2)
        assert (second["group_name"], second["seconds"]) == ("daily", 0.25)

    @pytest.mark.parametrize(("outcome", "status"), [(Outcome.SUCCESS, "pass"), (Outcome.FAIL, "fail")])
    def test_a_verdict_is_called_as_dbt_calls_it(self, store: SqlStore, outcome: Outcome, status: str):
        begin(store, "r1")
        to_ready(store, "r1", CHECK)
        execute(store, "r1", CHECK, seconds=1, outcome=outcome, after=_S.SUCCESS if outcome.ok else _S.FAILED)
        assert [row["status"] for row in self.table(store, "test_results")] == [status]

    def test_a_stopped_test_gave_no_verdict(self, store: SqlStore):
        begin(store, "r1")
        to_ready(store, "r1", CHECK)
        execute(store, "r1", CHECK, seconds=1, outcome=Outcome.CANCELLED, after=_S.CANCELLED)
        assert self.table(store, "test_results") == []
        assert len(self.table(store, "node_runs")) == 3

    def test_tables_of_one_moment_agree_while_others_write(self, filled: SqlStore):
        with filled.moment() as moment:
            _, rows = moment.dashboard_rows("runs")
            assert len(list(rows)) == 2
            filled.create_run(spec("r3"), now=T0)
            _, nodes = moment.dashboard_rows("node_runs")
            assert {row[0] for row in nodes} == {"r1"}
            assert len(moment.trends.runs()) == 1
        with filled.moment() as moment:
            assert len(list(moment.dashboard_rows("runs")[1])) == 3

    def test_a_moment_is_read_in_another_thread(self, filled: SqlStore):
        with filled.moment() as moment, ThreadPoolExecutor(1) as pool:
            _, rows = moment.dashboard_rows("runs")
            assert len(pool.submit(list, rows).result()) == 2

    def test_rows_are_of_one_moment_and_do_not_block_writers(self, filled: SqlStore):
        _, rows = filled.dashboard_rows("runs")
        first = next(rows)
        filled.create_run(spec("r3"), now=T0)
        assert [first[0], *(row[0] for row in rows)] == ["r1", "r2"]

    def test_an_iterator_left_early_gives_its_connection_back(self, filled: SqlStore):
        for _ in range(40):
            _, rows = filled.dashboard_rows("node_runs")
            next(rows)
            rows.close()
        assert len(filled.runs()) == 2

    def test_an_unknown_table_is_refused(self, store: SqlStore):
        with pytest.raises(
            StateError,
            match="no dashboard table x; there are runs, node_runs, test_results, expectation_results",
        ):
            store.dashboard_rows("x")
