from datetime import UTC, datetime, timedelta

import pytest

from sqlorch.engine.clock_guard import ClockGuard

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def minutes(count):
    return timedelta(minutes=count)


def look(guard, wall_minutes, monotonic_minutes):
    return guard.check(T0 + minutes(wall_minutes), monotonic_minutes * 60.0)


def test_clocks_that_go_together_are_fine():
    guard = ClockGuard()
    for minute in range(0, 10_000, 55):
        assert not look(guard, minute, minute).reason


@pytest.mark.parametrize("back", [0.5, 0.99])
def test_small_corrections_are_fine(back):
    guard = ClockGuard()
    look(guard, 0, 0)
    assert not look(guard, -back, 0.01).reason


def test_a_clock_that_went_back_is_waited_for():
    guard = ClockGuard()
    look(guard, 0, 0)
    first, second = look(guard, -90, 1), look(guard, -2, 89)
    assert first.reason == "the clock went back; nothing is decided before 2026-01-01 00:00 UTC"
    assert first.key == second.key
    assert not look(guard, 0, 91).reason


def test_what_an_earlier_daemon_saw_counts():
    assert ClockGuard(T0 + minutes(30)).check(T0, 0).reason
    assert not ClockGuard(T0).check(T0 + minutes(30), 0).reason


def test_a_jump_forward_that_is_taken_back_was_nothing():
    guard = ClockGuard()
    look(guard, 0, 0)
    jumped = look(guard, 600, 1)
    assert jumped.reason.startswith("the clock jumped from 2026-01-01 00:01 UTC to 2026-01-01 10:00 UTC;")
    assert look(guard, 605, 6).key == jumped.key
    assert not look(guard, 7, 7).reason


def test_a_jump_forward_that_stays_is_accepted_once():
    guard = ClockGuard()
    look(guard, 0, 0)
    assert look(guard, 600, 1).reason
    assert look(guard, 610, 10.9).reason
    accepted = look(guard, 610, 11)
    assert (accepted.reason, accepted.accepted) == ("", True)
    assert not look(guard, 611, 12).accepted


def test_less_than_an_hour_forward_is_believed_at_once():
    guard = ClockGuard()
    look(guard, 0, 0)
    assert look(guard, 59, 0).reason == ""


def test_a_year_nobody_will_see_is_never_believed():
    guard = ClockGuard()
    late = datetime(2101, 1, 1, tzinfo=UTC)
    assert guard.check(late, 0).reason == "the clock shows the year 2101"
    assert guard.check(late, 100_000).reason
    assert not look(guard, 0, 200_000).reason
