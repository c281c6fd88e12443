"""ISO 8601 durations, ``P1M``, ``P7D``, ``PT6H``: calendar units kept apart from elapsed time."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime, timedelta

_DURATION = re.compile(
    r"P(?=[0-9T])(?:(?P<years>[0-9]{1,4})Y)?(?:(?P<months>[0-9]{1,5})M)?(?:(?P<weeks>[0-9]{1,6})W)?"
    r"(?:(?P<days>[0-9]{1,7})D)?"
    r"(?:T(?=[0-9])(?:(?P<hours>[0-9]{1,8})H)?(?:(?P<minutes>[0-9]{1,9})M)?(?:(?P<seconds>[0-9]{1,9})S)?)?",
    re.ASCII,
)
_YEAR = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """Months and days of the calendar, and elapsed time beside them."""

    months: int = 0
    days: int = 0
    elapsed: timedelta = timedelta(0)


def parse_duration(text: str) -> Duration | None:
    """Read an ISO 8601 duration of whole units; None when the text is not one."""
    match = _DURATION.fullmatch(text)
    if not match:
        return None
    count = {unit: int(digits or 0) for unit, digits in match.groupdict().items()}
    return Duration(
        months=_YEAR * count["years"] + count["months"],
        days=7 * count["weeks"] + count["days"],
        elapsed=timedelta(hours=count["hours"], minutes=count["minutes"], seconds=count["seconds"]),
    )


def shift(label: datetime, duration: Duration, sign: int) -> datetime:
    """Move a local label by the calendar part of a duration.

    Raises:
        ValueError: the month it leads to has no such day.
        OverflowError: it leads out of the years a datetime can hold.
    """
    year, month = divmod(label.year * _YEAR + label.month - 1 + sign * duration.months, _YEAR)
    month += 1
    if not 1 <= year <= 9999 or label.day > monthrange(year, month)[1]:  # noqa: PLR2004 - datetime.MAXYEAR
        raise ValueError(f"there is no day {label.day} in {year}-{month:02}")
    return label.replace(year=year, month=month) + timedelta(days=sign * duration.days)
