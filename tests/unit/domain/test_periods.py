from datetime import UTC, datetime, timedelta

import pytest

from sqlorch.domain.describe import compact, describe
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.interval import Interval
from sqlorch.domain.periods import parse_bounds, parse_instant, parse_period

NEW_YORK = "America/New_York"


def span(start, end):
    return Interval(*(datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (start, end)))


@pytest.mark.parametrize(
    ("text", "zone", "start", "end"),
    [
        ("2013-01-03", "UTC", "2013-01-03T00:00", "2013-01-04T00:00"),
        ("2013-01-03", NEW_YORK, "2013-01-03T05:00", "2013-01-04T05:00"),
        (" 2013-01-03 ", NEW_YORK, "2013-01-03T05:00", "2013-01-04T05:00"),
        ("2013-03-10", NEW_YORK, "2013-03-10T05:00", "2013-03-11T04:00"),  # 23 hours
        ("2013-11-03", NEW_YORK, "2013-11-03T04:00", "2013-11-04T05:00"),  # 25 hours
        ("2026-04-24", "Africa/Cairo", "2026-04-23T22:00", "2026-04-24T21:00"),  # midnight in a gap
        ("2026-11-01", "America/Havana", "2026-11-01T04:00", "2026-11-02T05:00"),  # midnight twice: the first
        ("2013-01", NEW_YORK, "2013-01-01T05:00", "2013-02-01T05:00"),
        ("2013-12", "UTC", "2013-12-01T00:00", "2014-01-01T00:00"),
        ("2013", NEW_YORK, "2013-01-01T05:00", "2014-01-01T05:00"),
        ("2012-02", "UTC", "2012-02-01T00:00", "2012-03-01T00:00"),
        ("2013-01-01/2013-01-08", NEW_YORK, "2013-01-01T05:00", "2013-01-08T05:00"),
        ("2013-01-01 / 2013-01-08", "UTC", "2013-01-01T00:00", "2013-01-08T00:00"),
        ("2013-01/2013-03", "UTC", "2013-01-01T00:00", "2013-03-01T00:00"),
        ("2013-01-15/2014", "UTC", "2013-01-15T00:00", "2014-01-01T00:00"),
        ("2013-01-01T06:00/2013-01-01T07:30", NEW_YORK, "2013-01-01T11:00", "2013-01-01T12:30"),
        ("2013-01-01T06/2013-01-01 07:30:15", "UTC", "2013-01-01T06:00", "2013-01-01T07:30:15"),
        ("2013-01-01T06:00Z/2013-01-01T07:00+00:00", NEW_YORK, "2013-01-01T06:00", "2013-01-01T07:00"),
        ("2013-01-01T06:00-08:00/2013-01-02", NEW_YORK, "2013-01-01T14:00", "2013-01-02T05:00"),
        ("2013-11-03T01:00/2013-11-03T01:00-05:00", NEW_YORK, "2013-11-03T05:00", "2013-11-03T06:00"),
        ("2013-01-01/P7D", NEW_YORK, "2013-01-01T05:00", "2013-01-08T05:00"),
        ("P7D/2013-01-08", NEW_YORK, "2013-01-01T05:00", "2013-01-08T05:00"),
        ("2013-01-01/P1W", "UTC", "2013-01-01T00:00", "2013-01-08T00:00"),
        ("2013-01-31/P1Y1M", "UTC", None, None),
        ("2013-01-15/P1Y1M", "UTC", "2013-01-15T00:00", "2014-02-15T00:00"),
        ("P1M/2013-03-01", "UTC", "2013-02-01T00:00", "2013-03-01T00:00"),
        ("2013-03-10/P1D", NEW_YORK, "2013-03-10T05:00", "2013-03-11T04:00"),  # a local day
        ("2013-03-10/PT24H", NEW_YORK, "2013-03-10T05:00", "2013-03-11T05:00"),  # 24 elapsed hours
        ("2013-01-01/P1DT6H", "UTC", "2013-01-01T00:00", "2013-01-02T06:00"),
        ("2013-11-03T01:30-05:00/PT1H", NEW_YORK, "2013-11-03T06:30", "2013-11-03T07:30"),
    ],
)
def test_periods(text, zone, start, end):
    if start is None:
        with pytest.raises(ConfigError, match="no day 31 in 2014-02"):
            parse_period(text, zone)
        return
    assert parse_period(text, zone) == span(start, end)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2013-02-30", "2013-02-30 does not exist"),
        ("2013-13", "2013-13 does not exist"),
        ("2013-01-01/2013-02-30", "2013-02-30 does not exist"),
        ("2013-01-01T10:61/2013-01-02", "does not exist"),
        ("2013-01-08/2013-01-01", "ends before it starts"),
        ("2013-01-01/2013-01-01", "empty"),
        ("2013-01-01/P0D", "empty"),
        ("2026-03-08T02:10/2026-03-08T02:50", "empty"),  # both in the gap
        ("garbage", "'garbage' is not an interval; give a day"),
        ("", "'' is not an interval; give"),
        ("/", "'' is not a date or time"),
        ("2013-01-01/", "'' is not a date or time"),
        ("2013-01-01/08", "'08' is not a date or time"),
        ("2013-01-01/2013-01-02/2013-01-03", "more than one '/'"),
        ("P1D/P1D", "two durations"),
        ("P1D", "'P1D' is not an interval; give"),
        ("2013-01-01/P", "'P' is not a date or time"),
        ("2013-01-01/P1DT", "'P1DT' is not a date or time"),
        ("2013-01-01/P1.5D", "is not a date or time"),
        ("2013-01-01/-P1D", "is not a date or time"),
        ("2013-01-01/P9999Y", "there is no day 1 in 12012-01"),
        ("2013-01-01/P9999999D", "outside|out of range"),
        ("2013-01-01/PT99999999H", "outside|out of range"),
        ("2013-01-03T05:00", "it is a moment"),
        ("2013-01-03T24:00/2013-01-05", "is not a date or time"),
        ("2013-W01", "is not an interval; give"),
        ("20130103", "is not an interval; give"),
        ("2013-1-3", "is not an interval; give"),
        ("٢٠١٣", "is not an interval; give"),
        ("0000", "0000 does not exist"),
        ("0001-01-01", "outside 1900-2999"),
        ("9999-12-31", "outside 1900-2999"),
        (None, "None is not an interval: it is not text"),
        (20130103, "it is not text"),
        ("x" * 10_000, "is not an interval"),
    ],
)
def test_refused_in_one_sentence_with_an_example(text, reason):
    with pytest.raises(ConfigError, match=reason) as caught:
        parse_period(text, NEW_YORK)
    said = str(caught.value)
    assert "(2013-01-03)" in said
    assert "\n" not in said
    assert len(said) < 300


