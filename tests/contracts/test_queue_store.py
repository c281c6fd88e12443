"""What every store promises of runs that wait for their turn and of those under way."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from support.stores import (
    ME,
    NOW,
    OTHER,
    TEST,
    A,
    B,
    begin,
    day,
    decide,
    do,
    end,
    enrol,
    manual,
    new_run,
    slot,
    spec_of,
)

from sqlorch.domain.errors import StateError
from sqlorch.domain.history import NodeMove
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import NodeState, Outcome, RunState
from sqlorch.domain.scheduling import NewRun, RunKind, SlotStatus
from sqlorch.state.store import SqlStore

LATER = NOW + timedelta(hours=1)
_S = NodeState


def claim(store: SqlStore, made: NewRun, *unique_ids: str, max_active: int | None = None) -> bool:
    return store.queue.claim(spec_of(made, *unique_ids), owner=OTHER, now=LATER, max_active=max_active)


def states(store: SqlStore, run_id: str) -> dict[str, NodeState]:
    return {node.unique_id: node.state for node in store.nodes(run_id)}


class TestEnqueue:
    def test_what_is_asked_is_read_back(self, store: SqlStore, open_store: Callable[[], SqlStore]):
        asked = new_run(
            0,
            run_id="manual-1",
            kind=RunKind.TRIGGERED,
            slots=(),
            trigger_key="k",
            backfill="b1",
            parameters={"vars": {"n": [1, None]}, "reprocess": "all"},
        )
        assert store.queue.enqueue(asked, now=NOW) == "manual-1"
        [found] = open_store().queue.open_runs()
        assert (found.run_id, found.group, found.kind, found.interval) == (
            "manual-1",
            "daily",
            RunKind.TRIGGERED,
            slot(0),
        )
        assert (found.gen, found.state, found.reason, found.timezone) == (1, RunState.QUEUED, "", "UTC")
        assert (found.created_at, found.started_at, found.due_at) == (NOW, None, day(1))
        assert (found.owner, found.backfill, found.cancel_requested) == (ME, "b1", "")
        assert found.parameters == {"vars": {"n": [1, None]}, "reprocess": "all"}

    def test_asking_twice_with_one_key_is_one_run(self, store: SqlStore):
        asked = new_run(0, run_id="r1", kind=RunKind.TRIGGERED, slots=(), trigger_key="k")
        assert store.queue.enqueue(asked, now=NOW) == "r1"
        again = new_run(5, run_id="r2", kind=RunKind.TRIGGERED, slots=(), trigger_key="k")
        assert store.queue.enqueue(again, now=LATER, consumed={"x": 3}) == "r1"
        assert [run.run_id for run in store.runs()] == ["r1"]
        assert store.datasets.consumed("daily") == {}
        other = new_run(0, run_id="r3", group="weekly", kind=RunKind.TRIGGERED, slots=(), trigger_key="k")
        assert store.queue.enqueue(other, now=NOW) == "r3"

    def test_runs_without_a_key_are_each_their_own(self, store: SqlStore):
        for n in range(2):
            store.queue.enqueue(new_run(n, kind=RunKind.TRIGGERED, slots=()), now=NOW)
        assert len(store.runs()) == 2

    def test_a_known_run_id_is_refused(self, store: SqlStore):
        store.queue.enqueue(new_run(0), now=NOW)
        with pytest.raises(StateError, match="already a run sched-daily-0"):
            store.queue.enqueue(new_run(0, slots=()), now=NOW)

    def test_a_backfill_takes_slots_nobody_had_and_those_that_were_skipped(self, store: SqlStore):
        enrol(store)
        decide(store, skips=(slot(0),), reason="catchup_none")
        store.queue.enqueue(new_run(0, kind=RunKind.BACKFILL), now=LATER)
        store.queue.enqueue(new_run(-1, kind=RunKind.BACKFILL), now=LATER)
        before, skipped = store.schedule.slots("daily")
        assert (before.interval, before.run_id) == (slot(-1), "sched-daily--1")
        assert (skipped.status, skipped.run_id, skipped.reason) == (SlotStatus.RUN, "sched-daily-0", "")
        assert store.schedule.groups()["daily"].cursor == day(1)

    @pytest.mark.parametrize(
        ("n", "until", "why"),
        [
            (0, None, r"is decided: run sched-daily-0 has it"),
            (0.5, 0.75, r"lies across its slot"),
            (-0.5, 0.5, r"lies across its slot"),
            (1, None, r"still to be decided by its schedule"),
            (99, None, r"has not come to its end"),
        ],
    )
    def test_a_slot_that_is_not_free_is_refused(
        self, store: SqlStore, n: float, until: float | None, why: str
    ):
        enrol(store)
        decide(store, new_run(0))
        with pytest.raises(StateError, match=why):
            store.queue.enqueue(new_run(n, until=until, run_id="r1", kind=RunKind.BACKFILL), now=NOW)
        assert [run.run_id for run in store.runs()] == ["sched-daily-0"]
        assert len(store.schedule.slots("daily")) == 1


class TestQueue:
    def test_open_runs_come_oldest_due_first(self, store: SqlStore):
        for n in (2, 0, 1):
            store.queue.enqueue(new_run(n), now=NOW)
        assert [run.run_id for run in store.queue.open_runs()] == [f"sched-daily-{n}" for n in (0, 1, 2)]
        assert claim(store, new_run(1))
        do(store, "sched-daily-1")
        assert [run.run_id for run in store.queue.open_runs()] == ["sched-daily-0", "sched-daily-2"]

    def test_reasons_are_those_of_queued_runs(self, store: SqlStore):
        for n in (0, 5):
            store.queue.enqueue(new_run(n), now=NOW)
        assert claim(store, new_run(5))
        store.queue.explain({"sched-daily-0": "waits \0 for a", "sched-daily-5": "no", "gone": "no"}, now=NOW)
        reasons = {run.run_id: run.reason for run in store.queue.open_runs()}
        assert reasons == {"sched-daily-0": "waits \N{REPLACEMENT CHARACTER} for a", "sched-daily-5": ""}
        assert claim(store, new_run(0))
        assert store.run("sched-daily-0").reason == ""


class TestClaim:
    def test_it_writes_nodes_variables_and_owner(self, store: SqlStore):
        made = new_run(0, parameters={"reprocess": "all", "vars": {"a": 1}})
        store.queue.enqueue(made, now=NOW)
        spec = spec_of(made, A, B, invocation={"target": "dev", "vars": {"a": 1}})
        assert store.queue.claim(spec, owner=OTHER, now=LATER)
        record = store.run(made.run_id)
        assert (record.state, record.owner, record.started_at) == (RunState.RUNNING, OTHER, LATER)
        assert record.variables == {"ds": "2026-03-01"}
        assert record.invocation == {"reprocess": "all", "vars": {"a": 1}, "target": "dev"}
        assert [(n.unique_id, n.state, n.gen, n.position) for n in store.nodes(made.run_id)] == [
            (A, _S.WAITING, 1, 0),
            (B, _S.WAITING, 1, 1),
        ]

    def test_only_one_of_two_claims_is_granted(self, store: SqlStore, open_store: Callable[[], SqlStore]):
        made = new_run(0)
        store.queue.enqueue(made, now=NOW)
        assert store.queue.claim(spec_of(made, A), owner=ME, now=NOW)
        assert not open_store().queue.claim(spec_of(made, B), owner=OTHER, now=NOW)
        assert store.run(made.run_id).owner == ME
        assert list(states(store, made.run_id)) == [A]

    def test_no_more_than_max_active_of_a_group(self, store: SqlStore):
        for n in range(3):
            store.queue.enqueue(new_run(n), now=NOW)
        store.queue.enqueue(new_run(0, group="weekly"), now=NOW)
        assert claim(store, new_run(0), max_active=2)
        assert claim(store, new_run(1), max_active=2)
        assert not claim(store, new_run(2), max_active=2)
        assert states(store, "sched-daily-2") == {}
        assert claim(store, new_run(0, group="weekly"), max_active=1)
        store.move_run("sched-daily-0", RunState.RUNNING, RunState.CANCELLING, now=LATER)
        assert not claim(store, new_run(2), max_active=2)
        store.move_run("sched-daily-0", RunState.CANCELLING, RunState.CANCELLED, now=LATER)
        assert claim(store, new_run(2), max_active=2)

    def test_not_beside_a_run_of_the_same_time(self, store: SqlStore):
        store.queue.enqueue(new_run(0), now=NOW)
        manual(store, "by-hand", slot(0.5), A)
        assert not claim(store, new_run(0))
        do(store, "by-hand", A)
        assert claim(store, new_run(0))

    def test_nor_beside_one_of_the_same_point(self, store: SqlStore):
        point = Interval(day(1), day(1))
        for name in ("r1", "r2"):
            made = new_run(0, run_id=name, kind=RunKind.TRIGGERED, slots=(), interval=point)
            store.queue.enqueue(made, now=NOW)
        assert store.queue.claim(
            spec_of(new_run(0, run_id="r1", interval=point), A), owner=ME, now=NOW, max_active=9
        )
        assert not store.queue.claim(
            spec_of(new_run(0, run_id="r2", interval=point), A), owner=ME, now=NOW, max_active=9
        )

    def test_a_spec_of_something_else_is_refused(self, store: SqlStore):
        store.queue.enqueue(new_run(0), now=NOW)
        other = new_run(1, run_id="sched-daily-0")
        with pytest.raises(StateError, match=r"is of daily over .*, not of daily over"):
            claim(store, other)
        with pytest.raises(StateError, match="no run sched-daily-9"):
            claim(store, new_run(9))
        assert store.run("sched-daily-0").state is RunState.QUEUED


class TestRequeue:
    def finished(self, store: SqlStore, **more: object) -> NewRun:
        made = new_run(0, parameters={"reprocess": "missing", "full_refresh": True}, **more)
        store.queue.enqueue(made, now=NOW)
        assert claim(store, made, A, B, TEST)
        do(store, made.run_id, A)
        return made

    def test_it_waits_again_with_the_next_generation(self, store: SqlStore):
        made = self.finished(store)
        assert (
            store.queue.requeue(made.run_id, now=LATER, backfill="b7", parameters={"reprocess": "all"}) == 2
        )
        [found] = store.queue.open_runs()
        assert (found.gen, found.state, found.backfill) == (2, RunState.QUEUED, "b7")
        assert (found.started_at, found.due_at, found.owner) == (None, LATER, ME)
        assert found.parameters == {"reprocess": "all", "full_refresh": True}
        assert store.run(made.run_id).finished_at is None

    def test_parameters_and_backfill_stay_when_none_are_given(self, store: SqlStore):
        made = self.finished(store, backfill="b1")
        store.queue.requeue(made.run_id, now=LATER)
        [found] = store.queue.open_runs()
        assert (found.backfill, found.parameters["full_refresh"]) == ("b1", True)

    def test_nodes_are_chosen_when_it_is_claimed(self, store: SqlStore):
        made = self.finished(store)
        store.queue.requeue(made.run_id, now=LATER)
        assert claim(store, made, "model.shop.new", B, TEST)
        found = store.nodes(made.run_id)
        assert [(n.unique_id, n.state, n.gen) for n in found] == [
            (A, _S.SUCCESS, 1),
            ("model.shop.new", _S.WAITING, 2),
            (B, _S.WAITING, 2),
            (TEST, _S.WAITING, 2),
        ]
        assert len({n.position for n in found}) == 4
        end(store, begin(store, made.run_id, B))
        assert [(a.gen, a.n) for a in store.attempts(made.run_id)] == [(1, 1), (2, 1)]

    def test_what_has_not_ended_is_refused(self, store: SqlStore):
        store.queue.enqueue(new_run(0), now=NOW)
        with pytest.raises(StateError, match="is queued; only a finished run"):
            store.queue.requeue("sched-daily-0", now=NOW)
        with pytest.raises(StateError, match="no run nope"):
            store.queue.requeue("nope", now=NOW)


class TestCancel:
    def test_a_queued_run_is_cancelled_at_once_and_its_slots_stay_decided(self, store: SqlStore):
        enrol(store)
        decide(store, new_run(0))
        assert store.queue.request_cancel("sched-daily-0", reason="not now", who="ann@here", now=LATER)
        record = store.run("sched-daily-0")
        assert (record.state, record.reason, record.finished_at) == (RunState.CANCELLED, "not now", LATER)
        [cut] = store.schedule.slots("daily")
        assert (cut.status, cut.run_id, cut.reason) == (SlotStatus.RUN, "sched-daily-0", "not now")
        assert store.queue.open_runs() == []
        assert not store.queue.request_cancel("sched-daily-0", reason="again", who="b", now=LATER)
        [line] = store.daemons.audit()
        assert (line["action"], line["subject"], line["detail"]) == ("cancel", "sched-daily-0", "not now")

    def test_its_waiting_nodes_are_cancelled_with_it(self, store: SqlStore):
        manual(store, "r1", slot(0), A)
        do(store, "r1", A, fails=True)
        store.rerun("r1", [A], now=LATER)
        assert store.queue.request_cancel("r1", reason="no", who="a", now=LATER)
        assert states(store, "r1") == {A: _S.CANCELLED}

    def test_a_running_one_is_asked(self, store: SqlStore):
        store.queue.enqueue(new_run(0), now=NOW)
        assert claim(store, new_run(0), A)
        assert store.queue.cancel_requested("sched-daily-0") == ""
        assert store.queue.request_cancel("sched-daily-0", reason="", who="ann@here", now=LATER)
        assert store.queue.cancel_requested("sched-daily-0") == "cancelled by ann@here"
        assert store.run("sched-daily-0").state is RunState.RUNNING
        assert store.queue.open_runs()[0].cancel_requested == "cancelled by ann@here"

    def test_what_was_asked_does_not_outlive_the_generation(self, store: SqlStore):
        store.queue.enqueue(new_run(0), now=NOW)
        assert claim(store, new_run(0), A)
        store.queue.request_cancel("sched-daily-0", reason="stop", who="a", now=LATER)
        do(store, "sched-daily-0", A)
        store.queue.requeue("sched-daily-0", now=LATER)
        assert store.queue.cancel_requested("sched-daily-0") == ""

    def test_a_cancelled_slot_is_run_by_a_rerun(self, store: SqlStore):
        enrol(store)
        decide(store, new_run(0))
        store.queue.request_cancel("sched-daily-0", reason="no", who="a", now=NOW)
        store.queue.requeue("sched-daily-0", now=LATER)
        assert [(s.run_id, s.reason) for s in store.schedule.slots("daily")] == [("sched-daily-0", "")]

    def test_an_unknown_run_is_an_error(self, store: SqlStore):
        with pytest.raises(StateError, match="no run nope"):
            store.queue.request_cancel("nope", reason="", who="a", now=NOW)
        assert store.queue.cancel_requested("nope") == ""


class TestRescue:
    def stranded(self, store: SqlStore) -> NewRun:
        """A run that died with A done, B under way and the test waiting."""
        made = new_run(0)
        store.queue.enqueue(made, now=NOW)
        assert store.queue.claim(spec_of(made, A, B, TEST), owner=OTHER, now=NOW)
        end(store, begin(store, made.run_id, A))
        begin(store, made.run_id, B)
        return made

    def rescue(self, store: SqlStore, *, budget: int = 3, **more: object) -> object:
        asked = {"gen": 1, "was": OTHER, "owner": ME, "now": LATER, "budget": budget}
        return store.queue.rescue("sched-daily-0", **asked | more)

    def test_what_was_under_way_is_tried_again_and_the_rest_stays(self, store: SqlStore):
        self.stranded(store)
        saved = self.rescue(store)
        assert (saved.run_id, saved.retried, saved.failed) == ("sched-daily-0", (B,), ())
        assert states(store, "sched-daily-0") == {A: _S.SUCCESS, B: _S.UP_FOR_RETRY, TEST: _S.WAITING}
        record = store.run("sched-daily-0")
        assert (record.state, record.gen, record.owner) == (RunState.RUNNING, 1, ME)
        lost = store.attempts("sched-daily-0", B)[0]
        assert (lost.state, lost.outcome, lost.finished_at) == ("lost", Outcome.LOST, LATER)
        assert "pid 4712" in lost.message
        store.step(
            "sched-daily-0",
            now=LATER,
            moves=[NodeMove(unique_id=B, before=_S.UP_FOR_RETRY, after=_S.READY)],
            dispatch=[B],
        )
        assert [a.n for a in store.attempts("sched-daily-0", B)] == [1, 2]

    def test_only_one_rescuer_is_granted(self, store: SqlStore):
        self.stranded(store)
        assert self.rescue(store) is not None
        assert self.rescue(store, owner=OTHER) is None
        assert self.rescue(store, was=ME, gen=2) is None
        assert self.rescue(store, was=None) is None

    def test_a_run_that_is_not_running_is_not_rescued(self, store: SqlStore):
        self.stranded(store)
        store.move_run("sched-daily-0", RunState.RUNNING, RunState.CANCELLING, now=LATER)
        assert self.rescue(store) is None
        assert states(store, "sched-daily-0")[B] is _S.RUNNING

    def test_a_node_lost_more_often_than_the_budget_fails(self, store: SqlStore):
        self.stranded(store)
        again = NodeMove(unique_id=B, before=_S.UP_FOR_RETRY, after=_S.READY)
        assert self.rescue(store, budget=2, owner=OTHER).retried == (B,)
        store.step("sched-daily-0", now=LATER, moves=[again], dispatch=[B])
        assert self.rescue(store, budget=2, owner=OTHER).retried == (B,)
        store.step("sched-daily-0", now=LATER, moves=[again], dispatch=[B])
        saved = self.rescue(store, budget=2)
        assert (saved.retried, saved.failed) == ((), (B,))
        node = store.nodes("sched-daily-0")[1]
        assert (node.state, "lost 3 times" in node.reason) == (_S.FAILED, True)

    def test_losses_are_counted_anew_in_the_next_generation(self, store: SqlStore):
        made = self.stranded(store)
        assert self.rescue(store, budget=0).failed == (B,)
        store.move_run(made.run_id, RunState.RUNNING, RunState.FAILED, now=LATER)
        store.queue.requeue(made.run_id, now=LATER)
        assert store.queue.claim(spec_of(made, B, TEST), owner=OTHER, now=LATER)
        begin(store, made.run_id, B)
        assert self.rescue(store, gen=2, budget=1).retried == (B,)

    def test_what_is_not_safe_to_repeat_fails(self, store: SqlStore):
        self.stranded(store)
        saved = self.rescue(store, keep=frozenset({A, B}))
        assert (saved.retried, saved.failed) == ((), (B,))
        node = store.nodes("sched-daily-0")[1]
        assert "not safe to repeat: rows of 2026-03-01" in node.reason
        assert "sqlorch retry may write them twice; look into its table first" in node.reason
        assert node.message == node.reason, "what a person is shown"
        assert store.run("sched-daily-0").state is RunState.RUNNING

    @pytest.mark.parametrize(
        ("materialized", "said"),
        [
            ("incremental", "; if it appends, it is not safe to repeat: rows of 2026-03-"),
            ("snapshot", "; it is not safe to repeat: rows of 2026-03-"),
            ("table", "is gone (here, pid 4711)"),
        ],
    )
    def test_who_was_killed_by_hand_is_told_what_may_have_been_written(
        self, store: SqlStore, materialized: str, said: str
    ):
        spec = spec_of(new_run(0, kind=RunKind.MANUAL), A, B)
        spec = replace(spec, nodes=[replace(node, materialized=materialized) for node in spec.nodes])
        store.create_run(spec, now=NOW)
        assert store.move_run(spec.run_id, RunState.QUEUED, RunState.RUNNING, now=NOW, owner=ME)
        begin(store, spec.run_id, A)
        assert store.abandon_dead(LATER, lambda _: False) == [spec.run_id]
        first, second = store.nodes(spec.run_id)
        assert said in first.message
        assert ("write them twice" in first.message) is (materialized != "table")
        assert (
            second.reason
            == store.run(spec.run_id).reason
            == "the process that ran it is gone (here, pid 4711)"
        )

    def test_a_result_that_comes_after_it_is_fenced(self, store: SqlStore):
        self.stranded(store)
        [attempt] = store.attempts("sched-daily-0", B)
        self.rescue(store)
        end(store, [attempt])
        assert states(store, "sched-daily-0")[B] is _S.UP_FOR_RETRY
        assert store.attempts("sched-daily-0", B)[0].state == "fenced"


class TestAbandon:
    @pytest.mark.parametrize("kind", [kind for kind in RunKind if kind is not RunKind.MANUAL])
    def test_the_daemons_runs_are_left_to_the_next_daemon(self, store: SqlStore, kind: RunKind):
        for n in (0, 1):
            store.queue.enqueue(new_run(n, kind=kind, slots=()), now=NOW)
        assert claim(store, new_run(1, kind=kind), A)
        manual(store, "by-hand", slot(9), A)
        assert store.abandon_dead(LATER, lambda _: False) == ["by-hand"]
        found = {run.run_id: run.state for run in store.queue.open_runs()}
        assert found == {"sched-daily-0": RunState.QUEUED, "sched-daily-1": RunState.RUNNING}

    def test_one_that_was_being_cancelled_is_ended(self, store: SqlStore):
        store.queue.enqueue(new_run(0), now=NOW)
        assert claim(store, new_run(0), A)
        begin(store, "sched-daily-0", A)
        store.move_run("sched-daily-0", RunState.RUNNING, RunState.CANCELLING, now=NOW)
        assert store.abandon_dead(LATER, lambda _: False) == ["sched-daily-0"]
        assert store.run("sched-daily-0").state is RunState.CANCELLED
        assert states(store, "sched-daily-0") == {A: _S.FAILED}
