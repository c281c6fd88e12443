"""A year of a schedule tried out: what must never be of its intervals, and what is only odd."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sqlorch.domain.interval import Interval
from sqlorch.domain.rehearsal import crowded, faults_of, rehearse
from sqlorch.domain.timetable import make_timetable

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def hours(*bounds: tuple[int, int]) -> list[Interval]:
    return [Interval(NOW + HOUR * begin, NOW + HOUR * end) for begin, end in bounds]


def test_a_schedule_in_utc_has_a_year_of_equal_intervals() -> None:
    found = rehearse(make_timetable(schedule="@daily"), NOW, 1_000)
    assert (found.count, found.shortest, found.longest) == (365, timedelta(days=1), timedelta(days=1))
    assert (found.sampled, found.faults, found.oddities) == (False, (), ())


def test_clock_changes_make_days_shorter_and_longer() -> None:
    found = rehearse(make_timetable(schedule="@daily", timezone="America/New_York"), NOW, 1_000)
    assert (found.shortest, found.longest) == (timedelta(hours=23), timedelta(hours=25))
    assert found.faults == ()


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ("30 2 * * *", "1 of 1 fires of that day happens at 03:00"),
        ("*/30 2 * * *", "2 of 2 fires of that day do not"),
    ],
)
def test_what_clock_changes_do_to_a_fire_is_told(schedule: str, said: str) -> None:
    found = rehearse(make_timetable(schedule=schedule, timezone="America/New_York"), NOW, 1_000)
    skips = f"the clocks skip 02:00-03:00 on 2027-03-14: {said}"
    assert [one.startswith(skips) for one in found.oddities].count(True) == 1


@pytest.mark.parametrize("minutes", ["*", "*/5"])
def test_of_too_many_intervals_the_first_and_those_around_clock_changes_are_looked_at(minutes: str) -> None:
    timetable = make_timetable(schedule=f"{minutes} * * * *", timezone="America/New_York")
    found = rehearse(timetable, NOW, 500)
    assert (found.count, found.sampled, found.faults) == (500, True, ())


def test_a_sample_finds_the_short_and_the_long_day() -> None:
    found = rehearse(make_timetable(schedule="@daily", timezone="America/New_York"), NOW, 10)
    assert found.sampled
    assert (found.shortest, found.longest) == (timedelta(hours=23), timedelta(hours=25))


def test_start_and_end_bound_the_year() -> None:
    start, end = NOW.date() - timedelta(days=3), NOW.date() + timedelta(days=4)
    assert rehearse(make_timetable(schedule="@daily", start=start, end=end), NOW, 100).count == 4


def test_a_yearly_schedule_has_the_interval_that_is_under_way() -> None:
    found = rehearse(make_timetable(schedule="@yearly"), NOW, 100)
    assert (found.count, found.longest) == (1, timedelta(days=365))


def test_points_have_no_length() -> None:
    found = rehearse(make_timetable(schedule="@daily", mode="point"), NOW, 1_000)
    assert (found.count, found.shortest, found.longest, found.faults) == (365, None, None, ())


def test_intervals_that_follow_one_another_are_right_also_with_gaps() -> None:
    assert faults_of(hours((0, 1), (1, 2), (5, 6)), points=False) == []


@pytest.mark.parametrize(
    ("bounds", "fault"),
    [
        ([(0, 1), (1, 1), (1, 2)], "has no length"),
        ([(0, 1), (0, 1)], "comes twice"),
        ([(0, 2), (1, 3)], "overlap"),
        ([(1, 2), (0, 1)], "does not begin after it"),
    ],
)
def test_what_must_never_be(bounds: list[tuple[int, int]], fault: str) -> None:
    assert any(fault in said for said in faults_of(hours(*bounds), points=False))


def test_points_may_be_empty_but_not_come_twice() -> None:
    assert faults_of(hours((0, 0), (1, 1)), points=True) == []
    assert faults_of(hours((0, 0), (0, 0)), points=True) == [f"the interval {hours((0, 0))[0]} comes twice"]


def test_fires_that_stand_still_end_the_rehearsal_with_a_fault() -> None:
    class Stuck:
        def after(self, instant: datetime) -> datetime:
            return NOW + HOUR

        def before(self, instant: datetime) -> datetime:
            return NOW - HOUR

    found = rehearse(replace(make_timetable(schedule="@hourly"), fires=Stuck()), NOW, 50)
    assert any("has no length" in fault for fault in found.faults)
    assert any("comes twice" in fault for fault in found.faults)


def test_the_moment_at_which_most_fire() -> None:
    tables = [make_timetable(schedule=text) for text in ("@hourly", "@daily", "0 */6 * * *", "7 * * * *")]
    assert crowded(tables, NOW) == (datetime(2026, 6, 16, tzinfo=UTC), 3)
    assert crowded([make_timetable()], NOW) is None
