"""Intervals as people write and read them.

Written: a year ``2013``, a month ``2013-01``, a day ``2013-01-03``, ``START/END`` with an exclusive end, or
one side of it as an ISO 8601 duration, ``2013-01-01/P7D``. Days are local calendar days of the group's zone,
so they last 23 or 25 hours when the clocks change.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

from sqlorch.domain.durations import Duration, parse_duration, shift
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.interval import Interval
from sqlorch.domain.zones import find_zone, instant_of, label_at, to_instant

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_EXAMPLES = "a day (2013-01-03), a month (2013-01) or START/END (2013-01-01/2013-01-08)"
_CALENDAR = re.compile(r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2}))?)?", re.ASCII)
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ](?:[01][0-9]|2[0-3])"
    r"(?::[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)?(?:Z|[+-][0-9]{2}:[0-9]{2})?",
    re.ASCII,
)
_SHOWN = 60


class _UnreadableError(ValueError):
    """Why a text could not be read; its text may be empty."""


def parse_period(text: str, timezone: str = "UTC") -> Interval:
    """Read an interval as a person writes it.

    Args:
        text: a year, month or day of the zone, ``START/END``, ``START/DURATION`` or ``DURATION/END``.
        timezone: IANA name of the zone in which naive times are read.

    Raises:
        ConfigError: the text is no interval, or an empty or backward one; one sentence says which.
    """
    zone = find_zone(timezone)
    try:
        return _period(text, zone)
    except _UnreadableError as error:
        raise _refused(text, "an interval", error, _EXAMPLES) from error


def parse_bounds(start: str, end: str, timezone: str = "UTC") -> Interval:
    """Read ``--start`` and ``--end``: two years, months, days or times, of which the end is exclusive.

    Raises:
        ConfigError: as for :func:`parse_period`.
    """
    zone = find_zone(timezone)
    try:
        return _interval(_instant(start, zone), _instant(end, zone))
    except _UnreadableError as error:
        raise _refused(f"{start}/{end}", "an interval", error, _EXAMPLES) from error


def parse_instant(text: str, timezone: str = "UTC") -> datetime:
    """Read one instant, in UTC: a time, or the local midnight that begins a day, month or year.

    Raises:
        ConfigError: it is none.
    """
    zone = find_zone(timezone)
    try:
        return _instant(text, zone)
    except _UnreadableError as error:
        raise _refused(text, "a time", error, "2013-01-03 or 2013-01-03T05:00") from error


def _period(text: object, zone: ZoneInfo) -> Interval:
    if not isinstance(text, str):
        raise _UnreadableError("it is not text")
    sides = [side.strip() for side in text.split("/")]
    if len(sides) == 1:
        return _calendar_period(sides[0], zone)
    if len(sides) > 2:  # noqa: PLR2004 - a start and an end
        raise _UnreadableError("it has more than one '/'")
    return _two_sided(sides[0], sides[1], zone)


def _two_sided(start: str, end: str, zone: ZoneInfo) -> Interval:
    before, after = parse_duration(start), parse_duration(end)
    if before is not None and after is not None:
        raise _UnreadableError("it has two durations and no date")
    if before is not None:
        until = _instant(end, zone)
        return _interval(_moved(until, before, -1, zone), until)
    begin = _instant(start, zone)
    return _interval(begin, _instant(end, zone) if after is None else _moved(begin, after, 1, zone))


def _interval(begin: datetime, until: datetime) -> Interval:
    if until < begin:
        raise _UnreadableError("it ends before it starts")
    if until == begin:
        raise _UnreadableError("it is empty, as its end is exclusive")
    return Interval(begin, until)


def _calendar_period(text: str, zone: ZoneInfo) -> Interval:
    match = _CALENDAR.fullmatch(text)
    if not match:
        raise _UnreadableError("it is a moment" if _MOMENT.fullmatch(text) else "")
    first = _calendar_date(match)
    length = Duration(days=1) if match["day"] else Duration(months=1 if match["month"] else 12)
    return _interval(_in_years(first, zone), _in_years(shift(first, length, 1), zone))


def _calendar_date(match: re.Match[str]) -> datetime:
    year, month, day = (int(match[part] or 1) for part in ("year", "month", "day"))
    try:
        return datetime(year, month, day)  # noqa: DTZ001 - a label, not an instant
    except ValueError as error:
        raise _UnreadableError(f"{match[0]} does not exist") from error


def _instant(text: object, zone: ZoneInfo) -> datetime:
    written = text.strip() if isinstance(text, str) else ""
    match = _CALENDAR.fullmatch(written)
    if match:
        return _in_years(_calendar_date(match), zone)
    if not _MOMENT.fullmatch(written):
        raise _UnreadableError(f"{_quoted(text)} is not a date or time")
    try:
        moment = datetime.fromisoformat(written)
    except ValueError as error:
        raise _UnreadableError(f"{written} does not exist") from error
    return _in_years(moment, zone)


def _moved(instant: datetime, duration: Duration, sign: int, zone: ZoneInfo) -> datetime:
    """Calendar units move the label, so that days are local days; clock units move the instant."""
    try:
        if duration.months or duration.days:
            instant = instant_of(shift(label_at(instant, zone), duration, sign), zone)
        return _in_years(instant + sign * duration.elapsed, zone)
    except (OverflowError, ValueError) as error:
        raise _UnreadableError(str(error)) from error


def _in_years(moment: datetime, zone: ZoneInfo) -> datetime:
    try:
        return to_instant(moment, zone)
    except ConfigError as error:
        raise _UnreadableError(str(error)) from error


def _refused(text: object, what: str, error: _UnreadableError, examples: str) -> ConfigError:
    said = str(error)
    reason = f": {said}" if said and not said.startswith(_quoted(text)) else ""
    return ConfigError(f"{_quoted(text)} is not {what}{reason}; give {examples}")


def _quoted(text: object) -> str:
    shown = repr(text)
    return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 3] + "..."
