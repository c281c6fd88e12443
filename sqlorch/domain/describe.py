"""Intervals shown to people: short enough for a table, or in full with local time and UTC."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from sqlorch.domain.durations import Duration, shift
from sqlorch.domain.zones import find_zone, instant_of, label_at, offset_at

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sqlorch.domain.interval import Interval
    from sqlorch.domain.timetable import Timetable


def describe(interval: Interval, timezone: str) -> str:
    """An interval in full: ``2013-01-03 00:00 -> 2013-01-04 00:00 America/New_York (05:00 -> 05:00 UTC)``.

    The UTC part names the days only where they are not the local ones. A time that shows twice, as the
    clocks go back, carries its offset.
    """
    zone = find_zone(timezone)
    ends = [interval.start] if interval.start == interval.end else [interval.start, interval.end]
    local = " -> ".join(_shown(end, zone, " ") for end in ends)
    if zone.key == "UTC":
        return f"{local} UTC"
    labels = [(label_at(end, zone), end.astimezone(UTC).replace(tzinfo=None)) for end in ends]
    same_days = all(here.date() == there.date() for here, there in labels)
    there = " -> ".join(_clock(utc) if same_days else f"{utc:%Y-%m-%d} {_clock(utc)}" for _, utc in labels)
    return f"{local} {zone.key} ({there} UTC)"


def compact(interval: Interval, timezone: str) -> str:
    """An interval in few words: ``2013``, ``2013-01``, ``2013-01-03`` or ``START/END`` in local time.

    :func:`sqlorch.domain.periods.parse_period` reads it back as the same interval, unless it is a point.
    """
    zone = find_zone(timezone)
    start, end = (_shown(instant, zone, "T") for instant in (interval.start, interval.end))
    if interval.start == interval.end:
        return start
    for text, begin, length in _units_around(label_at(interval.start, zone)):
        if _is_unit(interval, begin, length, zone):
            return text
    return f"{_day_or(start, interval.start, zone)}/{_day_or(end, interval.end, zone)}"


def name_slot(interval: Interval, timezone: str) -> str:
    """What people call a slot: ``2013-01``, ``2013-01-03``, or its local begin, ``2013-01-03 23:00``."""
    zone = find_zone(timezone)
    for text, begin, length in _units_around(label_at(interval.start, zone)):
        if _is_unit(interval, begin, length, zone):
            return text
    return _shown(interval.start, zone, " ")


def name_instant(instant: datetime, timezone: str) -> str:
    """An instant in few words: ``2013-01-03`` where that day begins, else ``2013-01-03 23:00``."""
    zone = find_zone(timezone)
    return _day_or(_shown(instant, zone, " "), instant, zone)


def name_span(interval: Interval, timetable: Timetable) -> str:
    """What people call the interval of a run: a slot by its name, several slots by both ends, ``START/END``.

    So a run that covers many slots is never taken for one of its first slot alone.
    """
    if interval == timetable.slot_containing(interval.start):
        return name_slot(interval, timetable.timezone)
    return compact(interval, timetable.timezone)


def _units_around(label: datetime) -> list[tuple[str, datetime, Duration]]:
    """The year, month and day a label lies in: text, first label, length."""
    day = label.replace(hour=0, minute=0, second=0, microsecond=0)
    text = day.date().isoformat()
    return [
        (text[:4], day.replace(month=1, day=1), Duration(months=12)),
        (text[:7], day.replace(day=1), Duration(months=1)),
        (text, day, Duration(days=1)),
    ]


def _is_unit(interval: Interval, begin: datetime, length: Duration, zone: ZoneInfo) -> bool:
    try:
        end = shift(begin, length, 1)
    except (ValueError, OverflowError):  # beyond the year 9999
        return False
    return (instant_of(begin, zone), instant_of(end, zone)) == (interval.start, interval.end)


def _day_or(shown: str, instant: datetime, zone: ZoneInfo) -> str:
    """The day alone when the instant is where that day begins."""
    day = label_at(instant, zone).date()
    return day.isoformat() if instant_of(datetime.combine(day, time()), zone) == instant else shown


def _shown(instant: datetime, zone: ZoneInfo, separator: str) -> str:
    label = label_at(instant, zone)
    said = f"{label.date().isoformat()}{separator}{_clock(label)}"
    return said if instant_of(label, zone) == instant else said + _offset(instant, zone)


def _clock(label: datetime) -> str:
    if label.microsecond:
        return f"{label:%H:%M:%S.%f}"
    return f"{label:%H:%M:%S}" if label.second else f"{label:%H:%M}"


def _offset(instant: datetime, zone: ZoneInfo) -> str:
    minutes = round(offset_at(instant, zone).total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def why_skipped(reason: str) -> str:
    """The stored reason of a skipped slot in words: ``catchup is latest`` for ``catchup_latest``."""
    policy = reason.removeprefix("catchup_")
    return f"catchup is {policy}" if policy != reason else reason
