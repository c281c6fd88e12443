"""Where a timetable's fires come from: cron expressions, a fixed length of time, or given instants.

Each kind answers the same two questions and knows nothing of start, end or slots.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sqlorch.domain.cron import Cron

_LOOKBACKS = (timedelta(days=1), timedelta(days=40), timedelta(days=50 * 366))
_SECOND = timedelta(seconds=1)


class Fires(Protocol):
    """A set of instants, unbounded or not, in UTC."""

    def after(self, instant: datetime) -> datetime | None:
        """The first one strictly after an instant."""

    def before(self, instant: datetime) -> datetime | None:
        """The last one strictly before an instant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CronFires:
    """The union of cron expressions in one zone; an instant two of them share is one fire."""

    crons: tuple[Cron, ...]
    zone: ZoneInfo

    def after(self, instant: datetime) -> datetime | None:
        """The first fire of any expression."""
        found = (cron.next_after(instant, self.zone) for cron in self.crons)
        return min((fire for fire in found if fire is not None), default=None)

    def before(self, instant: datetime) -> datetime | None:
        """The last fire of any expression, at most fifty years back.

        Daylight saving is resolved forwards only, so this bisects for the last instant after which a fire
        still comes before ``instant``.
        """
        last = next((fire for back in _LOOKBACKS if (fire := self._within(back, instant))), None)
        silent = instant  # no fire lies between here and `instant`
        while last is not None and silent - last > _SECOND:
            middle = last + (silent - last) / 2
            fire = self.after(middle)
            if fire is not None and fire < instant:
                last = fire
            else:
                silent = middle
        return last

    def _within(self, back: timedelta, instant: datetime) -> datetime | None:
        fire = self.after(instant - back)
        return fire if fire is not None and fire < instant else None


@dataclass(frozen=True, slots=True, kw_only=True)
class EveryFires:
    """One fire each ``length`` of elapsed time, in both directions from ``anchor``."""

    length: timedelta
    anchor: datetime

    def after(self, instant: datetime) -> datetime | None:
        """The next multiple of the length."""
        return self._fire((instant - self.anchor) // self.length + 1)

    def before(self, instant: datetime) -> datetime | None:
        """The previous multiple of the length."""
        return self._fire(-((self.anchor - instant) // self.length) - 1)

    def _fire(self, number: int) -> datetime | None:
        try:
            return self.anchor + number * self.length
        except OverflowError:  # outside the years a datetime can hold
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenFires:
    """A few instants, ascending: what ``@once`` comes to."""

    instants: tuple[datetime, ...]

    def after(self, instant: datetime) -> datetime | None:
        """The next of the instants."""
        place = bisect_right(self.instants, instant)
        return self.instants[place] if place < len(self.instants) else None

    def before(self, instant: datetime) -> datetime | None:
        """The previous of the instants."""
        place = bisect_left(self.instants, instant)
        return self.instants[place - 1] if place else None
