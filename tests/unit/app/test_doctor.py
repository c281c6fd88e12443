"""What the doctor says of figures that a real set-up seldom shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sqlorch.app.doctor_schedules import crowds, durations, remarks, say_length
from sqlorch.app.doctor_versions import judge_package
from sqlorch.domain.group import Group, RunRules
from sqlorch.domain.interval import Interval
from sqlorch.domain.remarks import Grade
from sqlorch.domain.run import RunState
from sqlorch.domain.sla import ScheduledRun
from sqlorch.domain.timetable import make_timetable

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def hourly(name: str = "hourly", **rules: int) -> Group:
    return Group(name=name, timetable=make_timetable(schedule="@hourly"), rules=RunRules(**rules))


def ran(minutes: float, *, state: RunState = RunState.SUCCESS, number: int = 0) -> ScheduledRun:
    began = NOW + HOUR * number
    return ScheduledRun(
        run_id=f"r{number}",
        group="hourly",
        interval=Interval(began - HOUR, began),
        gen=1,
        state=state,
        started_at=began,
        finished_at=began + timedelta(minutes=minutes),
    )


def test_runs_longer_than_their_interval_never_catch_up() -> None:
    (found,) = durations([hourly()], [ran(minutes) for minutes in (75, 80, 3)])
    assert (found.grade, found.subject) == (Grade.WARNING, "hourly")
    assert found.message == "a run usually takes 1 h 15 min for 1 h: it never catches up"


def test_two_at_once_catch_up_with_runs_of_less_than_two_intervals() -> None:
    (found,) = durations([hourly(max_active_runs=2)], [ran(75)] * 3)
    assert found.grade is Grade.OK


def test_two_runs_or_failed_ones_tell_nothing() -> None:
    assert list(durations([hourly()], [ran(90), ran(90), ran(90, state=RunState.FAILED)])) == []


def test_more_groups_at_one_moment_than_runs_at_once_are_a_note() -> None:
    groups = [hourly(name) for name in "abc"]
    (found,) = crowds(groups, NOW, 2)
    assert (found.grade, found.message.partition(",")[0]) == (Grade.NOTE, "3 groups fire at the same moment")
    assert list(crowds(groups, NOW, 3)) == []


def test_equal_schedules_of_many_groups_and_minutely_ones_take_seconds_at_most() -> None:
    groups = [
        Group(name=f"g{n}", timetable=make_timetable(schedule="* * * * *", start=NOW - timedelta(days=n + 1)))
        for n in range(200)
    ]
    found = list(remarks(groups, NOW))
    assert [one.grade for one in found] == [Grade.OK] * 200
    assert "the first 1,000 intervals of the year ahead" in found[0].message


@pytest.mark.parametrize(
    ("found", "grade", "said"),
    [
        (None, Grade.ERROR, "is not installed"),
        ("1.9.0", Grade.ERROR, "1.9.0 is not of the supported versions, >=1.10,<1.12"),
        ("1.11.2", Grade.OK, "1.11.2, supported: >=1.10,<1.12"),
    ],
)
def test_a_package(found: str | None, grade: Grade, said: str) -> None:
    remark = judge_package("dbt-core", found, ">=1.10,<1.12")
    assert (remark.grade, remark.message) == (grade, said)
    assert remark.advice == ("" if grade is Grade.OK else "pip install 'dbt-core>=1.10,<1.12'")


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(days=1), "1 d"),
        (timedelta(hours=23), "23 h"),
        (timedelta(minutes=1, seconds=30), "1 min 30 s"),
        (timedelta(days=30, hours=23, minutes=5), "30 d 23 h"),
        (timedelta(), "0 s"),
    ],
)
def test_lengths(length: timedelta, said: str) -> None:
    assert say_length(length) == said
