"""Slots of twenty schedules in eight zones stay contiguous, disjoint and increasing, whatever clocks do.

Ten whole years are walked by hand: ``PYTHONPATH=tests python benchmarks/ten_years.py``.
"""

from datetime import UTC, datetime, timedelta
from itertools import cycle

from hypothesis import given, settings
from hypothesis import strategies as st
from support.schedules import SCHEDULES, ZONES, check, decided, timetable

WEEKS = timedelta(weeks=5)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(SCHEDULES[1:]),
    st.sampled_from(ZONES),
    # weeks in which some zone of the eight changes its clocks
    st.datetimes(datetime(2016, 1, 1), datetime(2026, 1, 1)),  # noqa: DTZ001 - hypothesis wants them naive
    st.sampled_from(["window", "point"]),
    st.lists(st.integers(1, 5_000).map(lambda count: timedelta(minutes=count)), min_size=1, max_size=9),
)
def test_weeks_of_any_schedule_anywhere(schedule, zone, begin, mode, steps):
    start = begin.replace(second=0, microsecond=0, tzinfo=UTC)
    made = timetable(schedule, zone, start, mode)
    count = check(decided(made, start + WEEKS, cycle(steps)), made, start + WEEKS)
    assert count > 0 or schedule in {"@monthly", "@quarterly"}
