"""Backfills from the request to the last run, over the real store."""

from dataclasses import replace

import pytest
from support.scheduling import HOUR, Hand, World, at, group, model, project, span

from sqlorch.domain.backfill import Order
from sqlorch.domain.errors import ConfigError, StateError
from sqlorch.domain.ledger import Reprocess
from sqlorch.domain.run import RunState
from sqlorch.domain.scheduling import BackfillState, SlotStatus
from sqlorch.engine.backfill import Backfills
from sqlorch.engine.backfill_plan import BackfillPlanner, BackfillRequest


class Backfilled(World):
    """A world with hands for backfills."""

    def plan(self, name, interval, reprocess=Reprocess.ALL, **more):
        request = BackfillRequest(group=name, span=interval, reprocess=reprocess, **more)
        return BackfillPlanner(self.store, self.snapshot).plan(request, self.clock.now())

    def submit(self, *asked, **more):
        return self.handle.submit(self.plan(*asked, **more), who="ann", now=self.clock.now())

    @property
    def handle(self):
        return Backfills(self.store)

    def backfill(self, backfill_id):
        return self.store.backfills.backfill(backfill_id)

    def states(self, backfill_id):
        return [slot.state for slot in self.store.backfills.backfill_slots(backfill_id)]


@pytest.fixture
def world(tmp_path):
    def make(*parts, days=6):
        made = Backfilled(tmp_path / "state", project(*parts), clock=Hand(wall=at(days)))
        made.tick()
        made.run_all()
        return made

    return make


def days(units):
    return [(unit.interval.start - at(0)).days for unit in units]


def test_slots_that_have_a_run_are_made_again_by_it(world):
    w = world(group("a"))
    before = {slot.interval: slot.run_id for slot in w.slots("a")}
    plan = w.plan("a", span(1, 4))
    assert (days(plan.units), plan.again, plan.there) == ([1, 2, 3], 3, 3)
    (backfill,) = w.handle.submit(plan, who="ann", now=w.clock.now())
    order = w.run_all()
    assert order == [before[span(day, day + 1)] for day in (1, 2, 3)]
    assert {slot.interval: slot.run_id for slot in w.slots("a")} == before
    assert [w.store.run(run).gen for run in order] == [2, 2, 2]
    assert (w.backfill(backfill).state, w.states(backfill)) == (BackfillState.SUCCESS, ["done"] * 3)


def test_skipped_slots_get_their_one_run(world):
    w = world(group("a", catchup="latest"))
    assert w.days("a", SlotStatus.SKIPPED) == [0, 1, 2, 3, 4]
    w.submit("a", span(0, 3), Reprocess.MISSING)
    w.run_all()
    assert w.days("a") == [0, 1, 2, 5]
    assert len({slot.run_id for slot in w.slots("a") if slot.run_id}) == 4


def test_missing_takes_what_was_never_made_and_what_failed(world):
    w = world(group("a"), model("m", "a"), model("n", "a", "m"))
    (run,) = w.tick(at(7)).created
    w.run(run, fails="n")
    assert days(w.plan("a", span(0, 7), Reprocess.MISSING).units) == [6]
    assert days(w.plan("a", span(0, 7), Reprocess.FAILED).units) == [6]
    assert w.plan("a", span(0, 6), Reprocess.MISSING).units == ()


def test_a_run_that_failed_without_having_begun_counts_as_failed(world):
    w = world(group("a"))
    (run,) = w.tick(at(7)).created
    w.store.queue.request_cancel(run, reason="no", who="ann", now=at(7))
    assert days(w.plan("a", span(0, 7), Reprocess.FAILED).units) == [6]


def test_changed_takes_what_was_made_with_other_code(world):
    w = world(group("a"), model("m", "a", code="old"))
    assert w.plan("a", span(0, 6), Reprocess.CHANGED).units == ()
    w.load(group("a"), model("m", "a", code="new"))
    assert len(w.plan("a", span(0, 6), Reprocess.CHANGED).units) == 6
    assert w.plan("a", span(0, 6), Reprocess.MISSING).units == ()


def test_the_newest_may_come_first(world):
    w = world(group("a"))
    plan = w.plan("a", span(0, 3), order=Order.NEWEST)
    assert days(plan.units) == [2, 1, 0]
    w.handle.submit(plan, who="ann", now=w.clock.now())
    assert [w.store.run(run).interval.start for run in w.run_all()] == [at(2), at(1), at(0)]


