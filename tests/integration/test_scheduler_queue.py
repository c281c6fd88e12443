"""Which queued runs may go, what the others wait for, and what happens to those under way."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.scheduling import T0, Hand, World, at, group, model, owner, project, span, uid

from sqlorch.domain.catchup import CatchupPolicy
from sqlorch.domain.history import NodeMove
from sqlorch.domain.ledger import LedgerEntry, LedgerMark
from sqlorch.domain.run import NodeState, RunState
from sqlorch.domain.scheduling import GroupStatus, NewRun, RunKind
from sqlorch.engine.slot_decider import slot_run_id


@pytest.fixture
def world(tmp_path):
    def make(*parts, wall=T0):
        return World(tmp_path / "state", project(*parts), clock=Hand(wall=wall))

    return make


def ready(report):
    return [candidate.run.run_id for candidate in report.ready]


def run_of(w, name, day=0):
    return next(slot.run_id for slot in w.slots(name) if slot.interval.start == at(day))


def reader(**rules):
    """An hourly group, and a daily one that reads from it."""
    return (
        group("hourly", "@hourly", max_active_runs=50, catchup_max=None),
        group("daily", **rules),
        model("observed", "hourly"),
        model("report", "daily", "observed"),
    )


class TestCaps:
    def test_one_run_of_a_group_at_a_time_oldest_first(self, world):
        w = world(group("a"), wall=at(3))
        report = w.tick()
        assert ready(report) == [run_of(w, "a", 0)]
        assert set(report.waiting.values()) == {"cap 1/1 (max_active_runs)"}
        assert w.claim(ready(report)[0])
        report = w.tick()
        assert ready(report) == []
        assert w.reason(run_of(w, "a", 1)) == "cap 1/1 (max_active_runs)"

    def test_a_wider_cap_lets_more_go_but_never_two_over_the_same_time(self, world):
        w = world(group("a", max_active_runs=2), wall=at(3))
        assert ready(w.tick()) == [run_of(w, "a", 0), run_of(w, "a", 1)]
        asked = NewRun(
            run_id="manual-1",
            group="a",
            kind=RunKind.TRIGGERED,
            interval=span(0, 2),
            timezone="UTC",
            due_at=at(3),
            trigger_key="k",
        )
        w.claim(run_of(w, "a", 0))
        w.store.queue.enqueue(asked, now=at(3))
        report = w.tick()
        assert "manual-1" not in ready(report)
        assert report.waiting["manual-1"] == f"waiting for {run_of(w, 'a', 0)}, which covers the same time"

    def test_the_longest_due_goes_first_then_what_takes_longest(self, world):
        w = world(
            group("old", start=at(-1)),
            group("quick"),
            group("slow"),
            model("q", "quick", seconds=1.0),
            model("s", "slow", seconds=60.0),
        )
        w.tick(at(0))
        w.clock.to(at(1))
        assert ready(w.tick()) == [
            slot_run_id("old", at(-1)),
            slot_run_id("slow", at(0)),
            slot_run_id("quick", at(0)),
        ]

    def test_paused_and_held_groups_wait_but_not_for_a_person(self, world):
        w = world(group("a"), wall=at(1))
        w.tick()
        w.store.schedule.set_status("a", GroupStatus.PAUSED, reason="", who="ann", now=at(1))
        asked = NewRun(
            run_id="manual-1",
            group="a",
            kind=RunKind.TRIGGERED,
            interval=span(3, 4),
            timezone="UTC",
            due_at=at(1),
        )
        w.store.queue.enqueue(asked, now=at(1))
        report = w.tick()
        assert ready(report) == ["manual-1"]
        assert list(report.waiting.values()) == ["the group is paused; sqlorch resume a"]
        w.store.schedule.set_status("a", GroupStatus.HELD, reason="99 due", who="daemon", now=at(1))
        assert list(w.tick().waiting.values()) == ["the group is held: 99 due"]


class TestPast:
    def test_a_slot_waits_for_the_one_before_it(self, world):
        w = world(group("a", depends_on_past=True, max_active_runs=3), wall=at(3))
        w.tick()
        first, second = run_of(w, "a", 0), run_of(w, "a", 1)
        assert ready(w.tick()) == [first]
        assert w.reason(second) == f"waiting for slot 2026-01-05: {first} is queued"
        w.run(first, fails="a")
        report = w.tick()
        assert report.waiting[second] == f"waiting for slot 2026-01-05: {first} failed; sqlorch retry {first}"
        w.store.queue.requeue(first, now=w.clock.now())
        w.run(first)
        assert ready(w.tick()) == [second]

    def test_a_skipped_slot_before_is_good_enough(self, world):
        w = world(group("a", depends_on_past=True, catchup="latest"), wall=at(3))
        w.tick()
        assert ready(w.tick()) == [run_of(w, "a", 2)]

    def test_an_earlier_slot_made_again_may_go_beyond_the_cap(self, world):
        w = world(group("a", depends_on_past=True), wall=at(2))
        w.tick()
        first, second = run_of(w, "a", 0), run_of(w, "a", 1)
        w.run(first)
        assert w.claim(second)
        w.store.queue.requeue(first, now=at(2))
        (candidate,) = w.tick().ready
        assert (candidate.run.run_id, candidate.max_active) == (first, 2)
        assert w.claim(first, max_active=candidate.max_active)


class TestUpstream:
    def test_a_day_waits_for_its_hours_and_says_for_which(self, world):
        w = world(*reader(), wall=at(1))
        w.tick()
        w.tick()
        hours = [slot.run_id for slot in w.slots("hourly")]
        for run in hours[:-1]:
            w.run(run)
        report = w.tick()
        assert report.waiting[run_of(w, "daily")] == "waiting for hourly 2026-01-05 23:00"
        assert w.reason(run_of(w, "daily")) == "waiting for hourly 2026-01-05 23:00"
        w.run(hours[-1])
        assert ready(w.tick()) == [run_of(w, "daily")]

    def test_a_failed_hour_names_its_run_and_what_to_do(self, world):
        w = world(*reader(), wall=at(1))
        w.tick()
        w.tick()
        hours = [slot.run_id for slot in w.slots("hourly")]
        for run in hours:
            w.run(run, fails=["observed"] if run == hours[5] else [])
        daily = run_of(w, "daily")
        said = f"waiting for hourly 2026-01-05 05:00: observed failed in {hours[5]}; sqlorch retry {hours[5]}"
        assert w.tick().waiting[daily] == said
        w.store.queue.requeue(hours[5], now=at(1))
        assert w.tick().waiting[daily] == "waiting for hourly 2026-01-05 05:00"
        w.run(hours[5])
        assert ready(w.tick()) == [daily]

    def test_skipped_hours_are_settled(self, world):
        hourly, *others = reader()
        quiet = replace(hourly, rules=replace(hourly.rules, catchup=CatchupPolicy.NONE))
        w = world(quiet, *others, wall=at(1))
        assert ready(w.tick()) == [run_of(w, "daily")]

    @pytest.mark.parametrize(("mode", "waits"), [("latest", True), ("ignore", False)])
    def test_latest_and_ignore_wait_for_less(self, world, mode, waits):
        w = world(*reader(upstream=mode), wall=at(1))
        w.tick()
        assert (run_of(w, "daily") in w.tick().waiting) is waits
        w.run(w.slots("hourly")[-1].run_id)
        assert run_of(w, "daily") in ready(w.tick())

    def test_a_paused_upstream_is_named_as_such(self, world):
        w = world(*reader(), wall=at(1))
        w.store.schedule.set_status("hourly", GroupStatus.PAUSED, reason="", who="ann", now=at(1))
        report = w.tick()
        assert report.waiting[run_of(w, "daily")] == (
            "waiting for hourly 2026-01-05 00:00 and 23 more, which is paused"
        )

    def test_what_was_made_by_hand_settles_upstream(self, world):
        w = world(*reader(), wall=at(1))
        w.store.schedule.set_status("hourly", GroupStatus.PAUSED, reason="", who="ann", now=at(1))
        w.tick()
        _mark(w, "observed", span(0, 1))
        assert run_of(w, "daily") in ready(w.tick())

    def test_slots_before_an_upstream_group_began_are_not_waited_for(self, world):
        w = world(
            group("hourly", "@hourly", start=None),
            group("daily", start=at(0)),
            model("observed", "hourly"),
            model("report", "daily", "observed"),
            wall=at(3, 0.5),
        )
        w.tick()
        assert ready(w.tick()) == [run_of(w, "daily", 0)]

    def test_an_unscheduled_upstream_has_to_be_built_once(self, world):
        w = world(
            group("seeds", None), group("daily"), model("s", "seeds"), model("d", "daily", "s"), wall=at(1)
        )
        report = w.tick()
        assert ready(report) == []
        assert report.waiting[run_of(w, "daily")] == (
            "waiting for seeds, whose s was never built; sqlorch trigger seeds"
        )
        _mark(w, "s", span(-300, -299))
        assert ready(w.tick()) == [run_of(w, "daily")]

    def test_a_run_that_waited_too_long_fails_with_the_reason(self, world):
        w = world(*reader(upstream_timeout=3600.0), wall=at(1))
        w.tick()
        daily = run_of(w, "daily")
        assert w.tick().next_due <= at(1, 1)
        w.tick(at(1, 1))
        record = w.store.run(daily)
        assert record.state is RunState.FAILED
        assert record.reason == "waiting for hourly 2026-01-05 00:00 and 23 more; gave up after 1:00:00"
        assert [alert["run_id"] for alert in w.alerts("run_failed")] == [daily]

    def test_a_triggered_run_waits_for_nothing(self, world):
        w = world(*reader(), wall=at(0, 1))
        asked = NewRun(
            run_id="manual-1",
            group="daily",
            kind=RunKind.TRIGGERED,
            interval=span(0, 1),
            timezone="UTC",
            due_at=at(0, 1),
        )
        w.store.queue.enqueue(asked, now=at(0, 1))
        assert "manual-1" in ready(w.tick())


class TestWatchdog:
    def test_a_run_whose_driver_died_is_taken_over_and_handed_out_again(self, world):
        w = world(group("a"), wall=at(1))
        (run,) = w.tick().created
        w.claim(run, pid=9)
        w.begin(run)
        assert ready(w.tick()) == []
        w.dead.add(9)
        report = w.tick()
        assert report.rescued == (run,)
        assert [(candidate.run.run_id, candidate.resume) for candidate in report.ready] == [(run, True)]
        assert w.store.nodes(run)[0].state is NodeState.UP_FOR_RETRY
        assert w.store.run(run).owner == owner(1)

    def test_a_new_daemon_takes_over_what_the_old_one_had_taken_over(self, world):
        w = world(group("a"), wall=at(1))
        (run,) = w.tick().created
        w.claim(run, pid=9)
        w.dead.add(9)
        w.tick()
        w.dead.add(1)
        w.start(pid=2)
        report = w.tick()
        assert report.rescued == (run,)
        assert w.store.run(run).owner == owner(2)

    def test_a_node_lost_too_often_fails(self, world):
        w = world(group("a"), wall=at(1))
        (run,) = w.tick().created
        w.claim(run, pid=9)
        w.begin(run)
        for pid in range(10, 14):
            w.dead.add(pid - 1)
            w.tick()
            taken = w.store.queue.rescue(
                run, gen=1, was=owner(1), owner=owner(pid), now=w.clock.now(), budget=3
            )
            assert taken is not None
            (node,) = w.store.nodes(run)
            if node.state is NodeState.UP_FOR_RETRY:
                _again(w, run)
        assert node.state is NodeState.FAILED
        assert len(w.alerts("worker_lost")) == 1

    def test_what_is_not_safe_to_repeat_fails_at_once(self, world):
        w = world(group("a"), model("log", "a", repeatable=False, appends=True), wall=at(1))
        (run,) = w.tick().created
        w.claim(run, pid=9)
        w.begin(run)
        w.dead.add(9)
        w.tick()
        assert w.store.nodes(run)[0].state is NodeState.FAILED
        (alert,) = w.alerts("worker_lost")
        assert "log was under way when its worker died" in alert["reason"]

    def test_a_run_that_was_being_cancelled_ends_with_its_driver(self, world):
        w = world(group("a"), wall=at(1))
        (run,) = w.tick().created
        w.claim(run, pid=9)
        w.store.move_run(run, RunState.RUNNING, RunState.CANCELLING, now=at(1))
        w.dead.add(9)
        assert w.tick().rescued == (run,)
        assert w.store.run(run).state is RunState.CANCELLED

    def test_missed_deadlines_alert_once_each(self, world):
        w = world(group("a", start_within=600.0, finish_within=3600.0))
        (run,) = w.tick(at(1)).created
        assert w.tick().next_due == at(1) + timedelta(minutes=10)
        w.tick(at(1) + timedelta(minutes=11))
        w.tick(at(1) + timedelta(minutes=12))
        assert [alert["sla"] for alert in w.alerts("sla_missed")] == ["start_within"]
        w.claim(run)
        w.tick(at(1, 1))
        w.start()
        w.tick(at(1, 1.1))
        first, second = w.alerts("sla_missed")
        assert second["sla"] == "finish_within"
        assert second["reason"] == "it has not finished within 1:00:00 of its interval's end"
        assert (first["late"], second["late"]) == (False, False)

    def test_a_deadline_missed_while_nobody_watched_is_marked_late(self, world):
        w = world(group("a", finish_within=3600.0))
        w.tick(at(1))
        w.clock.to(at(3))
        w.start()
        w.tick()
        assert [alert["late"] for alert in w.alerts("sla_missed")] == [True]

    def test_catching_up_and_running_again_have_no_deadline(self, world):
        w = world(group("a", start_within=60.0), wall=at(2))
        first, second = w.tick().created
        w.tick(at(2, 1))
        assert w.alerts("sla_missed") == []
        w.run(first)
        w.run(second)
        (third,) = w.tick(at(3)).created
        w.run(third)
        w.store.queue.requeue(third, now=at(3))
        w.tick(at(4))
        assert [alert["run_id"] for alert in w.alerts("sla_missed") if alert["run_id"] == third] == []

    def test_a_run_that_takes_too_long_is_asked_to_stop(self, world):
        w = world(group("a", run_timeout=1800.0), wall=at(1))
        (run,) = w.tick().created
        w.claim(run)
        assert w.tick().next_due == at(1, 0.5)
        w.tick(at(1, 0.5))
        assert w.store.queue.cancel_requested(run) == "it took longer than its run_timeout, 0:30:00"

    def test_the_time_without_a_driver_does_not_count(self, world):
        w = world(group("a", run_timeout=1800.0), wall=at(1))
        (run,) = w.tick().created
        w.claim(run)
        w.dead.add(9)
        w.tick(at(1, 5))
        w.tick(at(1, 5.4))
        assert w.store.queue.cancel_requested(run) == ""

    def test_a_queue_that_does_not_move_is_told_once(self, world):
        w = world(group("a", queue_timeout=600.0), wall=at(1))
        (run,) = w.tick().created
        w.tick(at(1, 0.1))
        assert w.alerts("run_stuck") == []
        w.tick(at(1, 0.2))
        w.tick(at(1, 0.3))
        assert [alert["run_id"] for alert in w.alerts("run_stuck")] == [run]

    def test_an_idle_tick_reads_and_writes_nothing(self, world):
        w = world(group("a"), wall=at(0, 1))
        w.tick()
        w.tick()
        version = w.store.schedule.version()
        report = w.tick(at(0, 2))
        assert w.store.schedule.version() == version
        assert report.next_due == at(1)


class TestDatasets:
    def events(self, **rules):
        return (
            group("a"),
            group("b"),
            group("sink", None, after=("a", "b"), **rules),
            model("ma", "a"),
            model("mb", "b"),
            model("ms", "sink", "ma", "mb"),
        )

    def test_all_waits_for_an_event_of_each_and_lists_them(self, world):
        w = world(*self.events())
        w.tick(at(1))
        w.run(run_of(w, "a"))
        assert w.tick().created == ()
        w.run(run_of(w, "b"))
        (sink,) = w.tick().created
        record = w.store.run(sink)
        assert (record.kind, record.interval) == ("dataset", span(0, 1))
        assert {event["dataset"] for event in record.invocation["events"]} == {"a", "b"}
        assert w.tick().created == ()

    def test_any_runs_for_each_and_events_join_while_one_waits(self, world):
        w = world(*self.events(after_all=False), wall=at(0))
        w.tick(at(3))
        w.run_all()
        runs = [run for run in w.store.runs() if run.group == "sink"]
        listed = [event["dataset"] for run in runs for event in run.invocation["events"]]
        assert sorted(listed) == ["a"] * 3 + ["b"] * 3
        assert len(runs) < 6

    def test_a_model_can_be_named(self, world):
        w = world(
            group("a"),
            group("sink", None, after=(uid("two"),)),
            model("one", "a"),
            model("two", "a"),
            model("s", "sink", "two"),
        )
        w.tick(at(1))
        w.run(run_of(w, "a"))
        assert len(w.tick().created) == 1

    def test_an_old_slot_made_again_runs_over_that_slot_alone(self, world):
        w = world(*self.events(after_all=False))
        w.tick(at(5))
        w.run_all()
        before = {run.run_id for run in w.store.runs() if run.group == "sink"}
        w.store.queue.requeue(run_of(w, "a", 0), now=at(5))
        w.tick(at(6))
        w.run_all()
        later = [run.interval for run in w.store.runs() if run.group == "sink" and run.run_id not in before]
        assert sorted(later) == [span(0, 1), span(5, 6)]

    def test_what_was_finished_before_a_group_was_known_does_not_start_it(self, world):
        w = world(*self.events()[:2], *self.events()[3:5])
        w.tick(at(1))
        w.run(run_of(w, "a"))
        w.run(run_of(w, "b"))
        w.clock.to(at(1, 1))
        w.load(*self.events())
        assert w.tick().created == ()

    def test_a_paused_group_keeps_its_events_for_later(self, world):
        w = world(*self.events())
        w.store.schedule.set_status("sink", GroupStatus.PAUSED, reason="", who="ann", now=at(0))
        w.tick(at(1))
        w.run(run_of(w, "a"))
        w.run(run_of(w, "b"))
        assert w.tick().created == ()
        w.store.schedule.set_status("sink", GroupStatus.ACTIVE, reason="", who="ann", now=at(1))
        assert len(w.tick().created) == 1


def _again(w, run):
    (node,) = w.store.nodes(run)
    moves = [NodeMove(unique_id=node.unique_id, before=node.state, after=NodeState.READY)]
    w.store.step(run, now=w.clock.now(), moves=moves, dispatch=[node.unique_id])


def _mark(w, name, interval):
    entry = LedgerEntry(
        unique_id=uid(name),
        interval=interval,
        mark=LedgerMark.DONE,
        code="",
        run_id="manual-1",
        gen=1,
        at=w.clock.now(),
    )
    w.store.ledger.mark([entry], who="ann", now=w.clock.now())
