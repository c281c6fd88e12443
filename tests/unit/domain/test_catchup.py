# ruff: noqa: DTZ001 - naive local times are part of what is tested
"""Decisions on due slots: the specification's I2, I3 and I18, and what follows from its rules."""

from datetime import UTC, date, datetime, timedelta

import pytest

from sqlorch.domain.catchup import CatchupPolicy, Decision, catchup, initial_cursor
from sqlorch.domain.interval import Interval
from sqlorch.domain.timetable import make_timetable

ALL, LATEST, COALESCE, NONE = CatchupPolicy
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def day(number, month=1):
    return datetime(2026, month, number, tzinfo=UTC)


def days(*numbers):
    return tuple(Interval(day(number), day(number + 1)) for number in numbers)


@pytest.fixture
def daily():
    return make_timetable(schedule="@daily", start=datetime(2026, 1, 1, 10))


def test_i1_all_runs_every_slot_oldest_first(daily):
    assert catchup(daily, None, NOW, ALL) == Decision(runs=days(2, 3, 4), cursor=day(5), due=3)


def test_i2_latest_runs_the_newest_and_records_the_others(daily):
    assert catchup(daily, None, NOW, LATEST) == Decision(
        runs=days(4), skips=days(2, 3), skip_reason="catchup_latest", cursor=day(5), due=3
    )


def test_i3_coalesce_is_one_run_over_all(daily):
    assert catchup(daily, None, NOW, COALESCE) == Decision(
        runs=(Interval(day(2), day(5)),), cursor=day(5), due=3
    )


def test_i3_none_records_every_skip(daily):
    assert catchup(daily, None, NOW, NONE) == Decision(
        skips=days(2, 3, 4), skip_reason="catchup_none", cursor=day(5), due=3
    )


@pytest.mark.parametrize("policy", CatchupPolicy)
def test_i18_too_many_due_slots_hold_the_group(policy):
    hourly = make_timetable(schedule="@hourly", start=date(2026, 1, 1))
    decision = catchup(hourly, day(1), day(1) + timedelta(days=40), policy)
    assert decision == Decision(cursor=day(1), due=960, held=True)


def test_the_guard_lets_exactly_its_number_pass():
    hourly = make_timetable(schedule="@hourly", start=date(2026, 1, 1))
    assert not catchup(hourly, day(1), day(2), LATEST, 24).held
    assert catchup(hourly, day(1), day(2), LATEST, 23).held


@pytest.mark.parametrize("policy", CatchupPolicy)
def test_nothing_due_changes_nothing(daily, policy):
    assert catchup(daily, day(5), NOW, policy) == Decision(cursor=day(5))


@pytest.mark.parametrize("policy", CatchupPolicy)
def test_a_first_look_without_start_makes_nothing_due(policy):
    timetable = make_timetable(schedule="@daily")
    assert catchup(timetable, None, NOW, policy) == Decision(cursor=day(5))
    assert initial_cursor(make_timetable(schedule="@daily", mode="point"), NOW) == NOW


def test_a_group_without_schedule_has_no_cursor():
    assert catchup(make_timetable(), None, NOW, ALL) == Decision()
    assert catchup(make_timetable(schedule="@daily", end=date(2025, 1, 1)), None, NOW, ALL) == Decision()


def test_runs_are_made_twenty_at_a_time_until_nothing_is_due():
    hourly = make_timetable(schedule="@hourly", start=date(2026, 1, 1))
    cursor, made = None, []
    for expected in (20, 20, 8, 0):
        decision = catchup(hourly, cursor, day(3), ALL, None)
        assert len(decision.runs) == expected
        made += decision.runs
        cursor = decision.cursor
    assert made == list(hourly.slots_within(Interval(day(1), day(3))))


@pytest.mark.parametrize("policy", [LATEST, NONE])
def test_very_many_skips_come_in_parts_and_lose_none(policy):
    minutely = make_timetable(schedule="* * * * *", start=date(2026, 1, 1))
    cursor, runs, skips = None, [], []
    while True:
        decision = catchup(minutely, cursor, day(3), policy, None)
        if not decision.due:
            break
        assert len(decision.skips) <= 1000
        runs += decision.runs
        skips += decision.skips
        cursor = decision.cursor
    assert skips + runs == list(minutely.slots_within(Interval(day(1), day(3))))
    assert len(runs) == (1 if policy is LATEST else 0)


def test_coalesce_from_a_cursor_between_fires(daily):
    odd = day(2) + timedelta(hours=15)
    assert catchup(daily, odd, NOW, COALESCE).runs == (Interval(odd, day(5)),)


def test_coalesced_points_are_the_latest():
    points = make_timetable(schedule="@daily", start=datetime(2026, 1, 1, 10), mode="point")
    decision = catchup(points, None, NOW, COALESCE)
    assert decision.runs == (Interval(day(5), day(5)),)
    assert [slot.start for slot in decision.skips] == [day(2), day(3), day(4)]
    assert decision.cursor == day(5)
    assert [slot.start for slot in catchup(points, None, NOW, ALL).runs] == [day(2), day(3), day(4), day(5)]


@pytest.mark.parametrize(
    ("policy", "runs", "skips"),
    [
        (ALL, days(2, 3, 4), ()),
        (LATEST, days(3, 4), days(2)),
        (COALESCE, (Interval(day(2), day(4)), *days(4)), ()),
        (NONE, days(4), days(2, 3)),
    ],
)
def test_what_falls_due_while_watching_runs_under_any_policy(daily, policy, runs, skips):
    decision = catchup(daily, day(2), NOW, policy, watching_since=day(4) + timedelta(hours=1))
    assert (decision.runs, decision.skips, decision.cursor) == (runs, skips, day(5))
    assert catchup(daily, day(5), day(6), policy, watching_since=NOW).runs == days(5)


def test_a_once_group_runs_once():
    once = make_timetable(schedule="@once", start=date(2026, 1, 1), end=date(2026, 1, 4))
    decision = catchup(once, None, NOW, ALL)
    assert decision.runs == (Interval(day(1), day(4)),)
    assert catchup(once, decision.cursor, NOW, ALL).runs == ()
