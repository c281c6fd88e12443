"""What the scheduler makes of due slots, over the real store."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from support.scheduling import DAY, HOUR, T0, Hand, World, at, group, model, project, span, uid

from sqlorch.domain.catchup import CatchupPolicy
from sqlorch.domain.ledger import LedgerEntry, LedgerMark
from sqlorch.domain.run import RunSpec, RunState
from sqlorch.domain.scheduling import GroupStatus, SlotStatus
from sqlorch.engine.slot_decider import slot_run_id

SKIPPED = SlotStatus.SKIPPED


@pytest.fixture
def world(tmp_path):
    def make(*parts, wall=T0):
        return World(tmp_path / "state", project(*parts), clock=Hand(wall=wall))

    return make


def mark(world, name, interval, run="manual-1", mark=LedgerMark.DONE):
    entry = LedgerEntry(
        unique_id=uid(name), interval=interval, mark=mark, code="", run_id=run, gen=1, at=world.clock.now()
    )
    world.store.ledger.mark([entry], who="ann", now=world.clock.now())


def test_a_slot_is_queued_when_it_ends_and_once(world):
    w = world(group("a"))
    assert w.tick(at(0, 23.99)).created == ()
    (run,) = w.tick(at(1)).created
    assert w.tick(at(1)).created == ()
    assert w.days("a") == [0]
    assert w.store.run(run).interval == span(0, 1)


def test_the_report_says_when_to_look_again(world):
    w = world(group("a"), group("b", "@hourly", start=None))
    assert w.tick().next_due == at(0, 1)


def test_missed_slots_are_run_oldest_first_up_to_twenty_a_tick(world):
    w = world(group("a", catchup_max=None), wall=at(30))
    first = w.tick()
    assert len(first.created) == 20
    assert first.next_due <= at(30)
    w.tick()
    assert w.days("a") == list(range(30))
    assert w.run_all() == [slot.run_id for slot in w.slots("a")]


@pytest.mark.parametrize(
    ("policy", "run", "skipped"),
    [
        (CatchupPolicy.LATEST, [4], [0, 1, 2, 3]),
        (CatchupPolicy.NONE, [], [0, 1, 2, 3, 4]),
        (CatchupPolicy.ALL, [0, 1, 2, 3, 4], []),
        (CatchupPolicy.COALESCE, [0, 1, 2, 3, 4], []),
    ],
)
def test_missed_slots_follow_the_policy_and_skips_are_on_record(world, policy, run, skipped):
    w = world(group("a", catchup=policy), wall=at(5, 3))
    w.tick()
    assert (w.days("a"), w.days("a", SKIPPED)) == (run, skipped)
    assert len(w.alerts("slot_skipped")) == bool(skipped)
    assert {slot.reason for slot in w.slots("a") if slot.status is SKIPPED} <= {f"catchup_{policy}"}


def test_alerts_of_a_coalesced_run_name_all_of_its_interval(world):
    w = world(group("a", catchup="coalesce", queue_timeout=60.0), model("m", "a"), wall=at(5))
    run = w.tick().ready[0].run
    w.tick(at(5, 1))
    w.run(run.run_id, fails="m")
    named = {kind: [one["interval"] for one in w.alerts(kind)] for kind in ("run_stuck", "run_failed")}
    assert named == {"run_stuck": ["2026-01-05/2026-01-10"], "run_failed": ["2026-01-05/2026-01-10"]}


def test_coalesced_slots_share_one_run_over_all_of_them(world):
    w = world(group("a", catchup=CatchupPolicy.COALESCE), wall=at(5, 3))
    (run,) = w.tick().created
    assert w.store.run(run).interval == span(0, 5)
    assert {slot.run_id for slot in w.slots("a")} == {run}


def test_what_falls_due_while_somebody_watches_is_not_missed(world):
    w = world(group("a", catchup=CatchupPolicy.NONE), wall=at(2))
    w.tick()
    w.tick(at(3))
    assert (w.days("a"), w.days("a", SKIPPED)) == ([2], [0, 1])


def test_too_many_missed_slots_hold_the_group_with_one_alert(world):
    w = world(group("a", "@hourly"), wall=at(40))
    report = w.tick()
    assert report.created == ()
    assert report.held["a"] == (
        "960 intervals are due since 2026-01-05 00:00, more than catchup_max 24; "
        "decide with: sqlorch catchup a --all | --latest | --coalesce | --skip"
    )
    w.tick(at(41))
    w.start()
    w.tick(at(42))
    assert len(w.alerts("group_held")) == 1
    assert w.slots("a") == []


@pytest.mark.parametrize(
    ("word", "runs", "skips"), [("all", 48, 0), ("latest", 1, 47), ("coalesce", 48, 0), ("none", 0, 48)]
)
def test_a_person_decides_for_a_held_group(world, word, runs, skips):
    w = world(group("a", "@hourly"), wall=at(2))
    w.tick()
    assert w.store.schedule.set_status(
        "a", GroupStatus.ACTIVE, reason="", who="ann", now=w.clock.now(), catchup=word
    )
    for _ in range(4):
        w.tick()
    assert (len(w.days("a")), len(w.days("a", SKIPPED))) == (runs, skips)
    assert len({slot.run_id for slot in w.slots("a")} - {None}) == (1 if word == "coalesce" else runs)
    w.tick(at(2, 1))
    assert w.slots("a")[-1].status is SlotStatus.RUN


def test_a_persons_decision_covers_only_what_it_was_made_for(world):
    w = world(group("a", "@hourly"), wall=at(2))
    w.tick()
    w.store.schedule.set_status(
        "a", GroupStatus.ACTIVE, reason="", who="ann", now=w.clock.now(), catchup="none"
    )
    w.clock.to(at(5))  # the daemon died before it looked, and three days pass
    w.start()
    w.tick()
    report = w.tick()
    assert len(w.days("a", SKIPPED)) == 48
    assert "72 intervals are due since 2026-01-07 00:00" in report.held["a"]


def test_batches_cover_neighbouring_slots(world):
    w = world(group("a", "@hourly", batch=24, catchup_max=None), wall=at(3, 6))
    created = w.tick().created
    assert [w.store.run(run).interval.length / HOUR for run in created] == [24, 24, 24, 6]
    assert len(w.slots("a")) == 78


def test_slots_made_by_hand_need_no_run(world):
    w = world(group("a"), model("m", "a"), model("n", "a", "m"))
    for name in "mn":
        mark(w, name, span(1, 3), run="manual-7")
    mark(w, "m", span(0, 1))
    w.tick(at(4))
    assert (w.days("a"), w.days("a", SKIPPED)) == ([0, 3], [1, 2])
    assert {slot.reason for slot in w.slots("a") if slot.status is SKIPPED} == {"done by manual-7"}
    assert w.alerts() == []


def test_what_failed_last_by_hand_is_run(world):
    w = world(group("a"), model("m", "a"))
    mark(w, "m", span(0, 1), mark=LedgerMark.FAILED)
    w.tick(at(1))
    assert w.days("a") == [0]


def test_seeds_alone_say_nothing_about_a_slot(world):
    seed = replace(model("s", "a"), kind="seed")
    w = world(group("a"), seed)
    mark(w, "s", span(0, 1))
    w.tick(at(1))
    assert w.days("a") == [0]


def test_what_was_made_by_hand_does_not_count_for_the_guard(world):
    w = world(group("a", catchup_max=5), wall=at(40))
    mark(w, "a", span(0, 38))
    for _ in range(3):
        report = w.tick()
        assert not report.held
    assert (len(w.days("a", SKIPPED)), w.days("a")) == (38, [38, 39])


def test_a_changed_schedule_leaves_no_gap_and_no_overlap(world):
    w = world(group("a", "@hourly"))
    for hour in range(1, 16):
        w.tick(at(0, hour))
    w.load(group("a", "@daily"))
    w.tick(at(1))
    w.tick(at(2))
    ends = [slot.interval for slot in w.slots("a")]
    assert all(before.end == after.start for before, after in pairwise(ends))
    assert [interval.length / HOUR for interval in ends[-2:]] == [9, 24]


def test_paused_groups_wait_and_a_new_one_begins_now(world):
    w = world(group("a"), group("b", start=None), wall=at(1, 12))
    w.store.schedule.set_status("a", GroupStatus.PAUSED, reason="", who="ann", now=w.clock.now())
    w.tick(at(2))
    assert w.days("a") == []
    assert w.days("b") == [1]
    w.store.schedule.set_status("a", GroupStatus.ACTIVE, reason="", who="ann", now=w.clock.now())
    w.tick(at(2, 1))
    assert w.days("a") == [0, 1]


def test_points_are_decided_as_points(world):
    w = world(group("a", interval="point", catchup=CatchupPolicy.LATEST), wall=at(2, 1))
    w.tick()
    w.tick(at(3))
    assert (w.days("a"), w.days("a", SKIPPED)) == ([2, 3], [0, 1])


def test_a_group_that_is_gone_waits_for_its_return(world):
    w = world(group("a"), group("b"))
    w.tick(at(1))
    w.load(group("b"))
    report = w.tick(at(2))
    gone = {slot.run_id for slot in w.slots("a")}
    assert {report.waiting[one] for one in gone} == {"the project has no group a any more"}
    w.load(group("a"), group("b"))
    w.tick(at(3))
    assert w.days("a") == [0, 1, 2]


def test_a_group_that_cannot_be_decided_does_not_stop_the_others(world):
    w = world(group("a"), group("b"))
    taken = RunSpec(
        run_id=slot_run_id("a", at(0)),
        group="a",
        interval=span(5, 6),
        timezone="UTC",
        variables={},
        nodes=[],
    )
    w.store.create_run(taken, now=w.clock.now())
    w.tick(at(1))
    assert (w.days("a"), w.days("b")) == ([], [0])
    (alert,) = w.alerts("group_undecided")
    assert taken.run_id in alert["reason"]
    assert w.tick().next_due == at(1) + timedelta(minutes=1)


def test_a_schedule_that_ends_is_done(world):
    w = world(group("a", end=at(2)))
    w.tick(at(2))
    report = w.tick(at(9))
    assert w.days("a") == [0, 1]
    w.run_all()
    assert w.tick().next_due is None
    assert report.created == ()


def test_two_daemons_over_one_store_decide_each_slot_once(world, tmp_path):
    w = world(group("a"), group("b"))
    other = World(tmp_path / "state", w.snapshot, clock=w.clock, daemon_pid=2)
    for day in range(1, 6):
        w.clock.to(at(day))
        w.tick()
        other.tick()
        other.tick(at(day, 1))
        w.tick()
    assert w.days("a") == w.days("b") == [0, 1, 2, 3, 4]
    assert all(w.store.run(slot.run_id).state is RunState.QUEUED for slot in w.slots("a"))


def test_the_clock_going_back_decides_nothing_until_it_has_caught_up(world):
    w = world(group("a"))
    w.tick(at(1))
    w.clock.wall = at(0, 12)
    report = w.tick()
    assert report.guard == "the clock went back; nothing is decided before 2026-01-06 00:00 UTC"
    assert len(w.alerts("clock_jumped")) == 1
    assert w.tick(at(1)).guard == ""


def test_a_jump_forward_is_believed_only_after_a_while(world):
    w = world(group("a", catchup=CatchupPolicy.ALL, catchup_max=3))
    w.tick(at(0, 1))
    w.clock.wall = at(30)
    assert "the clock jumped from 2026-01-05 01:00 UTC to 2026-02-04" in w.tick().guard
    w.clock.wall = at(0, 1.01)
    assert w.tick().guard == ""
    assert w.slots("a") == []
    w.clock.wall = at(30)
    w.tick()
    w.tick(at(30) + timedelta(minutes=11))
    assert w.store.schedule.groups()["a"].status is GroupStatus.HELD


def test_a_clock_that_was_ahead_is_remembered_over_a_restart(world):
    w = world(group("a"))
    w.store.daemons.beat(w.scheduler._watchdog._owner, version="1", state="running", now=at(9))
    w.start()
    assert w.tick(at(1)).guard.startswith("the clock went back")
    assert w.slots("a") == []
    assert w.clock.now() + 8 * DAY == at(9)
