# ruff: noqa: DTZ001 - naive local times are part of what is tested
"""Timetables: the interval vectors of the specification, bounds, and every refusal."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise

import pytest

from sqlorch.domain.errors import ConfigError
from sqlorch.domain.interval import Interval
from sqlorch.domain.timetable import batched, make_timetable


def at(text):
    return datetime.fromisoformat(text + ("T00:00" if len(text) == 10 else "")).replace(tzinfo=UTC)


def span(start, end):
    return Interval(at(start), at(end))


def first_slots(timetable, count, cursor=None):
    slots = []
    cursor = timetable.first_cursor() if cursor is None else cursor
    while cursor is not None and len(slots) < count:
        slot = timetable.next_slot(cursor)
        if slot is None:
            break
        slots.append(slot)
        cursor = slot.end
    return slots


def spans(*bounds):
    return [span(start, end) for start, end in pairwise(bounds)]


# the interval vectors; I2, I3 and I18 are about catchup and stand with it


def test_i1_start_is_rounded_up_to_the_first_fire():
    daily = make_timetable(schedule="@daily", start=datetime(2026, 1, 1, 10))
    expected = spans("2026-01-02", "2026-01-03", "2026-01-04", "2026-01-05")
    assert first_slots(daily, 3) == expected
    assert list(daily.slots_within(span("2020-01-01", "2026-01-05T12:00"))) == expected


def test_i4_points_are_due_at_once():
    points = make_timetable(schedule="@daily", start=datetime(2026, 1, 1, 10), mode="point")
    expected = [span(f"2026-01-0{day}", f"2026-01-0{day}") for day in (2, 3, 4, 5)]
    assert first_slots(points, 4) == expected
    assert list(points.slots_within(span("2026-01-01", "2026-01-05T12:00"))) == expected


def test_i5_a_weekend_is_one_long_interval():
    weekdays = make_timetable(schedule="0 9 * * 1-5", start=datetime(2026, 1, 1))
    assert first_slots(weekdays, 3) == spans(
        "2026-01-01T09:00", "2026-01-02T09:00", "2026-01-05T09:00", "2026-01-06T09:00"
    )


@pytest.mark.parametrize(
    ("settings", "bounds"),
    [
        pytest.param(
            {"schedule": "0 2 * * *", "timezone": "America/New_York", "start": datetime(2026, 3, 7)},
            ["2026-03-07T07:00", "2026-03-08T07:00", "2026-03-09T06:00"],
            id="I6",
        ),
        pytest.param(
            {"schedule": "30 1 * * *", "timezone": "America/New_York", "start": datetime(2026, 10, 31)},
            ["2026-10-31T05:30", "2026-11-01T05:30", "2026-11-02T06:30"],
            id="I7",
        ),
        pytest.param(
            {"schedule": "0 */2 * * *", "timezone": "Europe/Berlin", "start": datetime(2026, 10, 25)},
            [
                "2026-10-24T22:00",
                "2026-10-25T00:00",
                "2026-10-25T01:00",
                "2026-10-25T03:00",
                "2026-10-25T05:00",
            ],
            id="I9",
        ),
        pytest.param(
            {"schedule": "@daily", "timezone": "Africa/Cairo", "start": datetime(2026, 4, 23)},
            ["2026-04-22T22:00", "2026-04-23T22:00", "2026-04-24T21:00"],
            id="I10",
        ),
        pytest.param(
            {"schedule": "@monthly", "timezone": "America/New_York", "start": datetime(2026, 2, 15)},
            ["2026-03-01T05:00", "2026-04-01T04:00", "2026-05-01T04:00"],
            id="I11",
        ),
        pytest.param(
            {"schedule": "@daily", "timezone": "Pacific/Apia", "start": datetime(2011, 12, 29)},
            ["2011-12-29T10:00", "2011-12-30T10:00", "2011-12-31T10:00"],
            id="I12",
        ),
        pytest.param(
            {"every": "36h", "start": datetime(2026, 3, 7, 17, tzinfo=UTC), "timezone": "America/New_York"},
            ["2026-03-07T17:00", "2026-03-09T05:00", "2026-03-10T17:00"],
            id="I17",
        ),
    ],
)
def test_clock_changes(settings, bounds):
    timetable = make_timetable(**settings)
    assert first_slots(timetable, len(bounds) - 1) == spans(*bounds)
    assert list(timetable.slots_within(span(bounds[0], bounds[-1]))) == spans(*bounds)


@pytest.mark.parametrize(("day", "hours"), [("2026-03-08", 23), ("2026-11-01", 25)])
def test_i8_hours_of_a_day_when_the_clocks_change(day, hours):
    hourly = make_timetable(schedule="@hourly", timezone="America/New_York")
    daily = make_timetable(schedule="@daily", timezone="America/New_York")
    whole_day = daily.slot_containing(at(day + "T12:00"))
    slots = list(hourly.slots_within(whole_day))
    assert len(slots) == hours
    assert {slot.length for slot in slots} == {timedelta(hours=1)}
    assert (slots[0].start, slots[-1].end) == (whole_day.start, whole_day.end)


@pytest.mark.parametrize(
    ("end", "last"),
    [("2026-02-01", ("2026-01-25", "2026-02-01")), ("2026-01-31", ("2026-01-18", "2026-01-25"))],
)
def test_i13_a_slot_exists_only_if_it_ends_by_the_end(end, last):
    weekly = make_timetable(schedule="@weekly", start=date(2026, 1, 4), end=date.fromisoformat(end))
    assert first_slots(weekly, 100)[-1] == span(*last)
    assert list(weekly.slots_within(span("2025-01-01", "2027-01-01")))[-1] == span(*last)
    assert weekly.slot_containing(at("2026-02-01")) is None


@pytest.mark.parametrize(
    ("schedule", "cursor", "bounds"),
    [
        ("@daily", "2026-01-05T15:00", ["2026-01-05T15:00", "2026-01-06", "2026-01-07"]),  # I14
        ("0 6 * * *", "2026-01-06", ["2026-01-06", "2026-01-06T06:00", "2026-01-07T06:00"]),  # I15
        ("@daily", "2026-03-01T05:00", ["2026-03-01T05:00", "2026-03-02", "2026-03-03"]),  # I16
    ],
)
def test_i14_to_i16_an_edit_leaves_no_gap_and_no_overlap(schedule, cursor, bounds):
    assert first_slots(make_timetable(schedule=schedule), 2, at(cursor)) == spans(*bounds)


# slots


def test_without_a_start_slots_align_to_the_fires():
    six = make_timetable(schedule="0 */6 * * *")
    assert list(six.slots_within(span("2026-01-01T05:00", "2026-01-01T19:00"))) == spans(
        "2026-01-01T06:00", "2026-01-01T12:00", "2026-01-01T18:00"
    )
    assert six.first_cursor() is None


def test_a_span_shorter_than_a_slot_holds_none():
    daily = make_timetable(schedule="@daily")
    assert list(daily.slots_within(span("2026-01-01T01:00", "2026-01-02T23:00"))) == []


def test_points_of_a_half_open_span():
    points = make_timetable(schedule="@daily", mode="point")
    assert list(points.slots_within(span("2026-01-01", "2026-01-03"))) == [
        span("2026-01-01", "2026-01-01"),
        span("2026-01-02", "2026-01-02"),
    ]


def test_without_a_schedule_the_span_is_the_slot():
    manual = make_timetable()
    whole = span("2026-01-01", "2026-02-01")
    assert list(manual.slots_within(whole)) == [whole]
    assert not manual.scheduled
    assert (
        manual.first_cursor(),
        manual.next_fire(at("2026-01-01")),
        manual.next_slot(at("2026-01-01")),
    ) == (
        None,
        None,
        None,
    )
    assert manual.slot_containing(at("2026-01-01")) is None
    assert manual.previous_slot(whole) is None
    assert manual.following_slot(whole) is None
    assert manual.warnings(at("2026-01-01")) == []


def test_slots_of_a_long_span_come_one_at_a_time():
    minutely = make_timetable(schedule="* * * * *")
    slots = list(islice(minutely.slots_within(span("1950-01-01", "2900-01-01")), 2))
    assert slots == spans("1950-01-01", "1950-01-01T00:01", "1950-01-01T00:02")


@pytest.mark.parametrize("mode", ["window", "point"])
@pytest.mark.parametrize(
    ("settings", "instants"),
    [
        ({"schedule": "@weekly", "end": date(2026, 1, 31)}, ["2026-01-31", "2026-05-01"]),
        ({"schedule": "@weekly", "end": date(2026, 2, 1)}, ["2026-01-31", "2026-02-01", "2026-05-01"]),
        ({"schedule": "@daily"}, ["2026-01-05", "2026-01-05T00:01", "2026-01-06T12:00", "2025-12-31"]),
        ({"every": "6h", "end": date(2026, 1, 3)}, ["2026-01-04T01:00", "2026-01-04T03:00", "2026-06-01"]),
        ({"schedule": "@once", "end": date(2026, 1, 9)}, ["2025-12-31", "2026-01-05", "2026-01-09"]),
    ],
)
def test_the_last_slot_that_has_ended(settings, instants, mode):
    timetable = make_timetable(start=date(2026, 1, 1), mode=mode, **settings)
    every = list(islice(timetable.slots_within(span("2025-01-01", "2027-01-01")), 1000))
    for instant in map(at, instants):
        ended = [slot for slot in every if slot.end <= instant]
        assert timetable.last_slot(instant) == (ended[-1] if ended else None), instant


def test_a_timetable_without_fires_has_no_last_slot():
    assert make_timetable().last_slot(at("2026-01-01")) is None


def test_the_slot_that_contains_an_instant():
    daily = make_timetable(
        schedule="@daily", timezone="America/New_York", start=date(2026, 3, 1), end=date(2026, 4, 1)
    )
    spring = span("2026-03-08T05:00", "2026-03-09T04:00")
    assert daily.slot_containing(spring.start) == spring
    assert daily.slot_containing(spring.end - timedelta(microseconds=1)) == spring
    assert daily.slot_containing(spring.end) == span("2026-03-09T04:00", "2026-03-10T04:00")
    assert daily.slot_containing(at("2026-03-01T04:59")) is None
    assert daily.slot_containing(at("2026-03-01T05:00")) == span("2026-03-01T05:00", "2026-03-02T05:00")
    assert daily.slot_containing(at("2026-04-01T04:00")) is None


def test_a_point_contains_only_itself():
    points = make_timetable(schedule="@daily", mode="point", end=date(2026, 1, 5))
    assert points.slot_containing(at("2026-01-04")) == span("2026-01-04", "2026-01-04")
    assert points.slot_containing(at("2026-01-04T00:01")) is None
    assert points.slot_containing(at("2026-01-05")) is None
    assert points.next_slot(at("2026-01-04")) is None


def test_neighbours_reach_beyond_start_and_end():
    daily = make_timetable(schedule="@daily", start=date(2026, 1, 1), end=date(2026, 1, 2))
    only = span("2026-01-01", "2026-01-02")
    assert daily.previous_slot(only) == span("2025-12-31", "2026-01-01")
    assert daily.following_slot(only) == span("2026-01-02", "2026-01-03")
    odd = span("2026-01-05T10:00", "2026-01-07T10:00")
    assert daily.previous_slot(odd) == span("2026-01-04", "2026-01-05")
    assert daily.following_slot(odd) == span("2026-01-08", "2026-01-09")


def test_neighbours_of_points_and_of_fixed_lengths():
    points = make_timetable(schedule="@daily", mode="point")
    point = span("2026-01-05", "2026-01-05")
    assert points.previous_slot(point) == span("2026-01-04", "2026-01-04")
    assert points.following_slot(point) == span("2026-01-06", "2026-01-06")
    assert points.following_slot(span("2026-01-05", "2026-01-07")) == span("2026-01-07", "2026-01-07")
    sixes = make_timetable(every="6h", start=datetime(2026, 1, 1, 10))
    assert sixes.previous_slot(span("2026-01-01T10:00", "2026-01-01T16:00")) == span(
        "2026-01-01T04:00", "2026-01-01T10:00"
    )
    assert sixes.following_slot(span("2026-01-01T10:00", "2026-01-01T16:00")) == span(
        "2026-01-01T16:00", "2026-01-01T22:00"
    )
    assert sixes.slot_containing(at("2026-01-01T09:59")) is None


def test_the_last_leap_day_is_found_eight_years_back():
    leap = make_timetable(schedule="0 0 29 2 *")
    assert leap.slot_containing(at("2103-01-01")) == span("2096-02-29", "2104-02-29")


# kinds of schedules


def test_a_list_is_the_union_without_duplicates():
    both = make_timetable(
        schedule=["0 0 * * *", "0 */12 * * *", "0 6 * * *", "0  0 * * *"], start=date(2026, 1, 1)
    )
    assert first_slots(both, 4) == spans(
        "2026-01-01", "2026-01-01T06:00", "2026-01-01T12:00", "2026-01-02", "2026-01-02T06:00"
    )
    assert len(both.fires.crons) == 3


def test_once_is_one_slot():
    window = make_timetable(schedule="@once", start=date(2026, 1, 1), end=date(2026, 7, 1))
    assert first_slots(window, 9) == [span("2026-01-01", "2026-07-01")]
    assert list(window.slots_within(span("2020-01-01", "2030-01-01"))) == [span("2026-01-01", "2026-07-01")]
    assert window.slot_containing(at("2026-03-01")) == span("2026-01-01", "2026-07-01")
    assert window.previous_slot(span("2026-01-01", "2026-07-01")) is None
    point = make_timetable(schedule=" @Once ", start=date(2026, 1, 1), mode="point")
    assert first_slots(point, 9) == [span("2026-01-01", "2026-01-01")]


def test_timetables_are_values():
    one, two = (
        make_timetable(schedule="@daily", timezone="Asia/Tokyo", start=date(2026, 1, 1)) for _ in range(2)
    )
    assert one == two
    assert hash(one) == hash(two)
    assert one != make_timetable(schedule="@daily", start=date(2026, 1, 1))
    assert one.timezone == "Asia/Tokyo"


def test_naive_bounds_are_read_in_the_zone_and_gaps_are_closed():
    daily = make_timetable(
        schedule="@daily", timezone="Africa/Cairo", start=date(2026, 4, 24), end=date(2026, 4, 26)
    )
    assert (daily.start, daily.end) == (at("2026-04-23T22:00"), at("2026-04-25T21:00"))


def test_a_cursor_before_the_start_waits_for_the_start():
    daily = make_timetable(schedule="@daily", start=date(2026, 1, 10))
    assert daily.next_slot(at("2026-01-01")) == span("2026-01-10", "2026-01-11")


def test_warnings_name_every_expression():
    said = make_timetable(schedule=["0 0 13 * 5", "*/7 * * * *"]).warnings(at("2026-01-01"))
    assert len(said) == 2


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"schedule": "@daily", "every": "6h"}, "either a schedule or an `every`"),
        ({"every": "6h"}, "counted from `start`"),
        ({"every": "6h\n7"}, "`every: '6h.n7'` is counted from `start`"),
        ({"every": "6h\n7", "start": date(2026, 1, 1)}, "`every: '6h.n7'` is not a length"),
        ({"every": "30s", "start": date(2026, 1, 1)}, "shortest interval"),
        ({"every": "0h", "start": date(2026, 1, 1)}, "shortest interval"),
        ({"every": "1mo", "start": date(2026, 1, 1)}, "no fixed length"),
        ({"every": "1 month", "start": date(2026, 1, 1)}, "no fixed length"),
        ({"every": "1M", "start": date(2026, 1, 1)}, "`every: 1M` has no fixed length"),
        ({"every": "1H30M", "start": date(2026, 1, 1)}, "m for minutes"),
        ({"every": "2y", "start": date(2026, 1, 1)}, "no fixed length"),
        ({"every": "6", "start": date(2026, 1, 1)}, "not a length"),
        ({"every": "-6h", "start": date(2026, 1, 1)}, "not a length"),
        ({"every": "6h30", "start": date(2026, 1, 1)}, "not a length"),
        ({"every": 6, "start": date(2026, 1, 1)}, "not the int 6"),
        ({"every": "9999999999h", "start": date(2026, 1, 1)}, "not a length"),
        ({"schedule": []}, "list of schedules is empty"),
        ({"schedule": ["@daily", None]}, "not the NoneType"),
        ({"schedule": {"cron": "@daily"}}, "not the dict"),
        ({"schedule": 45000}, "not the int 45000"),
        ({"schedule": ["@once", "@daily"], "start": date(2026, 1, 1)}, "cannot be combined"),
        ({"schedule": "@once"}, "needs a `start`"),
        ({"schedule": "@once", "start": date(2026, 1, 1)}, "needs `start` and `end`"),
        ({"schedule": "@daily", "timezone": "Mars/Base"}, "unknown time zone"),
        ({"schedule": "@daily", "mode": "range"}, "window or point"),
        ({"schedule": "@daily", "start": date(2026, 1, 2), "end": date(2026, 1, 1)}, "not after the start"),
        ({"schedule": "@daily", "start": date(2026, 1, 1), "end": date(2026, 1, 1)}, "not after the start"),
        ({"schedule": "@daily", "end": date(9999, 12, 31)}, "outside 1900-2999"),
    ],
)
def test_refused(settings, reason):
    with pytest.raises(ConfigError, match=reason):
        make_timetable(**settings)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90m", timedelta(minutes=90)),
        ("3600s", timedelta(hours=1)),
        ("1D", timedelta(days=1)),
        ("2w", timedelta(14)),
        ("1h30m", timedelta(minutes=90)),
    ],
)
def test_lengths(text, length):
    assert first_slots(make_timetable(every=text, start=date(2026, 1, 1)), 1)[0].length == length


# batches


def test_batches_cover_consecutive_slots():
    hourly = make_timetable(schedule="@hourly")
    slots = hourly.slots_within(span("2026-01-01", "2026-01-03T05:00"))
    assert list(batched(slots, 24)) == spans("2026-01-01", "2026-01-02", "2026-01-03", "2026-01-03T05:00")


def test_batches_never_bridge_a_hole_or_join_points():
    parted = [*spans("2026-01-01", "2026-01-02", "2026-01-03"), *spans("2026-01-05", "2026-01-06")]
    assert list(batched(parted, 10)) == [span("2026-01-01", "2026-01-03"), span("2026-01-05", "2026-01-06")]
    points = [span("2026-01-01", "2026-01-01"), span("2026-01-02", "2026-01-02")]
    assert list(batched(points, 10)) == points
    assert list(batched(parted, 1)) == parted
    assert list(batched([], 3)) == []


@pytest.mark.parametrize("n", [0, -1])
def test_a_batch_of_none_is_refused_at_once(n):
    with pytest.raises(ConfigError, match="from 1"):
        batched([], n)
