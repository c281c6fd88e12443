"""When a group is due: its timetable, and the slots a timetable cuts time into.

A *fire* is an instant of the schedule. In ``window`` mode a *slot* is what lies between two neighbouring
fires, due at the later one; in ``point`` mode every fire is itself a slot with ``start == end``, due at once.
Everything is a pure function of the timetable and an instant: no clock, no memory
(scheduling specification 2.2 and 2.3).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from sqlorch.domain.errors import ConfigError
from sqlorch.domain.fires import CronFires, Fires
from sqlorch.domain.interval import Interval
from sqlorch.domain.schedule import read_fires
from sqlorch.domain.zones import find_zone, to_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date
    from zoneinfo import ZoneInfo

Mode = Literal["window", "point"]
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """When a group's slots are; make one with :func:`make_timetable`.

    Attributes:
        fires: the schedule without its bounds, None for a group that only runs by hand.
        zone: where naive times are read and local days begin.
        start: no slot begins before it (UTC), or None.
        end: no slot ends after it (UTC), and no point lies on it; or None.
        mode: ``window`` or ``point``.
    """

    fires: Fires | None
    zone: ZoneInfo
    start: datetime | None = None
    end: datetime | None = None
    mode: Mode = "window"
    _first: datetime | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # needed for every slot, and a search in itself
        first = None if self.start is None else self.next_fire(self.start - _INSTANT)
        object.__setattr__(self, "_first", first)

    @property
    def scheduled(self) -> bool:
        """Whether it has fires at all."""
        return self.fires is not None

    @property
    def timezone(self) -> str:
        """The IANA name of the zone."""
        return self.zone.key

    def next_fire(self, after: datetime) -> datetime | None:
        """The first fire strictly after an instant within start and end, in UTC."""
        if self.fires is None:
            return None
        if self.start is not None:
            after = max(after, self.start - _INSTANT)
        fire = self.fires.after(after)
        return fire if fire is not None and self._before_end(fire) else None

    def first_cursor(self) -> datetime | None:
        """The cursor of a group of which nothing is decided: ``start`` rounded up to the first fire.

        In ``point`` mode it lies one microsecond before that fire, which is itself a slot to come. None
        without a start or without fires.
        """
        if self._first is None or self.mode == "window":
            return self._first
        return self._first - _INSTANT

    def next_slot(self, cursor: datetime) -> Interval | None:
        """The slot after a cursor, the end of the last slot decided; None when there is no more.

        After a change of schedule or zone the first one is odd-sized, so there is no gap and no overlap.
        """
        first = self.first_cursor()
        if first is not None:
            cursor = max(cursor, first)
        fire = self.next_fire(cursor)
        if fire is None:
            return None
        return Interval(cursor if self.mode == "window" else fire, fire)

    def slots_within(self, span: Interval) -> Iterator[Interval]:
        """The slots that lie wholly inside a half-open span, oldest first and one at a time.

        Without a schedule the span itself is the only slot.
        """
        if self.fires is None:
            yield span
            return
        fire = self.next_fire(span.start - _INSTANT)
        while fire is not None and fire < span.end:
            after = self.next_fire(fire)
            end = after if self.mode == "window" else fire
            if end is None or end > span.end:
                return
            yield Interval(fire, end)
            fire = after

    def slot_containing(self, instant: datetime) -> Interval | None:
        """The slot an instant belongs to, or None outside of the schedule, before start or after end."""
        if self.fires is None:
            return None
        begin = self.fires.before(instant + _INSTANT)
        if begin is None or (self.start is not None and begin < self.start):
            return None
        slot = self._slot_from(begin) if self._before_end(begin) else None
        # a point contains nothing but itself
        return slot if slot is None or slot.start == instant or instant < slot.end else None

    def last_slot(self, instant: datetime) -> Interval | None:
        """The last slot that has ended at an instant, within start and end; None when there is none."""
        if self.fires is None:
            return None
        point = self.mode == "point"
        bound = instant + _INSTANT
        if self.end is not None:  # as in _before_end
            bound = min(bound, self.end if point else self.end + _INSTANT)
        end = self.fires.before(bound)
        begin = end if point or end is None else self.fires.before(end)
        if begin is None or end is None or (self.start is not None and begin < self.start):
            return None
        return Interval(begin, end)

    def previous_slot(self, slot: Interval) -> Interval | None:
        """The last schedule interval that ends at or before ``slot`` starts, start and end left aside.

        For a point, the point before it. None without a schedule.
        """
        if self.fires is None:
            return None
        if self.mode == "point":
            return _between(self.fires.before(slot.start), None)
        end = self.fires.before(slot.start + _INSTANT)
        return None if end is None else _between(self.fires.before(end), end)

    def following_slot(self, slot: Interval) -> Interval | None:
        """The first schedule interval that starts at or after ``slot`` ends, start and end left aside.

        For a point, the point after it. None without a schedule.
        """
        if self.fires is None:
            return None
        begin = self.fires.after(slot.end if slot.start == slot.end else slot.end - _INSTANT)
        if begin is None or self.mode == "point":
            return _between(begin, None)
        end = self.fires.after(begin)
        return None if end is None else Interval(begin, end)

    def warnings(self, after: datetime) -> list[str]:
        """What a person should know before trusting the schedule: one sentence each."""
        if not isinstance(self.fires, CronFires):
            return []
        return [said for cron in self.fires.crons for said in cron.warnings(after, self.zone)]

    def _slot_from(self, fire: datetime) -> Interval | None:
        end = self.next_fire(fire) if self.mode == "window" else fire
        return None if end is None else Interval(fire, end)

    def _before_end(self, fire: datetime) -> bool:
        # a window may close on the end; a point on the end belongs to what begins there
        return self.end is None or fire < self.end or (fire == self.end and self.mode == "window")


def make_timetable(
    *,
    schedule: str | Sequence[str] | None = None,
    every: str | None = None,
    timezone: str = "UTC",
    start: date | None = None,
    end: date | None = None,
    mode: Mode = "window",
) -> Timetable:
    """Read a group's settings.

    Args:
        schedule: a cron expression, a preset (``@daily``, ``@once`` ...), a list of expressions (their
            union), or None for a group that only runs by hand.
        every: a length of elapsed time such as ``6h``, instead of a schedule; counted from ``start``.
        timezone: IANA name.
        start: the first slot begins at the first fire at or after it; naive times are read in the zone.
        end: no slot ends after it.
        mode: ``window`` for the time between fires, ``point`` for the fires themselves.

    Raises:
        ConfigError: a setting cannot be used; one line says which and why.
    """
    zone = find_zone(timezone)
    if mode not in ("window", "point"):  # a tuple, because what is not hashable may be asked
        raise ConfigError(f"interval is either window or point, not {mode!r}")
    begin = None if start is None else to_instant(start, zone)
    until = None if end is None else to_instant(end, zone)
    if begin is not None and until is not None and until <= begin:
        raise ConfigError(f"the end {end} is not after the start {start}")
    fires = read_fires(schedule, every, zone=zone, start=begin, end=until, point=mode == "point")
    return Timetable(fires=fires, zone=zone, start=begin, end=until, mode=mode)


def batched(slots: Iterable[Interval], n: int) -> Iterator[Interval]:
    """Cover up to ``n`` consecutive slots by one interval each, as ``batch: n`` asks for.

    Slots that do not touch are never joined, so points stay as they are.

    Raises:
        ConfigError: ``n`` is less than one.
    """
    if n < 1:
        raise ConfigError(f"batch is a number of intervals from 1, not {n}")
    return _batched(slots, n)


def _batched(slots: Iterable[Interval], n: int) -> Iterator[Interval]:
    cover: Interval | None = None
    count = 0
    for slot in slots:
        if cover is not None and count < n and cover.end == slot.start < slot.end:
            cover, count = Interval(cover.start, slot.end), count + 1
            continue
        if cover is not None:
            yield cover
        cover, count = slot, 1
    if cover is not None:
        yield cover


def _between(begin: datetime | None, end: datetime | None) -> Interval | None:
    return None if begin is None else Interval(begin, begin if end is None else end)
