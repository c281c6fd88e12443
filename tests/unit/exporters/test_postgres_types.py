from __future__ import annotations

from datetime import UTC, date, datetime, time

import pyarrow as pa
import pytest

from sqlorch.exporters.postgres_types import (
    element,
    read_bytea,
    read_date,
    read_interval,
    read_time,
    read_timestamp,
    scalar,
)


def test_infinite_dates_are_not_the_last_day_of_the_calendar() -> None:
    assert read_date("infinity") != read_date("9999-12-31") == date(9999, 12, 31)
    assert read_date("-infinity") == -(2**31 - 1)
    assert read_timestamp("infinity") == 2**63 - 1


@pytest.mark.parametrize(
    "text", ["0044-03-15 BC", "10000-01-01", "4713-01-01 00:00:00 BC", "294276-12-31 23:59:59"]
)
def test_years_that_python_has_not_are_refused_by_name(text: str) -> None:
    read = read_timestamp if ":" in text else read_date
    with pytest.raises(ValueError, match=f"{text} is outside the years 1 to 9999"):
        read(text)


def test_offsets_of_seconds_are_read() -> None:
    # Local mean time of New York before 1883.
    instant = read_timestamp("1883-11-18 12:00:00-04:56:02")
    assert isinstance(instant, datetime)
    assert instant.astimezone(UTC) == datetime(1883, 11, 18, 16, 56, 2, tzinfo=UTC)


def test_the_end_of_the_day_is_a_time() -> None:
    assert read_time("24:00:00") == 24 * 3600 * 1_000_000
    assert read_time("23:59:59.5") == time(23, 59, 59, 500_000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00:00:00", (0, 0, 0)),
        ("1 year 2 mons", (14, 0, 0)),
        ("-1 years +2 mons -3 days +04:05:06.5", (-10, -3, 14_706_500_000_000)),
        ("1 mon -00:00:00.000001", (1, 0, -1000)),
        ("2 days", (0, 2, 0)),
        ("-1000:00:00", (0, 0, -3_600_000_000_000_000)),
    ],
)
def test_intervals_keep_months_days_and_time_apart(text: str, expected: tuple[int, int, int]) -> None:
    assert read_interval(text) == pa.MonthDayNano(expected)


@pytest.mark.parametrize("text", ["P1Y2M", "1-2", "@ 1 day", "", "infinity"])
def test_other_interval_styles_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="IntervalStyle postgres"):
        read_interval(text)


def test_bytea() -> None:
    assert read_bytea("\\x00ff") == b"\x00\xff"
    with pytest.raises(ValueError, match="bytea_output is not hex"):
        read_bytea("\\000")


def test_arrays_know_their_elements() -> None:
    assert element(1185) == scalar(1184)
    assert element(23) is None
    # numeric[]: an array does not tell the scale, text loses nothing.
    assert element(1231) == scalar(25)
