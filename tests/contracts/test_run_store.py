"""What every run store promises of runs, whatever it is built on."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from support.run_steps import ME, OTHER, T0, A, B, C, at, finish, make_spec, start

from sqlorch.domain.errors import StateError
from sqlorch.domain.run import NodeState, Outcome, RunState
from sqlorch.domain.transitions import RUN_MOVES, may_move_run
from sqlorch.engine.ports import RunStore
from sqlorch.state.store import SqlStore

_S = NodeState


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
