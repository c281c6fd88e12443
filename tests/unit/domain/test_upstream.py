from datetime import UTC, datetime, timedelta

import pytest

from sqlorch.domain.coverage import Coverage, Standing
from sqlorch.domain.interval import Interval
from sqlorch.domain.ledger import LedgerEntry, LedgerMark
from sqlorch.domain.snapshot import Reads
from sqlorch.domain.timetable import make_timetable
from sqlorch.domain.upstream import Lack, SlotRun, Upstream, find_lack, needed_slots, say_waiting

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


def test_entries_of_any_length_cover_together():
    coverage = Coverage([entry(hours(0, 7)), entry(hours(6, 20)), entry(hours(20, 30))])
    assert coverage.of(DAY).standing is Standing.DONE
    assert coverage.of(hours(0, 31)).standing is Standing.MISSING
    assert coverage.of(hours(-1, 3)).standing is Standing.MISSING


def test_a_hole_is_missing():
    coverage = Coverage([entry(hours(0, 7)), entry(hours(8, 24))])
    assert coverage.of(DAY).standing is Standing.MISSING
    assert coverage.of(hours(8, 9)).standing is Standing.DONE
    assert coverage.of(hours(7, 8)).standing is Standing.MISSING


def test_the_newest_outcome_of_each_instant_counts():
    failed = entry(hours(5, 6), LedgerMark.FAILED, at=1, run="sched-1")
    coverage = Coverage([entry(DAY), failed])
    assert coverage.of(DAY).standing is Standing.FAILED
    assert coverage.of(DAY).entry == failed
    assert coverage.of(hours(6, 24)).standing is Standing.DONE
    again = Coverage([entry(DAY), failed, entry(hours(4, 8), at=2)])
    assert again.of(DAY).standing is Standing.DONE


def test_a_point_is_covered_by_itself_or_a_window_around_it():
    point = Interval(DAY.end, DAY.end)
    assert Coverage([entry(point)]).of(point).standing is Standing.DONE
    assert Coverage([entry(DAY)]).of(point).standing is Standing.DONE
    assert Coverage([entry(Interval(DAY.start, DAY.start))]).of(point).standing is Standing.MISSING
    assert Coverage([entry(point)]).of(DAY).standing is Standing.MISSING


def test_what_was_skipped_on_record_is_settled_whatever_failed():
    coverage = Coverage([entry(hours(0, 24), LedgerMark.FAILED)], settled=[DAY])
    assert coverage.of(DAY).standing is Standing.DONE


def test_models_must_be_there_and_tests_must_not_have_failed():
    done = {"m": Coverage([entry(DAY)])}
    assert find_lack(DAY, READS, done, None) is None
    assert find_lack(DAY, READS, {}, None) == Lack(slot=DAY, node="m")
    failed = {**done, "t": Coverage([entry(DAY, LedgerMark.FAILED, node="t", run="sched-9")])}
    assert find_lack(DAY, READS, failed, None) == Lack(slot=DAY, node="t", run="sched-9", how="failed")


def test_a_run_under_way_is_waited_for_even_where_it_failed_before():
    under_way = SlotRun(run_id="sched-9")
    failed = {"m": Coverage([entry(DAY, LedgerMark.FAILED)])}
    assert find_lack(DAY, READS, failed, under_way) == Lack(slot=DAY, node="m")
    done = {"m": Coverage([entry(DAY)])}
    assert find_lack(DAY, READS, done, under_way) == Lack(slot=DAY, node="t")


def test_a_run_that_ended_without_a_node_is_named():
    assert find_lack(DAY, READS, {}, SlotRun(run_id="sched-9", ended="cancelled")) == Lack(
        slot=DAY, node="m", run="sched-9", how="cancelled"
    )
    skipped = SlotRun(run_id="sched-9", ended="success", passed_over=frozenset({"m"}))
    assert find_lack(DAY, READS, {}, skipped) is None


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