def test_an_unknown_zone_is_named():
    with pytest.raises(ConfigError, match="did you mean America/New_York"):
        parse_period("2013-01-03", "America/NewYork")


def test_bounds_have_an_exclusive_end():
    assert parse_bounds("2013-01-01", "2013-01-08", NEW_YORK) == parse_period(
        "2013-01-01/2013-01-08", NEW_YORK
    )
    assert parse_bounds("2013-01", "2013-02-01T12:00Z", NEW_YORK) == span(
        "2013-01-01T05:00", "2013-02-01T12:00"
    )
    for start, end, reason in (
        ("2013-01-08", "2013-01-01", "'2013-01-08/2013-01-01' is not an interval: it ends before it starts"),
        ("soon", "2013-01-01", "'soon' is not a date or time"),
        ("2013-01-01", "P7D", "'P7D' is not a date or time"),
        (None, "2013-01-01", "None is not a date or time"),
    ):
        with pytest.raises(ConfigError, match=reason):
            parse_bounds(start, end, NEW_YORK)


def test_instants():
    assert parse_instant("2026-03-06T12:00", NEW_YORK) == datetime(2026, 3, 6, 17, tzinfo=UTC)
    assert parse_instant("2026-03", "UTC") == datetime(2026, 3, 1, tzinfo=UTC)
    with pytest.raises(ConfigError, match=r"^'yesterday' is not a time; give 2013-01-03 or"):
        parse_instant("yesterday")
    with pytest.raises(ConfigError, match="'2013-02-30' is not a time: 2013-02-30 does not exist"):
        parse_instant("2013-02-30")


@pytest.mark.parametrize(
    ("text", "zone", "full", "short"),
    [
        (
            "2013-01-03",
            NEW_YORK,
            "2013-01-03 00:00 -> 2013-01-04 00:00 America/New_York (05:00 -> 05:00 UTC)",
            "2013-01-03",
        ),
        ("2013-01", "UTC", "2013-01-01 00:00 -> 2013-02-01 00:00 UTC", "2013-01"),
        (
            "2013",
            "Asia/Tokyo",
            "2013-01-01 00:00 -> 2014-01-01 00:00 Asia/Tokyo (2012-12-31 15:00 -> 2013-12-31 15:00 UTC)",
            "2013",
        ),
        (
            "2026-03-08",
            NEW_YORK,
            "2026-03-08 00:00 -> 2026-03-09 00:00 America/New_York (05:00 -> 04:00 UTC)",
            "2026-03-08",
        ),
        (
            "2013-01-01/2013-01-08",
            NEW_YORK,
            "2013-01-01 00:00 -> 2013-01-08 00:00 America/New_York (05:00 -> 05:00 UTC)",
            "2013-01-01/2013-01-08",
        ),
        (
            "2026-11-01T01:00/2026-11-01T01:00-05:00",
            NEW_YORK,
            "2026-11-01 01:00 -> 2026-11-01 01:00-05:00 America/New_York (05:00 -> 06:00 UTC)",
            "2026-11-01T01:00/2026-11-01T01:00-05:00",
        ),
        (
            "2026-04-24",
            "Africa/Cairo",
            "2026-04-24 01:00 -> 2026-04-25 00:00 Africa/Cairo (2026-04-23 22:00 -> 2026-04-24 21:00 UTC)",
            "2026-04-24",
        ),
        (
            "2013-01-03T06:00:05/2013-01-04",
            "UTC",
            "2013-01-03 06:00:05 -> 2013-01-04 00:00 UTC",
            "2013-01-03T06:00:05/2013-01-04",
        ),
    ],
)
def test_shown_to_people(text, zone, full, short):
    interval = parse_period(text, zone)
    assert describe(interval, zone) == full
    assert compact(interval, zone) == short
    assert parse_period(short, zone) == interval


def test_points_and_fractions_are_shown():
    noon = datetime(2013, 1, 3, 12, tzinfo=UTC)
    assert describe(Interval(noon, noon), NEW_YORK) == "2013-01-03 07:00 America/New_York (12:00 UTC)"
    assert compact(Interval(noon, noon), NEW_YORK) == "2013-01-03T07:00"
    fraction = Interval(noon, noon + timedelta(milliseconds=1))
    assert compact(fraction, "UTC") == "2013-01-03T12:00/2013-01-03T12:00:00.001000"


def test_a_year_at_the_end_of_time_is_shown_too():
    far = Interval(datetime(9999, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC))
    assert compact(far, "UTC") == "9999-01-01/9999-12-31"
