"""What every run store promises, whatever it is built on."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from sqlorch.domain.errors import StateError
from sqlorch.domain.history import AttemptRecord, NodeMove, Owner
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import ErrorClass, NodeResult, NodeSpec, NodeState, Outcome, RunSpec, RunState
from sqlorch.domain.transitions import NODE_MOVES, RUN_MOVES, may_move_node, may_move_run
from sqlorch.engine.ports import RunStore
from sqlorch.state.store import SqlStore

T0 = datetime(2026, 3, 8, 6, 59, 59, 123457, tzinfo=UTC)
ME = Owner(host="here", boot_id="boot-1", pid=4711, started=99)
OTHER = Owner(host="here", boot_id="boot-1", pid=4712, started=100)
A, B, C = "model.shop.a", "model.shop.b", "test.shop.c"
_S = NodeState


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def make_spec(run_id: str = "manual-1", group: str = "daily") -> RunSpec:
    return RunSpec(
        run_id=run_id,
        group=group,
        interval=Interval(T0 - timedelta(days=1), T0),
        timezone="America/New_York",
        variables={"ds": "2026-03-07", "naïve": "☃ '\"%s"},
        invocation={"target": "dev", "vars": {"n": 1, "deep": [None, True, 1.5]}},
        nodes=[
            NodeSpec(unique_id=B, name="b", kind="model", path="models/b.sql", materialized="table"),
            NodeSpec(unique_id=A, name="a", kind="model", after=frozenset({B})),
            NodeSpec(
                unique_id=C,
                name="c",
                kind="test",
                after=frozenset({A, B}),
                attached_to=A,
                severity="warn",
            ),
        ],
    )


def make_result(unique_id: str, outcome: Outcome = Outcome.SUCCESS, *, seconds: float = 1.5) -> NodeResult:
    return NodeResult(
        unique_id=unique_id,
        outcome=outcome,
        started_at=at(10),
        finished_at=at(10 + seconds),
        rows=7,
        failures=3,
        message="said so\nand \0 more \ud800",
        error_class=None if outcome.ok else ErrorClass.PERMANENT,
        file="models/b.sql",
        line=12,
        compiled_path="target/b.sql",
        log_path="logs/b.log",
        adapter_response={"rows_affected": 7, "when": T0},
        timing={"compile": 0.25, "execute": 1.25},
    )


def move(unique_id: str, *path: NodeState, reason: str = "") -> list[NodeMove]:
    return [
        NodeMove(unique_id=unique_id, before=before, after=after, reason=reason)
        for before, after in pairwise(path)
    ]


def start(store: RunStore, *ready: str, run_id: str = "manual-1") -> None:
    store.create_run(make_spec(run_id), now=T0)
    assert store.move_run(run_id, RunState.QUEUED, RunState.RUNNING, now=at(1), owner=ME)
    store.step(run_id, now=at(1), moves=[m for uid in ready for m in move(uid, _S.WAITING, _S.READY)])


def state_of(store: RunStore, unique_id: str, run_id: str = "manual-1") -> NodeState:
    return next(node.state for node in store.nodes(run_id) if node.unique_id == unique_id)


def finish(store: RunStore, attempt: AttemptRecord, outcome: Outcome, after: NodeState) -> None:
    store.step(
        attempt.run_id,
        now=at(20),
        results=[(attempt, make_result(attempt.unique_id, outcome))],
        moves=move(attempt.unique_id, _S.RUNNING, after),
    )


class TestCreate:
    def test_reads_back_what_was_written(self, store: SqlStore, open_store: Callable[[], SqlStore]):
        spec = make_spec()
        store.create_run(spec, now=T0)
        for reader in (store, open_store()):
            record = reader.run("manual-1")
            assert (record.group, record.kind, record.timezone) == ("daily", "manual", "America/New_York")
            assert record.interval == spec.interval
            assert (record.gen, record.state, record.reason) == (1, RunState.QUEUED, "")
            assert (record.created_at, record.started_at, record.finished_at) == (T0, None, None)
            assert record.variables == spec.variables
            assert record.invocation == spec.invocation
            assert record.node_counts == {"waiting": 3}
            assert record.seconds is None

    def test_nodes_wait_in_topological_order(self, store: RunStore):
        store.create_run(make_spec(), now=T0)
        nodes = store.nodes("manual-1")
        assert [node.unique_id for node in nodes] == [B, A, C]
        assert [node.position for node in nodes] == [0, 1, 2]
        assert {(node.state, node.gen, node.tries) for node in nodes} == {(_S.WAITING, 1, 0)}
        assert nodes[2].after == {A, B}
        assert (nodes[0].path, nodes[0].materialized, nodes[0].kind) == ("models/b.sql", "table", "model")
        assert (nodes[0].outcome, nodes[0].seconds, nodes[0].message) == (None, None, "")

    def test_a_second_run_of_the_same_id_is_refused(self, store: RunStore):
        store.create_run(make_spec(), now=T0)
        with pytest.raises(StateError, match="already a run manual-1"):
            store.create_run(replace(make_spec(), group="other"), now=at(1))
        assert [run.group for run in store.runs()] == ["daily"]

    def test_a_run_without_nodes_is_a_run(self, store: RunStore):
        store.create_run(replace(make_spec(), nodes=[]), now=T0)
        assert store.nodes("manual-1") == []
        assert store.run("manual-1").node_counts == {}

    def test_a_repeated_node_leaves_no_run_behind(self, store: RunStore):
        node = make_spec().nodes[0]
        with pytest.raises(StateError, match="nothing was changed"):
            store.create_run(replace(make_spec(), nodes=[node, node]), now=T0)
        assert store.runs() == []

    def test_an_invocation_json_cannot_say_is_refused(self, store: RunStore):
        with pytest.raises(StateError, match="invocation of run manual-1 cannot be stored as JSON"):
            store.create_run(replace(make_spec(), invocation={"x": object()}), now=T0)
        assert store.runs() == []

    def test_a_naive_instant_is_refused(self, store: RunStore):
        with pytest.raises(StateError, match="no time zone"):
            store.create_run(make_spec(), now=T0.replace(tzinfo=None))


class TestReading:
    def test_runs_come_newest_created_first_even_within_one_instant(self, store: RunStore):
        for name in ("r1", "r2", "r3"):
            store.create_run(make_spec(name), now=T0)
        assert [run.run_id for run in store.runs()] == ["r3", "r2", "r1"]
        assert [run.run_id for run in store.runs(limit=2)] == ["r3", "r2"]

    def test_runs_are_filtered_by_group_and_state(self, store: RunStore):
        store.create_run(make_spec("r1", "daily"), now=T0)
        store.create_run(make_spec("r2", "hourly"), now=T0)
        store.create_run(make_spec("r3", "daily"), now=T0)
        store.move_run("r3", RunState.QUEUED, RunState.RUNNING, now=at(1), owner=ME)
        assert [run.run_id for run in store.runs(group="daily")] == ["r3", "r1"]
        assert [run.run_id for run in store.runs(state=RunState.QUEUED)] == ["r2", "r1"]
        assert [run.run_id for run in store.runs(group="daily", state=RunState.RUNNING)] == ["r3"]
        assert store.runs(group="weekly") == []

    def test_an_unknown_run_offers_the_nearest(self, store: RunStore):
        store.create_run(make_spec("manual-20260308T101500Z-7f3a"), now=T0)
        with pytest.raises(StateError, match="did you mean manual-20260308T101500Z-7f3a"):
            store.run("manual-20260308T101500Z-7f3b")
        with pytest.raises(StateError, match="no run zzz"):
            store.run("zzz")

    def test_counts_are_by_state(self, store: RunStore):
        start(store, A, B)
        store.step("manual-1", now=at(2), dispatch=[B])
        assert store.run("manual-1").node_counts == {"ready": 1, "running": 1, "waiting": 1}


class TestMoveRun:
    def test_running_records_owner_and_start_and_the_end_its_instant(self, store: RunStore):
        store.create_run(make_spec(), now=T0)
        assert store.move_run("manual-1", RunState.QUEUED, RunState.RUNNING, now=at(1), owner=OTHER)
        running = store.run("manual-1")
        assert (running.state, running.owner, running.started_at) == (RunState.RUNNING, OTHER, at(1))
        assert running.finished_at is None
        assert store.move_run("manual-1", RunState.RUNNING, RunState.FAILED, now=at(5), reason="a failed")
        failed = store.run("manual-1")
        assert (failed.state, failed.reason, failed.finished_at) == (RunState.FAILED, "a failed", at(5))
        assert (failed.owner, failed.seconds) == (OTHER, 4.0)

    def test_another_state_than_expected_changes_nothing(self, store: RunStore):
        store.create_run(make_spec(), now=T0)
        before = store.run("manual-1")
        assert not store.move_run("manual-1", RunState.RUNNING, RunState.FAILED, now=at(5), reason="no")
        assert store.run("manual-1") == before

    @pytest.mark.parametrize("after", RunState)
    @pytest.mark.parametrize("before", RunState)
    def test_only_the_moves_of_the_table_are_made(self, store: RunStore, before: RunState, after: RunState):
        store.create_run(make_spec(), now=T0)
        for step in _run_path(before):
            assert store.move_run("manual-1", *step, now=at(1), owner=ME)
        if may_move_run(before, after) and not before.terminal:
            assert store.move_run("manual-1", before, after, now=at(2), owner=ME)
            assert store.run("manual-1").state is after
        else:
            with pytest.raises(StateError, match=f"may not go from {before} to {after}"):
                store.move_run("manual-1", before, after, now=at(2), owner=ME)
            assert store.run("manual-1").state is before

    def test_a_run_does_not_end_while_an_attempt_is_live(self, store: RunStore):
        start(store, B)
        [attempt] = store.step("manual-1", now=at(2), dispatch=[B])
        with pytest.raises(StateError, match=f"{B} is still being executed"):
            store.move_run("manual-1", RunState.RUNNING, RunState.FAILED, now=at(3))
        finish(store, attempt, Outcome.ERROR, _S.FAILED)
        assert store.move_run("manual-1", RunState.RUNNING, RunState.FAILED, now=at(3))

    def test_an_unknown_run_is_an_error(self, store: RunStore):
        with pytest.raises(StateError, match="no run nope"):
            store.move_run("nope", RunState.QUEUED, RunState.RUNNING, now=T0, owner=ME)


def _run_path(target: RunState) -> list[tuple[RunState, RunState]]:
    """Moves that lead from queued to a state."""
    paths = {RunState.QUEUED: []}
    frontier = [RunState.QUEUED]
    while frontier:
        state = frontier.pop(0)
        for after in sorted(RUN_MOVES[state]):
            if after not in paths:
                paths[after] = [*paths[state], (state, after)]
                frontier.append(after)
    return paths[target]


class TestStep:
    def test_dispatch_opens_attempts_in_order_with_growing_fences(self, store: RunStore):
        start(store, A, B)
        opened = store.step("manual-1", now=at(2), dispatch=[A, B])
        assert [attempt.unique_id for attempt in opened] == [A, B]
        assert opened == store.attempts("manual-1")
        assert opened[0].fence < opened[1].fence
        first = opened[0]
        assert (first.n, first.gen, first.state, first.started_at) == (1, 1, "running", at(2))
        assert (first.outcome, first.finished_at, first.message) == (None, None, "")
        assert state_of(store, A) is _S.RUNNING
        assert [node.tries for node in store.nodes("manual-1")] == [1, 1, 0]

    def test_a_result_closes_its_attempt_and_moves_nothing(self, store: RunStore):
        start(store, B)
        [attempt] = store.step("manual-1", now=at(2), dispatch=[B])
        store.step("manual-1", now=at(20), results=[(attempt, make_result(B, Outcome.WARN))])
        [closed] = store.attempts("manual-1", B)
        assert (closed.state, closed.outcome, closed.error_class) == ("done", Outcome.WARN, None)
        assert (closed.started_at, closed.finished_at) == (at(10), at(11.5))
        assert (closed.rows, closed.failures, closed.file, closed.line) == (7, 3, "models/b.sql", 12)
        assert (closed.compiled_path, closed.log_path) == ("target/b.sql", "logs/b.log")
        assert closed.adapter_response == {"rows_affected": 7, "when": str(T0)}
        assert closed.timing == {"compile": 0.25, "execute": 1.25}
        assert closed.message.startswith("said so\nand ")
        assert "\0" not in closed.message
        assert state_of(store, B) is _S.RUNNING

    def test_a_node_shows_its_latest_attempt(self, store: RunStore):
        start(store, B)
        [first] = store.step("manual-1", now=at(2), dispatch=[B])
        finish(store, first, Outcome.ERROR, _S.UP_FOR_RETRY)
        node = store.nodes("manual-1")[0]
        assert (node.outcome, node.rows, node.failures, node.seconds) == (Outcome.ERROR, 7, 3, 1.5)
        store.step("manual-1", now=at(30), moves=move(B, _S.UP_FOR_RETRY, _S.READY), dispatch=[B])
        node = store.nodes("manual-1")[0]
        assert (node.state, node.outcome, node.seconds, node.tries) == (_S.RUNNING, None, None, 2)

    def test_results_moves_and_dispatch_are_one_step(self, store: RunStore):
        start(store, B)
        [first] = store.step("manual-1", now=at(2), dispatch=[B])
        [second] = store.step(
            "manual-1",
            now=at(20),
            results=[(first, make_result(B))],
            moves=[*move(B, _S.RUNNING, _S.SUCCESS), *move(A, _S.WAITING, _S.READY)],
            dispatch=[A],
        )
        assert (second.unique_id, second.n) == (A, 1)
        assert [node.state for node in store.nodes("manual-1")] == [_S.SUCCESS, _S.RUNNING, _S.WAITING]

    def test_attempts_of_a_node_count_from_one(self, store: RunStore):
        start(store, B)
        for n in (1, 2, 3):
            [attempt] = store.step("manual-1", now=at(n), dispatch=[B])
            assert attempt.n == n
            finish(store, attempt, Outcome.ERROR, _S.UP_FOR_RETRY)
            store.step("manual-1", now=at(n), moves=move(B, _S.UP_FOR_RETRY, _S.READY))
        assert [attempt.n for attempt in store.attempts("manual-1", B)] == [1, 2, 3]
        fences = [attempt.fence for attempt in store.attempts("manual-1", B)]
        assert fences == sorted(set(fences))

    def test_reasons_are_kept(self, store: RunStore):
        start(store)
        store.step("manual-1", now=at(2), moves=move(A, _S.WAITING, _S.UPSTREAM_FAILED, reason="b failed ☹"))
        assert store.nodes("manual-1")[1].reason == "b failed ☹"

    @pytest.mark.parametrize("after", NodeState)
    @pytest.mark.parametrize("before", [s for s in NodeState if s is not _S.DISPATCHED])
    def test_only_the_moves_of_the_table_are_made(self, store: RunStore, before: NodeState, after: NodeState):
        start(store)
        bring(store, B, before)
        legal = may_move_node(before, after) and after is not _S.DISPATCHED
        if legal:
            store.step("manual-1", now=at(3), moves=move(B, before, after))
            assert state_of(store, B) is after
        else:
            with pytest.raises(StateError, match=B):
                store.step("manual-1", now=at(3), moves=move(B, before, after))
            assert state_of(store, B) is before

    def test_a_stale_move_undoes_the_whole_step(self, store: RunStore):
        start(store, B)
        [attempt] = store.step("manual-1", now=at(2), dispatch=[B])
        with pytest.raises(StateError, match=f"{A} of run manual-1 is waiting, not ready"):
            store.step(
                "manual-1",
                now=at(20),
                results=[(attempt, make_result(B))],
                moves=[*move(B, _S.RUNNING, _S.SUCCESS), *move(A, _S.READY, _S.CANCELLED)],
            )
        assert state_of(store, B) is _S.RUNNING
        assert store.attempts("manual-1") == [attempt]

    def test_a_repeated_move_is_refused(self, store: RunStore):
        start(store, B)
        with pytest.raises(StateError, match="nothing was changed"):
            store.step("manual-1", now=at(2), moves=move(B, _S.WAITING, _S.READY))

    def test_only_ready_nodes_are_dispatched(self, store: RunStore):
        start(store, B)
        with pytest.raises(StateError, match=f"{A} of run manual-1 is waiting, not ready"):
            store.step("manual-1", now=at(2), dispatch=[B, A])
        assert store.attempts("manual-1") == []
        assert state_of(store, B) is _S.READY

    def test_a_node_is_not_dispatched_twice(self, store: RunStore):
        start(store, B)
        with pytest.raises(StateError, match="twice"):
            store.step("manual-1", now=at(2), dispatch=[B, B])
        store.step("manual-1", now=at(2), dispatch=[B])
        with pytest.raises(StateError, match="is running, not ready"):
            store.step("manual-1", now=at(3), dispatch=[B])
        assert len(store.attempts("manual-1")) == 1

    def test_nothing_is_dispatched_unless_the_run_is_running(self, store: RunStore):
        start(store, B)
        store.move_run("manual-1", RunState.RUNNING, RunState.CANCELLING, now=at(2))
        with pytest.raises(StateError, match="run manual-1 is cancelling"):
            store.step("manual-1", now=at(3), dispatch=[B])

    def test_nodes_that_are_not_there_are_refused(self, store: RunStore):
        start(store)
        with pytest.raises(StateError, match=r"has no node model\.shop\.zzz"):
            store.step("manual-1", now=at(2), moves=move("model.shop.zzz", _S.WAITING, _S.READY))
        with pytest.raises(StateError, match=r"has no node model\.shop\.zzz"):
            store.step("manual-1", now=at(2), dispatch=["model.shop.zzz"])

    def test_a_result_of_another_node_is_refused(self, store: RunStore):
        start(store, B)
        [attempt] = store.step("manual-1", now=at(2), dispatch=[B])
        with pytest.raises(StateError, match=f"result of {A}"):
            store.step("manual-1", now=at(3), results=[(attempt, make_result(A))])


def bring(store: RunStore, unique_id: str, target: NodeState) -> None:
    """Lead a waiting node to a state by legal moves."""
    paths = {_S.WAITING: [_S.WAITING]}
    frontier = [_S.WAITING]
    while frontier:
        state = frontier.pop(0)
        for after in sorted(
            NODE_MOVES[state] - {_S.DISPATCHED} | ({_S.RUNNING} if state is _S.READY else set())
        ):
            if after not in paths:
                paths[after] = [*paths[state], after]
                frontier.append(after)
    path = paths[target]
    for before, after in pairwise(path):
        if after is _S.RUNNING:
            store.step("manual-1", now=at(2), dispatch=[unique_id])
        else:
            store.step("manual-1", now=at(2), moves=move(unique_id, before, after))


class TestFences:
    def test_a_node_moved_on_without_a_result_gives_its_attempt_up(self, store: RunStore):
        start(store, A, B)
        store.step("manual-1", now=at(2), dispatch=[A, B])
        store.step(
            "manual-1",
            now=at(9),
            moves=[
                *move(A, _S.RUNNING, _S.LOST, reason="worker gone"),
                *move(B, _S.RUNNING, _S.CANCELLED, reason="stopped"),
            ],
        )
        lost, stopped = store.attempts("manual-1")
        assert (lost.state, lost.outcome, lost.message) == ("lost", Outcome.LOST, "worker gone")
        assert (lost.finished_at, lost.error_class) == (at(9), ErrorClass.INFRA)
        assert (stopped.state, stopped.outcome) == ("lost", Outcome.CANCELLED)

    def test_a_late_result_is_kept_and_not_applied(self, store: RunStore):
        start(store, B)
        [first] = store.step("manual-1", now=at(2), dispatch=[B])
        store.step(
            "manual-1",
            now=at(9),
            moves=move(B, _S.RUNNING, _S.LOST, _S.UP_FOR_RETRY, _S.READY),
        )
        [second] = store.step("manual-1", now=at(9), dispatch=[B])
        finish(store, first, Outcome.SUCCESS, _S.SUCCESS)
        old, new = store.attempts("manual-1")
        assert (old.state, old.outcome, old.rows) == ("fenced", Outcome.SUCCESS, 7)
        assert new == second
        assert state_of(store, B) is _S.RUNNING
        finish(store, second, Outcome.SUCCESS, _S.SUCCESS)
        assert state_of(store, B) is _S.SUCCESS

    def test_a_late_result_does_not_hold_up_the_others(self, store: RunStore):
        start(store, A, B)
        first, other = store.step("manual-1", now=at(2), dispatch=[B, A])
        store.step("manual-1", now=at(9), moves=move(B, _S.RUNNING, _S.LOST, _S.FAILED))
        store.step(
            "manual-1",
            now=at(20),
            results=[(first, make_result(B)), (other, make_result(A))],
            moves=[*move(B, _S.RUNNING, _S.SUCCESS), *move(A, _S.RUNNING, _S.SUCCESS)],
        )
        assert (state_of(store, B), state_of(store, A)) == (_S.FAILED, _S.SUCCESS)

    def test_a_result_with_another_fence_changes_nothing(self, store: RunStore):
        start(store, B)
        [attempt] = store.step("manual-1", now=at(2), dispatch=[B])
        finish(store, replace(attempt, fence=attempt.fence + 1), Outcome.SUCCESS, _S.SUCCESS)
        assert store.attempts("manual-1") == [attempt]
        assert state_of(store, B) is _S.RUNNING

    def test_the_first_report_of_an_attempt_stands(self, store: RunStore):
        start(store, B)
        [attempt] = store.step("manual-1", now=at(2), dispatch=[B])
        finish(store, attempt, Outcome.SUCCESS, _S.SUCCESS)
        before = store.attempts("manual-1")
        finish(store, attempt, Outcome.ERROR, _S.FAILED)
        assert store.attempts("manual-1") == before
        assert state_of(store, B) is _S.SUCCESS

    def test_fences_grow_over_all_runs_and_openings(
        self, store: SqlStore, open_store: Callable[[], SqlStore]
    ):
        start(store, A, B, run_id="r1")
        opened = store.step("r1", now=at(2), dispatch=[B, A])
        again = open_store()
        start(again, A, B, run_id="r2")
        opened += again.step("r2", now=at(1), dispatch=[A, B])
        fences = [attempt.fence for attempt in opened]
        assert fences == sorted(set(fences))


class TestRerun:
    def finished(self, store: RunStore) -> None:
        start(store, A, B)
        good, bad = store.step("manual-1", now=at(2), dispatch=[B, A])
        finish(store, good, Outcome.SUCCESS, _S.SUCCESS)
        finish(store, bad, Outcome.ERROR, _S.FAILED)
        store.step("manual-1", now=at(20), moves=move(C, _S.WAITING, _S.UPSTREAM_FAILED, reason="a failed"))
        store.move_run("manual-1", RunState.RUNNING, RunState.FAILED, now=at(21), reason="a failed")

    def test_named_nodes_wait_again_and_the_others_keep_their_success(self, store: RunStore):
        self.finished(store)
        kept = store.nodes("manual-1")[0]
        assert store.rerun("manual-1", [A, C], now=at(60)) == 2
        record = store.run("manual-1")
        assert (record.gen, record.state, record.reason) == (2, RunState.QUEUED, "")
        assert (record.created_at, record.started_at, record.finished_at) == (T0, None, None)
        nodes = store.nodes("manual-1")
        assert nodes[0] == kept
        assert [(node.state, node.gen, node.reason) for node in nodes[1:]] == [(_S.WAITING, 2, "")] * 2
        assert [(node.outcome, node.message) for node in nodes[1:]] == [(None, "")] * 2

    def test_attempts_count_anew_and_the_old_ones_stay(self, store: RunStore):
        self.finished(store)
        store.rerun("manual-1", [A], now=at(60))
        store.move_run("manual-1", RunState.QUEUED, RunState.RUNNING, now=at(61), owner=OTHER)
        store.step("manual-1", now=at(61), moves=move(A, _S.WAITING, _S.READY), dispatch=[A])
        assert [(a.gen, a.n) for a in store.attempts("manual-1", A)] == [(1, 1), (2, 1)]
        assert store.nodes("manual-1")[1].tries == 2
        assert store.run("manual-1").started_at == at(61)

    def test_a_late_result_of_the_generation_before_is_not_applied(self, store: RunStore):
        start(store, B)
        [old] = store.step("manual-1", now=at(2), dispatch=[B])
        store.step("manual-1", now=at(3), moves=move(B, _S.RUNNING, _S.LOST, _S.FAILED))
        store.move_run("manual-1", RunState.RUNNING, RunState.FAILED, now=at(4))
        store.rerun("manual-1", [B], now=at(5))
        store.move_run("manual-1", RunState.QUEUED, RunState.RUNNING, now=at(6), owner=ME)
        store.step("manual-1", now=at(6), moves=move(B, _S.WAITING, _S.READY), dispatch=[B])
        finish(store, old, Outcome.SUCCESS, _S.SUCCESS)
        assert state_of(store, B) is _S.RUNNING
        assert [a.state for a in store.attempts("manual-1")] == ["fenced", "running"]

    def test_a_run_that_has_not_ended_is_refused(self, store: RunStore):
        start(store)
        with pytest.raises(StateError, match="manual-1 is running; only a finished run"):
            store.rerun("manual-1", [A], now=at(5))

    def test_unknown_runs_and_nodes_are_refused(self, store: RunStore):
        self.finished(store)
        with pytest.raises(StateError, match="no run manual-2; did you mean manual-1"):
            store.rerun("manual-2", [A], now=at(60))
        with pytest.raises(StateError, match=r"no node model\.shop\.aa; did you mean"):
            store.rerun("manual-1", [A, "model.shop.aa"], now=at(60))
        assert store.run("manual-1").gen == 1
        assert state_of(store, A) is _S.FAILED
