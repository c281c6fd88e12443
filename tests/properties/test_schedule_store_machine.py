"""Random histories of what the scheduler does to a store, held against what must be true at every moment.

The invariants are those of docs/adr/0008: unique slots without holes, at most one live attempt at a node,
attempts numbered from one, a terminal run moves only to its next generation, no more runs under way than
allowed, fences that only rise, no event and no "done" without success. Any step may be cut off before its
commit, as by a power failure: then it must not have happened at all.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.postgres import Postgres, running_postgres
from support.stores import ME, OTHER, nodes

from sqlorch.domain.errors import StateError
from sqlorch.domain.history import AttemptRecord, NodeMove, RunRecord
from sqlorch.domain.interval import Interval
from sqlorch.domain.ledger import LedgerMark
from sqlorch.domain.run import NodeResult, NodeState, Outcome, RunSpec, RunState
from sqlorch.domain.scheduling import (
    Backfill,
    BackfillSlot,
    BackfillState,
    GroupStatus,
    NewRun,
    RunKind,
    SlotStatus,
)
from sqlorch.state.store import SqlStore

T0 = datetime(2026, 1, 1, tzinfo=UTC)
MAX_ACTIVE = {"g": 2, "h": 1}
UIDS = {"g": ("model.g.a", "model.g.b", "test.g.b"), "h": ("model.h.a",)}
BUDGET = 2
_S = NodeState
groups = st.sampled_from(sorted(MAX_ACTIVE))
cuts = st.sampled_from([False] * 7 + [True])
_UNDER_WAY = {RunState.RUNNING, RunState.CANCELLING}


class PowerCutError(Exception):
    """Raised where the transaction would have been committed."""


class ScheduleMachine(RuleBasedStateMachine):
    """Beside the store it keeps only what must hold: what was seen before, and what has succeeded."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.url = self.new_url()
        self.now = T0 + timedelta(days=10)
        self.count = 0
        self.step_of = dict.fromkeys(MAX_ACTIVE, timedelta(days=1))
        self.point = dict.fromkeys(MAX_ACTIVE, False)
        self.seen_runs: dict[str, RunRecord] = {}
        self.seen_cursor: dict[str, datetime] = {}
        self.last_fence = 0
        self.succeeded: set[tuple[str, int]] = set()
        self.made: set[tuple[str, str, int]] = set()  # node, run, generation
        self.live: list[AttemptRecord] = []
        self.late: list[AttemptRecord] = []
        self.open()
        for name in MAX_ACTIVE:
            self.store.schedule.enrol(name, cursor=T0, spec_hash="1", watched_since=self.now, now=self.now)

    def new_url(self) -> str | None:
        """Of a database of its own; None for a file."""
        return None

    def open(self) -> None:
        self.store = SqlStore.open(Path(self.folder.name) / "state.db", url=self.url, owner=ME)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()

    def tick(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def name(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def attempted(self, operation: Callable[[], Any], *, cut: bool) -> Any:
        """What the operation answers; None when it was cut off, and then nothing of it may remain."""
        if not cut:
            return operation()
        cut_off = mock.patch.object(self.store._database, "write", self.cut_off)
        with cut_off, suppress(PowerCutError, StateError):
            operation()
        return None

    @contextmanager
    def cut_off(self) -> Iterator[Any]:
        with type(self.store._database).write(self.store._database) as connection:
            yield connection
            raise PowerCutError

    def runs(self, *states: RunState) -> list[RunRecord]:
        """As they were after the last step."""
        return [run for run in self.seen_runs.values() if not states or run.state in states]

    # -- the schedule

    @rule(group=groups, status=st.sampled_from(GroupStatus), catchup=st.sampled_from(["", "all", "none"]))
    def set_status(self, group: str, status: GroupStatus, catchup: str) -> None:
        before = self.store.schedule.groups()[group]
        changed = self.store.schedule.set_status(
            group, status, reason="asked", who="ann", now=self.tick(), catchup=catchup
        )
        assert changed == (before.status is not status)
        assert self.store.schedule.groups()[group].cursor == before.cursor

    @rule(group=groups, hours=st.sampled_from([6, 24, 48]), point=st.booleans())
    def edit_schedule(self, group: str, hours: int, point: bool) -> None:
        self.step_of[group], self.point[group] = timedelta(hours=hours), point
        self.store.schedule.enrol(
            group, cursor=T0, spec_hash=f"{hours}{point}", watched_since=T0, now=self.tick()
        )

    @rule(group=groups, count=st.integers(1, 3), skip=st.booleans(), batch=st.booleans(), cut=cuts)
    def decide(self, group: str, count: int, skip: bool, batch: bool, cut: bool) -> None:
        cursor = self.store.schedule.groups()[group].cursor
        assert cursor is not None
        step = self.step_of[group]
        ends = [cursor + step * (n + 1) for n in range(count)]
        found = [Interval(end if self.point[group] else end - step, end) for end in ends]
        skips, left = (found[:1], found[1:]) if skip else ([], found)
        covers = [left] if batch and left and not self.point[group] else [[one] for one in left]
        runs = [self.new_run(group, tuple(cover)) for cover in covers]
        asked = {"expected": cursor, "cursor": ends[-1], "runs": runs, "skips": skips, "now": self.tick()}
        answer = self.attempted(lambda: self.store.schedule.decide(group, **asked), cut=cut)
        assert answer is (None if cut else True)
        if not cut:  # asked again by somebody who has not seen it
            assert self.store.schedule.decide(group, **asked) is False

    def new_run(self, group: str, slots: tuple[Interval, ...], kind: RunKind = RunKind.SCHEDULED) -> NewRun:
        return NewRun(
            run_id=self.name("r"),
            group=group,
            kind=kind,
            interval=Interval(slots[0].start, slots[-1].end),
            timezone="UTC",
            slots=slots,
            due_at=slots[-1].end,
        )

    # -- runs

    @rule(group=groups, cut=cuts)
    def trigger_twice(self, group: str, cut: bool) -> None:
        interval = Interval(T0 - timedelta(days=1), T0)
        made = NewRun(
            run_id=self.name("t"),
            group=group,
            kind=RunKind.TRIGGERED,
            interval=interval,
            timezone="UTC",
            due_at=self.tick(),
            trigger_key=f"k{self.count % 3}",
        )
        first = self.attempted(lambda: self.store.queue.enqueue(made, now=self.now), cut=cut)
        if first is not None:
            assert self.store.queue.enqueue(made, now=self.tick()) == first

    @precondition(lambda self: self.runs(RunState.QUEUED))
    @rule(data=st.data(), cut=cuts)
    def claim(self, data: st.DataObject, cut: bool) -> None:
        run = data.draw(st.sampled_from(self.runs(RunState.QUEUED)))
        wanted = UIDS[run.group] if run.gen == 1 else UIDS[run.group][-2:]
        spec = RunSpec(
            run_id=run.run_id,
            group=run.group,
            interval=run.interval,
            timezone="UTC",
            variables={},
            nodes=nodes(*wanted),
            kind=run.kind,
        )
        others = [other for other in self.runs(*_UNDER_WAY) if other.group == run.group]
        beside = any(
            other.interval.overlaps(run.interval) or other.interval.start == run.interval.start
            for other in others
        )
        allowed = len(others) < MAX_ACTIVE[run.group] and not beside
        claim = lambda: self.store.queue.claim(  # noqa: E731 - short
            spec, owner=OTHER, now=self.tick(), max_active=MAX_ACTIVE[run.group]
        )
        answer = self.attempted(claim, cut=cut)
        assert answer is (None if cut else allowed)

    def waiting(self, run: RunRecord) -> list[str]:
        before = {_S.WAITING, _S.UP_FOR_RETRY}
        return [node.unique_id for node in self.store.nodes(run.run_id) if node.state in before]

    @precondition(lambda self: self.runs(RunState.RUNNING))
    @rule(data=st.data(), cut=cuts)
    def start_nodes(self, data: st.DataObject, cut: bool) -> None:
        run = data.draw(st.sampled_from(self.runs(RunState.RUNNING)))
        found = {node.unique_id: node.state for node in self.store.nodes(run.run_id)}
        chosen = self.waiting(run)[:2]
        moves = [NodeMove(unique_id=uid, before=found[uid], after=_S.READY) for uid in chosen]
        step = lambda: self.store.step(run.run_id, now=self.tick(), moves=moves, dispatch=chosen)  # noqa: E731
        self.live += self.attempted(step, cut=cut) or []

    @precondition(lambda self: self.live)
    @rule(
        data=st.data(), outcome=st.sampled_from([Outcome.SUCCESS, Outcome.SUCCESS, Outcome.ERROR]), cut=cuts
    )
    def report(self, data: st.DataObject, outcome: Outcome, cut: bool) -> None:
        attempt = data.draw(st.sampled_from(self.live))
        self.attempted(lambda: self.send(attempt, outcome), cut=cut)
        if not cut:
            self.live.remove(attempt)
            if outcome.ok:
                self.made.add((attempt.unique_id, attempt.run_id, attempt.gen))

    @precondition(lambda self: self.late)
    @rule(data=st.data())
    def report_too_late(self, data: st.DataObject) -> None:
        """From a worker that was given up: whatever it says, nothing moves."""
        attempt = data.draw(st.sampled_from(self.late))
        before = self.store.nodes(attempt.run_id)
        self.send(attempt, Outcome.SUCCESS)
        assert [n.state for n in self.store.nodes(attempt.run_id)] == [n.state for n in before]

    def send(self, attempt: AttemptRecord, outcome: Outcome) -> None:
        uid = attempt.unique_id
        result = NodeResult(unique_id=uid, outcome=outcome, started_at=self.now, finished_at=self.now)
        after = _S.SUCCESS if outcome.ok else _S.FAILED
        move = NodeMove(unique_id=uid, before=_S.RUNNING, after=after)
        self.store.step(attempt.run_id, now=self.tick(), results=[(attempt, result)], moves=[move])

    @precondition(lambda self: self.runs(*_UNDER_WAY))
    @rule(data=st.data(), cut=cuts)
    def end_run(self, data: st.DataObject, cut: bool) -> None:
        """As its driver does: nothing is live, what waits is cancelled."""
        run = data.draw(st.sampled_from(self.runs(*_UNDER_WAY)))
        if any(attempt.run_id == run.run_id for attempt in self.live):
            return
        asked = self.store.queue.cancel_requested(run.run_id)
        if asked and run.state is RunState.RUNNING:
            self.store.move_run(run.run_id, RunState.RUNNING, RunState.CANCELLING, now=self.tick())
            return
        found = {node.unique_id: node.state for node in self.store.nodes(run.run_id)}
        rest = [NodeMove(unique_id=uid, before=found[uid], after=_S.CANCELLED) for uid in self.waiting(run)]
        self.store.step(run.run_id, now=self.tick(), moves=rest)
        good = not rest and set(found.values()) <= {_S.SUCCESS}
        after = RunState.SUCCESS if good else RunState.FAILED
        after = RunState.CANCELLED if run.state is RunState.CANCELLING else after
        move = lambda: self.store.move_run(run.run_id, run.state, after, now=self.tick())  # noqa: E731
        if self.attempted(move, cut=cut) and after is RunState.SUCCESS:
            self.succeeded.add((run.run_id, run.gen))

    @precondition(lambda self: self.runs(RunState.RUNNING))
    @rule(data=st.data(), stale=st.booleans(), cut=cuts)
    def driver_dies_and_is_rescued(self, data: st.DataObject, stale: bool, cut: bool) -> None:
        run = data.draw(st.sampled_from(self.runs(RunState.RUNNING)))
        gen = run.gen - 1 if stale else run.gen
        rescue = lambda: self.store.queue.rescue(  # noqa: E731
            run.run_id, gen=gen, was=run.owner, owner=ME, now=self.tick(), budget=BUDGET
        )
        saved = self.attempted(rescue, cut=cut)
        if stale or cut:
            assert saved is None
            return
        stranded = [attempt for attempt in self.live if attempt.run_id == run.run_id]
        assert {*saved.retried, *saved.failed} == {attempt.unique_id for attempt in stranded}
        self.late += stranded
        self.live = [attempt for attempt in self.live if attempt not in stranded]

    @precondition(lambda self: self.runs())
    @rule(data=st.data(), cut=cuts)
    def cancel(self, data: st.DataObject, cut: bool) -> None:
        run = data.draw(st.sampled_from(self.runs()))
        ask = lambda: self.store.queue.request_cancel(run.run_id, reason="x", who="a", now=self.tick())  # noqa: E731
        answer = self.attempted(ask, cut=cut)
        assert answer is (None if cut else not run.state.terminal)
        if answer and run.state is RunState.QUEUED:
            assert self.store.run(run.run_id).state is RunState.CANCELLED

    @precondition(lambda self: self.runs())
    @rule(data=st.data(), cut=cuts)
    def rerun(self, data: st.DataObject, cut: bool) -> None:
        run = data.draw(st.sampled_from(self.runs()))
        requeue = lambda: self.store.queue.requeue(run.run_id, now=self.tick())  # noqa: E731
        if not run.state.terminal:
            with pytest.raises(StateError):
                requeue()
            return
        assert self.attempted(requeue, cut=cut) == (None if cut else run.gen + 1)

    @rule(group=groups, first=st.integers(-3, 6), count=st.integers(1, 3))
    def backfill(self, group: str, first: int, count: int) -> None:
        """A backfill whose slots run for the first time, are run again, or are refused."""
        days = [T0 + timedelta(days=n) for n in range(first, first + count + 1)]
        found = [Interval(*pair) for pair in pairwise(days)]
        name = self.name("b")
        wanted = Backfill(
            backfill_id=name,
            group=group,
            interval=Interval(days[0], days[-1]),
            order="oldest",
            reprocess="all",
            parallel=1,
            state=BackfillState.RUNNING,
            reason="",
            created_at=self.now,
            finished_at=None,
            slots=count,
            done=0,
            failed=0,
        )
        waiting = [
            BackfillSlot(backfill_id=name, interval=one, position=n, state="waiting")
            for n, one in enumerate(found)
        ]
        self.store.backfills.submit(wanted, waiting, who="ann", now=self.tick())
        for one in found:
            decided = {slot.interval: slot for slot in self.store.schedule.slots(group, one)}
            cursor = self.store.schedule.groups()[group].cursor
            taken = decided.get(one)
            if taken is not None and taken.run_id is not None:
                if self.store.run(taken.run_id).state.terminal:
                    self.store.queue.requeue(taken.run_id, now=self.tick(), backfill=name)
            elif (decided and taken is None) or one.end > cursor:
                with pytest.raises(StateError):
                    self.store.queue.enqueue(self.new_run(group, (one,), RunKind.BACKFILL), now=self.now)
            else:
                self.store.queue.enqueue(self.new_run(group, (one,), RunKind.BACKFILL), now=self.now)
        self.store.backfills.move_backfill(
            name, BackfillState.RUNNING, BackfillState.CANCELLED, reason="", who="ann", now=self.tick()
        )
        assert {slot.state for slot in self.store.backfills.backfill_slots(name)} == {"cancelled"}

    @rule()
    def everything_dies(self) -> None:
        """The machine goes down; the next command ends what nobody will take up again."""
        cancelling = {run.run_id for run in self.runs(RunState.CANCELLING)}
        self.store.close()
        self.open()
        assert set(self.store.abandon_dead(self.tick(), lambda _: False)) == cancelling
        self.late += [attempt for attempt in self.live if attempt.run_id in cancelling]
        self.live = [attempt for attempt in self.live if attempt.run_id not in cancelling]

    # -- what must hold

    @invariant()
    def slots_are_unique_and_without_holes(self) -> None:
        self.seen_runs |= {run.run_id: run for run in self.store.runs() if run.run_id not in self.seen_runs}
        for name, state in self.store.schedule.groups().items():
            assert state.cursor >= self.seen_cursor.get(name, T0)
            self.seen_cursor[name] = state.cursor
            found = self.store.schedule.slots(name)
            for before, after in pairwise([slot.interval for slot in found]):
                assert before.end <= after.start
                assert before != after
            ends = {T0, *(slot.interval.end for slot in found)}
            for slot in found:
                backfilled = slot.run_id in self.seen_runs and self.seen_runs[slot.run_id].kind == "backfill"
                window = slot.interval.start < slot.interval.end
                assert backfilled or not window or slot.interval.start in ends
            assert max([T0, *(slot.interval.end for slot in found)]) == state.cursor
            for slot in found:
                assert (slot.run_id is None) == (slot.status is SlotStatus.SKIPPED)

    @invariant()
    def terminal_runs_move_by_generation_alone(self) -> None:
        found = {run.run_id: run for run in self.store.runs()}
        slots = {slot.run_id for name in MAX_ACTIVE for slot in self.store.schedule.slots(name)} - {None}
        assert slots <= found.keys()
        for run_id, before in self.seen_runs.items():
            after = found[run_id]
            assert after.gen >= before.gen
            if before.state.terminal and after != before:
                assert after.gen == before.gen + 1
        for name, most in MAX_ACTIVE.items():
            under_way = [run for run in found.values() if run.group == name and run.state in _UNDER_WAY]
            assert len(under_way) <= most
        self.seen_runs = found
        self.check_attempts()

    def check_attempts(self) -> None:
        for run in self.runs(*_UNDER_WAY):
            numbers: dict[tuple[str, int], list[int]] = {}
            found = self.store.attempts(run.run_id)
            for attempt in found:
                numbers.setdefault((attempt.unique_id, attempt.gen), []).append(attempt.n)
            assert all(ns == list(range(1, len(ns) + 1)) for ns in numbers.values())
            live = {(a.unique_id, a.fence) for a in found if a.state == "running"}
            assert live == {(a.unique_id, a.fence) for a in self.live if a.run_id == run.run_id}
            assert len({uid for uid, _ in live}) == len(live)
        new = [attempt.fence for attempt in self.live if attempt.fence > self.last_fence]
        assert new == sorted(new)
        self.last_fence = max([self.last_fence, *new])

    @invariant()
    def nothing_is_done_or_told_of_without_success(self) -> None:
        datasets = [*MAX_ACTIVE, *(uid for uids in UIDS.values() for uid in uids)]
        events = self.store.datasets.events(datasets, {})
        assert {(e.run_id, e.gen) for e in events if e.dataset in MAX_ACTIVE} == self.succeeded
        assert len({(e.dataset, e.run_id, e.gen) for e in events}) == len(events)
        for event in events:
            if event.dataset not in MAX_ACTIVE:
                assert (event.dataset, event.run_id, event.gen) in self.made
        for uid, entries in self.store.ledger.entries().items():
            for entry in entries:
                if entry.mark is LedgerMark.DONE:
                    assert (uid, entry.run_id, entry.gen) in self.made


ScheduleMachine.TestCase.settings = settings(
    max_examples=100,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestSchedule = ScheduleMachine.TestCase


class PostgresScheduleMachine(ScheduleMachine):
    """The same histories on a server."""

    server: Postgres

    def new_url(self) -> str:
        return self.server.new_schema()


PostgresScheduleMachine.TestCase.settings = settings(
    max_examples=4,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@pytest.mark.usefixtures("server")
class TestPostgresSchedule(PostgresScheduleMachine.TestCase):
    @pytest.fixture(scope="class")
    @classmethod
    def server(cls) -> Iterator[None]:
        with running_postgres(durable=False) as running:
            PostgresScheduleMachine.server = running
            yield
