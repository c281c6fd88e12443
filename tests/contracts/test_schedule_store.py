"""What every store promises of groups, cursors and slots."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from support.stores import NOW, T0, day, decide, enrol, new_run, slot

from sqlorch.domain.errors import StateError
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import RunState
from sqlorch.domain.scheduling import (
    Enrolment,
    GroupState,
    GroupStatus,
    RunKind,
    SlotDecision,
    SlotStatus,
)
from sqlorch.state.store import SqlStore

LATER = NOW + timedelta(hours=1)


def group(store: SqlStore, name: str = "daily") -> GroupState:
    return store.schedule.groups()[name]


class TestEnrol:
    def test_a_new_group_is_active_and_read_back(self, store: SqlStore, open_store: Callable[[], SqlStore]):
        made = store.schedule.enrol("daily", cursor=T0, spec_hash="abc", watched_since=NOW, now=NOW)
        assert made == GroupState(name="daily", cursor=T0, watched_since=NOW, spec_hash="abc")
        assert open_store().schedule.groups() == {"daily": made}

    def test_a_changed_schedule_is_remembered_and_moves_no_cursor(self, store: SqlStore):
        enrol(store)
        changed = store.schedule.enrol("daily", cursor=day(9), spec_hash="2", watched_since=LATER, now=LATER)
        assert (changed.cursor, changed.spec_hash, changed.watched_since) == (T0, "2", NOW)

    def test_a_cursor_is_given_where_none_is_stored(self, store: SqlStore):
        enrol(store, cursor=None)
        assert group(store).cursor is None
        assert store.schedule.enrol(
            "daily", cursor=day(3), spec_hash="1", watched_since=NOW, now=LATER
        ).cursor == day(3)

    def test_a_first_cursor_is_not_before_what_a_backfill_has_decided(self, store: SqlStore):
        enrol(store, cursor=None)
        store.queue.enqueue(new_run(4, kind=RunKind.BACKFILL), now=NOW)
        enrol(store, cursor=day(2))
        assert group(store).cursor == day(5)


class TestStatus:
    def test_each_change_happens_once_and_is_on_record(self, store: SqlStore):
        enrol(store)
        paused = {"reason": "flood", "who": "ann@here", "now": NOW}
        assert store.schedule.set_status("daily", GroupStatus.PAUSED, **paused)
        assert not store.schedule.set_status("daily", GroupStatus.PAUSED, **paused)
        assert (group(store).status, group(store).reason) == (GroupStatus.PAUSED, "flood")
        assert store.schedule.set_status("daily", GroupStatus.HELD, reason="24 due", who="daemon", now=LATER)
        assert store.schedule.set_status(
            "daily", GroupStatus.ACTIVE, reason="", who="bob@here", now=LATER, catchup="latest"
        )
        state = group(store)
        assert (state.status, state.reason, state.catchup) == (GroupStatus.ACTIVE, "", "latest")
        assert state.watched_since == LATER
        said = [(line["who"], line["action"], line["subject"]) for line in store.daemons.audit()]
        assert said == [
            ("bob@here", "resume", "daily"),
            ("daemon", "hold", "daily"),
            ("ann@here", "pause", "daily"),
        ]
        assert store.daemons.audit(1)[0]["detail"] == "missed intervals: latest"
        assert store.daemons.audit(1)[0]["at"] == LATER

    def test_an_unknown_group_offers_the_nearest(self, store: SqlStore):
        enrol(store, "flights_daily")
        with pytest.raises(StateError, match="no daemon has seen a group flight_daily yet; did you mean fl"):
            store.schedule.set_status("flight_daily", GroupStatus.PAUSED, reason="", who="a", now=NOW)

    def test_watching_begins_for_all_but_those_whose_missed_slots_a_person_has_decided(self, store: SqlStore):
        enrol(store)
        enrol(store, "asked")
        store.schedule.set_status("asked", GroupStatus.HELD, reason="", who="daemon", now=NOW)
        store.schedule.set_status("asked", GroupStatus.ACTIVE, reason="", who="a", now=NOW, catchup="all")
        store.schedule.watch(LATER)
        assert (group(store).watched_since, group(store, "asked").watched_since) == (LATER, NOW)

    def test_the_decision_on_missed_slots_ends_with_the_first_slot_that_was_not_missed(self, store: SqlStore):
        store.schedule.enrol("daily", cursor=T0, spec_hash="1", watched_since=T0, now=T0)
        store.schedule.set_status("daily", GroupStatus.HELD, reason="", who="daemon", now=T0)
        store.schedule.set_status(
            "daily", GroupStatus.ACTIVE, reason="", who="a", now=day(1.5), catchup="none"
        )
        assert decide(store, skips=(slot(0),), reason="catchup_none")
        assert group(store).catchup == "none"
        assert decide(store, new_run(1))
        assert group(store).catchup == ""
        store.schedule.watch(LATER)
        assert group(store).watched_since == LATER


class TestDecide:
    def test_runs_skips_and_cursor_are_written_together(
        self, store: SqlStore, open_store: Callable[[], SqlStore]
    ):
        enrol(store)
        assert decide(store, new_run(2), skips=(slot(0), slot(1)), reason="catchup_latest")
        again = open_store()
        assert group(again).cursor == day(3)
        found = again.schedule.slots("daily")
        assert [(s.interval, s.status, s.run_id, s.reason) for s in found] == [
            (slot(0), SlotStatus.SKIPPED, None, "catchup_latest"),
            (slot(1), SlotStatus.SKIPPED, None, "catchup_latest"),
            (slot(2), SlotStatus.RUN, "sched-daily-2", ""),
        ]
        assert {s.decided_at for s in found} == {NOW}
        record = again.run("sched-daily-2")
        assert (record.state, record.gen, record.kind, record.interval) == (
            RunState.QUEUED,
            1,
            "scheduled",
            slot(2),
        )
        assert again.nodes("sched-daily-2") == []

    def test_a_cursor_that_has_moved_decides_nothing(self, store: SqlStore):
        enrol(store)
        made = new_run(0)
        asked = {"expected": T0, "cursor": day(1), "runs": [made], "now": NOW}
        assert store.schedule.decide("daily", **asked)
        assert not store.schedule.decide("daily", **asked)
        assert [run.run_id for run in store.runs()] == [made.run_id]
        assert len(store.schedule.slots("daily")) == 1

    def test_several_slots_may_share_a_run(self, store: SqlStore):
        enrol(store)
        assert decide(store, new_run(0, until=3, slots=(slot(0), slot(1), slot(2))))
        assert [s.run_id for s in store.schedule.slots("daily")] == ["sched-daily-0"] * 3
        assert group(store).cursor == day(3)

    def test_a_refused_run_leaves_cursor_and_slots(self, store: SqlStore):
        enrol(store)
        assert decide(store, new_run(0))
        with pytest.raises(StateError, match="already a run sched-daily-0"):
            decide(store, new_run(1, run_id="sched-daily-1"), new_run(2, run_id="sched-daily-0"))
        assert group(store).cursor == day(1)
        assert len(store.schedule.slots("daily")) == len(store.runs()) == 1

    @pytest.mark.parametrize(
        ("cuts", "cursor"),
        [
            ([slot(0), slot(2)], day(3)),  # a hole
            ([slot(0), slot(0.5)], day(1.5)),  # one across another
            ([slot(-1), slot(0)], day(1)),  # before what is decided
            ([slot(0)], day(2)),  # the cursor ahead of the slots
            ([slot(0), slot(1)], day(1)),  # and behind them
            ([], day(1)),  # a cursor without a slot
        ],
    )
    def test_slots_without_holes_or_overlaps_and_the_cursor_at_their_end(
        self, store: SqlStore, cuts: list[Interval], cursor: object
    ):
        enrol(store)
        with pytest.raises(StateError, match=r"does not begin where|not the end of|pass over"):
            store.schedule.decide("daily", expected=T0, cursor=cursor, skips=cuts, now=NOW)
        assert (group(store).cursor, store.schedule.slots("daily")) == (T0, [])

    def test_a_start_moved_ahead_is_a_hole_on_record(self, store: SqlStore):
        enrol(store)
        assert decide(store, new_run(5))
        hole, run = store.schedule.slots("daily")
        assert (hole.interval, hole.status) == (slot(0, 5), SlotStatus.SKIPPED)
        assert "start of the schedule" in hole.reason
        assert run.interval == slot(5)

    def test_points_need_not_touch(self, store: SqlStore):
        enrol(store)
        points = [Interval(day(n), day(n)) for n in (1, 2, 7)]
        assert decide(store, skips=tuple(points))
        assert [s.interval for s in store.schedule.slots("daily")] == points
        with pytest.raises(StateError, match="does not begin"):
            decide(store, skips=(Interval(day(7), day(7)),))
        assert decide(store, skips=(slot(7),))  # windows from now on: the first begins at the last point

    def test_a_group_without_a_cursor_gets_its_first(self, store: SqlStore):
        enrol(store, cursor=None)
        assert not store.schedule.decide("daily", expected=T0, cursor=day(1), skips=[slot(0)], now=NOW)
        assert store.schedule.decide("daily", expected=None, cursor=day(1), skips=[slot(0)], now=NOW)
        assert group(store).cursor == day(1)

    def test_a_first_decision_does_not_cross_what_a_backfill_decided(self, store: SqlStore):
        enrol(store, cursor=None)
        store.queue.enqueue(new_run(1, kind=RunKind.BACKFILL), now=NOW)
        assert not store.schedule.decide("daily", expected=None, cursor=day(2), skips=[slot(1)], now=NOW)
        assert group(store).cursor is None

    def test_runs_of_another_group_or_of_no_slot_are_refused(self, store: SqlStore):
        enrol(store)
        with pytest.raises(StateError, match="is of weekly, not of daily"):
            store.schedule.decide(
                "daily", expected=T0, cursor=day(1), runs=[new_run(0, group="weekly")], now=NOW
            )
        with pytest.raises(StateError, match="decides no slot"):
            store.schedule.decide("daily", expected=T0, cursor=T0, runs=[new_run(0, slots=())], now=NOW)
        assert store.runs() == []

    def test_an_unknown_group_is_refused(self, store: SqlStore):
        with pytest.raises(StateError, match="no daemon has seen a group daily"):
            store.schedule.decide("daily", expected=None, cursor=T0, now=NOW)


class TestSlots:
    def test_those_that_overlap_the_span_and_the_newest_of_them(self, store: SqlStore):
        enrol(store)
        decide(store, skips=tuple(slot(n) for n in range(5)))
        cuts = lambda *given, **more: [s.interval for s in store.schedule.slots(*given, **more)]  # noqa: E731 - short
        assert cuts("daily", slot(1, 3)) == [slot(1), slot(2)]
        assert cuts("daily", slot(1.5)) == [slot(1), slot(2)]
        assert cuts("daily", Interval(day(2), day(2))) == [slot(2)]
        assert cuts("daily", limit=2) == [slot(3), slot(4)]
        assert cuts("daily", slot(0, 3), limit=1) == [slot(2)]
        assert cuts("weekly") == []


class TestVersion:
    def test_it_differs_after_a_change_and_only_then(
        self, store: SqlStore, open_store: Callable[[], SqlStore]
    ):
        other = open_store()
        first = store.schedule.version()
        assert store.schedule.version() == first
        assert store.schedule.groups() == {}
        assert store.schedule.version() == first
        enrol(other)
        second = store.schedule.version()
        assert second != first
        other.queue.explain({"nobody": "waits"}, now=NOW)  # writes nothing
        assert store.schedule.version() == second
        enrol(store, "mine")
        assert store.schedule.version() != second


class TestManyAtOnce:
    def decision(self, name: str, n: int, *, expected: int | None = None, **more: object) -> SlotDecision:
        begins = day(n if expected is None else expected)
        made = new_run(n, group=name)
        values = {"group": name, "expected": begins, "cursor": day(n + 1), "runs": (made,)}
        return SlotDecision(**values | more)

    def test_many_groups_are_enrolled_like_one(self, store: SqlStore):
        enrol(store, "known")
        found = store.schedule.enrol_all(
            [Enrolment(group=name, cursor=day(4), spec_hash="x") for name in ("known", "new")],
            watched_since=NOW,
            now=NOW,
        )
        assert found == dict(store.schedule.groups())
        assert [found[name].cursor for name in ("known", "new")] == [T0, day(4)]

    def test_each_decision_is_all_or_nothing_by_itself(self, store: SqlStore):
        for name in ("a", "b", "c"):
            enrol(store, name)
        answers = store.schedule.decide_all(
            [
                self.decision("a", 0),
                self.decision("a", 1),
                self.decision("b", 0, expected=3),
                self.decision("c", 0, runs=(new_run(0, group="c"), new_run(5, group="c")), cursor=day(6)),
                self.decision("nobody", 0),
                self.decision("b", 0),
            ],
            now=NOW,
        )
        assert [answer if isinstance(answer, bool) else type(answer) for answer in answers] == [
            True,
            True,
            StateError,
            StateError,
            StateError,
            True,
        ]
        assert [group(store, name).cursor for name in ("a", "b", "c")] == [day(2), day(1), T0]
        assert store.schedule.slots("c") == []
        assert {run.run_id for run in store.queue.open_runs()} == {"sched-a-0", "sched-a-1", "sched-b-0"}

    def test_a_cursor_that_moved_is_no_error(self, store: SqlStore):
        enrol(store, "a")
        first = self.decision("a", 0)
        assert store.schedule.decide_all([first, first], now=NOW) == [True, False]
