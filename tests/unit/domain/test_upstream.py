from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sqlorch.domain.interval import Interval
from sqlorch.domain.ledger import LedgerEntry, LedgerMark
from sqlorch.domain.snapshot import Reads
from sqlorch.domain.timetable import make_timetable
from sqlorch.domain.upstream import Lack, SlotRun, Upstream, find_lacks, needed_slots, say_waiting

NEW_YORK = "America/New_York"
DAY = Interval(datetime(2013, 1, 3, 5, tzinfo=UTC), datetime(2013, 1, 4, 5, tzinfo=UTC))
HOUR = timedelta(hours=1)
READS = Reads(built=frozenset({"m"}), tests=frozenset({"t"}))


def timetable(schedule=None, zone=NEW_YORK, **more):
    return make_timetable(schedule=schedule, timezone=zone, **more)


def needed(upstream, interval=DAY, mode=Upstream.WAIT):
    return list(needed_slots(upstream, interval, mode))


def entry(interval, mark=LedgerMark.DONE, *, node="m", at=0, run="manual-1"):
    return LedgerEntry(
        unique_id=node, interval=interval, mark=mark, code="", run_id=run, gen=1, at=DAY.end + at * HOUR
    )


def hours(first, last):
    return Interval(DAY.start + first * HOUR, DAY.start + last * HOUR)


def test_a_day_needs_its_hours():
    slots = needed(timetable("@hourly"))
    assert len(slots) == 24
    assert (slots[0].start, slots[-1].end) == (DAY.start, DAY.end)


def test_an_hour_needs_the_latest_whole_day():
    hour = Interval(DAY.end + 3 * HOUR, DAY.end + 4 * HOUR)
    assert needed(timetable("@daily"), hour) == [DAY]


def test_the_first_hour_of_a_day_needs_the_day_that_ends_as_it_begins():
    assert needed(timetable("@daily"), Interval(DAY.end, DAY.end + HOUR)) == [DAY]


def test_the_last_hour_of_a_day_needs_the_day_itself():
    assert needed(timetable("@daily"), Interval(DAY.end - HOUR, DAY.end)) == [DAY]


def test_slots_that_straddle_the_begin_count_because_they_end_inside():
    (slot,) = needed(timetable("0 12 * * *"))
    assert slot == hours(-12, 12)


def test_latest_needs_only_the_newest_and_ignore_nothing():
    assert needed(timetable("@hourly"), mode=Upstream.LATEST) == [Interval(DAY.end - HOUR, DAY.end)]
    assert needed(timetable("@hourly"), mode=Upstream.IGNORE) == []


def test_no_schedule_and_a_later_start_need_nothing():
    assert needed(timetable()) == []
    assert needed(timetable("@daily", start=DAY.end + HOUR)) == []
    assert needed(timetable("@daily", start=DAY.end)) == []


def test_an_upstream_that_starts_inside_needs_only_what_it_has():
    assert len(needed(timetable("@hourly", start=DAY.start + 20 * HOUR))) == 4


def test_an_upstream_that_has_ended_needs_its_last_slot():
    ended = timetable("@daily", end=DAY.end)
    assert needed(ended, Interval(DAY.end + 50 * HOUR, DAY.end + 51 * HOUR)) == [DAY]


def test_points_are_needed_as_points():
    fires = timetable("0 */6 * * *", mode="point")
    assert [slot.end for slot in needed(fires)] == [DAY.start + n * HOUR for n in (6, 12, 18, 24)]
    assert needed(fires, Interval(DAY.end, DAY.end)) == [Interval(DAY.end, DAY.end)]
    assert needed(fires, Interval(DAY.end + HOUR, DAY.end + 2 * HOUR)) == [Interval(DAY.end, DAY.end)]


def test_a_point_needs_the_window_that_ends_at_or_before_it():
    assert needed(timetable("@daily"), Interval(DAY.end, DAY.end)) == [DAY]


def test_every_kind_of_fires_can_be_upstream():
    every = make_timetable(every="36h", start=DAY.start)
    assert needed(every, Interval(DAY.end, DAY.end + 24 * HOUR)) == [hours(0, 36)]
    once = make_timetable(schedule="@once", start=DAY.start, end=DAY.end)
    assert needed(once, Interval(DAY.end + 99 * HOUR, DAY.end + 100 * HOUR)) == [DAY]
    assert needed(once, hours(1, 2)) == []


