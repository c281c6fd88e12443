"""Twenty schedules in eight zones whose clocks change in every way there is, and a walk along their slots."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlorch.domain.catchup import CatchupPolicy, catchup
from sqlorch.domain.interval import Interval
from sqlorch.domain.timetable import Mode, Timetable, make_timetable

SCHEDULES: tuple[str | tuple[str, ...], ...] = (
    "*/15 * * * *",
    "@hourly",
    "30 * * * *",
    "0 */2 * * *",
    "15 */3 * * *",
    "0 */6 * * *",
    "20 */4 * * 1-5",
    "@daily",
    "30 1 * * *",
    "0 2 * * *",
    "30 2 * * *",
    "15 3 * * *",
    "30 23 * * *",
    "0 9 * * 1-5",
    ("0 6 * * *", "30 18 * * 5"),
    ("0 0 * * *", "30 1-3 * * *"),
    "@weekly",
    "0 0 1,15 * *",
    "@monthly",
    "@quarterly",
)
ZONES = (
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Africa/Casablanca",
    "America/Santiago",
    "Asia/Kolkata",
)


def timetable(
    schedule: str | tuple[str, ...], zone: str, start: datetime, mode: Mode = "window"
) -> Timetable:
    """One of them, from an instant on."""
    return make_timetable(schedule=schedule, timezone=zone, start=start, mode=mode)


def decided(schedule: Timetable, until: datetime, steps: Iterator[timedelta]) -> Iterator[Interval]:
    """The slots that a daemon decides which looks after each step of time, as it decides them."""
    cursor = schedule.first_cursor()
    now = schedule.start
    assert now is not None
    while now < until:
        now = min(now + next(steps), until)
        while True:
            decision = catchup(schedule, cursor, now, CatchupPolicy.ALL, None)
            yield from decision.runs
            if decision.cursor == cursor:
                break
            cursor = decision.cursor


def check(slots: Iterator[Interval], schedule: Timetable, until: datetime) -> int:
    """Count slots that are contiguous, disjoint, strictly increasing and complete.

    Raises:
        AssertionError: they are not; names the first that is wrong.
    """
    reached = schedule.first_cursor()
    assert reached is not None
    count = 0
    for slot in slots:
        if schedule.mode == "point":
            assert slot.start == slot.end > reached, f"{slot} comes after {reached}"
        else:
            assert slot.start == reached < slot.end, f"{slot} does not begin at {reached}"
        assert slot.end <= until, f"{slot} is not due yet"
        reached, count = slot.end, count + 1
    following = schedule.next_slot(reached)
    assert following is None or following.end > until, f"{following} is due and was left out"
    return count