def test_slots_of_a_coalesced_run_are_made_again_as_a_whole_and_that_is_said(world):
    w = world(group("a", catchup="coalesce"))
    plan = w.plan("a", span(2, 3))
    (unit,) = plan.units
    assert (unit.interval, unit.wider) == (span(0, 6), True)
    assert plan.notes == (f"{unit.run_id} covers 2026-01-05/2026-01-11 and is made again as a whole",)
    w.handle.submit(plan, who="ann", now=w.clock.now())
    assert w.run_all() == [unit.run_id]


def test_first_runs_are_batched_like_the_groups_own(world):
    w = world(group("a", "@hourly", batch=24, catchup="none", catchup_max=None), days=2)
    plan = w.plan("a", span(0, 2))
    assert [unit.interval.length / HOUR for unit in plan.units] == [24, 24]
    w.handle.submit(plan, who="ann", now=w.clock.now())
    assert len(w.run_all()) == 2
    assert len(w.slots("a")) == 48


def test_what_the_schedule_has_still_to_decide_is_left_to_it(world):
    w = world(group("a"))
    plan = w.plan("a", span(4, 9))
    assert days(plan.units) == [4, 5]
    assert plan.notes == ("3 slots of the range are left to the schedule, which has still to decide",)


def test_slots_before_the_group_began_can_be_made(world):
    w = world(group("a", start=None))
    w.submit("a", span(1, 3), Reprocess.MISSING)
    w.run_all()
    assert w.days("a") == [1, 2]
    w.tick(at(7))
    assert w.days("a") == [1, 2, 6]


def test_parallel_is_one_where_order_matters(world):
    w = world(group("a", depends_on_past=True), group("b"), model("m", "a"), model("log", "b", appends=True))
    assert w.plan("a", span(0, 3), parallel=3).parallel == 1
    plan = w.plan("b", span(0, 3), parallel=3)
    assert (plan.parallel, plan.notes) == (1, ("one run at a time, because log only appends rows",))
    with pytest.raises(ConfigError, match="depends_on_past, so the newest slot cannot be made first"):
        w.plan("a", span(0, 3), order=Order.NEWEST)


def test_so_many_run_at_once_as_was_asked_for(world):
    w = world(group("a"))
    w.submit("a", span(0, 6), parallel=3)
    report = w.tick()
    assert len(report.ready) == 3
    assert all(candidate.max_active == 3 for candidate in report.ready)


@pytest.mark.parametrize("reprocess", list(Reprocess))
def test_a_range_without_anything_to_do_makes_nothing(world, reprocess):
    w = world(group("a", start=at(3)))
    assert w.submit("a", span(0, 3), reprocess) == []


def test_it_refuses_what_is_under_way(world):
    w = world(group("a"))
    (run,) = w.tick(at(7)).created
    with pytest.raises(StateError, match=f"{run} of a is queued over 2026-01-11, inside the range"):
        w.plan("a", span(5, 7))
    w.run(run)
    (backfill,) = w.submit("a", span(0, 3))
    with pytest.raises(StateError, match=f"the backfill {backfill} of a is running over"):
        w.plan("a", span(2, 5))


def test_it_refuses_nonsense(world):
    w = world(group("a"), group("by_hand", None))
    with pytest.raises(ConfigError, match="--parallel is a number of runs from 1, not 0"):
        w.plan("a", span(0, 1), parallel=0)
    with pytest.raises(ConfigError, match="there is no group 'x'"):
        w.plan("x", span(0, 1))
    with pytest.raises(ConfigError, match="has not come to its end yet"):
        w.plan("by_hand", span(0, 99))
    w.load(group("a"), group("new", start=None, schedule="@hourly"))
    fresh = Backfilled(w.folder.parent / "other", project(group("b")), clock=w.clock)
    fresh.snapshot = project(group("never"))
    with pytest.raises(StateError, match="no daemon has scheduled the group never yet"):
        fresh.plan("never", span(0, 1))


def test_a_group_without_a_schedule_makes_the_range_as_one(world):
    w = world(group("by_hand", None))
    w.submit("by_hand", span(0, 3))
    (run,) = w.run_all()
    assert w.store.run(run).interval == span(0, 3)
    w.submit("by_hand", span(0, 3))
    assert len(w.run_all()) == 1


