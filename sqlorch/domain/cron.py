"""Cron expressions: when they fire next, with daylight saving resolved here.

croniter answers one question, on naive local time: which is the next matching day. Times of day and the
step from wall clock to instants are ours, because libraries disagree on gaps and folds. The rule is that of
Debian's cron(8), quoted in the scheduling specification 2.4:

* *elapsed type*, minute or hour starts with ``*``: fires at every real minute whose wall clock matches, so
  not at all in a gap and in both passes of a fold;
* *wall type*, every other: each matching label fires once, a label inside a gap at the gap's end (one fire
  for the gap and its end), an ambiguous label at its first occurrence.
"""

from __future__ import annotations

from bisect import bisect_right
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from croniter import croniter

from sqlorch.domain.cron_syntax import Fields, parse_fields, require_text
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.zones import instant_of, label_at, next_change

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_INSTANT = timedelta(microseconds=1)
_FAR = timedelta(days=5 * 365 + 1)
# The calendar repeats every 400 years; from here croniter's 50 years hold every kind of year but 2100's.
_ANY_DAY = datetime(2000, 1, 1)  # noqa: DTZ001 - a label, not an instant


@dataclass(frozen=True, slots=True)
class Cron:
    """A validated five-field expression; make one with :func:`parse_cron`. Equal when the text is.

    Attributes:
        text: the expression with single spaces, in lower case, a preset written out.
        fields: the expression taken apart.
    """

    text: str
    fields: Fields = field(repr=False, compare=False)
    _times: tuple[int, ...] = field(repr=False, compare=False)

    def next_after(self, after: datetime, zone: ZoneInfo) -> datetime | None:
        """The first fire strictly after an instant, in UTC; None when there is none in fifty years."""
        try:
            return self._next_elapsed(after, zone) if self.fields.elapsed else self._next_wall(after, zone)
        except OverflowError:  # beyond the year 9999
            return None

    def fires_after(self, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
        """Every fire strictly after an instant, in order."""
        fire = self.next_after(after, zone)
        while fire is not None:
            yield fire
            fire = self.next_after(fire, zone)

    def labels(self, first: datetime, until: datetime) -> list[datetime]:
        """The matching labels in ``[first, until)``, whether or not a clock ever shows them."""
        found: list[datetime] = []
        label = self._next_label(first - _MINUTE)
        while label is not None and label < until:
            found.append(label)
            label = self._next_label(label)
        return [label for label in found if label >= first]

    def warnings(self, after: datetime, zone: ZoneInfo) -> list[str]:
        """What a person should know before trusting the expression: one sentence each."""
        found = list(self.fields.notes)
        first = self.next_after(after, zone)
        if first is None or first - after > _FAR:
            when = f"not before {first:%Y-%m-%d}" if first else "not within fifty years"
            found.append(f"after {after:%Y-%m-%d} it fires {when}")
        return found

    def _next_wall(self, after: datetime, zone: ZoneInfo) -> datetime | None:
        # instant_of never decreases from one label to the next, so labels up to the one shown at `after`
        # cannot fire later than `after`, and the first later fire found is the first there is.
        label = self._next_label(label_at(after, zone))
        while label is not None:
            fire = instant_of(label, zone)
            if fire > after:
                return fire
            label = self._next_label(label)
        return None

    def _next_elapsed(self, after: datetime, zone: ZoneInfo) -> datetime | None:
        piece, begins = after, False
        while True:  # once for every piece of constant offset
            shown = label_at(piece, zone)
            # a later piece begins with its first minute, which may itself match
            label = self._next_label(shown - _INSTANT if begins else shown)
            if label is None:
                return None
            fire = piece + (label - shown)
            change = next_change(piece, fire, zone)
            if change is None:
                return fire
            piece, begins = change, True

    def _next_label(self, shown: datetime) -> datetime | None:
        """The first matching label strictly after the one shown."""
        today = datetime(shown.year, shown.month, shown.day)  # noqa: DTZ001 - a label, not an instant
        day = _matching_day(self.fields.days, today)
        if day == today:
            place = bisect_right(self._times, shown.hour * 60 + shown.minute)
            if place < len(self._times):
                return today + self._times[place] * _MINUTE
            day = _matching_day(self.fields.days, today + _DAY)
        return None if day is None else day + self._times[0] * _MINUTE


def parse_cron(text: str) -> Cron:
    """Read an expression or a preset (``@daily``).

    Raises:
        ConfigError: it is not cron, has no clear meaning, or never fires; one line says why.
    """
    return _parse(require_text(text))


@lru_cache(maxsize=1024)
def _parse(text: str) -> Cron:
    fields = parse_fields(text)
    if _matching_day(fields.days, _ANY_DAY) is None:
        raise ConfigError(f"the schedule {fields.text!r} never fires: no such day exists")
    times = tuple(hour * 60 + minute for hour in fields.hours for minute in fields.minutes)
    return Cron(fields.text, fields, times)


def next_fires(cron: Cron, after: datetime, zone: ZoneInfo, count: int) -> list[datetime]:
    """At most ``count`` fires strictly after an instant."""
    return list(islice(cron.fires_after(after, zone), count))


@lru_cache(maxsize=8192)
def _matching_day(days: str, first: datetime) -> datetime | None:
    """The first matching midnight at or after a midnight, or None within fifty years."""
    if days == "* * *":
        return first
    search = copy(_calendar(days))  # one croniter is not safe for two threads; making one is slow
    search.set_current(first - _MINUTE)
    try:
        day = search.get_next(datetime)
    except (ValueError, OverflowError):  # croniter's own for fifty years, datetime's for the year 9999
        return None
    return day if isinstance(day, datetime) else None


@lru_cache(maxsize=1024)
def _calendar(days: str) -> croniter:
    return croniter(f"0 0 {days}", _ANY_DAY)
