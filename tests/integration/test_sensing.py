"""Queued runs that wait for sensors: when they are looked at, what they say, how they give up. No dbt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from support.scheduling import HOUR, World, at, group, model, owner, project, span, uid

from sqlorch.domain.freshness import FreshnessStatus, SourceFreshness
from sqlorch.domain.group import Group
from sqlorch.domain.interval import Interval
from sqlorch.domain.periods import parse_period
from sqlorch.domain.run import RunState
from sqlorch.domain.scheduling import GroupStatus, NewRun, RunKind
from sqlorch.domain.sensor import Look, SensorSpec
from sqlorch.engine.ledger_sensor import LedgerSensor
from sqlorch.engine.queue_view import Queue
from sqlorch.engine.scheduler import TickReport
from sqlorch.engine.sensor_ports import Poke
from sqlorch.engine.upstream_watch import UpstreamWatch

MINUTE = timedelta(minutes=1)
NO, YES = Look(met=False, said="no file matches"), Look(met=True, said="1 file")


def waiting(name: str, *sensors: SensorSpec, **more: Any) -> Group:
    return replace(group(name, **more), wait_for=sensors)


def file(target: str = "in/{{ ds }}.csv", **more: Any) -> SensorSpec:
    return SensorSpec(kind="file", target=target, **more)


def triggered(name: str, interval: Interval, **parameters: Any) -> NewRun:
    return NewRun(
        run_id=f"manual-{name}",
        group=name,
        kind=RunKind.TRIGGERED,
        interval=interval,
        timezone="UTC",
        due_at=interval.end,
        trigger_key="k",
        parameters=parameters,
    )


def world(tmp_path: Path, *parts: Any) -> World:
    made = World(tmp_path, project(*parts))
    made.scheduler.sensing._jitter = lambda: 0.0
    return made


def looks(world: World) -> list[Poke]:
    return world.scheduler.sensing.due(world.clock.now())


def answer(world: World, found: Look, *pokes: Poke) -> TickReport:
    world.scheduler.hear({poke.key: found for poke in pokes}, world.clock.now())
    return world.tick()


def starts(report: TickReport) -> list[datetime]:
    """Where the intervals begin whose runs may start, the first of them in front."""
    return [one.run.interval.start for one in report.ready]


def only_run(world: World) -> str:
    (run,) = world.store.queue.open_runs()
    return run.run_id


def test_a_run_waits_is_looked_after_and_goes(tmp_path: Path) -> None:
    w = world(tmp_path, waiting("a", file()))
    report = w.tick(at(1))
    run = only_run(w)
    assert not report.ready
    assert report.next_due == at(1)
    assert w.reason(run) == (
        "waiting for file in/2026-01-05.csv (not looked at yet), since 2026-01-06 00:00:00 UTC"
    )
    (poke,) = looks(w)
    assert poke.variables["ds"] == "2026-01-05"
    assert looks(w) == []  # one look at a time
    report = answer(w, NO, poke)
    assert w.reason(run) == (
        "waiting for file in/2026-01-05.csv (no file matches), since 2026-01-06 00:00:00 UTC, "
        "next look 00:01:00 UTC"
    )
    assert report.next_due == at(1) + MINUTE
    w.clock.to(at(1) + MINUTE / 2)
    assert looks(w) == []
    w.tick(at(1) + MINUTE)
    (poke,) = looks(w)
    report = answer(w, YES, poke)
    assert [one.run.run_id for one in report.ready] == [run]
    w.run(run)
    assert w.store.run(run).state is RunState.SUCCESS
    assert looks(w) == []


def test_all_sensors_must_come_true_and_each_stays_true(tmp_path: Path) -> None:
    w = world(tmp_path, waiting("a", file("one"), file("two", every=300.0)))
    w.tick(at(1))
    one, two = looks(w)
    answer(w, YES, one)
    assert not answer(w, NO, two).ready
    assert w.reason(only_run(w)).startswith("waiting for file two (no file matches), since")
    w.tick(at(1) + 5 * MINUTE)
    (again,) = looks(w)
    assert again.spec.target == "two"
    assert answer(w, YES, again).ready


def test_a_stale_source_is_told_once_for_each_run_and_one_that_cannot_be_measured_is_not(
    tmp_path: Path,
) -> None:
    stale = Look(met=False, said="orders: error")
    w = world(tmp_path, waiting("a", SensorSpec(kind="freshness", target="raw"), file("here")))
    w.tick(at(1))
    assert w.alerts("freshness_stale") == []  # nobody has looked yet
    source, here = looks(w)
    answer(w, Look(met=False, said="the warehouse is busy", failed=True), source)
    answer(w, NO, here)
    assert w.alerts("freshness_stale") == []
    for minute in (2, 4, 6):
        w.tick(at(1) + minute * MINUTE)
        answer(w, stale, *looks(w))
    (told,) = w.alerts("freshness_stale")
    assert (told["run_id"], told["source"], told["reason"]) == (only_run(w), "raw", "raw (orders: error)")


def test_what_a_look_has_measured_is_kept_with_the_run_that_waits(tmp_path: Path) -> None:
    w = world(tmp_path, waiting("a", SensorSpec(kind="freshness", target="raw")))
    w.tick(at(1))
    old = SourceFreshness(
        unique_id="source.shop.raw.orders",
        source="raw.orders",
        status=FreshnessStatus.ERROR,
        snapshotted_at=at(1),
        max_loaded_at=at(0),
        error_after=60.0,
    )
    answer(w, Look(met=False, said="orders: error", measured=(old,)), *looks(w))
    assert w.store.freshness.of_run(only_run(w)) == [old]
    new = replace(old, status=FreshnessStatus.PASS, snapshotted_at=at(1) + 2 * MINUTE)
    w.tick(at(1) + 2 * MINUTE)
    answer(w, Look(met=True, said="fresh", measured=(new,)), *looks(w))
    assert w.store.freshness.of_run(only_run(w)) == [new]


def test_looks_are_spread(tmp_path: Path) -> None:
    w = world(tmp_path, waiting("a", file()))
    w.scheduler.sensing._jitter = lambda: 1.0
    w.tick(at(1))
    report = answer(w, NO, *looks(w))
    assert report.next_due == at(1) + timedelta(seconds=66)


@pytest.mark.parametrize(
    ("soft", "state", "kind"), [(False, "failed", "run_failed"), (True, "skipped", "slot_skipped")]
)
def test_the_timeout_fails_or_skips_after_a_last_look(
    tmp_path: Path, soft: bool, state: str, kind: str
) -> None:
    w = world(tmp_path, waiting("a", file(every=3600.0, timeout=5400.0, soft_fail=soft)))
    w.tick(at(1))
    run = only_run(w)
    answer(w, NO, *looks(w))
    w.tick(at(1, 1))
    report = answer(w, NO, *looks(w))
    assert report.next_due == at(1, 1.5)  # not at two o'clock, when the time is up
    w.tick(at(1, 1.5))
    assert w.store.run(run).state is RunState.QUEUED
    answer(w, NO, *looks(w))
    record = w.store.run(run)
    assert record.state == state
    assert record.reason == "waited for file in/2026-01-05.csv (no file matches); gave up after 1:30:00"
    assert [one["run_id"] for one in w.alerts(kind)] == [run]
    skipped = [parse_period(one["bounds"]) for one in w.alerts("slot_skipped")]
    assert skipped == ([record.interval] if soft else [])
    assert w.alerts("run_failed" if soft else "slot_skipped") == []


def test_a_file_that_comes_with_the_last_look_counts(tmp_path: Path) -> None:
    w = world(tmp_path, waiting("a", file(timeout=60.0)))
    w.tick(at(1))
    answer(w, NO, *looks(w))
    w.tick(at(1, 9))  # the machine slept
    assert answer(w, YES, *looks(w)).ready


def test_where_one_sensor_must_not_fail_the_run_fails(tmp_path: Path) -> None:
    soft, hard = file("soft", timeout=60.0, soft_fail=True), file("hard", timeout=60.0)
    w = world(tmp_path, waiting("a", soft, hard))
    w.tick(at(1))
    run = only_run(w)
    answer(w, NO, *looks(w))
    w.tick(at(1) + MINUTE)
    answer(w, NO, *looks(w))
    assert w.store.run(run).state is RunState.FAILED
    assert "file hard" in w.reason(run)


def test_timeouts_count_on_over_a_restart_and_begin_anew_with_a_retry(tmp_path: Path) -> None:
    w = world(tmp_path, waiting("a", file(timeout=5400.0)))
    w.tick(at(1))
    run = only_run(w)
    answer(w, NO, *looks(w))
    w.clock.to(at(1, 1))
    w.start(pid=2)
    w.tick()
    assert "since 2026-01-06 00:00:00 UTC" in w.reason(run)
    answer(w, NO, *looks(w))
    w.tick(at(1, 1.5))
    answer(w, NO, *looks(w))
    assert w.store.run(run).state is RunState.FAILED
    w.store.queue.requeue(run, now=at(1, 2))
    w.tick(at(1, 2))
    answer(w, NO, *looks(w))
    assert "since 2026-01-06 02:00:00 UTC" in w.reason(run)


def test_what_cannot_be_looked_at_is_told_and_looked_at_again(tmp_path: Path) -> None:
    w = world(tmp_path, waiting("a", file()))
    w.tick(at(1))
    answer(w, Look(met=False, said="Access Denied", failed=True), *looks(w))
    assert "(Access Denied)" in w.reason(only_run(w))
    w.tick(at(1) + MINUTE)
    assert answer(w, YES, *looks(w)).ready


def test_one_that_is_known_to_lack_something_holds_no_later_run_back(tmp_path: Path) -> None:
    w = world(tmp_path, waiting("a", file()))
    w.tick(at(2))
    first, second = looks(w)
    assert first.interval.start == at(0)
    answer(w, NO, first)
    assert starts(answer(w, YES, second)) == [at(1)]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_answers_in_any_order_start_the_oldest_first(tmp_path: Path, order: tuple[int, ...]) -> None:
    w = world(tmp_path, waiting("a", file(), max_active_runs=1))
    w.tick(at(3))
    pokes = looks(w)
    began: list[datetime] = []
    for place in order:
        report = answer(w, YES, pokes[place])
        while report.ready:
            began += starts(report)
            w.run(report.ready[0].run.run_id)
            report = w.tick()
    assert began == [at(0), at(1), at(2)]


def test_one_whose_older_interval_is_being_looked_at_says_so(tmp_path: Path) -> None:
    w = world(tmp_path, waiting("a", file(timeout=5400.0)))
    w.tick(at(2))
    first, second = looks(w)
    report = answer(w, YES, second)
    assert not report.ready
    (later,) = [run for run in w.store.queue.open_runs() if run.interval.start == at(1)]
    assert w.reason(later.run_id) == (
        "waiting for 2026-01-05, which is older and whose sensors are being looked at, "
        "since 2026-01-07 00:00:00 UTC"
    )
    # a look that hangs is answered when its time is up, and then it is known that nothing is known
    hung = Look(met=False, said="no answer within 90 s", failed=True)
    assert starts(answer(w, hung, first)) == [at(1)]


def test_a_look_that_is_due_comes_before_a_later_interval_whose_turn_it_is(tmp_path: Path) -> None:
    w = world(tmp_path, waiting("a", file(), max_active_runs=1))
    w.tick(at(3))
    first, second, third = looks(w)
    answer(w, NO, second)
    answer(w, YES, third)
    (began,) = answer(w, YES, first).ready
    assert w.claim(began.run.run_id)
    attempts = w.begin(began.run.run_id)
    w.tick(at(3, 1))
    assert looks(w) == []  # nobody is looked after whom the cap holds back
    w.end(began.run.run_id, attempts)
    assert not w.tick().ready  # an hour ago it was not there
    (again,) = looks(w)
    assert again.interval.start == at(1)
    assert starts(answer(w, YES, again)) == [at(1)]


def test_older_ones_that_are_looked_at_all_the_time_hold_a_later_one_back_for_one_answer_each(
    tmp_path: Path,
) -> None:
    w = world(tmp_path, waiting("a", file(every=60.0)))
    w.tick(at(3))
    first, second, third = looks(w)
    assert not answer(w, YES, third).ready
    answer(w, NO, first)
    w.tick(at(3) + MINUTE)
    assert looks(w) == [first]
    assert not w.tick().ready
    assert starts(answer(w, NO, second)) == [at(2)]  # while the first one is being looked at again


def test_what_a_person_triggers_does_not_wait_for_older_intervals(tmp_path: Path) -> None:
    w = world(tmp_path, waiting("a", file()))
    w.tick(at(1))
    w.store.queue.enqueue(triggered("a", span(1, 2)), now=at(1))
    w.tick()
    later = [poke for poke in looks(w) if poke.interval.start == at(1)]
    assert starts(answer(w, YES, *later)) == [at(1)]


def test_a_paused_group_is_not_looked_after(tmp_path: Path) -> None:
    w = world(tmp_path, waiting("a", file()))
    w.tick(at(1))
    (poke,) = looks(w)
    w.store.schedule.set_status("a", GroupStatus.PAUSED, reason="tea", who="me", now=at(1))
    w.tick(at(1, 1))
    w.scheduler._version = None  # another process wrote it
    report = answer(w, NO, poke)
    assert looks(w) == []
    assert "paused" in report.waiting[only_run(w)]


def test_an_edit_of_wait_for_counts_at_once(tmp_path: Path) -> None:
    w = world(tmp_path, waiting("a", file("old"), file("same")))
    w.tick(at(1))
    old, same = looks(w)
    answer(w, YES, same)
    w.load(waiting("a", file("same"), file("new")))
    w.tick()
    (new,) = looks(w)
    assert new.spec.target == "new"
    answer(w, YES, old)  # nobody waits for it any more
    assert answer(w, YES, new).ready
    w.load(group("a"))
    assert w.tick().ready


@pytest.mark.parametrize("ignore", [False, True])
def test_what_a_person_triggers_waits_unless_the_person_says_otherwise(tmp_path: Path, ignore: bool) -> None:
    w = world(tmp_path, waiting("a", file(), schedule=None))
    run = triggered("a", span(-1, 0), **({"ignore_sensors": True} if ignore else {}))
    w.store.queue.enqueue(run, now=at(0))
    report = w.tick(at(0))
    assert [one.run.run_id for one in report.ready] == ([run.run_id] if ignore else [])
    assert len(looks(w)) == (0 if ignore else 1)


def test_another_group_is_waited_for_by_the_ledger(tmp_path: Path) -> None:
    sensor = SensorSpec(kind="group", target="up")
    w = world(tmp_path, group("up", "@hourly"), waiting("a", sensor))
    report = w.tick(at(1))
    (mine,) = [run.run_id for run in w.store.queue.open_runs() if run.group == "a"]
    assert looks(w) == []
    assert report.waiting[mine] == (
        "waiting for group up (up 2026-01-05 00:00 and 23 more), since 2026-01-06 00:00:00 UTC"
    )
    hours = [one.run.run_id for one in report.ready]
    assert hours
    while (report := w.tick()).ready and report.ready[0].run.group == "up":
        w.run(report.ready[0].run.run_id)
    assert [one.run.run_id for one in report.ready] == [mine]


def test_a_model_of_a_group_without_schedule_must_be_done_for_the_interval(tmp_path: Path) -> None:
    sensor = SensorSpec(kind="model", target=uid("m"), description="model m")
    w = world(tmp_path, group("up", None), model("m", "up"), model("other", "up"), waiting("a", sensor))
    report = w.tick(at(1))
    run = only_run(w)
    assert report.waiting[run].startswith("waiting for model m (m 2026-01-05 is missing), since")
    w.store.queue.enqueue(triggered("up", w.store.run(run).interval), now=at(1))
    w.scheduler._version = None
    w.tick(at(1) + MINUTE)
    w.run("manual-up")
    w.scheduler._version = None
    assert [one.run.run_id for one in w.tick().ready] == [run]


@pytest.mark.parametrize(
    "sensor", [SensorSpec(kind="group", target="up"), SensorSpec(kind="model", target=uid("m"))]
)
def test_blocking_tests_of_a_group_without_schedule_must_not_have_failed(
    tmp_path: Path, sensor: SensorSpec
) -> None:
    tests = [
        replace(model(name, "up", "m"), kind="test", blocks=blocks)
        for name, blocks in (("unique", True), ("warns", False), ("nobody_ran", True))
    ]
    w = world(tmp_path, group("up", None), model("m", "up"), *tests)
    day = span(0, 1)
    w.clock.to(day.end)  # made before, it would be missing in part

    def asked() -> Look:
        queue = Queue(runs=w.store.queue.open_runs(), groups=w.store.schedule.groups(), backfills={})
        return LedgerSensor(w.store, w.snapshot, UpstreamWatch(w.store, w.snapshot)).look(sensor, day, queue)

    def run_by_hand(key: str, *names: str, fails: Sequence[str] = ()) -> None:
        run = replace(triggered("up", day), run_id=key, trigger_key=key)
        w.store.queue.enqueue(run, now=w.clock.now())
        assert w.store.queue.claim(w.spec(key, *names), owner=owner(9), now=w.clock.now())
        w.end(key, w.begin(key), fails=fails)

    run_by_hand("builds", "m")
    assert asked().met  # nobody ran its tests, nor is about to
    w.store.queue.enqueue(replace(triggered("up", span(1, 2)), run_id="other", trigger_key="o"), now=at(3))
    assert asked().met
    w.store.queue.enqueue(replace(triggered("up", day), run_id="tests", trigger_key="t"), now=at(3))
    assert asked() == Look(met=False, said="nobody_ran 2026-01-05 is missing")
    w.store.queue.request_cancel("tests", reason="enough", who="me", now=at(3))
    w.tick(at(3))
    run_by_hand("fails", "unique", "warns", fails=["unique", "warns"])
    assert asked() == Look(met=False, said="unique 2026-01-05 is failed")
    run_by_hand("mends", "unique")
    assert asked().met


def test_waiting_for_a_group_ends_with_its_timeout_too(tmp_path: Path) -> None:
    sensor = SensorSpec(kind="group", target="up", timeout=3600.0, soft_fail=True)
    w = world(tmp_path, group("up"), waiting("a", sensor))
    w.tick(at(1))
    (mine,) = [run.run_id for run in w.store.queue.open_runs() if run.group == "a"]
    assert w.scheduler.sensing.next_due() == at(1) + HOUR
    w.tick(at(1) + HOUR)
    assert w.store.run(mine).state is RunState.SKIPPED
    assert w.reason(mine) == "waited for group up (up 2026-01-05); gave up after 1:00:00"


def test_readers_of_a_slot_skipped_by_a_sensor_go_on(tmp_path: Path) -> None:
    sensor = file(timeout=60.0, soft_fail=True)
    w = world(tmp_path, waiting("a", sensor), group("b"), model("a", "a"), model("b", "b", "a"))
    w.tick(at(1))
    answer(w, NO, *looks(w))
    w.tick(at(1) + MINUTE)
    report = answer(w, NO, *looks(w))
    assert [one.run.group for one in report.ready] == ["b"]
