import re
from datetime import UTC, date, datetime

import pytest

from sqlorch.domain.errors import ConfigError
from sqlorch.domain.interval import Interval
from sqlorch.domain.periods import parse_period
from sqlorch.domain.timetable import make_timetable
from sqlorch.domain.variables import SAMPLE_INTERVAL, VARIABLES, interval_variables, new_run_id

NEW_YORK = "America/New_York"


def variables(interval, zone=NEW_YORK, **settings):
    timetable = make_timetable(timezone=zone, **settings)
    return interval_variables(interval, timetable, timezone=zone, run_id="manual-1", group="g")


def days(interval, zone=NEW_YORK, **settings):
    found = variables(interval, zone, **settings)
    return found["prev_ds"], found["ds"], found["next_ds"]


def test_the_documented_examples_are_what_a_daily_group_gets():
    daily = make_timetable(schedule="@daily", timezone=NEW_YORK, start=date(2013, 1, 3))
    found = interval_variables(
        SAMPLE_INTERVAL,
        daily,
        timezone=NEW_YORK,
        run_id=new_run_id("manual", SAMPLE_INTERVAL.start, "7f3a"),
        group="flights_daily",
    )
    assert found == {variable.name: variable.example for variable in VARIABLES}
    assert list(found) == [variable.name for variable in VARIABLES]
    assert all(variable.description for variable in VARIABLES)


def test_dates_are_local_and_instants_utc():
    tokyo = variables(parse_period("2013-01-03", "Asia/Tokyo"), "Asia/Tokyo", schedule="@daily")
    assert tokyo["data_interval_start"] == tokyo["logical_date"] == "2013-01-02T15:00:00+00:00"
    assert tokyo["data_interval_end"] == "2013-01-03T15:00:00+00:00"
    assert (tokyo["ds"], tokyo["ts"], tokyo["ts_nodash"]) == (
        "2013-01-03",
        "2013-01-03T00:00:00+09:00",
        "20130103T000000",
    )


@pytest.mark.parametrize(
    ("text", "settings", "expected"),
    [
        ("2013-01-03", {"schedule": "@daily"}, ("2013-01-02", "2013-01-03", "2013-01-04")),
        ("2013-01-03/2013-01-08", {"schedule": "@daily"}, ("2013-01-02", "2013-01-03", "2013-01-08")),
        ("2013-01", {"schedule": "@monthly"}, ("2012-12-01", "2013-01-01", "2013-02-01")),
        (
            "2013-01-03T12:00/2013-01-03T13:00",
            {"schedule": "@hourly"},
            ("2013-01-03", "2013-01-03", "2013-01-03"),
        ),
        (
            "2013-01-07T09:00/2013-01-08T09:00",
            {"schedule": "0 9 * * 1-5"},
            ("2013-01-04", "2013-01-07", "2013-01-08"),
        ),
        ("2013-01-03", {}, ("2013-01-02", "2013-01-03", "2013-01-04")),
        ("2013-01-03/2013-01-08", {}, ("2012-12-29", "2013-01-03", "2013-01-08")),
        ("2026-11-01", {}, ("2026-10-31", "2026-11-01", "2026-11-02")),  # 25 hours
        ("2026-03-08", {}, ("2026-03-07", "2026-03-08", "2026-03-09")),  # 23 hours
        (
            "2013-01-01/2014-01-01",
            {"schedule": "@once", "start": date(2013, 1, 1), "end": date(2014, 1, 1)},
            ("2012-01-02", "2013-01-01", "2014-01-01"),
        ),
    ],
)
def test_neighbouring_days(text, settings, expected):
    assert days(parse_period(text, NEW_YORK), **settings) == expected


def test_neighbouring_days_of_a_point():
    noon = datetime(2013, 1, 3, 17, tzinfo=UTC)
    found = days(Interval(noon, noon), schedule="0 12 * * *", mode="point")
    assert found == ("2013-01-02", "2013-01-03", "2013-01-04")


@pytest.mark.parametrize("zone", ["UTC", NEW_YORK, "Asia/Kathmandu", "Africa/Monrovia"])
def test_values_hold_only_characters_that_are_safe_in_sql(zone):
    for year in (1901, 1970, 2013, 2998):
        interval = Interval(datetime(year, 2, 3, 4, 5, 6, 7, tzinfo=UTC), datetime(year, 5, 6, tzinfo=UTC))
        for value in variables(interval, zone).values():
            assert isinstance(value, str)
            assert re.fullmatch(r"[A-Za-z0-9_.:+-]{1,64}", value)


@pytest.mark.parametrize("bad", ["", "a b", "a'b", "a;b", "ä", "a\n", "x" * 65, "a/b"])
def test_names_with_other_characters_are_refused(bad):
    timetable = make_timetable()
    with pytest.raises(ConfigError, match="letters, digits"):
        interval_variables(SAMPLE_INTERVAL, timetable, timezone="UTC", run_id=bad, group="g")
    with pytest.raises(ConfigError, match="group name"):
        interval_variables(SAMPLE_INTERVAL, timetable, timezone="UTC", run_id="r", group=bad)


@pytest.mark.parametrize(
    ("kind", "suffix", "expected"),
    [
        ("manual", "7f3a", "manual-20130101T050000Z-7f3a"),
        ("scheduled", "", "sched-20130101T050000Z"),
        ("backfill", "", "sched-20130101T050000Z"),
        ("dataset", "12", "ds-20130101T050000Z-12"),
    ],
)
def test_run_ids(kind, suffix, expected):
    assert new_run_id(kind, datetime.fromisoformat("2013-01-01T00:00-05:00"), suffix) == expected


@pytest.mark.parametrize(("kind", "suffix"), [("sudden", "1"), ("manual", "../x"), ("manual", "x" * 60)])
def test_run_ids_are_refused(kind, suffix):
    with pytest.raises(ConfigError):
        new_run_id(kind, SAMPLE_INTERVAL.start, suffix)
