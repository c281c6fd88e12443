"""Time zones: finding one by name, and turning wall-clock labels into instants.

A *label* is a naive local ``datetime``, what a clock on the wall shows. An *instant* is an aware one in UTC.
Two labels a day are special in zones with daylight saving: those in a **gap** never show, those in a **fold**
show twice. One rule holds everywhere (scheduling specification 2.4): a label in a gap stands for the gap's
end, an ambiguous one for its first occurrence.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

from sqlorch.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

YEARS = range(1900, 3000)  # the years a person may write; arithmetic around them cannot overflow
_PROBE = timedelta(days=1)  # of all zones in the IANA data none ever changed twice within three days
_LAST_YEAR = 9998  # one year short of what datetime can hold, so that an offset never overflows
# Copies of the zones with other rules (leap seconds), or aliases of whatever the machine is set to.
_NOT_A_ZONE = ("posix/", "right/", "posixrules", "localtime", "Factory")


def find_zone(name: str) -> ZoneInfo:
    """The zone with this IANA name.

    Raises:
        ConfigError: there is none; the message offers the nearest name.
    """
    if not isinstance(name, str):
        raise ConfigError(f"a time zone is a name like America/New_York, not {name!r}")
    if not name.isascii() or name.startswith(_NOT_A_ZONE):
        raise _unknown(name)
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError) as error:  # each is how zoneinfo says no to some name
        raise _unknown(name) from error


def _unknown(name: str) -> ConfigError:
    known = {zone.lower(): zone for zone in sorted(available_timezones())}
    near = get_close_matches(name[:64].lower(), known, n=1, cutoff=0.5)
    hint = f"did you mean {known[near[0]]}?" if near else "use an IANA name like America/New_York"
    return ConfigError(f"unknown time zone {name[:64]!r}; {hint}")


def offset_at(instant: datetime, zone: ZoneInfo) -> timedelta:
    """What the zone adds to UTC at an instant."""
    offset = instant.astimezone(zone).utcoffset()
    return offset if offset is not None else timedelta(0)


def label_at(instant: datetime, zone: ZoneInfo) -> datetime:
    """What the clocks of the zone show at an instant."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def instant_of(label: datetime, zone: ZoneInfo) -> datetime:
    """The instant a label stands for: its first occurrence, or the end of the gap it falls into."""
    first = label.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if label_at(first, zone) == label.replace(fold=0):
        return first
    before = label.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return _change_between(before, first, zone)


def next_change(after: datetime, until: datetime, zone: ZoneInfo) -> datetime | None:
    """The first instant in ``(after, until]`` from which the zone's offset differs, or None."""
    for year in range(after.year, min(until.year, _LAST_YEAR) + 1):
        for change in _changes_of(zone, year):
            if change > after:
                return change if change <= until else None
    return None


def changes_within(after: datetime, until: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Every change of the zone's offset in ``(after, until]``, in order."""
    while (change := next_change(after, until, zone)) is not None:
        yield change
        after = change


def to_instant(given: date, zone: ZoneInfo) -> datetime:
    """A written date or time as an instant; naive ones are read in the zone, a date as its midnight.

    Raises:
        ConfigError: the year is so far away that it can only be a mistake.
    """
    moment = given if isinstance(given, datetime) else datetime.combine(given, time())
    if moment.year not in YEARS:
        raise ConfigError(f"the year of {given} is outside {YEARS.start}-{YEARS.stop - 1}")
    return moment.astimezone(UTC) if moment.tzinfo else instant_of(moment, zone)


@lru_cache(maxsize=4096)
def _changes_of(zone: ZoneInfo, year: int) -> tuple[datetime, ...]:
    """Every change of offset after the first instant of a UTC year up to the first of the next."""
    if not 1 < year <= _LAST_YEAR:
        return ()
    instant, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    changes = []
    while instant < end:
        after = instant + _PROBE
        if offset_at(instant, zone) != offset_at(after, zone):
            changes.append(_change_between(instant, after, zone))
        instant = after
    return tuple(changes)


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Bisect, to the second, for the change of offset known to lie in ``(before, after]``."""
    low, high, old = int(before.timestamp()), int(after.timestamp()), offset_at(before, zone)
    while high - low > 1:
        middle = (low + high) // 2
        if offset_at(datetime.fromtimestamp(middle, UTC), zone) == old:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)
