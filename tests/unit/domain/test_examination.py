"""What the doctor says of schedules, of their pace, and of disks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from sqlorch.domain.examination import Level, examine_disk, examine_pace, examine_schedule, faults, worst
from sqlorch.domain.group import Group
from sqlorch.domain.interval import Interval
from sqlorch.domain.timetable import make_timetable

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def group(schedule: str | None, **more: object) -> Group:
    return Group(name="g", timetable=make_timetable(schedule=schedule, **more))


def told(one: Group, most: int = 10_000) -> list[tuple[str, str]]:
    return [
        (str(remark.level), remark.text.removeprefix("g: ")) for remark in examine_schedule(one, NOW, most)
    ]


def test_a_year_of_days_with_what_the_clocks_do() -> None:
    found = told(group("30 2 * * *", timezone="America/New_York"))
    assert found[0] == ("ok", "366 intervals of a year, 23h30m to 1d1h, next due 2026-03-02 07:30 UTC")
    assert [level for level, _ in found[1:]] == ["warning"]
    assert "2026-03-08: the clocks skip the scheduled time" in found[1][1]


def test_of_many_intervals_the_first_are_looked_at() -> None:
    assert told(group("* * * * *"), 50) == [
        ("ok", "the first 50 intervals of a year, 1m, next due 2026-03-01 12:01 UTC")
    ]


def test_groups_by_hand_and_groups_that_are_over() -> None:
    assert told(group(None)) == []
    over = group("@daily", start=datetime(2025, 1, 1, tzinfo=UTC), end=datetime(2026, 1, 1, tzinfo=UTC))
    assert told(over) == [("ok", "ended at 2026-01-01; nothing is due any more")]
    late = group("0 0 29 2 *", end=datetime(2026, 12, 31, tzinfo=UTC))
    assert told(late)[0][0] == "warning"
    assert "does not fire within a year" in told(late)[0][1]


def hours(*ends: int) -> list[Interval]:
    return [Interval(NOW + timedelta(hours=a), NOW + timedelta(hours=b)) for a, b in pairwise(ends)]


@pytest.mark.parametrize(
    ("slots", "said"),
    [
        (hours(0, 1, 2), []),
        ([*hours(0, 1), *hours(2, 3)], ["leaves a gap from 2026-03-01T13:00:00+00:00"]),
        ([*hours(0, 2), *hours(1, 3)], ["has intervals that overlap at 2026-03-01T13:00:00+00:00"]),
        (hours(0, 0, 1), ["has an interval of no length at 2026-03-01T12:00:00+00:00"]),
    ],
)
def test_what_no_timetable_may_do(slots: list[Interval], said: list[str]) -> None:
    found = list(faults(slots, points=False))
    assert len(found) == len(said)
    assert all(text.startswith(start) for text, start in zip(found, said, strict=True))


def test_points_follow_one_another() -> None:
    points = [Interval(NOW + timedelta(hours=n), NOW + timedelta(hours=n)) for n in range(3)]
    assert list(faults(points, points=True)) == []
    assert len(list(faults([points[0], points[0]], points=True))) == 1


def test_runs_that_take_longer_than_their_interval_never_catch_up() -> None:
    hourly = group("@hourly")
    assert list(examine_pace(hourly, [60.0] * 3, NOW)) == []
    (remark,) = examine_pace(hourly, [7200.0, 7300.0, 10.0], NOW)
    assert remark.level is Level.WARNING
    assert "usually runs for 2h, and is due every 1h: it never catches up" in remark.text


def test_a_disk_is_full_or_read_only_or_open_to_others() -> None:
    levels = {
        free: worst(examine_disk("x", free=free, writable=True, private=True))
        for free in (10**7, 5 * 10**8, 10**10)
    }
    assert list(levels.values()) == [Level.ERROR, Level.WARNING, Level.OK]
    assert worst(examine_disk("x", free=10**10, writable=False, private=True)) is Level.ERROR
    assert worst(examine_disk("x", free=10**10, writable=True, private=False)) is Level.WARNING