def lacks(entries=(), *, slots=(DAY,), runs=None, skipped=()):
    found = {}
    for one in entries:
        found.setdefault(one.unique_id, []).append(one)
    return find_lacks(slots, READS, entries=found, runs=runs or {}, skipped=skipped)


def failed(interval, **more):
    return entry(interval, LedgerMark.FAILED, run="sched-9", **more)


def test_models_must_be_there():
    assert lacks() == [Lack(slot=DAY, node="m")]
    assert lacks([entry(DAY)]) == []
    assert lacks([entry(hours(0, 23))]) == [Lack(slot=DAY, node="m")]


def test_entries_of_any_length_settle_slots_together():
    assert lacks([entry(hours(0, 7)), entry(hours(6, 20)), entry(hours(20, 30))]) == []
    slots = [hours(n, n + 1) for n in range(24)]
    assert lacks([entry(DAY)], slots=slots) == []
    assert [lack.slot for lack in lacks([entry(hours(1, 23))], slots=slots)] == [slots[0], slots[23]]


def test_code_that_changed_since_is_there_all_the_same():
    changed = replace(entry(DAY), code="older")
    assert lacks([changed]) == []


def test_what_failed_last_is_named_with_its_run():
    assert lacks([entry(DAY), failed(hours(5, 6), at=1)]) == [
        Lack(slot=DAY, node="m", run="sched-9", how="failed")
    ]
    assert lacks([failed(hours(5, 6)), entry(DAY, at=1)]) == []


def test_tests_must_not_have_failed():
    assert lacks([entry(DAY), failed(DAY, node="t")]) == [
        Lack(slot=DAY, node="t", run="sched-9", how="failed")
    ]
    assert lacks([entry(DAY), entry(DAY, node="t")]) == []


def test_a_skip_on_record_settles_whatever_failed():
    assert lacks([failed(DAY)], skipped=[DAY]) == []
    assert lacks([failed(DAY)], skipped=[hours(0, 12)]) != []


def test_a_run_under_way_is_waited_for_even_where_it_failed_before():
    under_way = {DAY: SlotRun(run_id="sched-9")}
    assert lacks([failed(DAY)], runs=under_way) == [Lack(slot=DAY, node="m")]
    assert lacks([entry(DAY)], runs=under_way) == [Lack(slot=DAY, node="t")]


def test_a_run_that_ended_without_a_node_is_named():
    cancelled = {DAY: SlotRun(run_id="sched-9", ended="cancelled")}
    assert lacks(runs=cancelled) == [Lack(slot=DAY, node="m", run="sched-9", how="cancelled")]
    assert lacks([entry(DAY)], runs=cancelled) == []


def test_what_a_run_passed_over_on_purpose_is_settled():
    skipped = {DAY: SlotRun(run_id="sched-9", ended="success", passed_over=frozenset({"m"}))}
    assert lacks(runs=skipped) == []


@pytest.mark.parametrize(
    ("lacks", "stopped", "said"),
    [
        ([Lack(slot=hours(23, 24), node="m")], "", "waiting for weather_hourly 2013-01-03 23:00"),
        ([Lack(slot=DAY, node="m")], "paused", "waiting for weather_hourly 2013-01-03, which is paused"),
        (
            [Lack(slot=hours(n, n + 1), node="m") for n in range(3)],
            "",
            "waiting for weather_hourly 2013-01-03 00:00 and 2 more",
        ),
        (
            [Lack(slot=hours(1, 2), node="m"), Lack(slot=hours(2, 3), node="m", run="sched-9", how="failed")],
            "",
            (
                "waiting for weather_hourly 2013-01-03 02:00 and 1 more: obs failed in sched-9; "
                "sqlorch retry sched-9"
            ),
        ),
        (
            [Lack(slot=DAY, node="m", run="sched-9", how="cancelled")],
            "",
            "waiting for weather_hourly 2013-01-03: sched-9 was cancelled; sqlorch retry sched-9",
        ),
        (
            [Lack(slot=DAY, node="m", run="sched-9", how="success")],
            "",
            (
                "waiting for weather_hourly 2013-01-03: sched-9 was made without obs; sqlorch backfill "
                "weather_hourly --from 2013-01-03T05:00:00+00:00 --to 2013-01-04T05:00:00+00:00"
            ),
        ),
    ],
)
def test_reasons_read_as_sentences(lacks, stopped, said):
    assert say_waiting("weather_hourly", NEW_YORK, lacks, names={"m": "obs"}, stopped=stopped) == said
