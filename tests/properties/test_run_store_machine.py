"""Random histories of a store, compared after each move with what a simple model remembers."""

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule
from support.postgres import Postgres, running_postgres

from sqlorch.domain.errors import StateError
from sqlorch.domain.history import AttemptRecord, NodeMove, Owner
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import NodeResult, NodeSpec, NodeState, Outcome, RunSpec, RunState
from sqlorch.domain.transitions import may_move_node, may_move_run
from sqlorch.state.store import SqlStore

T0 = datetime(2026, 1, 1, tzinfo=UTC)
UIDS = ["model.a", "model.b", "test.c"]
RUNS = ["r1", "r2"]
_S = NodeState
_AFTER = {
    Outcome.SUCCESS: [_S.SUCCESS],
    Outcome.WARN: [_S.SUCCESS],
    Outcome.FAIL: [_S.FAILED],
    Outcome.ERROR: [_S.FAILED, _S.UP_FOR_RETRY],
    Outcome.CANCELLED: [_S.CANCELLED],
    Outcome.LOST: [_S.LOST],
}
uids, run_ids = st.sampled_from(UIDS), st.sampled_from(RUNS)
Key = tuple[str, str]


class StoreMachine(RuleBasedStateMachine):
    """The model: state of each run and node, generation of each, and every attempt ever opened."""

    opened = Bundle("opened")

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.url = self.new_url()
        self.now = T0
        self.runs: dict[str, tuple[RunState, int]] = {}
        self.nodes: dict[Key, tuple[NodeState, int]] = {}
        self.live: dict[Key, int] = {}
        self.fences: list[int] = []
        self.owners: dict[str, Owner] = {}
        self.store = self.reopened()

    def new_url(self) -> str | None:
        return None

    def reopened(self) -> SqlStore:
        owner = Owner(host="h", boot_id="b", pid=1, started=1)
        return SqlStore.open(Path(self.folder.name) / "state.db", url=self.url, owner=owner)

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    def tick(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def set_node(self, key: Key, state: NodeState) -> None:
        self.nodes[key] = (state, self.nodes[key][1])

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = self.reopened()

    @rule(run_id=run_ids)
    def create(self, run_id: str) -> None:
        nodes = [NodeSpec(unique_id=uid, name=uid, kind=uid.split(".")[0]) for uid in UIDS]
        interval = Interval(T0, T0)
        spec = RunSpec(run_id=run_id, group="g", interval=interval, timezone="UTC", variables={}, nodes=nodes)
        if run_id in self.runs:
            with pytest.raises(StateError):
                self.store.create_run(spec, now=self.tick())
            return
        self.store.create_run(spec, now=self.tick())
        self.runs[run_id] = (RunState.QUEUED, 1)
        self.nodes |= {(run_id, uid): (_S.WAITING, 1) for uid in UIDS}

    @rule(run_id=run_ids, before=st.sampled_from(RunState), after=st.sampled_from(RunState))
    def move_run(self, run_id: str, before: RunState, after: RunState) -> None:
        self.try_move_run(run_id, before, after)

    @rule(run_id=run_ids, after=st.sampled_from(RunState))
    def move_run_from_where_it_is(self, run_id: str, after: RunState) -> None:
        if run_id in self.runs:
            self.try_move_run(run_id, self.runs[run_id][0], after)

    @rule(run_id=run_ids)
    def start(self, run_id: str) -> None:
        if self.runs.get(run_id, (None,))[0] is RunState.QUEUED:
            self.try_move_run(run_id, RunState.QUEUED, RunState.RUNNING)

    def try_move_run(self, run_id: str, before: RunState, after: RunState) -> None:
        owner = Owner(host="h", boot_id="b", pid=len(self.fences) + 2, started=1)
        legal = may_move_run(before, after) and not before.terminal
        busy = after.terminal and any(run == run_id for run, _ in self.live)
        if run_id not in self.runs or not legal or busy:
            with pytest.raises(StateError):
                self.store.move_run(run_id, before, after, now=self.tick(), owner=owner)
            return
        state, gen = self.runs[run_id]
        assert self.store.move_run(run_id, before, after, now=self.tick(), owner=owner) == (state is before)
        if state is before:
            self.runs[run_id] = (after, gen)

    @rule(run_id=run_ids, uid=uids, before=st.sampled_from(NodeState), after=st.sampled_from(NodeState))
    def move_node(self, run_id: str, uid: str, before: NodeState, after: NodeState) -> None:
        self.try_move_node((run_id, uid), before, after)

    @rule(run_id=run_ids, uid=uids, after=st.sampled_from(NodeState))
    def move_node_from_where_it_is(self, run_id: str, uid: str, after: NodeState) -> None:
        if run_id in self.runs:
            self.try_move_node((run_id, uid), self.nodes[run_id, uid][0], after)

    def try_move_node(self, key: Key, before: NodeState, after: NodeState) -> None:
        run_id, uid = key
        moves = [NodeMove(unique_id=uid, before=before, after=after)]
        legal = may_move_node(before, after) and after is not _S.DISPATCHED
        if not legal or key not in self.nodes or self.nodes[key][0] is not before:
            with pytest.raises(StateError):
                self.store.step(run_id, now=self.tick(), moves=moves)
            return
        self.store.step(run_id, now=self.tick(), moves=moves)
        self.set_node(key, after)
        if not after.live:
            self.live.pop(key, None)

    @rule(target=opened, run_id=run_ids, wanted=st.lists(uids, min_size=1, max_size=3))
    def make_ready_and_dispatch(self, run_id: str, wanted: list[str]) -> list[AttemptRecord]:
        keys = [(run_id, uid) for uid in wanted]
        waiting = [key for key in dict.fromkeys(keys) if self.nodes.get(key, (None,))[0] in _BEFORE_READY]
        moves = [NodeMove(unique_id=uid, before=self.nodes[_, uid][0], after=_S.READY) for _, uid in waiting]
        startable = set(waiting) | {key for key in keys if self.nodes.get(key, (None,))[0] is _S.READY}
        running = self.runs.get(run_id, (None,))[0] is RunState.RUNNING
        if not running or len(set(wanted)) < len(wanted) or not startable.issuperset(keys):
            with pytest.raises(StateError):
                self.store.step(run_id, now=self.tick(), moves=moves, dispatch=wanted)
            return []
        opened = self.store.step(run_id, now=self.tick(), moves=moves, dispatch=wanted)
        assert [attempt.unique_id for attempt in opened] == wanted
        for key, attempt in zip(keys, opened, strict=True):
            self.set_node(key, _S.RUNNING)
            self.live[key] = attempt.fence
            self.fences.append(attempt.fence)
        return opened

    @rule(attempts=consumes(opened), outcome=st.sampled_from(Outcome), data=st.data())
    def report(self, attempts: list[AttemptRecord], outcome: Outcome, data: st.DataObject) -> None:
        self.send(attempts, outcome, data)

    @rule(attempts=opened, outcome=st.sampled_from(Outcome), data=st.data())
    def report_and_perhaps_again(
        self, attempts: list[AttemptRecord], outcome: Outcome, data: st.DataObject
    ) -> None:
        self.send(attempts, outcome, data)

    def send(self, attempts: list[AttemptRecord], outcome: Outcome, data: st.DataObject) -> None:
        results, moves = [], []
        for attempt in attempts:
            result = NodeResult(
                unique_id=attempt.unique_id, outcome=outcome, started_at=self.now, finished_at=self.now
            )
            after = data.draw(st.sampled_from(_AFTER[outcome]))
            results.append((attempt, result))
            moves.append(NodeMove(unique_id=attempt.unique_id, before=_S.RUNNING, after=after))
        if not attempts:
            return
        self.store.step(attempts[0].run_id, now=self.tick(), results=results, moves=moves)
        for attempt, move in zip(attempts, moves, strict=True):
            key = (attempt.run_id, attempt.unique_id)
            if self.live.get(key) == attempt.fence:
                del self.live[key]
                self.set_node(key, move.after)

    @rule(run_id=run_ids, wanted=st.sets(uids))
    def rerun(self, run_id: str, wanted: set[str]) -> None:
        if run_id not in self.runs or not self.runs[run_id][0].terminal:
            with pytest.raises(StateError):
                self.store.rerun(run_id, wanted, now=self.tick())
            return
        gen = self.runs[run_id][1] + 1
        assert self.store.rerun(run_id, wanted, now=self.tick()) == gen
        self.runs[run_id] = (RunState.QUEUED, gen)
        self.nodes |= {(run_id, uid): (_S.WAITING, gen) for uid in wanted}

    @rule(dead=st.booleans())
    def abandon(self, dead: bool) -> None:
        ended = self.store.abandon_dead(self.tick(), lambda _: not dead)
        expected = [run_id for run_id, (state, _) in self.runs.items() if dead and not state.terminal]
        assert sorted(ended) == sorted(expected)
        for run_id in ended:
            state, gen = self.runs[run_id]
            after = RunState.FAILED if state is RunState.RUNNING else RunState.CANCELLED
            self.runs[run_id] = (after, gen)
            for uid in UIDS:
                node = self.nodes[run_id, uid][0]
                if not node.terminal:
                    self.set_node((run_id, uid), _S.FAILED if node in _WAS_BUSY else _S.CANCELLED)
                self.live.pop((run_id, uid), None)

    @invariant()
    def the_store_remembers_what_the_model_does(self) -> None:
        records = self.store.runs()
        assert {run.run_id: (run.state, run.gen) for run in records} == self.runs
        nodes = {
            (node.run_id, node.unique_id): node for run in records for node in self.store.nodes(run.run_id)
        }
        assert {key: (node.state, node.gen) for key, node in nodes.items()} == self.nodes
        for run in records:
            assert sum(run.node_counts.values()) == len(UIDS)
            assert (run.finished_at is not None) == run.state.terminal

    @invariant()
    def attempts_are_numbered_fenced_and_at_most_one_is_live(self) -> None:
        found = [a for run in self.store.runs() for a in self.store.attempts(run.run_id)]
        assert sorted(a.fence for a in found) == self.fences == sorted(set(self.fences))
        numbers: dict[tuple[str, str, int], list[int]] = {}
        for a in sorted(found, key=lambda a: a.fence):
            numbers.setdefault((a.run_id, a.unique_id, a.gen), []).append(a.n)
        assert all(ns == list(range(1, len(ns) + 1)) for ns in numbers.values())
        assert {(a.run_id, a.unique_id): a.fence for a in found if a.state == "running"} == self.live
        tries = {(n.run_id, n.unique_id): n.tries for run in self.runs for n in self.store.nodes(run)}
        assert sum(tries.values()) == len(found)


_BEFORE_READY = {_S.WAITING, _S.UP_FOR_RETRY, _S.UP_FOR_RESCHEDULE}
_WAS_BUSY = {_S.DISPATCHED, _S.RUNNING, _S.LOST}

StoreMachine.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestStore = StoreMachine.TestCase


class PostgresStoreMachine(StoreMachine):
    """The same histories on a server."""

    server: Postgres

    def new_url(self) -> str:
        return self.server.new_schema()


PostgresStoreMachine.TestCase.settings = settings(
    max_examples=5,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.mark.usefixtures("server")
class TestPostgresStore(PostgresStoreMachine.TestCase):
    @pytest.fixture(scope="class")
    @classmethod
    def server(cls) -> Iterator[None]:
        with running_postgres(durable=False) as running:
            PostgresStoreMachine.server = running
            yield
