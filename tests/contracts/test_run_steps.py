"""What every run store promises of nodes, attempts and their fences, whatever it is built on."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from support.run_steps import (
    ME,
    OTHER,
    T0,
    A,
    B,
    C,
    at,
    finish,
    make_result,
    move,
    start,
    state_of,
)

from sqlorch.domain.errors import StateError
from sqlorch.domain.run import ErrorClass, NodeState, Outcome, RunState
from sqlorch.domain.transitions import NODE_MOVES, may_move_node
from sqlorch.engine.ports import RunStore
from sqlorch.state.store import SqlStore

_S = NodeState


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
