"""What every store promises of the interval ledger, and of the events of what was made."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from support.stores import (
    ME,
    NOW,
    OTHER,
    T0,
    TEST,
    A,
    B,
    begin,
    day,
    do,
    end,
    manual,
    new_run,
    slot,
    spec_of,
)

from sqlorch.domain.coverage import Standing, verdict_over
from sqlorch.domain.history import NodeMove
from sqlorch.domain.interval import Interval
from sqlorch.domain.ledger import LedgerEntry, LedgerMark
from sqlorch.domain.run import NodeState, Outcome, RunState
from sqlorch.domain.scheduling import RunKind
from sqlorch.state.store import SqlStore

LATER = NOW + timedelta(hours=1)
DONE, FAILED, MISSING = LedgerMark.DONE, LedgerMark.FAILED, LedgerMark.MISSING
_S = NodeState


def marks(store: SqlStore, *unique_ids: str) -> dict[str, list[tuple[Interval, LedgerMark]]]:
    found = store.ledger.entries(unique_ids or None)
    return {uid: [(entry.interval, entry.mark) for entry in entries] for uid, entries in found.items()}


def entry(n: float, until: float | None = None, **more: object) -> LedgerEntry:
    values = {"unique_id": A, "mark": DONE, "code": "v1", "run_id": "r", "gen": 1, "at": NOW}
    return LedgerEntry(interval=slot(n, until), **values | more)


class TestResults:
    def test_success_and_failure_are_entries_with_code_and_run(
        self, store: SqlStore, open_store: Callable[[], SqlStore]
    ):
        made = new_run(0)
        store.queue.enqueue(made, now=NOW)
        assert store.queue.claim(spec_of(made, A, B, TEST, code="abc"), owner=ME, now=NOW)
        end(store, begin(store, made.run_id, A), Outcome.WARN, now=LATER)
        end(store, begin(store, made.run_id, B), Outcome.ERROR, now=LATER)
        expected = {"interval": slot(0), "code": "abc", "run_id": made.run_id, "gen": 1, "at": LATER}
        assert open_store().ledger.entries() == {
            A: [LedgerEntry(unique_id=A, mark=DONE, **expected)],
            B: [LedgerEntry(unique_id=B, mark=FAILED, **expected)],
        }

    def test_tests_are_in_it_and_manual_runs_write_it(self, store: SqlStore):
        manual(store, "by-hand", slot(0, 7), A, TEST)
        do(store, "by-hand", A, TEST)
        assert marks(store) == {A: [(slot(0, 7), DONE)], TEST: [(slot(0, 7), DONE)]}

    def test_what_people_make_before_its_end_is_done_up_to_that_moment(self, store: SqlStore):
        noon, coming = day(1.5), Interval(day(1.5), day(3))
        manual(store, "early", slot(0, 3), A, TEST)
        do(store, "early", A, TEST, now=noon)
        assert marks(store, A) == {A: [(Interval(day(0), noon), DONE), (coming, MISSING)]}
        manual(store, "too-early", slot(5), B)
        do(store, "too-early", B, now=noon)
        assert marks(store, B) == {B: [(slot(5), MISSING)]}
        assert [one.early for one in store.ledger.entries([A])[A]] == [False, True]
        manual(store, "late", slot(0, 3), A)
        do(store, "late", A, now=LATER)
        assert (slot(0, 3), DONE) in marks(store, A)[A]
        assert verdict_over(store.ledger.entries([A])[A], slot(2)).standing is Standing.DONE

    def test_the_scheduler_s_runs_are_not_judged_by_another_host_s_clock(self, store: SqlStore):
        made = new_run(0)
        store.queue.enqueue(made, now=NOW)
        assert store.queue.claim(spec_of(made, A), owner=ME, now=NOW)
        end(store, begin(store, made.run_id, A), Outcome.SUCCESS, now=slot(0).end - timedelta(seconds=2))
        assert marks(store) == {A: [(slot(0), DONE)]}

    def test_the_newest_outcome_of_an_interval_counts(self, store: SqlStore):
        manual(store, "r1", slot(0), A)
        do(store, "r1", A)
        manual(store, "r2", slot(0), A)
        do(store, "r2", A, fails=True)
        [found] = store.ledger.entries([A])[A]
        assert (found.mark, found.run_id) == (FAILED, "r2")
        store.rerun("r2", [A], now=LATER)
        store.move_run("r2", RunState.QUEUED, RunState.RUNNING, now=LATER, owner=ME)
        do(store, "r2", A)
        [found] = store.ledger.entries([A])[A]
        assert (found.mark, found.run_id, found.gen) == (DONE, "r2", 2)

    def test_what_may_be_tried_again_is_no_entry_and_what_was_passed_over_is_settled(self, store: SqlStore):
        manual(store, "r1", slot(0), A, B)
        [attempt] = begin(store, "r1", A)
        later = NodeMove(unique_id=A, before=_S.RUNNING, after=_S.UP_FOR_RETRY)
        skip = NodeMove(unique_id=B, before=_S.WAITING, after=_S.SKIPPED)
        store.step("r1", now=NOW, moves=[later, skip])
        assert attempt.fence
        assert marks(store) == {B: [(slot(0), LedgerMark.SKIPPED)]}
        assert verdict_over(store.ledger.entries([B])[B], slot(0)).standing is Standing.DONE

    def test_a_result_that_comes_too_late_writes_nothing(self, store: SqlStore):
        manual(store, "r1", slot(0), A)
        late = begin(store, "r1", A)
        store.step("r1", now=NOW, moves=[NodeMove(unique_id=A, before=_S.RUNNING, after=_S.LOST)])
        end(store, late)
        assert marks(store) == {}

    def test_a_refused_step_leaves_no_entry(self, store: SqlStore):
        manual(store, "r1", slot(0), A, B)
        [attempt] = begin(store, "r1", A)
        moves = [
            NodeMove(unique_id=A, before=_S.RUNNING, after=_S.SUCCESS),
            NodeMove(unique_id=B, before=_S.READY, after=_S.CANCELLED),
        ]
        with pytest.raises(Exception, match="nothing was changed"):
            store.step("r1", now=NOW, moves=moves)
        assert store.attempts("r1") == [attempt]
        assert marks(store) == {}

    def test_a_node_that_was_lost_too_often_has_failed(self, store: SqlStore):
        made = new_run(0)
        store.queue.enqueue(made, now=NOW)
        store.queue.claim(spec_of(made, A), owner=OTHER, now=NOW)
        begin(store, made.run_id, A)
        store.queue.rescue(made.run_id, gen=1, was=OTHER, owner=ME, now=LATER, budget=0)
        assert marks(store) == {A: [(slot(0), FAILED)]}


class TestBegun:
    """A run that dies must not leave done what is made from what it has made anew."""

    def made_before(self, store: SqlStore, interval: Interval) -> None:
        manual(store, "before", interval, A, B)
        do(store, "before", A, B)

    def test_what_a_run_makes_again_is_missing_till_it_is_made(self, store: SqlStore):
        self.made_before(store, slot(0))
        made = new_run(0)
        store.queue.enqueue(made, now=NOW)
        assert store.queue.claim(spec_of(made, A, B), owner=ME, now=LATER)
        assert marks(store) == {A: [(slot(0), MISSING)], B: [(slot(0), MISSING)]}
        end(store, begin(store, made.run_id, A))
        assert marks(store) == {A: [(slot(0), DONE)], B: [(slot(0), MISSING)]}

    def test_also_when_it_was_made_with_a_longer_interval(self, store: SqlStore):
        self.made_before(store, slot(0, 7))
        manual(store, "by-hand", slot(2), B)
        assert marks(store, B) == {B: [(slot(0, 7), DONE), (slot(2), MISSING)]}

    def test_nodes_it_does_not_make_and_other_intervals_stay(self, store: SqlStore):
        self.made_before(store, slot(0))
        manual(store, "r1", slot(1), A, B)
        manual(store, "r2", slot(0), B)
        assert marks(store) == {A: [(slot(0), DONE)], B: [(slot(0), MISSING)]}

    def test_a_rerun_takes_back_what_it_makes_again(self, store: SqlStore):
        self.made_before(store, slot(0))
        store.rerun("before", [B], now=LATER)
        store.move_run("before", RunState.QUEUED, RunState.RUNNING, now=LATER, owner=ME)
        [found] = store.ledger.entries([B])[B]
        assert (found.mark, found.gen, found.run_id) == (MISSING, 2, "before")
        assert marks(store, A) == {A: [(slot(0), DONE)]}


class TestEntries:
    def test_they_touch_the_span_and_come_oldest_first(self, store: SqlStore):
        cuts = [slot(3), slot(0), slot(0, 7), slot(1), Interval(day(2), day(2)), slot(9)]
        store.ledger.mark([LedgerEntry(**_values(cut)) for cut in cuts], who="a", now=NOW)
        found = lambda span: [e.interval for e in store.ledger.entries([A], span).get(A, [])]  # noqa: E731 - short
        assert found(None) == [slot(0), slot(0, 7), slot(1), Interval(day(2), day(2)), slot(3), slot(9)]
        assert found(slot(1)) == [slot(0), slot(0, 7), slot(1), Interval(day(2), day(2))]
        assert found(slot(7.5, 8)) == []
        assert found(Interval(day(2), day(2))) == [slot(0, 7), slot(1), Interval(day(2), day(2))]

    def test_of_the_nodes_named_or_of_all(self, store: SqlStore):
        store.ledger.mark([entry(0), entry(0, unique_id=B)], who="a", now=NOW)
        assert set(store.ledger.entries()) == {A, B}
        assert set(store.ledger.entries([B, "model.shop.unknown"])) == {B}
        assert store.ledger.entries([]) == {}

    def test_many_nodes_at_once(self, store: SqlStore):
        names = [f"model.shop.m{n}" for n in range(2500)]
        store.ledger.mark([entry(0, unique_id=name) for name in names], who="a", now=NOW)
        assert set(store.ledger.entries(names)) == set(names)

    def test_merged_they_are_as_few_as_say_the_same(self, store: SqlStore):
        said = [
            entry(0, at=day(1)),
            entry(1, at=day(9), run_id="newest"),
            entry(2, at=day(3)),
            entry(3, code="v2"),
            entry(4, code="v2", mark=FAILED),
            entry(5, code="v2", mark=FAILED),
            entry(8, code="v2"),
            entry(9, code="v2", gen=3),
        ]
        store.ledger.mark(said, who="a", now=NOW)
        merged = store.ledger.entries(merged=True)[A]
        assert [(e.interval, e.mark, e.code) for e in merged] == [
            (slot(0, 3), DONE, "v1"),
            (slot(3), DONE, "v2"),
            (slot(4), FAILED, "v2"),
            (slot(5), FAILED, "v2"),
            (slot(8, 10), DONE, "v2"),
        ]
        assert (merged[0].run_id, merged[0].at) == ("newest", day(9))

    @pytest.mark.parametrize("across", [slot(1.5), slot(0, 9), slot(1, 3)])
    def test_where_one_lies_over_another_nothing_is_merged(self, store: SqlStore, across: Interval):
        said = [entry(0), entry(1), entry(2), LedgerEntry(**_values(across))]
        store.ledger.mark(said, who="a", now=NOW)
        assert len(store.ledger.entries(merged=True)[A]) == 4

    def test_points_are_not_merged(self, store: SqlStore):
        points = [Interval(day(n), day(n)) for n in range(3)]
        store.ledger.mark([LedgerEntry(**_values(point)) for point in points], who="a", now=NOW)
        assert [e.interval for e in store.ledger.entries(merged=True)[A]] == points


def _values(interval: Interval) -> dict[str, object]:
    return {
        "unique_id": A,
        "interval": interval,
        "mark": DONE,
        "code": "",
        "run_id": "",
        "gen": 0,
        "at": NOW,
    }


class TestByHand:
    def test_marks_replace_what_was_known_and_are_on_record(self, store: SqlStore):
        manual(store, "r1", slot(0), A)
        do(store, "r1", A, fails=True)
        hand = LedgerEntry(**_values(slot(0)))
        store.ledger.mark([hand, LedgerEntry(**_values(slot(1)))], who="ann@here", now=LATER)
        assert store.ledger.entries()[A][0] == hand
        [line] = store.daemons.audit()
        assert (line["who"], line["action"], line["subject"]) == ("ann@here", "mark", A)
        assert line["detail"] == f"done: 2 within {Interval(T0, day(2))}"

    def test_code_is_kept_once(self, store: SqlStore):
        store.ledger.remember_code({"f1": "select 1 -- \N{SNOWMAN}", "f2": "x" * 100_000})
        store.ledger.remember_code({"f1": "another", "f3": ""})
        assert store.ledger.code(["f1", "f2", "f3", "f4"]) == {
            "f1": "select 1 -- \N{SNOWMAN}",
            "f2": "x" * 100_000,
            "f3": "",
        }


class TestEvents:
    def run(self, store: SqlStore, n: float, *unique_ids: str, **more: object) -> None:
        made = new_run(n, kind=RunKind.DATASET, slots=())
        store.queue.enqueue(made, now=NOW)
        assert store.queue.claim(spec_of(made, *unique_ids, **more), owner=ME, now=NOW)

    def told(self, store: SqlStore, **after: int) -> list[tuple[str, str, int]]:
        everything = ["daily", A, B, TEST]
        return [(e.dataset, e.run_id, e.gen) for e in store.datasets.events(everything, after)]

    def test_a_run_that_succeeds_tells_of_its_group_and_its_tables(self, store: SqlStore):
        self.run(store, 0, A, TEST)
        end(store, begin(store, "sched-daily-0", A))
        assert self.told(store) == []
        end(store, begin(store, "sched-daily-0", TEST))
        store.move_run("sched-daily-0", RunState.RUNNING, RunState.SUCCESS, now=LATER)
        events = store.datasets.events(["daily", A, TEST], {})
        assert [(e.dataset, e.interval, e.at) for e in events] == [
            (A, slot(0), LATER),
            ("daily", slot(0), LATER),
        ]
        assert events[0].event_id < events[1].event_id

    def test_one_that_fails_or_is_cancelled_tells_nothing(self, store: SqlStore):
        self.run(store, 0, A, B)
        end(store, begin(store, "sched-daily-0", A))
        do(store, "sched-daily-0", B, fails=True)
        self.run(store, 1)
        store.move_run("sched-daily-1", RunState.RUNNING, RunState.CANCELLING, now=NOW)
        store.move_run("sched-daily-1", RunState.CANCELLING, RunState.CANCELLED, now=NOW)
        assert self.told(store) == []

    def test_a_rerun_tells_of_what_was_not_told_of(self, store: SqlStore):
        self.run(store, 0, A, B)
        end(store, begin(store, "sched-daily-0", A))
        do(store, "sched-daily-0", B, fails=True)
        for gen in (2, 3):
            store.queue.requeue("sched-daily-0", now=LATER)
            made = new_run(0, kind=RunKind.DATASET, slots=())
            assert store.queue.claim(spec_of(made, B), owner=ME, now=LATER)
            do(store, "sched-daily-0", B)
            run = "sched-daily-0"
            assert (B, run, gen) in self.told(store)
        assert self.told(store) == [
            (A, run, 1),
            (B, run, 2),
            ("daily", run, 2),
            (B, run, 3),
            ("daily", run, 3),
        ]

    def test_a_manual_run_of_some_nodes_tells_of_those_alone(self, store: SqlStore):
        manual(store, "r1", slot(0), A, invocation={"partial": True})
        do(store, "r1", A)
        manual(store, "r2", slot(1), A)
        do(store, "r2", A)
        assert self.told(store) == [(A, "r1", 1), (A, "r2", 1), ("daily", "r2", 1)]

    def test_events_after_a_cursor_which_moves_with_the_run_it_made_and_never_back(self, store: SqlStore):
        for n in range(3):
            self.run(store, n, A)
            do(store, f"sched-daily-{n}", A)
        seen = [e.event_id for e in store.datasets.events(["daily"], {})]
        assert len(seen) == 3
        made = new_run(9, group="report", kind=RunKind.DATASET, slots=(), trigger_key="ds:2")
        store.queue.enqueue(made, now=NOW, consumed={"daily": seen[1], A: 1})
        assert store.datasets.consumed("report") == {"daily": seen[1], A: 1}
        left = store.datasets.events(["daily"], store.datasets.consumed("report"))
        assert [e.event_id for e in left] == seen[2:]
        again = new_run(10, group="report", kind=RunKind.DATASET, slots=(), trigger_key="ds:1")
        store.queue.enqueue(again, now=NOW, consumed={"daily": seen[0]})
        assert store.datasets.consumed("report")["daily"] == seen[1]
        assert store.datasets.consumed("daily") == {}