def test_a_failure_is_counted_and_told(world):
    w = world(group("a"))
    (backfill,) = w.submit("a", span(0, 3))
    w.run(w.tick().ready[0].run.run_id, fails="a")
    w.run_all()
    record = w.backfill(backfill)
    assert (record.state, record.reason) == (BackfillState.FAILED, "1 of 3 intervals did not succeed")
    assert [alert["backfill"] for alert in w.alerts("backfill_failed")] == [backfill]


def test_pausing_starts_no_more_and_resuming_goes_on(world):
    w = world(group("a"))
    (backfill,) = w.submit("a", span(0, 3))
    w.tick()
    assert w.handle.pause(backfill, who="ann", now=w.clock.now())
    assert not w.handle.pause(backfill, who="ann", now=w.clock.now())
    report = w.tick()
    assert report.ready == ()
    assert list(report.waiting.values()) == [
        f"the backfill {backfill} is paused; sqlorch backfill resume {backfill}"
    ]
    assert w.handle.resume(backfill, who="ann", now=w.clock.now())
    assert len(w.run_all()) == 3


def test_cancelling_ends_its_runs_and_what_follows_from_it(world):
    w = world(*readers())
    first, second = w.submit("days", span(0, 2), cascade=True)
    w.tick()
    assert w.handle.cancel(first, who="ann", now=w.clock.now())
    assert not w.handle.cancel(first, who="ann", now=w.clock.now())
    assert w.run_all() == []
    assert w.backfill(first).state is w.backfill(second).state is BackfillState.CANCELLED
    assert {run.state for run in w.store.runs()} <= {RunState.SUCCESS, RunState.CANCELLED}


def readers():
    return (
        group("days"),
        group("weeks", "@weekly", start=at(-15)),
        group("other"),
        model("d", "days"),
        model("w", "weeks", "d"),
        model("o", "other"),
    )


def test_cascading_makes_again_what_read_it_after_it(world):
    w = world(*readers(), days=8)
    plan = w.plan("days", span(2, 4), cascade=True)
    (child,) = plan.children
    assert (child.group, child.reprocess, len(child.units)) == ("weeks", Reprocess.ALL, 1)
    assert child.units[0].interval.contains(span(2, 4))
    days_id, weeks_id = w.handle.submit(plan, who="ann", now=w.clock.now())
    assert w.backfill(weeks_id).parent == days_id
    order = [w.store.run(run).group for run in w.run_all()]
    assert order == ["days", "days", "weeks"]
    assert w.backfill(weeks_id).state is BackfillState.SUCCESS


def test_cascading_reaches_the_hours_that_read_the_day_before(world):
    w = world(
        group("days"),
        group("hours", "0 */6 * * *", catchup_max=None, max_active_runs=9),
        model("d", "days"),
        model("h", "hours", "d"),
        days=4,
    )
    (child,) = w.plan("days", span(1, 2), cascade=True).children
    # the last part of the day itself reads it, and those of the next day do as the last whole day there is
    starts = [(unit.interval.start - at(0)) / HOUR for unit in child.units]
    assert starts == [42, 48, 54, 60]


def test_scheduled_work_goes_first_and_yet_a_backfill_is_not_starved(world):
    w = world(group("a"), group("b", "@hourly", catchup_max=None), days=2)
    w.submit("a", span(0, 2))
    w.clock.to(at(2, 20))
    w.tick()
    order = "".join(w.store.run(run).group for run in w.run_all())
    assert order == "abbba" + "b" * 17  # many of b's ran before, so the backfill is in turn


def test_a_crash_between_queueing_and_writing_down_makes_no_second_generation(world):
    w = world(group("a"), days=3)
    (backfill,) = w.submit("a", span(0, 1))
    (run,) = w.tick().created
    w.run(run)
    (slot,) = w.store.backfills.backfill_slots(backfill)
    w.store.backfills.move_slots(backfill, [replace(slot, state="waiting")], now=w.clock.now())
    w.run_all()
    assert w.store.run(run).gen == 2
    assert w.backfill(backfill).state is BackfillState.SUCCESS


@pytest.mark.parametrize(("parallel", "seconds"), [(1, 120.0), (3, 60.0)])
def test_without_a_history_the_estimate_is_what_nodes_take(tmp_path, parallel, seconds):
    parts = project(group("a", catchup="none"), model("m", "a", seconds=20.0), model("n", "a", seconds=10.0))
    w = Backfilled(tmp_path / "state", parts, clock=Hand(wall=at(4)))
    w.tick()
    assert w.plan("a", span(0, 4), parallel=parallel).seconds == seconds
