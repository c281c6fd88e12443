# ruff: noqa: DTZ001, DTZ901 - naive local times are part of what is tested
from datetime import UTC, date, datetime, timedelta

import pytest

from sqlorch.domain.errors import ConfigError
from sqlorch.domain.zones import find_zone, instant_of, next_change, to_instant


@pytest.mark.parametrize(
    ("zone", "label", "instant"),
    [
        ("America/New_York", "2026-03-08T02:30", "2026-03-08T07:00Z"),  # gap: its end
        ("America/New_York", "2026-03-08T03:00", "2026-03-08T07:00Z"),
        ("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30Z"),  # fold: the first
        ("Africa/Cairo", "2026-04-24T00:00", "2026-04-23T22:00Z"),  # midnight in a gap
        ("Australia/Lord_Howe", "2026-10-04T02:10", "2026-10-03T15:30Z"),  # half an hour
        ("Pacific/Apia", "2011-12-30T12:34", "2011-12-30T10:00Z"),  # a whole day
        ("Asia/Kolkata", "2026-01-01T00:00", "2025-12-31T18:30Z"),
    ],
)
def test_labels_stand_for_instants(zone, label, instant):
    found = instant_of(datetime.fromisoformat(label), find_zone(zone))
    assert found == datetime.fromisoformat(instant)
    assert found.tzinfo is UTC


def test_changes_are_found_in_order_and_within_bounds():
    zone = find_zone("Europe/London")
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    spring = next_change(start, end, zone)
    assert spring == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert next_change(start, spring, zone) == spring
    assert next_change(start, spring - timedelta(seconds=1), zone) is None
    assert next_change(spring, end, zone) == datetime(2026, 10, 25, 1, tzinfo=UTC)
    assert next_change(start, end, find_zone("UTC")) is None


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("America/New_york", "did you mean America/New_York"),
        ("Europe/Berln", "did you mean Europe/Berlin"),
        ("america/new_york", "did you mean America/New_York"),
        ("", "IANA"),
        ("America", "America/"),
        ("../../etc/passwd", "unknown time zone"),
        ("/etc/localtime", "unknown time zone"),
        ("localtime", "unknown time zone"),
        ("right/Europe/Berlin", "Europe/Berlin"),
        ("Zürich", "unknown time zone"),
        ("UTC\x00", "unknown time zone"),
        ("x" * 5000, "IANA"),
        (5, "not 5"),
        (None, "not None"),
    ],
)
def test_an_unknown_zone_is_refused_with_the_nearest_name(name, hint):
    with pytest.raises(ConfigError, match=hint) as caught:
        find_zone(name)
    assert len(str(caught.value)) < 160


def test_written_times_are_read_in_the_zone_unless_they_carry_an_offset():
    zone = find_zone("America/New_York")
    assert to_instant(date(2013, 1, 1), zone) == datetime(2013, 1, 1, 5, tzinfo=UTC)
    assert to_instant(datetime(2013, 7, 1, 12), zone) == datetime(2013, 7, 1, 16, tzinfo=UTC)
    assert to_instant(datetime(2013, 7, 1, 12, tzinfo=UTC), zone) == datetime(2013, 7, 1, 12, tzinfo=UTC)
    for far in (datetime.min, datetime.max, date(1899, 12, 31), date(3000, 1, 1)):
        with pytest.raises(ConfigError, match="outside 1900-2999"):
            to_instant(far, zone)
