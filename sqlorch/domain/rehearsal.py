"""A timetable tried out: two years of its intervals, held against what must be true of them.

Two intervals that overlap, or one twice, would load data twice. That this never happens is shown here on the
schedule at hand, with the zone data of this machine, by going through its intervals one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from sqlorch.domain.explain import explain
from sqlorch.domain.interval import Interval
from sqlorch.domain.zones import changes_within

if TYPE_CHECKING:
    from sqlorch.domain.timetable import Timetable

YEAR = timedelta(days=365)
_AROUND = timedelta(hours=30)  # of a clock change: the day before it and the one after it
_SHORTLY = timedelta(hours=3)  # before a clock change, where its oddities begin
_FIRES = 400  # looked at for such oddities; of each minute, these are more than six hours
_MOST = 3  # faults told of one kind
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What a year of a timetable's intervals looks like.

    Attributes:
        count: intervals that fall due in the year ahead, or those looked at where ``sampled``.
        shortest, longest: of all that were looked at, None where there was none or they are points.
        sampled: whether there were too many to look at all of them.
        faults: what must never be, one sentence each.
        oddities: what clock changes do to it, one sentence each.
    """

    count: int
    shortest: timedelta | None
    longest: timedelta | None
    sampled: bool
    faults: tuple[str, ...]
    oddities: tuple[str, ...]


def rehearse(timetable: Timetable, now: datetime, limit: int) -> Rehearsal:
    """Go through a year of intervals before now, within start and end, and one after it.

    Args:
        timetable: of a group with a schedule.
        now: the current instant.
        limit: how many intervals to look at in each of the two years. Of a year with more of them the first
            ones are looked at, and those around every clock change.
    """
    begin = _under_way(timetable, now)
    past, coming = Interval(min(now - YEAR, begin), begin), Interval(begin, now + YEAR)
    changes = list(changes_within(past.start, coming.end, timetable.zone))
    found: list[list[Interval]] = []
    sampled = False
    for year in (past, coming):
        slots = list(islice(timetable.slots_within(year), limit + 1))
        sampled = sampled or len(slots) > limit
        found.append(slots[:limit])
    if sampled:
        around = (Interval(change - _AROUND, change + _AROUND) for change in changes)
        found += [list(islice(timetable.slots_within(span), limit)) for span in around]
    points = timetable.mode == "point"
    lengths = [slot.length for slots in found for slot in slots if not points]
    return Rehearsal(
        count=len(found[1]),
        shortest=min(lengths, default=None),
        longest=max(lengths, default=None),
        sampled=sampled,
        faults=tuple(dict.fromkeys(said for slots in found for said in faults_of(slots, points=points))),
        oddities=_oddities(timetable, [change for change in changes if change > now]),
    )


def _under_way(timetable: Timetable, now: datetime) -> datetime:
    """Where the interval begins that falls due next."""
    slot = timetable.slot_containing(now) if timetable.mode == "window" else None
    return now if slot is None else slot.start


def faults_of(slots: Iterable[Interval], *, points: bool) -> list[str]:
    """What must not be of intervals in the order in which they come; the first few of them.

    Args:
        slots: the intervals.
        points: whether they are instants, which have no length.
    """
    slots = list(slots)
    empty = () if points else (slot for slot in slots if slot.start == slot.end)
    faults = [f"the interval {slot} has no length" for slot in islice(empty, _MOST)]
    wrong = (said for earlier, later in pairwise(slots) if (said := _step(earlier, later)))
    return [*faults, *islice(wrong, _MOST)]


def _step(earlier: Interval, later: Interval) -> str:
    if earlier == later:
        return f"the interval {later} comes twice"
    if later.start <= earlier.start:
        return f"the interval {later} comes after {earlier}, but does not begin after it"
    return f"the intervals {earlier} and {later} overlap" if later.start < earlier.end else ""


def _oddities(timetable: Timetable, changes: Iterable[datetime]) -> tuple[str, ...]:
    """What :func:`~sqlorch.domain.explain.explain` says around each of the changes, and not of the rest."""
    found: list[str] = []
    for change in changes:
        until = change + _AROUND
        since = change - _SHORTLY
        count = sum(1 for _ in islice(_fires(timetable, since, until), _FIRES))
        said = explain(timetable, since, count).warnings
        found += [one for one in said if one not in timetable.warnings(since)]
    return tuple(dict.fromkeys(found))


def _fires(timetable: Timetable, since: datetime, until: datetime) -> Iterator[datetime]:
    fire = timetable.next_fire(since)
    while fire is not None and fire <= until:
        yield fire
        fire = timetable.next_fire(fire)


def crowded(timetables: Iterable[Timetable], now: datetime) -> tuple[datetime, int] | None:
    """The moment, of those at which each of them fires next, at which most of them fire, and how many do."""
    scheduled = [one for one in timetables if one.scheduled]
    moments = {fire for one in scheduled if (fire := one.next_fire(now)) is not None}
    found = [
        (moment, sum(one.next_fire(moment - _INSTANT) == moment for one in scheduled)) for moment in moments
    ]
    return max(found, key=lambda pair: (pair[1], -pair[0].timestamp()), default=None)
